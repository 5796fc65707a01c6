//! Tokens as Parquet with one row per document, for Hugging Face's `datasets` and data frames.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Builder, ListBuilder, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use bug::OrBug as _;
use shards::dataset::{Shard, ShardManifest};
use shards::formats::Summary;
use store::{Publish as _, StagedFolder};
use tables::{ROW_GROUP_BYTES_MAX, TableError, table_writer};

use super::{DocumentRow, documents};
use crate::error::Result;

/// Number of documents per record batch.
const BATCH_DOCUMENTS: usize = 1024;

/// Columns: `input_ids` (the tokens), and `id`, `url` and `source` if the dataset's table has them.
fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let ids = DataType::List(Arc::new(Field::new_list_field(DataType::Int32, true)));
    Arc::new(Schema::new(vec![
        Field::new("input_ids", ids, false),
        text("id"),
        text("url"),
        text("source"),
    ]))
}

/// Writes the dataset in `folder` to the new folder `output`, as one Parquet file per shard.
///
/// Every block is checked before it is copied. On failure nothing is left at `output`.
///
/// # Errors
/// The dataset cannot be read or is damaged, or `output` exists or cannot be written.
pub fn export_parquet(folder: &Path, output: &Path) -> Result<Summary> {
    let manifest = ShardManifest::read(folder)?;
    let staged = StagedFolder::create(output)?;
    let mut summary = Summary::default();
    let mut first = 0;
    for entry in &manifest.shards {
        let shard = Shard::open(folder, &manifest, entry)?;
        shard.check(0..shard.n_tokens())?;
        let name = format!("{}.parquet", entry.name);
        let failed = |message: String| TableError::Parquet { path: name.clone(), message };
        let mut writer =
            table_writer(staged.publish(&name)?, schema()).map_err(|e| failed(e.to_string()))?;
        let lengths = shard.document_tokens()?;
        let mut start = 0;
        for lengths in lengths.chunks(BATCH_DOCUMENTS) {
            let rows: Vec<u64> = (first..first + lengths.len() as u64).collect();
            // Without a table of documents the names are NULL.
            let names = documents(folder, Some(&rows))?.unwrap_or_default();
            let batch = batch(&shard, &mut start, lengths, &names)?;
            writer.write(&batch).map_err(|e| failed(e.to_string()))?;
            if writer.in_progress_size() > ROW_GROUP_BYTES_MAX {
                writer.flush().map_err(|e| failed(e.to_string()))?;
            }
            first += lengths.len() as u64;
        }
        let file = writer.into_inner().map_err(|e| failed(e.to_string()))?;
        summary.bytes_written += file.finish()?.bytes;
        summary.files += 1;
        summary.documents += entry.counts.documents;
        summary.tokens += entry.counts.tokens;
    }
    staged.finish()?;
    Ok(summary)
}

/// Documents of these lengths as rows, read from token `start` of a shard on; advances `start`.
fn batch(
    shard: &Shard,
    start: &mut u64,
    lengths: &[u32],
    names: &[DocumentRow],
) -> Result<RecordBatch> {
    let mut ids = ListBuilder::new(Int32Builder::new());
    let mut tokens = Vec::new();
    for length in lengths {
        tokens.resize(*length as usize, 0);
        shard.read(*start, &mut tokens);
        *start += u64::from(*length);
        ids.values().extend(tokens.iter().map(|id| Some(*id as i32)));
        ids.append(true);
    }
    let text = |of: fn(&DocumentRow) -> Option<&str>| -> ArrayRef {
        Arc::new((0..lengths.len()).map(|at| names.get(at).and_then(of)).collect::<StringArray>())
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(ids.finish()),
        text(|row| row.id.as_deref()),
        text(|row| row.url.as_deref()),
        text(|row| row.source.as_deref()),
    ];
    Ok(RecordBatch::try_new(schema(), columns).or_bug("columns of exported tokens")?)
}
