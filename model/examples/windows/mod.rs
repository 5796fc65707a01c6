//! Batches of tokens in memory, for programs that measure and for tests of memory.

use model::{Batch, BatchRow, BatchSource, ModelError, StreamId, random_for};
use rand_chacha::rand_core::RngCore;

/// Rows of `context + 1` ids that begin at random places of a text, as nanoGPT draws them. A text
/// that is as long as one row gives that row always.
pub(crate) struct Windows<'a> {
    pub(crate) ids: &'a [u32],
    pub(crate) context: usize,
    pub(crate) batch_size: usize,
    pub(crate) seed: u64,
}

impl BatchSource for Windows<'_> {
    fn batch(&self, step: usize) -> Result<Batch, ModelError> {
        let mut random = random_for(self.seed, &format!("batch {step}"));
        let starts = self.ids.len() - self.context;
        let row = |_| {
            let start = random.next_u64() as usize % starts;
            let ids = self.ids[start..=start + self.context].to_vec();
            BatchRow { ids, boundaries: Vec::new(), row: start as u64 }
        };
        Ok(Batch::of((0..self.batch_size).map(row).collect()))
    }

    fn id(&self) -> StreamId {
        StreamId { tokens: self.ids.len() as u64, identity: "windows".into() }
    }
}
