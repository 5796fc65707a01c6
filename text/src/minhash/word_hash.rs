//! Hashes of words: one multiplication for every sixteen bytes.

use super::mix::{GOLDEN, fold};

/// Bytes that one multiplication hashes.
pub(super) const CHUNK_BYTES: usize = 16;

/// The bit that makes an ASCII letter lower case, in every byte. In digits it is already set.
pub(super) const CASE: u128 = u128::from_le_bytes([0x20; CHUNK_BYTES]);

/// An arbitrary odd number that is combined with the lower half of a chunk.
const LOWER_KEY: u64 = 0xA076_1D64_78BD_642F;

/// An arbitrary odd number that is combined with the upper half of a chunk.
const UPPER_KEY: u64 = GOLDEN;

/// At index n, a mask that keeps the first n bytes of a chunk.
const FIRST_BYTES: [u128; CHUNK_BYTES + 1] = {
    let mut masks = [u128::MAX; CHUNK_BYTES + 1];
    let mut length = 0;
    while length < CHUNK_BYTES {
        masks[length] = (1 << (8 * length)) - 1;
        length += 1;
    }
    masks
};

/// Adds a chunk to a hash. Bytes of the chunk after the end of the word must be zero.
#[inline]
pub(super) fn add_chunk(state: u64, chunk: u128) -> u64 {
    fold(chunk as u64 ^ LOWER_KEY ^ state, (chunk >> 64) as u64 ^ UPPER_KEY)
}

/// The hash of `bytes[start..end]`, which must not be empty, with the bits of `case` set in every
/// byte.
#[inline]
pub(super) fn hash_word(bytes: &[u8], start: usize, end: usize, case: u128) -> u64 {
    let mut state = 0;
    let mut at = start;
    while end - at > CHUNK_BYTES {
        state = add_chunk(state, chunk_at(bytes, at) | case);
        at += CHUNK_BYTES;
    }
    let mask = FIRST_BYTES[(end - at).min(CHUNK_BYTES)];
    add_chunk(state, (chunk_at(bytes, at) | case) & mask)
}

/// The sixteen bytes at an offset. At the end of the text they are filled up with zeros.
#[inline]
fn chunk_at(bytes: &[u8], at: usize) -> u128 {
    let rest = &bytes[at..];
    match rest.first_chunk() {
        Some(chunk) => u128::from_le_bytes(*chunk),
        None => short_chunk(rest),
    }
}

#[cold]
fn short_chunk(rest: &[u8]) -> u128 {
    let mut chunk = [0; CHUNK_BYTES];
    chunk[..rest.len()].copy_from_slice(rest);
    u128::from_le_bytes(chunk)
}

/// Hashes a word that is given character by character. The result is that of [`hash_word`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WordHasher {
    state: u64,
    chunk: u128,
    /// The number of bytes in the chunk.
    length: usize,
}

impl WordHasher {
    /// Adds the lowest `count` bytes (at most four) of a number whose other bytes are zero.
    #[inline]
    pub(super) fn push(&mut self, bytes: u32, count: usize) {
        if self.length + count > CHUNK_BYTES {
            let room = CHUNK_BYTES - self.length;
            let fitting = u128::from(bytes) & FIRST_BYTES[room];
            // In a full chunk nothing fits, and the shift by 128 bits would overflow.
            self.chunk |= fitting.checked_shl(8 * self.length as u32).unwrap_or(0);
            self.state = add_chunk(self.state, self.chunk);
            self.chunk = u128::from(bytes) >> (8 * room);
            self.length = count - room;
        } else if count > 0 {
            self.chunk |= u128::from(bytes) << (8 * self.length);
            self.length += count;
        }
    }

    /// Returns the hash of the word, or `None` if it has no bytes, and starts a new word.
    #[inline]
    pub(super) fn take(&mut self) -> Option<u64> {
        let Self { state, chunk, length } = std::mem::take(self);
        (length > 0).then(|| add_chunk(state, chunk))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_ways_give_one_hash(
            word in prop::collection::vec(1_u8..=255, 1..80),
            counts in prop::collection::vec(1_usize..=4, 80),
            behind in "[a-z ]{0,20}",
        ) {
            let mut hasher = WordHasher::default();
            let mut rest = &word[..];
            for count in counts {
                let (bytes, behind) = rest.split_at(count.min(rest.len()));
                let number = bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
                hasher.push(number, bytes.len());
                rest = behind;
            }
            let mut text = word.clone();
            text.extend_from_slice(behind.as_bytes());
            prop_assert_eq!(hasher.take(), Some(hash_word(&text, 0, word.len(), 0)));
            prop_assert_eq!(hasher.take(), None);
        }
    }

    #[test]
    fn case_is_folded() {
        let hash = |text: &str| hash_word(text.as_bytes(), 0, text.len(), CASE);
        assert_eq!(hash("Internationalisation2"), hash("iNTERNATIONALISATION2"));
        assert_ne!(hash("a"), hash("b"));
    }
}
