//! The pass over lines: everything but repeated sequences of words.

use memchr::memchr;
use rustc_hash::FxHashSet;
use xxhash_rust::xxh3::xxh3_64;

use super::characters::CharacterCounts;
use super::{Signals, share};
use crate::words::words;

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

/// Marks at the start of a line that make it an item of a list: those that Gopher's
/// reimplementations agree on, and the asterisk of plain-text lists.
const BULLETS: [char; 12] = ['•', '-', '*', '●', '○', '◦', '‣', '▪', '■', '·', '–', '►'];

/// Marks that end a sentence, in the scripts that have their own.
const TERMINAL_MARKS: [char; 16] =
    ['.', '!', '?', '…', '。', '！', '？', '．', '؟', '۔', '।', '॥', '։', '።', '။', '។'];

/// Quotes and brackets that may follow the end of a sentence on its line.
const CLOSING_MARKS: [char; 10] = ['"', '\'', '”', '’', '»', ')', ']', '」', '』', '）'];

/// Characters of a short line at most (FineWeb).
const SHORT_LINE_CHARACTERS: u64 = 30;

/// Lengths above this count as this in the median.
const MAX_WORD_LENGTH: usize = 63;

/// One word for the search of repetitions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    /// A hash of its bytes.
    pub(super) hash: u64,
    /// Its length in characters.
    pub(super) characters: u32,
}

/// Whether something occurred before, and how much of it did.
#[derive(Debug, Default)]
struct Duplicates {
    seen: FxHashSet<u64>,
    all: u64,
    all_characters: u64,
    repeated: u64,
    repeated_characters: u64,
}

impl Duplicates {
    fn add(&mut self, hash: u64, characters: u64) {
        let is_repeated = u64::from(!self.seen.insert(hash));
        self.all += 1;
        self.all_characters += characters;
        self.repeated += is_repeated;
        self.repeated_characters += is_repeated * characters;
    }
}

/// What the pass gathers.
#[derive(Debug, Default)]
pub(super) struct LineScan {
    /// All words in order.
    pub(super) words: Vec<Word>,
    lines: Duplicates,
    paragraphs: Duplicates,
    /// Hash and characters of the paragraph that is being read.
    paragraph: Option<(u64, u64)>,
    characters: CharacterCounts,
    bullet_lines: u64,
    ellipsis_lines: u64,
    terminal_lines: u64,
    short_lines: u64,
    javascript_lines: u64,
    alphabetic_words: u64,
    /// One bit for each stop word that occurred.
    stop_words: u8,
    lorem_ipsum: bool,
    /// How many words have each length.
    word_lengths: Vec<u64>,
}

