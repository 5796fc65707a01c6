//! The two seams to the outside: where tokens come from and where checkpoints go.

/// A stream of token ids that can be read at any position: one split of a shard set.
pub trait TokenSource: Send + Sync {
    /// Number of tokens in the stream.
    fn n_tokens(&self) -> u64;

    /// Fills `out` with the ids at `start..start + out.len()`.
    ///
    /// Never panics; the caller keeps `start + out.len() <= n_tokens()`.
    fn read(&self, start: u64, out: &mut [u32]);

    /// What the stream is: the root hash of its shard set. A resumed run refuses a stream with another
    /// identity. Empty: unknown, and only the number of tokens is compared.
    fn identity(&self) -> String {
        String::new()
    }
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

/// The error of a [`CheckpointStore`].
pub type StoreError = Box<dyn std::error::Error + Send + Sync>;

/// The files of one checkpoint: (name, content).
pub type CheckpointFiles = Vec<(String, Vec<u8>)>;

/// Where checkpoints go; the pipeline gives one that publishes atomically.
pub trait CheckpointStore {
    /// Publishes the checkpoint of `step`: all of `files`, or nothing.
    fn save(&mut self, step: usize, files: &[(&str, Vec<u8>)]) -> Result<(), StoreError>;

    /// The published checkpoint with the largest step.
    fn latest(&self) -> Result<Option<(usize, CheckpointFiles)>, StoreError>;
}
