//! A filter as bytes.
//!
//! Little-endian throughout: the magic `GRISTBLM`, the version (u32), lanes (u32), capacity, keys
//! held and blocks (u64 each), the words of all blocks, and XXH3-64 of all that.

use xxhash_rust::xxh3::xxh3_64;

use super::size::{Layout, allocate};
use super::{BLOCK_WORDS, Bloom, BloomError};

/// The first bytes of every filter.
const MAGIC: &[u8; 8] = b"GRISTBLM";

/// The layout that this code writes and reads.
const VERSION: u32 = 1;

/// Bytes before the words.
const HEAD_BYTES: usize = 40;

/// Bytes behind them.
const CHECKSUM_BYTES: usize = 8;

impl Bloom {
    /// The filter as bytes, for [`from_bytes`](Self::from_bytes).
    pub fn to_bytes(&self) -> Vec<u8> {
        let words = self.blocks.as_flattened();
        let mut bytes = Vec::with_capacity(HEAD_BYTES + words.len() * 8 + CHECKSUM_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(self.layout.lanes as u32).to_le_bytes());
        for number in [self.capacity, self.len, self.layout.blocks] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        words.iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// When the bytes are of something else, of another version, cut short or changed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BloomError> {
        let damaged = |reason| BloomError::Damaged { reason };
        if !bytes.starts_with(MAGIC) {
            return Err(damaged("it does not begin with GRISTBLM"));
        }
        let (body, checksum) =
            bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(damaged("it is cut short"))?;
        let (head, words) = body.split_at_checked(HEAD_BYTES).ok_or(damaged("it is cut short"))?;
        let number = |at: usize, length: usize| {
            head[at..at + length].iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))
        };
        if number(8, 4) != u64::from(VERSION) {
            return Err(damaged("it has another version"));
        }
        if xxh3_64(body) != u64::from_le_bytes(*checksum) {
            return Err(damaged("its checksum is wrong: it was cut short or changed"));
        }
        let layout = Layout { lanes: number(12, 4) as usize, blocks: number(32, 8) };
        let words_bytes = layout.blocks.checked_mul(BLOCK_WORDS as u64 * 8);
        let is_sound = matches!(layout.lanes, 4 | 8 | 16) && layout.blocks > 0;
        if !is_sound || words_bytes != Some(words.len() as u64) {
            return Err(damaged("its head and its length disagree"));
        }
        let mut blocks = allocate(layout.blocks)?;
        for (word, bytes) in blocks.as_flattened_mut().iter_mut().zip(words.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Ok(Self { layout, capacity: number(16, 8), len: number(24, 8), blocks })
    }
}
