//! Shards that documents are written into one after another.

use std::collections::BTreeMap;

use arrow::record_batch::RecordBatch;
use store::Run;
use store::shards::{ShardEntry, ShardWriter, Split, TokenType};

use super::index::Index;
use super::planned::Planner;
use super::written::{WrittenShards, begin_shard, end_shard};
use crate::error::Result;

/// A shard of each half, and what was written so far.
pub(super) struct OpenShards {
    vocab_size: usize,
    token_type: TokenType,
    planner: Planner,
    train: Half,
    validation: Half,
    /// The index of each part, batch by batch.
    indexes: BTreeMap<usize, Vec<RecordBatch>>,
}

#[derive(Default)]
struct Half {
    open: Option<ShardWriter>,
    entries: Vec<ShardEntry>,
}

impl OpenShards {
    /// Writes shards of `shard_tokens` at most.
    pub(super) fn new(vocab_size: usize, shard_tokens: u64) -> Self {
        let token_type = TokenType::for_vocabulary(vocab_size);
        Self {
            vocab_size,
            token_type,
            planner: Planner::new(shard_tokens, token_type),
            train: Half::default(),
            validation: Half::default(),
            indexes: BTreeMap::new(),
        }
    }

    /// Adds the next documents of a part: their tokens, one document after another, and their index.
    pub(super) fn add(
        &mut self,
        run: &Run,
        part: usize,
        payload: &[u8],
        index: RecordBatch,
    ) -> Result<()> {
        let before = self.indexes.entry(part).or_default();
        let start: usize = before.iter().map(RecordBatch::num_rows).sum();
        before.push(index.clone());
        let index = Index::new(index);
        let mut rest = payload;
        for row in 0..index.len() {
            let n_tokens = index.n_tokens(row);
            let (own, later) = rest.split_at((n_tokens * self.token_type.bytes()) as usize);
            rest = later;
            let split = index.split(row);
            let number = self.planner.place(split, (part, start + row), n_tokens);
            let half = match split {
                Split::Train => &mut self.train,
                Split::Validation => &mut self.validation,
            };
            let writer = half.writer(run, (split, number), self.vocab_size)?;
            writer.add_payload(&index.document(row), own)?;
        }
        Ok(())
    }

    /// Publishes the last shards.
    pub(super) fn finish(mut self, run: &Run) -> Result<WrittenShards> {
        self.train.close(run)?;
        self.validation.close(run)?;
        let index = |(part, batches): (usize, Vec<_>)| Ok((part, Index::of(&batches)?));
        Ok(WrittenShards {
            entries: self.train.entries.into_iter().chain(self.validation.entries).collect(),
            planned: self.planner.finish(),
            indexes: self.indexes.into_iter().map(index).collect::<Result<_>>()?,
        })
    }
}

impl Half {
    /// The writer of this shard, which is the open one or the next.
    fn writer(
        &mut self,
        run: &Run,
        (split, number): (Split, usize),
        vocab_size: usize,
    ) -> Result<&mut ShardWriter> {
        if number > self.entries.len() {
            self.close(run)?;
        }
        match &mut self.open {
            Some(writer) => Ok(writer),
            none => Ok(none.insert(begin_shard(run, (split, number), vocab_size)?)),
        }
    }

    fn close(&mut self, run: &Run) -> Result<()> {
        if let Some(writer) = self.open.take() {
            self.entries.push(end_shard(run, writer)?);
        }
        Ok(())
    }
}
