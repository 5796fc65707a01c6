//! Splits a text into words, as hashes, and describes the gaps between them.
//!
//! A token is a run of letters and digits of any script. Its hash ignores apostrophes inside the
//! word (`don't` is `dont`) and a final `'s`. Each character of Han, kana and Hangul is a token, so
//! that terms are found inside sentences without spaces and before particles.

use std::sync::LazyLock;

use crate::plane::Plane;

/// The start value of the 64-bit FNV-1a hash (Fowler, Noll and Vo 1991).
pub(super) const HASH_START: u64 = 0xcbf2_9ce4_8422_2325;

/// The prime of the 64-bit FNV-1a hash.
const HASH_PRIME: u64 = 0x0100_0000_01b3;

/// What the gap before a token contains, as bits.
pub(super) mod gap {
    /// The end of a sentence or of a line.
    pub(in super::super) const SENTENCE: u8 = 1;
    /// A quotation mark.
    pub(in super::super) const QUOTE: u8 = 2;
    /// An exclamation mark.
    pub(in super::super) const EXCLAMATION: u8 = 4;
    /// A question mark.
    pub(in super::super) const QUESTION: u8 = 8;
    /// A sign that can stand for a letter, in a gap without white space.
    pub(in super::super) const MASK: u8 = 16;
    /// More than one character.
    pub(in super::super) const WIDE: u8 = 32;
}

/// A token of a text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Token {
    /// The FNV-1a hash of its lower-case letters.
    pub(super) hash: u64,
    /// Its first byte.
    pub(super) start: usize,
    /// The byte after its last one.
    pub(super) end: usize,
    /// Bits of [`gap`].
    pub(super) gap: u8,
    /// Whether it has both digits and letters.
    pub(super) is_mixed: bool,
    /// Whether it has a letter three times in a row.
    pub(super) is_stretched: bool,
    /// Its roles in a sentence: bits of [`role`](super::lexicon::role).
    pub(super) roles: u32,
}

/// The kinds of bytes. Those of characters beyond ASCII are `Wide`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Separator,
    Lower,
    Upper,
    Digit,
    Apostrophe,
    Wide,
}

const KINDS: [Kind; 256] = {
    let mut table = [Kind::Separator; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' => Kind::Lower,
            b'A'..=b'Z' => Kind::Upper,
            b'0'..=b'9' => Kind::Digit,
            b'\'' => Kind::Apostrophe,
            128.. => Kind::Wide,
            _ => Kind::Separator,
        };
        byte += 1;
    }
    table
};

/// Adds a byte to a hash.
pub(super) fn mix(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(HASH_PRIME)
}

/// The hash of a word in lower case, in any script.
pub(super) fn hash_of(word: &str) -> u64 {
    word.bytes().fold(HASH_START, mix)
}

fn mix_character(hash: u64, character: char) -> u64 {
    let mut buffer = [0; 4];
    character.encode_utf8(&mut buffer).bytes().fold(hash, mix)
}

/// Whether a character is always a separate token.
fn is_syllable(character: char) -> bool {
    matches!(character, '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Whether a character beyond ASCII belongs to a word: letters, digits, combining marks, and the
/// joiners that occur inside words.
fn is_letter(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}')
        || character.is_alphanumeric()
        || (character >= '\u{300}' && unicode_normalization::char::is_combining_mark(character))
}

static LETTERS: LazyLock<Plane<bool>> = LazyLock::new(|| Plane::new(is_letter, false));

/// The tokens of a text, in order.
pub(super) struct Tokens<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    /// The character at the position and whether it belongs to a word.
    fn wide(&self) -> Option<(char, bool)> {
        let character = self.text[self.position..].chars().next()?;
        Some((character, LETTERS.get(character)))
    }

    /// Skips the gap before the next token and returns what it contains; `None` at the end of the
    /// text.
    fn skip(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        let start = self.position;
        let mut found = 0;
        loop {
            let byte = *bytes.get(self.position)?;
            match KINDS[byte as usize] {
                Kind::Lower | Kind::Upper | Kind::Digit => break,
                Kind::Apostrophe => {
                    found |= gap::QUOTE;
                    self.position += 1;
                }
                Kind::Separator => {
                    found |= match byte {
                        b'.' | b'\n' => gap::SENTENCE,
                        b'!' => gap::SENTENCE | gap::EXCLAMATION | gap::MASK,
                        b'?' => gap::SENTENCE | gap::QUESTION,
                        b'"' => gap::QUOTE,
                        b'@' | b'$' | b'*' | b'#' | b'%' => gap::MASK,
                        _ => 0,
                    };
                    self.position += 1;
                }
                Kind::Wide => {
                    let (character, is_letter) = self.wide()?;
                    if is_letter {
                        break;
                    }
                    found |= match character {
                        '“' | '”' | '„' | '«' | '»' | '‘' | '’' | '「' | '」' => {
                            gap::QUOTE
                        }
                        '。' | '…' | '！' | '？' => gap::SENTENCE,
                        _ => 0,
                    };
                    self.position += character.len_utf8();
                }
            }
        }
        let has_space = bytes[start..self.position].iter().any(u8::is_ascii_whitespace);
        if has_space {
            found &= !gap::MASK;
        } else if found & gap::MASK != 0 && self.position - start == 1 {
            // `b!tch` is one word, not two sentences.
            found &= !(gap::SENTENCE | gap::EXCLAMATION);
        }
        Some(if self.position > start + 1 { found | gap::WIDE } else { found })
    }
}

