//! Checking the blocks of a file, each once, before its first use.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// The blocks of a file that were checked already.
#[derive(Debug)]
pub(crate) struct BlockChecks {
    bytes: u64,
    block_bytes: u64,
    checked: Vec<AtomicU64>,
}

impl BlockChecks {
    /// For a file of `bytes` that is divided into blocks of `block_bytes`; no block is checked.
    pub(crate) fn new(bytes: u64, block_bytes: u64) -> Self {
        let words = bytes.div_ceil(block_bytes).div_ceil(64);
        let checked = (0..words).map(|_| AtomicU64::new(0)).collect();
        Self { bytes, block_bytes, checked }
    }

    /// Calls `check` with the number and the byte range of each block that overlaps `range` and has not
    /// passed the check before. `range` must lie in the file. Two threads may check the same block at
    /// the same time; neither continues before the block has passed.
    ///
    /// # Errors
    /// That of `check`.
    pub(crate) fn check<E>(
        &self,
        range: Range<u64>,
        mut check: impl FnMut(u64, Range<u64>) -> Result<(), E>,
    ) -> Result<(), E> {
        if range.is_empty() {
            return Ok(());
        }
        for block in range.start / self.block_bytes..=(range.end - 1) / self.block_bytes {
            let (word, bit) = (&self.checked[block as usize / 64], 1 << (block % 64));
            if word.load(Ordering::Relaxed) & bit == 0 {
                let start = block * self.block_bytes;
                check(block, start..(start + self.block_bytes).min(self.bytes))?;
                // Relaxed suffices: the blocks are never written, so the bit publishes no other data.
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}
