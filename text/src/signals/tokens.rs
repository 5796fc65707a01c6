//! Counts of words and of tokens. Tokens are words and punctuation marks.

use xxhash_rust::xxh3::xxh3_64;

use super::{Signals, share};
use crate::words::classes::{Class, Classes, LETTER, SYMBOL, TERMINAL};

/// The stop words of Gopher (appendix A1.1), as numbers; see [`pack`].
const STOP_WORDS: [u32; 8] = [
    pack(b"the"),
    pack(b"be"),
    pack(b"to"),
    pack(b"of"),
    pack(b"and"),
    pack(b"that"),
    pack(b"have"),
    pack(b"with"),
];

/// In the median, lengths above this count as this length.
const MAX_WORD_LENGTH: usize = 63;

/// The properties of a token by which repetitions are found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    /// A hash of its bytes.
    pub(super) hash: u64,
    /// Its length in characters.
    pub(super) characters: u32,
    /// Whether it is a word and not punctuation.
    pub(super) is_word: bool,
}

/// The kind of an ASCII letter. Kinds are bits, so that those of a token's bytes can be combined.
const ASCII_LETTER: u8 = 1;
/// The kind of an ASCII character that is neither a letter nor one of datatrove's marks.
const ASCII_OTHER: u8 = 2;
/// The kind of an ASCII character that is one of datatrove's marks.
const ASCII_MARK: u8 = 4;
/// The kind of a byte of a non-ASCII character.
const WIDE: u8 = 8;

/// The kind of each byte.
const KINDS: [u8; 256] = {
    let mut table = [WIDE; 256];
    let mut byte = 0;
    while byte < 128 {
        let c = byte as u8;
        table[byte] = if c.is_ascii_alphabetic() {
            ASCII_LETTER
        } else if c.is_ascii_punctuation() || c.is_ascii_control() && c != b'\t' && c != b'\n' {
            ASCII_MARK
        } else {
            ASCII_OTHER
        };
        byte += 1;
    }
    table
};

/// The counts of the pass over tokens.
#[derive(Debug)]
pub(super) struct Totals {
    words: u64,
    word_characters: u64,
    /// Words if only the 129 marks of the first FineWeb are punctuation.
    first_fineweb_words: u64,
    /// Characters of these words.
    first_fineweb_word_characters: u64,
    /// Tokens that contain a letter.
    alphabetic: u64,
    /// One bit for each stop word that occurred.
    stop_words: u8,
    /// How often stop words occurred.
    stop_word_occurrences: u64,
    lorem_ipsum: bool,
    /// The number of words of each length.
    word_lengths: [u32; MAX_WORD_LENGTH + 1],
}

/// The properties of a token's characters.
struct Letters {
    characters: u32,
    is_word: bool,
    is_first_fineweb_word: bool,
    is_alphabetic: bool,
}

impl Totals {
    /// Counts the tokens of a text, and appends the properties by which repetitions are found.
    pub(super) fn of(slices: &[&str], tokens: &mut Vec<Token>) -> Self {
        let mut totals = Self {
            words: 0,
            word_characters: 0,
            first_fineweb_words: 0,
            first_fineweb_word_characters: 0,
            alphabetic: 0,
            stop_words: 0,
            stop_word_occurrences: 0,
            lorem_ipsum: false,
            word_lengths: [0; MAX_WORD_LENGTH + 1],
        };
        let classes = Classes::get();
        let mut follows_lorem = false;
        tokens.extend(slices.iter().map(|slice| {
            let token = totals.token(slice, classes);
            if slice.len() == 5 {
                totals.lorem_ipsum |= follows_lorem && slice.eq_ignore_ascii_case("ipsum");
                follows_lorem = slice.eq_ignore_ascii_case("lorem");
            } else {
                follows_lorem = false;
            }
            token
        }));
        totals
    }

    /// Counts one token.
    fn token(&mut self, slice: &str, classes: &Classes) -> Token {
        let bytes = slice.as_bytes();
        let letters = Letters::of(slice, classes);
        let characters = letters.characters;
        if letters.is_word {
            self.words += 1;
            self.word_characters += u64::from(characters);
            self.word_lengths[(characters as usize).min(MAX_WORD_LENGTH)] += 1;
        }
        if letters.is_first_fineweb_word {
            self.first_fineweb_words += 1;
            self.first_fineweb_word_characters += u64::from(characters);
        }
        self.alphabetic += u64::from(letters.is_alphabetic);
        if let 2..=4 = bytes.len() {
            let bit = stop_word_bit(bytes);
            self.stop_words |= bit;
            self.stop_word_occurrences += u64::from(bit != 0);
        }
        Token { hash: hash(bytes), characters, is_word: letters.is_word }
    }

