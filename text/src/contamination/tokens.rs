//! The words by which questions and documents are compared, and their n-grams.

use crate::normalise::simplify;
use crate::words::words;

/// The base of the polynomial that combines word hashes. It is odd, so multiplying by it loses no
/// bits.
const BASE: u64 = 0x9E37_79B9_7F4A_7C15;

/// The prime of FNV-1a, 64 bits.
const FNV_PRIME: u64 = 0x0000_0100_0000_01B3;

/// The offset basis of FNV-1a, 64 bits.
const FNV_OFFSET: u64 = 0xCBF2_9CE4_8422_2325;

/// A word of a text, or a sequence of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) hash: u64,
    /// Whether it is a number.
    pub(super) is_number: bool,
    /// Byte offsets in the text. Those of a sequence of numbers are of the first number.
    pub(super) start: u32,
    pub(super) end: u32,
}

/// Makes every bit of a hash depend on all of its bits (the finaliser of SplitMix64, Steele et al.
/// 2014).
pub(super) fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ (hash >> 31)
}

/// Calls `call` with each word of a text. Numbers that directly follow a number are skipped, so a
/// sequence of numbers is one token. Stops after 4 GiB, where offsets no longer fit into 32 bits.
pub(super) fn for_each(text: &str, mut call: impl FnMut(Token)) {
    let base = text.as_ptr() as usize;
    let mut follows_number = false;
    for word in words(text) {
        let offset = word.as_ptr() as usize - base;
        let (Ok(start), Ok(end)) = (u32::try_from(offset), u32::try_from(offset + word.len()))
        else {
            break;
        };
        let (hash, is_number) = hash(word);
        if is_number && follows_number {
            continue;
        }
        follows_number = is_number;
        call(Token { hash, is_number, start, end });
    }
}

/// The hash of a word's [simplified](simplify) form without spaces, and whether it is a number.
fn hash(word: &str) -> (u64, bool) {
    if word.is_ascii() { hash_ascii(word) } else { hash_simplified(&simplify(word)) }
}

/// [`hash`] of an ASCII word, simplified on the fly: letters become lower case, a run of digits
/// becomes `0`, and apostrophes are dropped.
fn hash_ascii(word: &str) -> (u64, bool) {
    let (mut hash, mut is_number, mut follows_digit) = (FNV_OFFSET, true, false);
    for byte in word.bytes() {
        let is_digit = byte.is_ascii_digit();
        if byte == b'\'' || (is_digit && follows_digit) {
            continue;
        }
        is_number &= is_digit;
        follows_digit = is_digit;
        let simple = if is_digit { b'0' } else { byte | 0x20 };
        hash = (hash ^ u64::from(simple)).wrapping_mul(FNV_PRIME);
    }
    (mix(hash), is_number)
}

/// [`hash`] of a simplified word, which may contain spaces in place of punctuation.
fn hash_simplified(simplified: &str) -> (u64, bool) {
    let bytes = simplified.bytes().filter(|byte| *byte != b' ');
    let hash =
        bytes.fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
    (mix(hash), !simplified.is_empty() && simplified.bytes().all(|byte| byte == b'0'))
}

/// Computes the n-grams of the words that are pushed.
#[derive(Debug, Clone)]
pub(super) struct Ngrams {
    /// A ring buffer of the hashes and byte offsets of the last words.
    window: Vec<(u64, u32)>,
    /// The rolling hash of the words in the window.
    rolling: u64,
    /// `BASE` to the power of the window's length: the factor of the word that leaves the window.
    oldest_weight: u64,
    /// The number of words pushed so far.
    count: u32,
    /// The index of the next word in the ring buffer.
    next: usize,
}

/// A sequence of consecutive words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ngram {
    pub(super) hash: u64,
    /// The index of its first word in the text.
    pub(super) first_word: u32,
    /// The byte offset of its first word.
    pub(super) start: u32,
}

impl Ngrams {
    pub(super) fn new(ngram_words: usize) -> Self {
        let ngram_words = ngram_words.max(1);
        let oldest_weight = (0..ngram_words).fold(1, |power: u64, _| power.wrapping_mul(BASE));
        let window = vec![(0, 0); ngram_words];
        Self { window, rolling: 0, oldest_weight, count: 0, next: 0 }
    }

    /// Adds the next word. Returns the n-gram that ends with it, or `None` while there are too few
    /// words.
    pub(super) fn push(&mut self, token: Token) -> Option<Ngram> {
        let slot = &mut self.window[self.next];
        let (oldest, _) = std::mem::replace(slot, (token.hash, token.start));
        self.next = if self.next + 1 == self.window.len() { 0 } else { self.next + 1 };
        self.rolling = self
            .rolling
            .wrapping_mul(BASE)
            .wrapping_add(token.hash)
            .wrapping_sub(oldest.wrapping_mul(self.oldest_weight));
        self.count += 1;
        let first_word = self.count.checked_sub(self.window.len() as u32)?;
        Some(Ngram { hash: self.rolling, first_word, start: self.window[self.next].1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(text: &str) -> Vec<u64> {
        let mut found = Vec::new();
        for_each(text, |token| found.push(token.hash));
        found
    }

    #[test]
    fn words_are_the_same_whatever_their_case_marks_accents_and_figures() {
        let plain = hashes("janets ducks cost 16 in cafe 0am");
        assert_eq!(plain.len(), 7);
        assert_eq!(plain, hashes("Janet’s DUCKS: cost $1,234.50, 7 (in) “Café” 8am!"));
        assert_eq!(plain, hashes("Janet's ducks cost ١٢ in cafe\u{301} 11am"));
        assert_ne!(plain, hashes("janets ducks cost sixteen in cafe 0am"));
    }
}
