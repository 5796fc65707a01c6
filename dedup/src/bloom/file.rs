//! The serialised form of a filter.
//!
//! Little-endian throughout: the magic `GRISTBLM`, the version (u32), lanes (u32), then capacity,
//! keys held and blocks (u64 each), the words of all blocks, and the XXH3-64 of everything before.

use xxhash_rust::xxh3::xxh3_64;

use super::size::Layout;
use super::{BLOCK_WORDS, Bloom, BloomError};

/// The first bytes of every filter.
const MAGIC: &[u8; 8] = b"GRISTBLM";

/// The version of the format that this code writes and reads.
const VERSION: u32 = 1;

/// Bytes before the words.
const HEAD_BYTES: usize = 40;

/// Bytes of the checksum at the end.
const CHECKSUM_BYTES: usize = 8;

/// Bytes of a block.
const BLOCK_BYTES: usize = BLOCK_WORDS * 8;

impl Bloom {
    /// Returns the filter as bytes, which [`from_bytes`](Self::from_bytes) reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let n_bytes = HEAD_BYTES + self.blocks.len() * BLOCK_BYTES + CHECKSUM_BYTES;
        let mut bytes = Vec::with_capacity(n_bytes);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(self.layout.lanes as u32).to_le_bytes());
        for number in [self.capacity, self.len, self.layout.blocks] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for word in self.blocks.as_flattened() {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
        bytes
    }

    /// Reads the bytes of [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// When the bytes are not a filter, have another version, are cut short, were changed, or are
    /// followed by other bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BloomError> {
        let damaged = |reason| BloomError::Damaged { reason };
        let cut = || damaged("it is cut short");
        let (head, body) = bytes.split_at_checked(HEAD_BYTES).ok_or_else(cut)?;
        let number = |at: usize, length: usize| {
            head[at..at + length].iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))
        };
        if !head.starts_with(MAGIC) {
            return Err(damaged("it does not begin with GRISTBLM"));
        }
        if number(8, 4) != u64::from(VERSION) {
            return Err(damaged("it has another version"));
        }
        let layout = Layout { lanes: number(12, 4) as usize, blocks: number(32, 8) };
        if !layout.is_sound() {
            return Err(damaged("its head gives no possible size"));
        }
        // A wrong head may claim any size, so the length is checked before memory is allocated.
        let n_blocks = usize::try_from(layout.blocks).map_err(|_| cut())?;
        let n_bytes = n_blocks.checked_mul(BLOCK_BYTES).ok_or_else(cut)?;
        let (words, rest) = body.split_at_checked(n_bytes).ok_or_else(cut)?;
        let (checksum, rest) = rest.split_first_chunk::<CHECKSUM_BYTES>().ok_or_else(cut)?;
        if xxh3_64(&bytes[..HEAD_BYTES + n_bytes]) != u64::from_le_bytes(*checksum) {
            return Err(damaged("its checksum is wrong: it was changed"));
        }
        if !rest.is_empty() {
            return Err(damaged("more bytes follow it"));
        }
        let blocks = words.as_chunks().0.iter().map(block_from_bytes).collect();
        Ok(Self { layout, capacity: number(16, 8), len: number(24, 8), blocks })
    }
}

fn block_from_bytes(bytes: &[u8; BLOCK_BYTES]) -> [u64; BLOCK_WORDS] {
    let mut block = [0; BLOCK_WORDS];
    for (word, bytes) in block.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    block
}
