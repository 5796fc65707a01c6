//! A dataset of shards on disk, and batches from the reader that users train with.

use std::path::Path;

use model::{Batch, BatchRow, BatchSource, ModelError, StreamId, TrainConfig};
use shards::dataset::{DatasetWriter, Document, ShardManifest, Split, Tokens};
use shards::order::{Order, Stage};
use shards::plan::{PlanSettings, plan_dataset};
use shards::reader::RowReader;
use store::StagedFolder;

/// A dataset with a plan for rows of one length.
pub(crate) struct Shards {
    /// Removed with this value.
    _folder: tempfile::TempDir,
    reader: RowReader,
}

impl Shards {
    pub(crate) fn write(documents: &[Vec<u32>], vocab_size: usize, context: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (data, plan) = (folder.path().join("data"), folder.path().join("rows.plan"));
        write_dataset(&data, documents, vocab_size);
        let settings = PlanSettings::new(context as u32);
        plan_dataset(&data, Split::Train, &[], &settings, &plan).unwrap();
        let reader = RowReader::open(&data, &plan).unwrap();
        Self { _folder: folder, reader }
    }

    /// All rows in the order of a run, each once per epoch.
    pub(crate) fn batches(&self, settings: &TrainConfig) -> Batches<'_> {
        let batch_rows = settings.batch_size as u64;
        let stage = Stage { first_step: 0, batch_rows, weights: vec![1] };
        let order = self.reader.order(settings.seed, &[stage], None).unwrap();
        Batches { reader: &self.reader, order }
    }
}

fn write_dataset(folder: &Path, documents: &[Vec<u32>], vocab_size: usize) {
    let staged = StagedFolder::create(folder).unwrap();
    // Several shards, as in a large dataset.
    let mut writer = DatasetWriter::new(&staged, vocab_size, 1_000);
    for ids in documents {
        let (bytes, tokens) = (ids.len() as u64, Tokens::Ids(ids));
        let document = Document { id: "", source: "test", bytes, tokens };
        writer.add(Split::Train, &document).unwrap();
    }
    writer.finish(ShardManifest::new(vocab_size)).unwrap();
    staged.finish().unwrap();
}

pub(crate) struct Batches<'a> {
    reader: &'a RowReader,
    order: Order,
}

impl BatchSource for Batches<'_> {
    fn batch(&self, step: usize) -> Result<Batch, ModelError> {
        let rows = self.order.rows(step as u64);
        let failed = |error| ModelError::Batch { step: step + 1, error: Box::new(error) };
        let batch = self.reader.read(&rows).map_err(failed)?;
        let row = |(at, row): (usize, &u64)| {
            BatchRow::of_documents(batch.tokens_of(at), batch.document_ends(at), *row)
        };
        Ok(Batch {
            rows: rows.iter().enumerate().filter_map(row).collect(),
            digest: batch.digest(),
        })
    }

    fn id(&self) -> StreamId {
        let subject = self.order.subject();
        let tokens = self.reader.plan().header().statistics().tokens;
        StreamId { tokens, identity: format!("{} {}", subject.root, subject.plan) }
    }
}
