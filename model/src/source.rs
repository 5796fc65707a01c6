//! The seams to the outside: where tokens and batches come from and where checkpoints go.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::error::{ModelError, StoreError};

/// A stream of token ids that can be read at any position: one split of a shard set.
pub trait TokenSource: Send + Sync {
    /// Number of tokens in the stream.
    fn n_tokens(&self) -> u64;

    /// Fills `out` with the ids at `start..start + out.len()`.
    ///
    /// Never panics; the caller keeps `start + out.len() <= n_tokens()`.
    fn read(&self, start: u64, out: &mut [u32]);

    /// The positions after `start` and before `end` at which a document begins, ascending. None: the stream is
    /// one document, or does not know.
    fn boundaries(&self, start: u64, end: u64) -> Vec<u64> {
        let _ = (start, end);
        Vec::new()
    }

    /// What the stream is: the root hash of its shard set. A resumed run refuses a stream with another
    /// identity. Empty: unknown, and only the number of tokens is compared.
    fn identity(&self) -> String {
        String::new()
    }
}

/// One row of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchRow {
    /// Its ids, one more than the positions it trains: 2 to `context + 1` of them.
    pub ids: Vec<u32>,
    /// The positions in `ids` at which another document begins, ascending.
    pub boundaries: Vec<usize>,
    /// The number of the row in its source.
    pub row: u64,
}

/// What one step reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The rows.
    pub rows: Vec<BatchRow>,
    /// XXH3-64 that names what was read: two runs with equal digests read the same. A source that pads its rows
    /// may hash them as it stores them; [`Self::of`] hashes the ids of the rows.
    pub digest: u64,
}

impl Batch {
    /// A batch of rows without padding: its digest is XXH3-64 of their ids as u32, little-endian, row after row.
    pub fn of(rows: Vec<BatchRow>) -> Self {
        let ids = rows.iter().flat_map(|row| &row.ids);
        let bytes: Vec<u8> = ids.flat_map(|id| id.to_le_bytes()).collect();
        Self { digest: xxh3_64(&bytes), rows }
    }
}

/// The batches of a run, for those who pack and order rows themselves.
pub trait BatchSource: Send + Sync {
    /// Batch `step`, counted from 0: a pure function of `step`, which is what makes a run resumable.
    ///
    /// # Errors
    /// The rows cannot be read.
    fn batch(&self, step: usize) -> Result<Batch, ModelError>;

    /// What the batches are made of; a resumed run refuses another.
    fn id(&self) -> StreamId;
}

impl TokenSource for Vec<u32> {
    fn n_tokens(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, start: u64, out: &mut [u32]) {
        let ids = usize::try_from(start).ok().and_then(|start| self.get(start..));
        for (slot, id) in out.iter_mut().zip(ids.unwrap_or_default()) {
            *slot = *id;
        }
    }
}

/// A stream of tokens as a checkpoint remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamId {
    /// Its number of tokens.
    pub tokens: u64,
    /// [`TokenSource::identity`].
    pub identity: String,
}

impl StreamId {
    /// Describes `source`.
    pub fn of(source: &dyn TokenSource) -> Self {
        Self { tokens: source.n_tokens(), identity: source.identity() }
    }
}

/// The files of one checkpoint: (name, content).
pub type CheckpointFiles = Vec<(String, Vec<u8>)>;

/// Where checkpoints go; the pipeline gives one that publishes atomically.
pub trait CheckpointStore {
    /// Publishes the checkpoint of `step`: all of `files`, or nothing.
    fn save(&mut self, step: usize, files: &[(&str, Vec<u8>)]) -> Result<(), StoreError>;

    /// The published checkpoint with the largest step.
    fn latest(&self) -> Result<Option<(usize, CheckpointFiles)>, StoreError>;
}

/// Keeps no checkpoints, for runs that only measure.
#[derive(Debug, Clone, Copy)]
pub struct NoCheckpoints;

impl CheckpointStore for NoCheckpoints {
    fn save(&mut self, _: usize, _: &[(&str, Vec<u8>)]) -> Result<(), StoreError> {
        Ok(())
    }

    fn latest(&self) -> Result<Option<(usize, CheckpointFiles)>, StoreError> {
        Ok(None)
    }
}
