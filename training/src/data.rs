//! A dataset as the trainer reads it: batches by plan and order, held-out documents as a stream.

use std::path::Path;

use bug::OrBug as _;
use model::{Batch, BatchRow, BatchSource, ModelError, StreamId, TokenSource};
use shards::dataset::{Dataset, Shard, ShardManifest, Split};
use shards::order::Order;
use shards::reader::RowReader;

use crate::error::Result;

/// The batches of a run: the rows that the order selects, read and checked.
pub(crate) struct Batches {
    reader: RowReader,
    order: Order,
    n_tokens: u64,
}

impl Batches {
    pub(crate) fn new(reader: RowReader, order: Order) -> Self {
        let n_tokens = reader.plan().header().statistics().tokens;
        Self { reader, order, n_tokens }
    }
}

impl BatchSource for Batches {
    fn batch(&self, step: usize) -> std::result::Result<Batch, ModelError> {
        let rows = self.order.rows(step as u64);
        let failed = |error| ModelError::Batch { step: step + 1, error: Box::new(error) };
        let batch = self.reader.read(&rows).map_err(failed)?;
        // A row with fewer than two tokens predicts nothing; `of_documents` returns `None` for it.
        let row = |(at, row): (usize, &u64)| {
            BatchRow::of_documents(batch.tokens_of(at), batch.document_ends(at), *row)
        };
        let rows = rows.iter().enumerate().filter_map(row).collect();
        Ok(Batch { rows, digest: batch.digest() })
    }

    fn id(&self) -> StreamId {
        let subject = self.order.subject();
        let identity = format!("{} {}", subject.root, subject.plan);
        StreamId { tokens: self.n_tokens, identity }
    }
}

/// A half of a dataset, document after document.
pub(crate) struct Documents {
    dataset: Dataset,
    /// The position of the first token of each document.
    starts: Vec<u64>,
}

impl Documents {
    pub(crate) fn open(folder: &Path, split: Split) -> Result<Self> {
        let manifest = ShardManifest::read(folder)?;
        let mut starts = Vec::new();
        let mut start = 0;
        for entry in manifest.shards_of(split) {
            for length in Shard::open(folder, &manifest, entry)?.document_tokens()? {
                starts.push(start);
                start += u64::from(length);
            }
        }
        Ok(Self { dataset: Dataset::open(folder, split, true)?, starts })
    }

    /// Reads the documents with these numbers one after another, up to `tokens_max` tokens. Only
    /// whole documents are read, and always the first one.
    ///
    /// # Errors
    /// This half of the dataset has no document with such a number.
    pub(crate) fn some(
        &self,
        numbers: impl Iterator<Item = u64>,
        tokens_max: u64,
    ) -> Result<Gathered> {
        let mut gathered = Gathered::default();
        for number in numbers {
            let start = self.starts.get(number as usize).copied();
            let start = start.or_bug("the half has a document with each number in its table")?;
            let next = self.starts.get(number as usize + 1).copied();
            let length = next.unwrap_or_else(|| self.n_tokens()) - start;
            let before = gathered.ids.len();
            if before > 0 && before as u64 + length > tokens_max {
                break;
            }
            gathered.starts.push(before as u64);
            gathered.ids.resize(before + length as usize, 0);
            self.dataset.read(start, &mut gathered.ids[before..]);
        }
        Ok(gathered)
    }
}

impl TokenSource for Documents {
    fn n_tokens(&self) -> u64 {
        self.dataset.n_tokens()
    }

    fn read(&self, start: u64, out: &mut [u32]) -> usize {
        self.dataset.read(start, out)
    }

    fn boundaries(&self, start: u64, end: u64) -> Vec<u64> {
        boundaries(&self.starts, start, end)
    }

    fn identity(&self) -> String {
        self.dataset.manifest().root.clone()
    }
}

fn boundaries(starts: &[u64], start: u64, end: u64) -> Vec<u64> {
    let first = starts.partition_point(|at| *at <= start);
    starts[first..].iter().copied().take_while(|at| *at < end).collect()
}

/// Documents in memory.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    ids: Vec<u32>,
    starts: Vec<u64>,
}

impl TokenSource for Gathered {
    fn n_tokens(&self) -> u64 {
        self.ids.len() as u64
    }

    fn read(&self, start: u64, out: &mut [u32]) -> usize {
        self.ids.read(start, out)
    }

    fn boundaries(&self, start: u64, end: u64) -> Vec<u64> {
        boundaries(&self.starts, start, end)
    }
}