/// The word that is currently read.
struct Reading {
    hash: u64,
    letters: u32,
    digits: u32,
    /// How often the last letter was repeated.
    run: u32,
    last: u8,
    is_stretched: bool,
    /// The hash before the last apostrophe and the position after it.
    apostrophe: Option<(u64, usize)>,
}

impl Reading {
    fn take(&mut self, lower: u8) {
        if lower.is_ascii_digit() {
            self.digits += 1;
        } else {
            self.letters += 1;
        }
        self.hash = mix(self.hash, lower);
        self.run = if lower == self.last { self.run + 1 } else { 0 };
        self.is_stretched |= self.run >= 2;
        self.last = lower;
    }
}

impl Tokens<'_> {
    /// Adds a character beyond ASCII to the word; returns `false` if the word ends before or after
    /// it.
    fn take_wide(&mut self, reading: &mut Reading, start: usize) -> bool {
        let Some((character, is_letter)) = self.wide() else { return false };
        let after = self.position + character.len_utf8();
        let is_inner_apostrophe = character == '’'
            && self.position > start
            && self.text.as_bytes().get(after).is_some_and(u8::is_ascii_alphabetic);
        if is_inner_apostrophe {
            reading.apostrophe = Some((reading.hash, after));
            self.position = after;
            return true;
        }
        if !is_letter || (is_syllable(character) && self.position > start) {
            return false;
        }
        reading.hash = if ('а'..='я').contains(&character) {
            mix_character(reading.hash, character)
        } else {
            character.to_lowercase().fold(reading.hash, mix_character)
        };
        reading.letters += 1;
        reading.last = 0;
        self.position = after;
        !is_syllable(character)
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let gap = self.skip()?;
        let bytes = self.text.as_bytes();
        let start = self.position;
        let mut reading = Reading {
            hash: HASH_START,
            letters: 0,
            digits: 0,
            run: 0,
            last: 0,
            is_stretched: false,
            apostrophe: None,
        };
        while let Some(&byte) = bytes.get(self.position) {
            match KINDS[byte as usize] {
                Kind::Separator => break,
                Kind::Lower | Kind::Digit => reading.take(byte),
                Kind::Upper => reading.take(byte | 0x20),
                Kind::Apostrophe => {
                    if !bytes.get(self.position + 1).is_some_and(u8::is_ascii_alphabetic) {
                        break;
                    }
                    reading.apostrophe = Some((reading.hash, self.position + 1));
                }
                Kind::Wide => {
                    if self.take_wide(&mut reading, start) {
                        continue;
                    }
                    break;
                }
            }
            self.position += 1;
        }
        let hash = match reading.apostrophe {
            Some((hash, at)) if self.position == at + 1 && reading.last == b's' => hash,
            _ => reading.hash,
        };
        Some(Token {
            hash,
            start,
            end: self.position,
            gap,
            is_mixed: reading.digits > 0 && reading.letters > 0,
            is_stretched: reading.is_stretched,
            roles: 0,
        })
    }
}
