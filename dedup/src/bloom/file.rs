//! A filter as bytes.
//!
//! Little-endian throughout: the magic `GRISTBLM`, the version (u32), lanes (u32), capacity, keys
//! held and blocks (u64 each), the words of all blocks, and XXH3-64 of all that.

use std::io::{self, Read, Write};

use xxhash_rust::xxh3::Xxh3Default;

use super::size::Layout;
use super::{BLOCK_WORDS, Bloom, BloomError};

/// The first bytes of every filter.
const MAGIC: &[u8; 8] = b"GRISTBLM";

/// The layout that this code writes and reads.
const VERSION: u32 = 1;

/// Bytes before the words.
const HEAD_BYTES: usize = 40;

/// Blocks that are written and read at once.
const CHUNK_BLOCKS: usize = 1024;

/// Bytes of a block.
const BLOCK_BYTES: usize = BLOCK_WORDS * 8;

impl Bloom {
    /// Writes the filter, for [`read`](Self::read), without a copy of it in memory.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut hash = Xxh3Default::new();
        let mut bytes = Vec::with_capacity(CHUNK_BLOCKS * BLOCK_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(self.layout.lanes as u32).to_le_bytes());
        for number in [self.capacity, self.len, self.layout.blocks] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for chunk in self.blocks.chunks(CHUNK_BLOCKS) {
            let words = chunk.as_flattened().iter();
            words.for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
            hash.update(&bytes);
            out.write_all(&bytes)?;
            bytes.clear();
        }
        out.write_all(&hash.digest().to_le_bytes())
    }

    /// Reads what [`write`](Self::write) wrote, up to its end and no further.
    ///
    /// # Errors
    /// When the bytes are of something else, of another version, cut short or changed.
    pub fn read(input: &mut impl Read) -> Result<Self, BloomError> {
        let mut hash = Xxh3Default::new();
        let mut head = [0; HEAD_BYTES];
        fill(input, &mut head)?;
        hash.update(&head);
        let number = |at: usize, length: usize| {
            head[at..at + length].iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))
        };
        if !head.starts_with(MAGIC) {
            return Err(BloomError::Damaged { reason: "it does not begin with GRISTBLM" });
        }
        if number(8, 4) != u64::from(VERSION) {
            return Err(BloomError::Damaged { reason: "it has another version" });
        }
        let layout = Layout { lanes: number(12, 4) as usize, blocks: number(32, 8) };
        if !layout.is_sound() {
            return Err(BloomError::Damaged { reason: "its head gives no possible size" });
        }
        // Grows with what there is to read, so that a wrong head cannot ask for memory.
        let mut blocks = Vec::new();
        let mut bytes = vec![0; CHUNK_BLOCKS * BLOCK_BYTES];
        let mut missing = layout.blocks;
        while missing > 0 {
            let count = missing.min(CHUNK_BLOCKS as u64) as usize;
            let chunk = &mut bytes[..count * BLOCK_BYTES];
            fill(input, chunk)?;
            hash.update(chunk);
            blocks.extend(chunk.as_chunks::<BLOCK_BYTES>().0.iter().map(block_from_bytes));
            missing -= count as u64;
        }
        let mut checksum = [0; 8];
        fill(input, &mut checksum)?;
        if hash.digest() != u64::from_le_bytes(checksum) {
            return Err(BloomError::Damaged { reason: "its checksum is wrong: it was changed" });
        }
        Ok(Self { layout, capacity: number(16, 8), len: number(24, 8), blocks })
    }

    /// The filter as bytes, for [`from_bytes`](Self::from_bytes).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.blocks.len() * BLOCK_BYTES + 8);
        // Writing to memory does not fail.
        let _ = self.write(&mut bytes);
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) gave.
    ///
    /// # Errors
    /// As [`read`](Self::read), and when bytes follow.
    pub fn from_bytes(mut bytes: &[u8]) -> Result<Self, BloomError> {
        let bloom = Self::read(&mut bytes)?;
        if !bytes.is_empty() {
            return Err(BloomError::Damaged { reason: "more bytes follow it" });
        }
        Ok(bloom)
    }
}

fn fill(input: &mut impl Read, out: &mut [u8]) -> Result<(), BloomError> {
    input.read_exact(out).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => BloomError::Damaged { reason: "it is cut short" },
        _ => BloomError::Io(error),
    })
}

fn block_from_bytes(bytes: &[u8; BLOCK_BYTES]) -> [u64; BLOCK_WORDS] {
    let mut block = [0; BLOCK_WORDS];
    for (word, bytes) in block.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    block
}
