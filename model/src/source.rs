//! Where tokens and batches come from, and where checkpoints go: the traits that callers implement.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::error::{ModelError, StoreError};

/// A stream of token ids that can be read at any position: one split of a shard set.
pub trait TokenSource: Send + Sync {
    /// Number of tokens in the stream.
    fn n_tokens(&self) -> u64;

    /// Fills `out` with the ids from position `start` on, and returns how many ids there were: as
    /// many as `out` has places, except where the stream ends before.
    fn read(&self, start: u64, out: &mut [u32]) -> usize;

    /// The positions after `start` and before `end` at which a document begins, ascending. They are
    /// empty for a stream that is one document or that does not know its documents.
    fn boundaries(&self, _start: u64, _end: u64) -> Vec<u64> {
        Vec::new()
    }

    /// What identifies the stream: the root hash of its shard set. A resumed run refuses a stream
    /// with another identity. If it is empty, only the number of tokens is compared.
    fn identity(&self) -> String {
        String::new()
    }
}

/// One row of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchRow {
    /// Its ids, one more than the positions that it trains: 2 to `context + 1`.
    pub ids: Vec<u32>,
    /// The positions in `ids` at which another document begins, ascending.
    pub boundaries: Vec<usize>,
    /// The number of the row in its source.
    pub row: u64,
}

impl BatchRow {
    /// The row number `row` of a source that packs documents: `tokens` with the documents that end
    /// at `document_ends` (ascending, counted from the start of the row), and with padding after
    /// the last end. `None` for a row of fewer than two tokens, which has nothing to predict.
    ///
    /// ```
    /// use model::BatchRow;
    ///
    /// let row = BatchRow::of_documents(&[5, 6, 7, 8, 9, 0, 0], &[2, 5], 3).unwrap();
    /// assert_eq!(row, BatchRow { ids: vec![5, 6, 7, 8, 9], boundaries: vec![2], row: 3 });
    /// assert_eq!(BatchRow::of_documents(&[5, 0, 0], &[1], 4), None);
    /// ```
    ///
    /// # Panics
    /// The last end lies beyond `tokens`.
    pub fn of_documents(tokens: &[u32], document_ends: &[u32], row: u64) -> Option<Self> {
        let (last, inner) = document_ends.split_last()?;
        let ids = &tokens[..*last as usize];
        let boundaries = inner.iter().map(|end| *end as usize).collect();
        (ids.len() > 1).then(|| Self { ids: ids.to_vec(), boundaries, row })
    }
}

/// The rows of one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The rows.
    pub rows: Vec<BatchRow>,
    /// XXH3-64 of the content: two runs with equal digests read the same. A source that pads its
    /// rows may hash them with the padding; [`Self::of`] hashes the ids of the rows.
    pub digest: u64,
}

impl Batch {
    /// A batch of rows without padding. Its digest is XXH3-64 of their ids as u32, little-endian,
    /// row after row.
    pub fn of(rows: Vec<BatchRow>) -> Self {
        let ids = rows.iter().flat_map(|row| &row.ids);
        let bytes: Vec<u8> = ids.flat_map(|id| id.to_le_bytes()).collect();
        Self { digest: xxh3_64(&bytes), rows }
    }
}

/// The batches of a run. The source decides how rows are packed and in which order they come.
pub trait BatchSource: Send + Sync {
    /// Batch `step`, counted from 0. It must be a pure function of `step`: that is what makes a run
    /// resumable.
    ///
    /// # Errors
    /// The rows cannot be read.
    fn batch(&self, step: usize) -> Result<Batch, ModelError>;

    /// What identifies the batches; a resumed run refuses batches with another identity.
    fn id(&self) -> StreamId;
}

impl TokenSource for Vec<u32> {
    fn n_tokens(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, start: u64, out: &mut [u32]) -> usize {
        let start = usize::try_from(start).map_or(self.len(), |start| start.min(self.len()));
        let ids = &self[start..];
        let count = ids.len().min(out.len());
        out[..count].copy_from_slice(&ids[..count]);
        count
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
    pub(crate) fn of(source: &dyn TokenSource) -> Self {
        Self { tokens: source.n_tokens(), identity: source.identity() }
    }
}

/// The files of one checkpoint: (name, content).
pub type CheckpointFiles = Vec<(String, Vec<u8>)>;

/// Where checkpoints go.
pub trait CheckpointStore {
    /// Publishes the checkpoint of `step`: all of `files`, or nothing.
    ///
    /// # Errors
    /// The files cannot be written.
    fn save(&mut self, step: usize, files: &[(&str, Vec<u8>)]) -> Result<(), StoreError>;

    /// The published checkpoint with the largest step.
    ///
    /// # Errors
    /// A checkpoint is there but cannot be read.
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
