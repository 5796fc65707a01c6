//! Reading a half of a dataset as one long array of tokens.

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use super::{ShardManifest, Split, TokenType};
use crate::publish::is_good_name;
use crate::{Result, StoreError};

/// One half of a folder of shards, memory-mapped.
pub struct Dataset {
    manifest: ShardManifest,
    shards: Vec<Shard>,
    n_tokens: u64,
}

struct Shard {
    first_token: u64,
    n_tokens: u64,
    payload: Option<Mmap>,
}

impl Dataset {
    /// Opens the half `split` of the shards in `folder`; sizes are checked, and with `verify` every
    /// payload's digest as well.
    pub fn open(folder: &Path, split: Split, verify: bool) -> Result<Self> {
        let manifest = read_manifest(folder)?;
        let mut shards = Vec::new();
        let mut n_tokens = 0;
        for entry in manifest.shards.iter().filter(|shard| shard.split == split) {
            let path = folder.join(format!("{}.bin", entry.name));
            let payload = map(&path)?;
            let bytes = payload.as_ref().map_or(0, |map| map.len() as u64);
            let expected = entry.tokens.saturating_mul(manifest.token_type.bytes());
            let unreadable =
                |message: String| StoreError::Unreadable { path: path.clone(), message };
            if bytes != expected {
                return Err(unreadable(format!(
                    "has {bytes} bytes, {expected} were written; `gristmill verify` tells more"
                )));
            }
            let content: &[u8] = payload.as_deref().unwrap_or_default();
            if verify && blake3::hash(content).to_hex().as_str() != entry.blake3 {
                return Err(unreadable(
                    "its content is not what was written; `gristmill verify` names the byte range"
                        .into(),
                ));
            }
            shards.push(Shard { first_token: n_tokens, n_tokens: entry.tokens, payload });
            n_tokens += entry.tokens;
        }
        Ok(Self { manifest, shards, n_tokens })
    }

    /// The folder's description.
    pub fn manifest(&self) -> &ShardManifest {
        &self.manifest
    }

    /// Tokens in this half.
    pub fn n_tokens(&self) -> u64 {
        self.n_tokens
    }

    /// Copies the tokens from `start` into `out`, across shards; returns how many there were.
    pub fn read(&self, start: u64, out: &mut [u32]) -> usize {
        let mut filled = 0;
        let first = self.shards.partition_point(|s| s.first_token + s.n_tokens <= start);
        for shard in &self.shards[first..] {
            let position = start + filled as u64 - shard.first_token;
            let n = ((shard.n_tokens - position) as usize).min(out.len() - filled);
            let width = self.manifest.token_type.bytes() as usize;
            let from = position as usize * width;
            let Some(bytes) = shard.payload.as_ref().map(|map| &map[from..from + n * width]) else {
                continue;
            };
            widen(bytes, self.manifest.token_type, &mut out[filled..filled + n]);
            filled += n;
            if filled == out.len() {
                break;
            }
        }
        filled
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

fn read_manifest(folder: &Path) -> Result<ShardManifest> {
    let path = folder.join(ShardManifest::FILE);
    let bytes = std::fs::read(&path).map_err(|e| StoreError::io(&path, "read", e))?;
    let unreadable = |message: String| StoreError::Unreadable { path: path.clone(), message };
    let manifest: ShardManifest =
        serde_json::from_slice(&bytes).map_err(|e| unreadable(e.to_string()))?;
    if manifest.schema != ShardManifest::SCHEMA {
        return Err(unreadable(format!("its format is `{}`", manifest.schema)));
    }
    if let Some(shard) = manifest.shards.iter().find(|shard| !is_good_name(&shard.name)) {
        return Err(unreadable(format!("`{}` is no name of a shard", shard.name)));
    }
    Ok(manifest)
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
