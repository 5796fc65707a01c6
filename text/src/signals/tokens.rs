//! Counts of words and of tokens, which are words and marks of punctuation.

use xxhash_rust::xxh3::xxh3_64;

use super::{Signals, share};
use crate::words::classes::{Class, Classes, LETTER, SYMBOL, TERMINAL};

/// The stop words of Gopher (appendix A1.1), packed.
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

/// Lengths above this count as this in the median.
const MAX_WORD_LENGTH: usize = 63;

/// One token for the search of repetitions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    /// A hash of its bytes.
    pub(super) hash: u64,
    /// Its length in characters.
    pub(super) characters: u32,
    /// Whether it is a word, not punctuation.
    pub(super) is_word: bool,
}

/// What the pass over tokens gathers.
#[derive(Debug)]
pub(super) struct Tokens {
    /// All tokens in order.
    pub(super) all: Vec<Token>,
    words: u64,
    word_characters: u64,
    /// Words and their characters where only the 129 marks of the first FineWeb are punctuation.
    first_fineweb_words: u64,
    first_fineweb_word_characters: u64,
    alphabetic: u64,
    /// One bit for each stop word that occurred, and how many occurred.
    stop_words: u8,
    stop_word_occurrences: u64,
    lorem_ipsum: bool,
    /// How many words have each length.
    word_lengths: [u64; MAX_WORD_LENGTH + 1],
}

impl Tokens {
    /// Looks at every token.
    pub(super) fn of(tokens: &[&str]) -> Self {
        let mut found = Self {
            all: Vec::with_capacity(tokens.len()),
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
        for token in tokens {
            found.token(token, classes);
            if token.len() == 5 {
                found.lorem_ipsum |= follows_lorem && token.eq_ignore_ascii_case("ipsum");
                follows_lorem = token.eq_ignore_ascii_case("lorem");
            } else {
                follows_lorem = false;
            }
        }
        found
    }

    fn token(&mut self, token: &str, classes: &Classes) {
        let bytes = token.as_bytes();
        let mut characters = 0;
        // Classes that some, and that all characters are of.
        let (mut some, mut symbols, mut terminals): (Class, u32, u32) = (0, 0, 0);
        for character in token.chars() {
            let class = classes.of(character);
            some |= class;
            symbols += u32::from(class & SYMBOL != 0);
            terminals += u32::from(class & (SYMBOL | TERMINAL) != 0);
            characters += 1;
        }
        let is_word = terminals < characters;
        if is_word {
            self.words += 1;
            self.word_characters += u64::from(characters);
            self.word_lengths[(characters as usize).min(MAX_WORD_LENGTH)] += 1;
        }
        if symbols < characters {
            self.first_fineweb_words += 1;
            self.first_fineweb_word_characters += u64::from(characters);
        }
        self.alphabetic += u64::from(some & LETTER != 0);
        if let 2..=4 = bytes.len() {
            let bit = stop_word_bit(bytes);
            self.stop_words |= bit;
            self.stop_word_occurrences += u64::from(bit != 0);
        }
        let hash = xxh3_64(bytes);
        self.all.push(Token { hash, characters, is_word });
    }

    /// Writes the signals; those of characters and of lines are there.
    pub(super) fn write(&self, hash_marks: u64, ellipses: u64, signals: &mut Signals) {
        let tokens = self.all.len() as u64;
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

    fn median_word_length(&self) -> f64 {
        let middle = self.words.div_ceil(2);
        let mut shorter = 0;
        let median = self.word_lengths.iter().position(|count| {
            shorter += count;
            middle > 0 && shorter >= middle
        });
        median.map_or(0.0, |length| length as f64)
    }
}

/// The bit of a stop word, 0 for another word of at most four bytes.
fn stop_word_bit(word: &[u8]) -> u8 {
    let packed = pack(word);
    let at = STOP_WORDS.iter().position(|stop| *stop == packed);
    at.map_or(0, |at| 1 << at)
}

/// A word of at most four bytes as a number.
const fn pack(word: &[u8]) -> u32 {
    let mut packed = 0;
    let mut at = 0;
    while at < word.len() {
        packed = packed << 8 | word[at] as u32;
        at += 1;
    }
    packed
}