    /// Writes the signals of tokens. Those of characters and lines must have been written already.
    pub(super) fn write(
        &self,
        tokens: usize,
        hash_marks: u64,
        ellipses: u64,
        signals: &mut Signals,
    ) {
        let tokens = tokens as u64;
        signals.tokens = tokens;
        signals.words = self.words;
        signals.mean_word_length = share(self.word_characters, self.words);
        signals.median_word_length = self.median_word_length();
        signals.words_fineweb_v1 = self.first_fineweb_words;
        signals.mean_word_length_fineweb_v1 =
            share(self.first_fineweb_word_characters, self.first_fineweb_words);
        signals.alphabetic_word_fraction = share(self.alphabetic, tokens);
        signals.hash_word_ratio = share(hash_marks, tokens);
        signals.ellipsis_word_ratio = share(ellipses, tokens);
        signals.symbol_word_ratio = share(hash_marks + ellipses, tokens);
        signals.new_line_word_ratio = share(signals.line_breaks, tokens);
        signals.stop_words = u64::from(self.stop_words.count_ones());
        signals.stop_word_occurrences = self.stop_word_occurrences;
        signals.lorem_ipsum = u64::from(self.lorem_ipsum);
    }

    /// The lower median of the words' lengths in characters; 0 without words.
    fn median_word_length(&self) -> f64 {
        let middle = self.words.div_ceil(2);
        let mut shorter = 0;
        let median = self.word_lengths.iter().position(|count| {
            shorter += u64::from(*count);
            middle > 0 && shorter >= middle
        });
        median.map_or(0.0, |length| length as f64)
    }
}

impl Letters {
    fn of(slice: &str, classes: &Classes) -> Self {
        let kinds = slice.bytes().fold(0, |kinds, byte| kinds | KINDS[byte as usize]);
        if kinds & WIDE == 0 {
            let is_word = kinds & (ASCII_LETTER | ASCII_OTHER) != 0;
            return Self {
                characters: slice.len() as u32,
                is_word,
                is_first_fineweb_word: is_word,
                is_alphabetic: kinds & ASCII_LETTER != 0,
            };
        }
        let mut characters = 0;
        // The union of the characters' classes, and the number of marks by both definitions.
        let (mut some, mut symbols, mut marks): (Class, u32, u32) = (0, 0, 0);
        for character in slice.chars() {
            let class = classes.of(character);
            some |= class;
            symbols += u32::from(class & SYMBOL != 0);
            marks += u32::from(class & (SYMBOL | TERMINAL) != 0);
            characters += 1;
        }
        Self {
            characters,
            is_word: marks < characters,
            is_first_fineweb_word: symbols < characters,
            is_alphabetic: some & LETTER != 0,
        }
    }
}

/// A hash of the bytes of a token. Short tokens, which are most, take one multiplication: their
/// first and last bytes, which may overlap, and the length determine the whole token.
fn hash(bytes: &[u8]) -> u64 {
    let length = bytes.len() as u64;
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk())
        && length <= 16
    {
        return fold(u64::from_le_bytes(*first) ^ length << 56, u64::from_le_bytes(*last));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk())
        && length < 8
    {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return fold(u64::from(first) << 32 | u64::from(last), length);
    }
    match bytes {
        [a, rest @ ..] if rest.len() < 3 => {
            let b = bytes[bytes.len() / 2];
            let c = bytes[bytes.len() - 1];
            fold(u64::from(*a) | u64::from(b) << 8 | u64::from(c) << 16, length)
        }
        _ => xxh3_64(bytes),
    }
}

/// Mixes two numbers into one as wyhash does: the exclusive or of the halves of their product.
pub(super) fn fold(low: u64, high: u64) -> u64 {
    let product =
        u128::from(low ^ 0x2d35_8dcc_aa6c_78a5) * u128::from(high ^ 0x8bb8_4b93_962e_acc9);
    product as u64 ^ (product >> 64) as u64
}

/// The bit of a stop word, or 0 for any other word. The word has at most four bytes.
fn stop_word_bit(word: &[u8]) -> u8 {
    let packed = pack(word);
    let at = STOP_WORDS.iter().position(|stop| *stop == packed);
    at.map_or(0, |at| 1 << at)
}

/// Packs a word of at most four bytes into a number.
const fn pack(word: &[u8]) -> u32 {
    let mut packed = 0;
    let mut at = 0;
    while at < word.len() {
        packed = packed << 8 | word[at] as u32;
        at += 1;
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_kinds_are_those_of_the_classes() {
        let classes = Classes::get();
        for byte in 0..128_u8 {
            let class = classes.of(byte as char);
            assert_eq!(KINDS[byte as usize] == ASCII_LETTER, class & LETTER != 0, "{byte}");
            assert_eq!(KINDS[byte as usize] == ASCII_MARK, class & SYMBOL != 0, "{byte}");
            assert!(class & TERMINAL == 0 || class & SYMBOL != 0, "{byte}");
        }
    }

    #[test]
    fn hashes_of_all_lengths_differ() {
        let text = "abababababababababababababababab";
        let hashes: std::collections::BTreeSet<u64> =
            (0..text.len()).map(|length| hash(&text.as_bytes()[..length])).collect();
        assert_eq!(hashes.len(), text.len());
    }
}
