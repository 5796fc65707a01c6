//! Counts of characters by class.

use std::sync::LazyLock;

use memchr::memmem;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::{Signals, share};
use crate::plane::Plane;

/// Counts of characters.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct CharacterCounts {
    /// Characters of all kinds.
    pub(super) all: u64,
    space: u64,
    upper: u64,
    digit: u64,
    punctuation: u64,
    control: u64,
    replacement: u64,
    pub(super) hash_marks: u64,
    curly_brackets: u64,
    pub(super) ellipses: u64,
    urls: u64,
}

/// The class in which a non-ASCII character is counted.
#[derive(Clone, Copy)]
enum Kind {
    Upper,
    Space,
    Digit,
    Punctuation,
    Control,
    Other,
}

static KINDS: LazyLock<Plane<Kind>> = LazyLock::new(|| Plane::new(kind, Kind::Other));

/// The class of a character.
fn kind(character: char) -> Kind {
    if character.is_alphabetic() {
        return if character.is_uppercase() { Kind::Upper } else { Kind::Other };
    }
    if character.is_whitespace() {
        return Kind::Space;
    }
    match character.general_category_group() {
        GeneralCategoryGroup::Number => Kind::Digit,
        GeneralCategoryGroup::Punctuation | GeneralCategoryGroup::Symbol => Kind::Punctuation,
        _ if character.is_control() => Kind::Control,
        _ => Kind::Other,
    }
}

/// Bits of one of the eight counters in a sum of values of [`PACKED`].
const LANE_BITS: u32 = 8;

/// Bytes that can be counted before a counter might overflow.
const BLOCK_BYTES: usize = 255;

/// For each byte, a one in the counters (lanes) of its classes: white space, upper case, digit,
/// punctuation, control, `#`, curly bracket, byte of a non-ASCII character.
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
    /// Counts the characters of a text, its ellipses and its URLs.
    pub(super) fn of(text: &str) -> Self {
        let mut counts = Self::default();
        for (index, block) in text.as_bytes().chunks(BLOCK_BYTES).enumerate() {
            let packed = block.iter().fold(0_u64, |sum, byte| sum + PACKED[*byte as usize]);
            let lane = |index: u32| (packed >> (index * LANE_BITS)) & 0xff;
            counts.space += lane(0);
            counts.upper += lane(1);
            counts.digit += lane(2);
            counts.punctuation += lane(3);
            counts.control += lane(4);
            counts.hash_marks += lane(5);
            counts.curly_brackets += lane(6);
            counts.all += block.len() as u64 - lane(7);
            if lane(7) > 0 {
                counts.add_beyond_ascii(text, index * BLOCK_BYTES, block);
            }
        }
        counts.ellipses += memmem::find_iter(text.as_bytes(), "...").count() as u64;
        for at in memmem::find_iter(text.as_bytes(), "://") {
            let scheme = text.as_bytes()[at.saturating_sub(5)..at].to_ascii_lowercase();
            counts.urls += u64::from(scheme.ends_with(b"http") || scheme == b"https");
        }
        counts
    }

    /// Adds the non-ASCII characters that start in a block of the text.
    fn add_beyond_ascii(&mut self, text: &str, start: usize, block: &[u8]) {
        for (at, byte) in block.iter().enumerate() {
            // Only bytes from 0xc0 on start a non-ASCII character.
            if *byte >= 0xc0
                && let Some(character) = text[start + at..].chars().next()
            {
                self.add_character(character);
            }
        }
    }

    /// Adds a non-ASCII character.
    fn add_character(&mut self, character: char) {
        self.all += 1;
        match KINDS.get(character) {
            Kind::Upper => self.upper += 1,
            Kind::Space => self.space += 1,
            Kind::Digit => self.digit += 1,
            Kind::Punctuation => self.punctuation += 1,
            Kind::Control => self.control += 1,
            Kind::Other => {}
        }
        match character {
            char::REPLACEMENT_CHARACTER => self.replacement += 1,
            '…' => self.ellipses += 1,
            _ => {}
        }
    }

    /// Writes the signals of characters.
    pub(super) fn write(&self, signals: &mut Signals) {
        let visible = self.all - self.space;
        signals.characters = self.all;
        signals.uppercase_fraction = share(self.upper, visible);
        signals.digit_fraction = share(self.digit, visible);
        signals.punctuation_fraction = share(self.punctuation, visible);
        signals.curly_brackets = self.curly_brackets;
        signals.url_count = self.urls;
        signals.replacement_characters = self.replacement;
        signals.control_characters = self.control;
    }
}
