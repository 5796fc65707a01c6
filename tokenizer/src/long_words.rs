//! A cache of words of 16 to 32 bytes. Outside the Latin script, where a letter takes two or three
//! bytes, they are as common as short words.

use crate::key::MAX_KEY_BYTES;

/// The longest word that is cached, in bytes.
const MAX_WORD_BYTES: usize = 32;

/// The most tokens of a cached word. Together with the word they fill one cache line.
const MAX_TOKENS: usize = 7;

/// A word, padded with zeros, and its tokens. An empty slot has the length 0.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
struct Slot {
    word: [u8; MAX_WORD_BYTES],
    tokens: [u32; MAX_TOKENS],
    length: u8,
    token_count: u8,
}

/// A word, padded with zeros.
type Padded = [u8; MAX_WORD_BYTES];

/// The cache. Each slot holds the last word whose hash led there.
#[derive(Debug)]
pub(crate) struct LongWords {
    slots: Vec<Slot>,
}

/// The slot of a word.
pub(crate) struct Place {
    slot: usize,
    word: Padded,
    length: u8,
}

impl LongWords {
    /// A cache of `slots` words, a power of two.
    pub(crate) fn new(slots: usize) -> Self {
        Self { slots: vec![Slot::default(); slots] }
    }

    /// The slot of `word`, or `None` if it is too long or too short.
    #[inline]
    pub(crate) fn place(&self, word: &[u8]) -> Option<Place> {
        if !(MAX_KEY_BYTES + 1..=MAX_WORD_BYTES).contains(&word.len()) {
            return None;
        }
        let mut padded = [0; MAX_WORD_BYTES];
        padded[..word.len()].copy_from_slice(word);
        let slot = hash(&padded) as usize & (self.slots.len() - 1);
        Some(Place { slot, word: padded, length: word.len() as u8 })
    }

    /// The tokens of the word, if it is in the cache.
    #[inline]
    pub(crate) fn get(&self, place: &Place) -> Option<&[u32]> {
        let slot = &self.slots[place.slot];
        let known = slot.length == place.length && slot.word == place.word;
        known.then(|| &slot.tokens[..usize::from(slot.token_count)])
    }

    /// Caches the word, unless it has too many tokens.
    pub(crate) fn remember(&mut self, place: &Place, tokens: &[u32]) {
        if tokens.len() > MAX_TOKENS {
            return;
        }
        let slot = &mut self.slots[place.slot];
        slot.word = place.word;
        slot.tokens[..tokens.len()].copy_from_slice(tokens);
        slot.length = place.length;
        slot.token_count = tokens.len() as u8;
    }
}

/// A 64-bit hash by two folded multiplications, as in wyhash (Wang Yi 2019). The constants are the
/// first digits of π.
#[inline]
fn hash(word: &Padded) -> u64 {
    const PI: [u64; 4] = [
        0x2432_f6a8_885a_308d,
        0x3131_98a2_e037_0734,
        0x4a40_9382_2299_f31d,
        0x0082_efa9_8ec4_e6c8,
    ];
    let part = |at: usize| {
        let bytes = std::array::from_fn(|byte| word[8 * at + byte]);
        u128::from(u64::from_le_bytes(bytes) ^ PI[at])
    };
    let product = (part(0) * part(1)) ^ (part(2) * part(3)).rotate_left(64);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_until_another_takes_their_place() {
        let mut words = LongWords::new(1);
        let place = |words: &LongWords, word: &str| words.place(word.as_bytes());
        assert!(place(&words, "fifteen letters").is_none());
        assert!(place(&words, &"a".repeat(33)).is_none());
        let first = place(&words, "a word of 18 bytes").unwrap();
        assert_eq!(words.get(&first), None);
        words.remember(&first, &[1; 8]);
        assert_eq!(words.get(&first), None);
        words.remember(&first, &[1, 2]);
        assert_eq!(words.get(&first), Some(&[1, 2][..]));
        let longer = place(&words, "a word of 18 bytes\0").unwrap();
        assert_eq!(words.get(&longer), None);
        words.remember(&longer, &[3]);
        assert_eq!((words.get(&first), words.get(&longer)), (None, Some(&[3][..])));
    }
}
