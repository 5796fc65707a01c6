//! The English tokenizer of spaCy 3.8 (`spacy.blank("en")`), by which datatrove 0.10 counts words,
//! written without regular expressions.
//!
//! A chunk is a run of characters other than white space. It is split as follows:
//! 1. If it is a special case (`don't`, `U.S.`, `:)`), it becomes the tokens listed for that case.
//! 2. Otherwise marks at its start and end are split off one by one, until there are none or the
//!    rest is a special case.
//! 3. The rest stays whole if it looks like a URL. Otherwise marks in its middle split it.
//!
//! A second pass over the tokens of the whole text restores special cases that these rules split.
//! Unlike spaCy, this tokenizer omits tokens of white space.

mod affixes;
mod specials;
mod url;

use std::sync::LazyLock;

use affixes::Affixes;
use specials::Specials;

use super::classes::{Classes, is_space};

/// The tables of the rules, which are built on first use.
#[derive(Debug)]
struct Tables {
    specials: Specials,
    affixes: Affixes,
}

static TABLES: LazyLock<Tables> =
    LazyLock::new(|| Tables { specials: Specials::new(), affixes: Affixes::new(Classes::get()) });

/// The first character of Thai, the first script without spaces.
const FIRST_DENSE: char = '\u{e00}';

/// The kinds of the bytes of a chunk, as a set of bits.
type Kinds = u8;
const LETTER: Kinds = 1;
const DIGIT: Kinds = 2;
const STOP: Kinds = 4;
const OTHER: Kinds = 8;
/// A byte of a non-ASCII character.
const WIDE: Kinds = 16;
/// White space, or the first byte of a character that may be white space.
const SPACE: Kinds = 32;

/// The kind of each byte.
const KINDS: [Kinds; 256] = {
    let mut table = [OTHER; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => LETTER,
            b'0'..=b'9' => DIGIT,
            b'.' => STOP,
            b' ' | b'\t'..=b'\r' | 0x1c..=0x1f | 0xc2 | 0xe1..=0xe3 => SPACE,
            128.. => WIDE,
            _ => OTHER,
        };
        byte += 1;
    }
    table
};

/// Appends the tokens of a text to `tokens`, in order. No token is empty.
pub(super) fn tokenize<'a>(text: &'a str, tokens: &mut Vec<&'a str>) {
    let tables = &*TABLES;
    let first = tokens.len();
    let mut splitter = Splitter { tables, tokens, suffixes: Vec::new() };
    for_each_chunk(text, |chunk, kinds| splitter.chunk(chunk, kinds));
    tables.specials.join(text, tokens, first);
}

/// Appends the tokens of a text in any language. Chunks are split only at the marks at their edges
/// and in their middle; in scripts without spaces, the words are those of [`super::words`].
pub(super) fn tokenize_any<'a>(text: &'a str, tokens: &mut Vec<&'a str>) {
    let affixes = &TABLES.affixes;
    let mut suffixes = Vec::new();
    for_each_chunk(text, |chunk, kinds| {
        if kinds == LETTER {
            return tokens.push(chunk);
        }
        let first = tokens.len();
        let rest = affixes.strip(chunk, kinds & (DIGIT | WIDE) != 0, tokens, &mut suffixes);
        affixes.split_infixes(rest, tokens);
        if kinds & WIDE != 0 {
            split_without_spaces(tokens, first);
        }
        while let Some(suffix) = suffixes.pop() {
            tokens.push(suffix);
        }
    });
}

/// Splits the tokens from index `first` on that contain words of a script without spaces.
fn split_without_spaces(tokens: &mut Vec<&str>, first: usize) {
    let is_dense = |c: char| c >= FIRST_DENSE && !matches!(c, '\u{1e00}'..='\u{2dff}');
    if !tokens[first..].iter().any(|token| token.contains(is_dense)) {
        return;
    }
    for token in tokens.split_off(first) {
        // A token without words, such as a mark, is kept.
        let count = tokens.len();
        if token.contains(is_dense) {
            tokens.extend(super::words(token));
        }
        if tokens.len() == count {
            tokens.push(token);
        }
    }
}

