//! The tokenizer of spaCy 3.8 for English (`spacy.blank("en")`), which datatrove 0.10 counts words
//! with, without its regular expressions.
//!
//! A chunk, that is, a run of characters other than white space, is a token of its own unless
//! 1. it is one of the special cases (`don't`, `U.S.`, `:)`), which have tokens of their own;
//! 2. it starts or ends with marks, which are split off one by one, until the rest is a special case;
//! 3. what is left looks like a URL (then it stays whole) or has marks in its middle, which split it.
//!
//! A second pass over the tokens of the whole text finds special cases that the rules took apart.
//! Other than spaCy's, tokens of white space are left out.

mod affixes;
mod specials;
mod url;

use std::sync::LazyLock;

use affixes::Affixes;
use specials::Specials;

use super::classes::{Classes, is_space};

/// The tables, built once.
#[derive(Debug)]
struct Tables {
    specials: Specials,
    affixes: Affixes,
}

static TABLES: LazyLock<Tables> =
    LazyLock::new(|| Tables { specials: Specials::new(), affixes: Affixes::new(Classes::get()) });

/// The first of the scripts without spaces, Thai.
const FIRST_DENSE: char = '\u{e00}';

/// What the bytes of a chunk are, as a set of bits.
type Kinds = u8;
const LETTER: Kinds = 1;
const DIGIT: Kinds = 2;
const STOP: Kinds = 4;
const OTHER: Kinds = 8;
/// Of a character beyond ASCII.
const WIDE: Kinds = 16;
/// White space, or the first byte of a character that may be white space.
const SPACE: Kinds = 32;

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

/// Appends the tokens of a text, in order, none of them empty.
pub(super) fn tokenize<'a>(text: &'a str, tokens: &mut Vec<&'a str>) {
    let tables = &*TABLES;
    let first = tokens.len();
    let mut splitter = Splitter { tables, tokens, suffixes: Vec::new() };
    for_each_chunk(text, |chunk, kinds| splitter.chunk(chunk, kinds));
    tables.specials.join(text, tokens, first);
}

/// Appends the tokens of a text in any language: by the marks at the edges and in the middle of
/// chunks alone, and, in scripts without spaces, the words of [`super::words`].
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

/// Splits the tokens from `first` on that are of several words of a script without spaces.
fn split_without_spaces(tokens: &mut Vec<&str>, first: usize) {
    let is_dense = |c: char| c >= FIRST_DENSE && !matches!(c, '\u{1e00}'..='\u{2dff}');
    if !tokens[first..].iter().any(|token| token.contains(is_dense)) {
        return;
    }
    for token in tokens.split_off(first) {
        let count = tokens.len();
        if token.contains(is_dense) {
            tokens.extend(super::words(token));
        }
        if tokens.len() == count {
            tokens.push(token);
        }
    }
}

/// Calls with every run of characters other than white space.
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

/// The length of the white space character at a position, 0 if it is another.
fn space_at(text: &str, at: usize) -> usize {
    let character = text.get(at..).and_then(|rest| rest.chars().next());
    character.filter(|character| is_space(*character)).map_or(0, char::len_utf8)
}

/// Splits chunks and gathers their tokens.
struct Splitter<'t, 'a> {
    tables: &'static Tables,
    tokens: &'t mut Vec<&'a str>,
    /// The suffixes of the present chunk, the last of the text first.
    suffixes: Vec<&'a str>,
}

impl<'a> Splitter<'_, 'a> {
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

    fn pieces(&mut self, chunk: &'a str, pieces: &[u8]) {
        let mut rest = chunk;
        for length in pieces {
            let (piece, behind) = rest.split_at(*length as usize);
            self.tokens.push(piece);
            rest = behind;
        }
    }

    /// Takes prefixes and suffixes off, in turns, and returns what is left.
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
