//! Reading one half of a dataset as a single array of tokens.

use std::path::Path;

use super::manifest::ShardManifest;
use super::shard::Shard;
use super::split::Split;
use crate::Result;

/// One half of a dataset, memory-mapped.
pub struct Dataset {
    manifest: ShardManifest,
    /// The shards, each with the number of its first token.
    shards: Vec<(u64, Shard)>,
    n_tokens: u64,
}

impl Dataset {
    /// Opens the half `split` of the dataset in `folder`. The payloads' sizes are checked, and with
    /// `verify` every block of them.
    ///
    /// # Errors
    /// As [`ShardManifest::read`], [`Shard::open`] and [`Shard::check`].
    pub fn open(folder: &Path, split: Split, verify: bool) -> Result<Self> {
        let manifest = ShardManifest::read(folder)?;
        let mut shards = Vec::new();
        let mut n_tokens = 0;
        for entry in manifest.shards_of(split) {
            let shard = Shard::open(folder, &manifest, entry)?;
            if verify {
                shard.check(0..shard.n_tokens())?;
            }
            let first_token = n_tokens;
            n_tokens += shard.n_tokens();
            shards.push((first_token, shard));
        }
        Ok(Self { manifest, shards, n_tokens })
    }

    /// The dataset's description.
    pub fn manifest(&self) -> &ShardManifest {
        &self.manifest
    }

    /// Tokens in this half.
    pub fn n_tokens(&self) -> u64 {
        self.n_tokens
    }

    /// Copies the tokens from number `start` on into `out`, across shards. Returns how many were
    /// copied: fewer than `out` holds at the end of the half.
    pub fn read(&self, start: u64, out: &mut [u32]) -> usize {
        let mut filled = 0;
        let first = self.shards.partition_point(|(from, shard)| from + shard.n_tokens() <= start);
        for (first_token, shard) in &self.shards[first..] {
            if filled == out.len() {
                break;
            }
            filled += shard.read(start + filled as u64 - first_token, &mut out[filled..]);
        }
        filled
    }
}
