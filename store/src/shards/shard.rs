//! Reading one shard, each block checked before its first use.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::Mmap;

use super::sums::{BLOCK_BYTES, BlockHasher, Sums};
use super::{ShardEntry, ShardManifest, TokenType, read_index};
use crate::{Result, StoreError};

/// A shard, its payload memory-mapped.
pub struct Shard {
    folder: PathBuf,
    entry: ShardEntry,
    token_type: TokenType,
    payload: Option<Mmap>,
    checks: OnceLock<Checks>,
}

/// The sums, and which blocks of the payload agreed with them already.
struct Checks {
    sums: Sums,
    good: Vec<AtomicU64>,
}

impl Shard {
    /// Opens the shard that `entry` of the manifest describes; only its size is checked.
    ///
    /// Fails with [`StoreError::Unreadable`] when the payload has another size.
    pub fn open(folder: &Path, manifest: &ShardManifest, entry: &ShardEntry) -> Result<Self> {
        let path = folder.join(format!("{}.bin", entry.name));
        let payload = map(&path)?;
        let bytes = payload.as_ref().map_or(0, |map| map.len() as u64);
        let expected = entry.counts.tokens.saturating_mul(manifest.token_type.bytes());
        if bytes != expected {
            let message = format!(
                "has {bytes} bytes, {expected} were written; `gristmill shards verify` tells more"
            );
            return Err(StoreError::Unreadable { path, message });
        }
        Ok(Self {
            folder: folder.into(),
            entry: entry.clone(),
            token_type: manifest.token_type,
            payload,
            checks: OnceLock::new(),
        })
    }

    /// The shard's entry in the manifest.
    pub fn entry(&self) -> &ShardEntry {
        &self.entry
    }

    /// Tokens in it.
    pub fn n_tokens(&self) -> u64 {
        self.entry.counts.tokens
    }

    /// The payload's bytes: token ids, little-endian, of the manifest's type. Whether they are those
    /// that were written is what [`Shard::check`] says.
    pub fn payload(&self) -> &[u8] {
        self.payload.as_deref().unwrap_or_default()
    }

    /// Copies the tokens from `start` on into `out`; returns how many there were.
    pub fn read(&self, start: u64, out: &mut [u32]) -> usize {
        let n = (self.n_tokens().saturating_sub(start) as usize).min(out.len());
        let width = self.token_type.bytes() as usize;
        let from = start.min(self.n_tokens()) as usize * width;
        widen(&self.payload()[from..from + n * width], self.token_type, &mut out[..n]);
        n
    }

    /// Checks the blocks that hold these tokens against the sums, each block once in the life of
    /// this value; what lies beyond the end is passed over.
    ///
    /// Fails with [`StoreError::Unreadable`], naming file and bytes, when they are not what was
    /// written.
    pub fn check(&self, tokens: Range<u64>) -> Result<()> {
        let checks = self.checks()?;
        let width = self.token_type.bytes();
        let n_blocks = checks.sums.payload.blocks.len() as u64;
        let first = tokens.start.saturating_mul(width) / BLOCK_BYTES;
        let end = tokens.end.saturating_mul(width).div_ceil(BLOCK_BYTES).min(n_blocks);
        for block in first..end {
            let (word, bit) = (&checks.good[block as usize / 64], 1 << (block % 64));
            // Two threads may both check a block that neither has seen; they find the same.
            if word.load(Ordering::Relaxed) & bit != 0 {
                continue;
            }
            let start = (block * BLOCK_BYTES) as usize;
            let bytes = &self.payload()[start..];
            let bytes = &bytes[..bytes.len().min(BLOCK_BYTES as usize)];
            if *blake3::hash(bytes).as_bytes() != checks.sums.payload.blocks[block as usize] {
                let message = format!(
                    "its content is not what was written, in bytes {start} to {}; \
                     `gristmill shards verify` tells more",
                    start + bytes.len()
                );
                return Err(self.unreadable("bin", message));
            }
            word.fetch_or(bit, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The documents' lengths in tokens, in order, from the checked index.
    pub fn document_tokens(&self) -> Result<Vec<u32>> {
        let bytes = self.read_file("idx")?;
        if BlockHasher::sums_of(&bytes) != self.checks()?.sums.index {
            return Err(self.altered("idx"));
        }
        let lengths = read_index(&bytes).ok_or_else(|| self.altered("idx"))?;
        let tokens: u64 = lengths.iter().map(|n| u64::from(*n)).sum();
        if (lengths.len() as u64, tokens) != (self.entry.counts.documents, self.n_tokens()) {
            return Err(self.altered("idx"));
        }
        Ok(lengths)
    }

    fn checks(&self) -> Result<&Checks> {
        if let Some(checks) = self.checks.get() {
            return Ok(checks);
        }
        let bytes = self.read_file("sums")?;
        let sums = Sums::parse(&bytes)
            .filter(|_| crate::digest(&bytes) == self.entry.sums_blake3)
            .filter(|sums| sums.payload.bytes == self.payload().len() as u64)
            .ok_or_else(|| self.altered("sums"))?;
        let words = sums.payload.blocks.len().div_ceil(64);
        let good = std::iter::repeat_with(AtomicU64::default).take(words).collect();
        Ok(self.checks.get_or_init(|| Checks { sums, good }))
    }

    fn read_file(&self, extension: &str) -> Result<Vec<u8>> {
        let path = self.path(extension);
        std::fs::read(&path).map_err(|e| StoreError::io(path, "read", e))
    }

    fn path(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", self.entry.name))
    }

    fn altered(&self, extension: &str) -> StoreError {
        let message =
            "its content is not what was written; `gristmill shards verify` tells more".into();
        self.unreadable(extension, message)
    }

    fn unreadable(&self, extension: &str, message: String) -> StoreError {
        StoreError::Unreadable { path: self.path(extension), message }
    }
}

fn widen(bytes: &[u8], token_type: TokenType, out: &mut [u32]) {
    match token_type {
        TokenType::U16 => {
            for (token, pair) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
                *token = u32::from(u16::from_le_bytes(*pair));
            }
        }
        TokenType::U32 => {
            for (token, four) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *token = u32::from_le_bytes(*four);
            }
        }
    }
}

#[expect(unsafe_code, reason = "the one memory map: shards are write-once and renamed into place")]
fn map(path: &Path) -> Result<Option<Mmap>> {
    let io = |e| StoreError::io(path, "map", e);
    let file = File::open(path).map_err(io)?;
    // An empty file cannot be mapped.
    if file.metadata().map_err(io)?.len() == 0 {
        return Ok(None);
    }
    // SAFETY: a published shard is never written again, only replaced by rename, which leaves this
    // map on the old file; its bytes are plain integers of which every pattern is valid.
    unsafe { Mmap::map(&file) }.map(Some).map_err(io)
}
