//! Reading one shard. Each block can be checked before its first use.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use memmap2::Mmap;
use store::StoreError;

use super::index::read_index;
use super::manifest::{ShardEntry, ShardManifest};
use super::sums::{BLOCK_BYTES, BlockHasher, Sums};
use super::token_type::TokenType;
use crate::blocks::BlockChecks;
use crate::map::map;
use crate::{Result, ShardError};

/// A shard, its payload memory-mapped.
pub struct Shard {
    folder: PathBuf,
    entry: ShardEntry,
    token_type: TokenType,
    payload: Option<Mmap>,
    checks: OnceLock<Checks>,
}

/// The sums, and which blocks of the payload were already compared with them.
struct Checks {
    sums: Sums,
    blocks: BlockChecks,
}

impl Shard {
    /// Opens the shard that `entry` of the manifest describes. Only the payload's size is checked.
    ///
    /// # Errors
    /// [`ShardError::Unreadable`] when the payload has another size; or it cannot be opened.
    pub fn open(folder: &Path, manifest: &ShardManifest, entry: &ShardEntry) -> Result<Self> {
        let path = folder.join(format!("{}.bin", entry.name));
        let payload = map(&path)?;
        let bytes = payload.as_ref().map_or(0, |map| map.len() as u64);
        let expected = entry.counts.tokens.saturating_mul(manifest.token_type.bytes());
        if bytes != expected {
            let message = format!(
                "has {bytes} bytes, {expected} were written; see `gristmill shards verify`"
            );
            return Err(ShardError::Unreadable { path, message });
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

    /// The payload's bytes: token ids, little-endian, of the manifest's type. They are unchecked, see
    /// [`Shard::check`].
    pub fn payload(&self) -> &[u8] {
        self.payload.as_deref().unwrap_or(&[])
    }

    /// Copies the tokens from number `start` on into `out`. Returns how many were copied: fewer than
    /// `out` holds at the end of the shard.
    pub fn read(&self, start: u64, out: &mut [u32]) -> usize {
        let n = (self.n_tokens().saturating_sub(start) as usize).min(out.len());
        let width = self.token_type.bytes() as usize;
        let from = start.min(self.n_tokens()) as usize * width;
        widen(&self.payload()[from..from + n * width], self.token_type, &mut out[..n]);
        n
    }

    /// Compares the blocks that hold these tokens with the sums. Each block is hashed at most once in
    /// the life of this value. Tokens beyond the end are ignored.
    ///
    /// # Errors
    /// [`ShardError::Unreadable`], with file and bytes, when the content is not what was written; or
    /// the sums cannot be read.
    pub fn check(&self, tokens: Range<u64>) -> Result<()> {
        let checks = self.checks()?;
        let (width, payload) = (self.token_type.bytes(), self.payload());
        let end = |token: u64| token.saturating_mul(width).min(payload.len() as u64);
        checks.blocks.check(end(tokens.start)..end(tokens.end), |block, bytes| {
            let content = &payload[bytes.start as usize..bytes.end as usize];
            if *blake3::hash(content).as_bytes() == checks.sums.payload.blocks[block as usize] {
                return Ok(());
            }
            let message = format!(
                "its content is not what was written, in bytes {} to {}; \
                 see `gristmill shards verify`",
                bytes.start, bytes.end
            );
            Err(self.unreadable("bin", message))
        })
    }

    /// The documents' lengths in tokens, in order. The index is compared with the sums first.
    ///
    /// # Errors
    /// [`ShardError::Unreadable`] when the index or the sums are not what was written; or they cannot
    /// be read.
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
            .filter(|_| store::digest(&bytes) == self.entry.sums_blake3)
            .filter(|sums| sums.payload.bytes == self.payload().len() as u64)
            .ok_or_else(|| self.altered("sums"))?;
        let blocks = BlockChecks::new(sums.payload.bytes, BLOCK_BYTES);
        Ok(self.checks.get_or_init(|| Checks { sums, blocks }))
    }

    fn read_file(&self, extension: &str) -> Result<Vec<u8>> {
        let path = self.path(extension);
        Ok(std::fs::read(&path).map_err(|e| StoreError::io(path, "read", e))?)
    }

    fn path(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", self.entry.name))
    }

    fn altered(&self, extension: &str) -> ShardError {
        let message = "its content is not what was written; see `gristmill shards verify`".into();
        self.unreadable(extension, message)
    }

    fn unreadable(&self, extension: &str, message: String) -> ShardError {
        ShardError::Unreadable { path: self.path(extension), message }
    }
}

/// Converts stored ids to u32, as many as both sides hold.
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
