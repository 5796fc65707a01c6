//! Checking a file block by block, each once, before it is first used.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which blocks of a file were checked.
#[derive(Debug)]
pub(crate) struct BlockChecks {
    bytes: u64,
    block_bytes: u64,
    checked: Vec<AtomicU64>,
}

impl BlockChecks {
    /// For a file of `bytes`, cut into blocks of `block_bytes`.
    pub(crate) fn new(bytes: u64, block_bytes: u64) -> Self {
        let words = bytes.div_ceil(block_bytes).div_ceil(64);
        let checked = (0..words).map(|_| AtomicU64::new(0)).collect();
        Self { bytes, block_bytes, checked }
    }

    /// Calls `check` with the number and the bytes of each block that `range`, which lies in the
    /// file, touches and that was not found good before. Two threads may check one block at once;
    /// neither goes on before it is found good.
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
                // The blocks are read-only, so nothing else has to become visible with the bit.
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}
