//! Counts of characters by class.

use memchr::memmem;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::{Signals, share};

/// Counts of characters, summed over lines.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct CharacterCounts {
    /// Characters of all kinds, without line feeds.
    pub(super) all: u64,
    space: u64,
    upper: u64,
    digit: u64,
    punctuation: u64,
    control: u64,
    replacement: u64,
    hash_marks: u64,
    curly_brackets: u64,
    ellipses: u64,
    urls: u64,
}

/// Bits of one counter of the packed counts that [`PACKED`] adds up, and bytes that may be added
/// before the narrowest could overflow.
const LANE_BITS: u32 = 8;
const BLOCK_BYTES: usize = 255;

/// For each byte, a one in the lane of its class: space, upper, digit, punctuation, control, `#`,
/// curly bracket, start or inside of a character beyond ASCII.
const PACKED: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let c = byte as u8;
        let mut lanes = 0;
        if matches!(c, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c) {
            lanes |= 1;
        }
        if c.is_ascii_uppercase() {
            lanes |= 1 << LANE_BITS;
        }
        if c.is_ascii_digit() {
            lanes |= 1 << (2 * LANE_BITS);
        }
        if c.is_ascii_punctuation() {
            lanes |= 1 << (3 * LANE_BITS);
        }
        if c.is_ascii_control() && !matches!(c, b'\t' | b'\r' | b'\n') {
            lanes |= 1 << (4 * LANE_BITS);
        }
        if c == b'#' {
            lanes |= 1 << (5 * LANE_BITS);
        }
        if matches!(c, b'{' | b'}') {
            lanes |= 1 << (6 * LANE_BITS);
        }
        if !c.is_ascii() {
            lanes |= 1 << (7 * LANE_BITS);
        }
        table[byte] = lanes;
        byte += 1;
    }
    table
};

impl CharacterCounts {
    /// Adds the characters of a line without its line feed.
    pub(super) fn add(&mut self, line: &str) {
        let mut beyond_ascii = 0;
        for block in line.as_bytes().chunks(BLOCK_BYTES) {
            let packed = block.iter().fold(0_u64, |sum, byte| sum + PACKED[*byte as usize]);
            let lane = |index: u32| (packed >> (index * LANE_BITS)) & 0xff;
            self.space += lane(0);
            self.upper += lane(1);
            self.digit += lane(2);
            self.punctuation += lane(3);
            self.control += lane(4);
            self.hash_marks += lane(5);
            self.curly_brackets += lane(6);
            beyond_ascii += lane(7);
        }
        self.all += line.len() as u64 - beyond_ascii;
        if beyond_ascii > 0 {
            self.add_beyond_ascii(line);
        }
    }

    /// Adds what is looked for in a whole text: ellipses of three dots, and the schemes of URLs.
    pub(super) fn add_strings(&mut self, text: &str) {
        let bytes = text.as_bytes();
        self.ellipses += memmem::find_iter(bytes, "...").count() as u64;
        for at in memmem::find_iter(bytes, "://") {
            let scheme = bytes[at.saturating_sub(5)..at].to_ascii_lowercase();
            self.urls += u64::from(scheme.ends_with(b"http") || scheme == b"https");
        }
    }

    fn add_beyond_ascii(&mut self, line: &str) {
        for character in line.chars().filter(|character| !character.is_ascii()) {
            self.all += 1;
            if character.is_alphabetic() {
                self.upper += u64::from(character.is_uppercase());
                continue;
            }
            match character {
                char::REPLACEMENT_CHARACTER => self.replacement += 1,
                '…' => self.ellipses += 1,
                _ => {}
            }
            if character.is_whitespace() {
                self.space += 1;
                continue;
            }
            match character.general_category_group() {
                GeneralCategoryGroup::Number => self.digit += u64::from(character.is_numeric()),
                GeneralCategoryGroup::Punctuation | GeneralCategoryGroup::Symbol => {
                    self.punctuation += 1;
                }
                _ => self.control += u64::from(character.is_control()),
            }
        }
    }

    /// Writes what was counted; `line_breaks` are the line feeds between the lines.
    pub(super) fn write(&self, line_breaks: u64, words: u64, signals: &mut Signals) {
        let visible = self.all - self.space;
        signals.characters = self.all + line_breaks;
        signals.uppercase_fraction = share(self.upper, visible);
        signals.digit_fraction = share(self.digit, visible);
        signals.punctuation_fraction = share(self.punctuation, visible);
        signals.symbol_word_ratio = share(self.hash_marks + self.ellipses, words);
        signals.curly_brackets = self.curly_brackets;
        signals.url_count = self.urls;
        signals.replacement_characters = self.replacement;
        signals.control_characters = self.control;
    }
}