impl LineScan {
    /// Reads a text and writes its signals.
    pub(super) fn run(&mut self, text: &str, signals: &mut Signals) {
        self.words.reserve(text.len() / 6);
        self.word_lengths.resize(MAX_WORD_LENGTH + 1, 0);
        let mut rest = text;
        let mut line_breaks = 0;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest.as_bytes());
            self.line(&rest[..end.unwrap_or(rest.len())]);
            line_breaks += u64::from(end.is_some());
            rest = end.map_or("", |end| &rest[end + 1..]);
        }
        self.end_paragraph();
        self.characters.add_strings(text);
        self.write(line_breaks, signals);
    }

    fn line(&mut self, line: &str) {
        let before = self.characters;
        self.characters.add(line);
        let trimmed = line.trim();
        if trimmed.is_empty() {
            self.end_paragraph();
            return;
        }
        let around = (line.len() - trimmed.len()) as u64;
        let is_ascii = self.characters.all - before.all == line.len() as u64;
        let length =
            if is_ascii { line.len() as u64 - around } else { trimmed.chars().count() as u64 };
        let hash = xxh3_64(trimmed.as_bytes());
        self.lines.add(hash, length);
        let (paragraph, characters) = self.paragraph.unwrap_or_default();
        // The order of lines matters, hence not their plain sum.
        let joined = paragraph.rotate_left(5).wrapping_mul(super::ngrams::BASE) ^ hash;
        self.paragraph = Some((joined, characters + length));
        self.bullet_lines += u64::from(trimmed.starts_with(BULLETS));
        self.ellipsis_lines += u64::from(trimmed.ends_with("...") || trimmed.ends_with('…'));
        let ending = trimmed.trim_end_matches(CLOSING_MARKS);
        self.terminal_lines += u64::from(ending.ends_with(TERMINAL_MARKS));
        self.short_lines += u64::from(length <= SHORT_LINE_CHARACTERS);
        self.line_words(trimmed);
    }

    fn line_words(&mut self, line: &str) {
        let mut has_javascript = false;
        let mut follows_lorem = false;
        for word in words(line) {
            let bytes = word.as_bytes();
            let is_ascii = word.is_ascii();
            let characters = if is_ascii { bytes.len() } else { word.chars().count() };
            self.words.push(Word { hash: xxh3_64(bytes), characters: characters as u32 });
            self.word_lengths[characters.min(MAX_WORD_LENGTH)] += 1;
            let is_alphabetic = if is_ascii {
                bytes.iter().any(u8::is_ascii_alphabetic)
            } else {
                word.chars().any(char::is_alphabetic)
            };
            self.alphabetic_words += u64::from(is_alphabetic);
            match bytes.len() {
                2..=4 => self.stop_words |= stop_word_bit(bytes),
                5 => {
                    self.lorem_ipsum |= follows_lorem && bytes.eq_ignore_ascii_case(b"ipsum");
                    follows_lorem = bytes.eq_ignore_ascii_case(b"lorem");
                    continue;
                }
                10 => has_javascript |= bytes.eq_ignore_ascii_case(b"javascript"),
                _ => {}
            }
            follows_lorem = false;
        }
        self.javascript_lines += u64::from(has_javascript);
    }

    fn end_paragraph(&mut self) {
        if let Some((hash, characters)) = self.paragraph.take() {
            self.paragraphs.add(hash, characters);
        }
    }

    fn write(&self, line_breaks: u64, signals: &mut Signals) {
        let words = self.words.len() as u64;
        let word_characters = self.words.iter().map(|word| u64::from(word.characters)).sum();
        let lines = self.lines.all;
        signals.words = words;
        signals.mean_word_length = share(word_characters, words);
        signals.median_word_length = self.median_word_length();
        signals.alphabetic_word_fraction = share(self.alphabetic_words, words);
        signals.stop_words = u64::from(self.stop_words.count_ones());
        signals.new_line_word_ratio = share(line_breaks, words);
        signals.lines = lines;
        signals.bullet_line_fraction = share(self.bullet_lines, lines);
        signals.ellipsis_line_fraction = share(self.ellipsis_lines, lines);
        signals.terminal_punctuation_line_fraction = share(self.terminal_lines, lines);
        signals.short_line_fraction = share(self.short_lines, lines);
        signals.javascript_lines = self.javascript_lines;
        signals.lorem_ipsum = u64::from(self.lorem_ipsum);
        signals.duplicate_line_fraction = share(self.lines.repeated, lines);
        signals.duplicate_line_char_fraction =
            share(self.lines.repeated_characters, self.lines.all_characters);
        signals.paragraphs = self.paragraphs.all;
        signals.duplicate_paragraph_fraction = share(self.paragraphs.repeated, self.paragraphs.all);
        signals.duplicate_paragraph_char_fraction =
            share(self.paragraphs.repeated_characters, self.paragraphs.all_characters);
        self.characters.write(line_breaks, words, signals);
    }

    fn median_word_length(&self) -> f64 {
        let middle = (self.words.len() as u64).div_ceil(2);
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

/// A word of at most four bytes in lower case, as a number.
const fn pack(word: &[u8]) -> u32 {
    let mut packed = 0;
    let mut at = 0;
    while at < word.len() {
        packed = packed << 8 | word[at].to_ascii_lowercase() as u32;
        at += 1;
    }
    packed
}