/// Calls `call` with every run of characters other than white space, and the kinds of its bytes.
fn for_each_chunk<'a>(text: &'a str, mut call: impl FnMut(&'a str, Kinds)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let mut kinds = 0;
        let mut space = 0;
        while let Some(byte) = bytes.get(at) {
            let kind = KINDS[*byte as usize];
            if kind == SPACE {
                space = space_at(text, at);
                if space > 0 {
                    break;
                }
                kinds |= WIDE;
            }
            kinds |= kind;
            at += 1;
        }
        if at > start {
            call(&text[start..at], kinds & !SPACE);
        }
        at += space;
    }
}

/// The length in bytes of the white space character at a position, or 0 if there is none.
fn space_at(text: &str, at: usize) -> usize {
    // The position may be inside a character, whose later bytes may look like the start of a space.
    let character = text.get(at..).and_then(|rest| rest.chars().next());
    character.filter(|character| is_space(*character)).map_or(0, char::len_utf8)
}

/// Splits chunks and collects their tokens.
struct Splitter<'t, 'a> {
    tables: &'static Tables,
    tokens: &'t mut Vec<&'a str>,
    /// The suffixes of the current chunk, in reverse order.
    suffixes: Vec<&'a str>,
}

impl<'a> Splitter<'_, 'a> {
    /// Appends the tokens of a chunk.
    fn chunk(&mut self, chunk: &'a str, kinds: Kinds) {
        if let Some(pieces) = self.tables.specials.get(chunk) {
            return self.pieces(chunk, pieces);
        }
        if kinds == LETTER {
            return self.tokens.push(chunk);
        }
        let rest = self.strip_affixes(chunk, kinds);
        if !rest.is_empty() {
            self.middle(rest, kinds);
        }
        while let Some(suffix) = self.suffixes.pop() {
            self.tokens.push(suffix);
        }
    }

    /// Appends the tokens of a special case, given by their lengths in bytes.
    fn pieces(&mut self, chunk: &'a str, pieces: &[u8]) {
        let mut rest = chunk;
        for length in pieces {
            let (piece, behind) = rest.split_at(*length as usize);
            self.tokens.push(piece);
            rest = behind;
        }
    }

    /// Splits off prefixes and suffixes alternately, and returns the rest. Stops at a special case.
    fn strip_affixes(&mut self, chunk: &'a str, kinds: Kinds) -> &'a str {
        let Tables { specials, affixes } = self.tables;
        let mut rest = chunk;
        let mut last_length = 0;
        while !rest.is_empty() && rest.len() != last_length {
            if specials.get(rest).is_some() {
                break;
            }
            last_length = rest.len();
            let prefix_length = affixes.prefix(rest);
            let (prefix, behind) = rest.split_at(prefix_length);
            if prefix_length > 0 && specials.get(behind).is_some() {
                self.tokens.push(prefix);
                return behind;
            }
            let suffix_length = affixes.suffix(behind, kinds & (DIGIT | WIDE) != 0);
            let (before, suffix) = rest.split_at(rest.len() - suffix_length);
            if suffix_length > 0 && specials.get(before).is_some() {
                self.suffixes.push(suffix);
                return before;
            }
            if prefix_length > 0 {
                self.tokens.push(prefix);
            }
            if suffix_length > 0 {
                self.suffixes.push(suffix);
            }
            rest = &before[prefix_length..];
        }
        rest
    }

    /// Appends the tokens of a chunk without prefixes and suffixes.
    fn middle(&mut self, rest: &'a str, kinds: Kinds) {
        if let Some(pieces) = self.tables.specials.get(rest) {
            self.pieces(rest, pieces);
        } else if kinds & STOP != 0 && url::is_url(rest) {
            self.tokens.push(rest);
        } else {
            self.tables.affixes.split_infixes(rest, self.tokens);
        }
    }
}
