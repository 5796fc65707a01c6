//! The dataset of a run: its shards, the files beside them, and the description.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, BooleanArray, StringArray, UInt32Array, UInt64Array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use bug::OrBug as _;
use serde_json::json;
use shards::dataset::{ShardManifest, write_token_bytes};
use store::layout::{SHARD_DOCUMENTS, SHARDS, TOKENIZER};
use store::{FileEntry, Observer, Publish as _, Run};
use tables::TableWriter;
use training::token_bytes_table;

use super::encode::Encoding;
use super::index::{Index, index_schema};
use super::placement::{PlacedShard, PlacedShards};
use super::stored::write_stored;
use crate::error::{PipelineError, Result};
use crate::recipe::ShardsTable;

/// The journal's task of the whole dataset.
const TASK: &str = "shards";

/// Writes the dataset of the encoded parts: the shards that are not written yet, the tokenizer,
/// `docs.parquet`, the table of token bytes and `shards.json`.
///
/// # Errors
/// A stored part cannot be read, a file cannot be written, or the observer asked to stop.
pub(crate) fn write_shards(
    run: &Run,
    table: &ShardsTable,
    encoding: &Encoding,
    parts: &[usize],
    observer: &dyn Observer,
) -> Result<ShardManifest> {
    if let Some(manifest) = run.result(TASK)? {
        return Ok(manifest);
    }
    let start = Instant::now();
    let tokenizer = encoding.tokenizer();
    let vocab_size = tokenizer.vocab_size();
    let written = match encoding.ordered() {
        Some(writer) => writer.finish()?,
        None => write_stored(run, vocab_size, table.shard_tokens, parts, observer)?,
    };
    let path = run.path(TOKENIZER);
    let failed = |source| PipelineError::Read { path: path.display().to_string(), source };
    let json = std::fs::read(&path).map_err(failed)?;
    let folder = run.folder(SHARDS);
    // Keep this order: the manifest's root digest depends on it.
    let beside = vec![
        folder.publish_bytes(ShardManifest::TOKENIZER, &json)?,
        write_documents(run, &written)?,
        write_token_bytes(&folder, &token_bytes_table(tokenizer))?,
    ];
    let manifest = ShardManifest {
        end_of_text: tokenizer.end_of_text(),
        tokenizer_blake3: Some(store::digest(&json)),
        validation: Some(encoding.rule().clone()),
        files: beside.clone(),
        shards: written.entries,
        ..ShardManifest::new(vocab_size)
    };
    let (manifest, description) = manifest.publish(&folder)?;
    let files = written.files.into_iter().chain(beside).chain([description]).collect();
    run.complete(TASK, files, json!(manifest))?;
    encoding.writing.add_since(start);
    let (encoded, written) = (encoding.tokenizing.seconds(), encoding.writing.seconds());
    tracing::debug!("threads encoded for {encoded:.3} s and wrote tokens for {written:.3} s");
    Ok(manifest)
}

/// Columns of the index that `docs.parquet` repeats.
const INDEX_COLUMNS: [&str; 7] = ["n_tokens", "n_bytes", "doc_id", "id", "url", "source", "hash"];

/// Columns of `docs.parquet`: `split`, `shard`, `document` (its number in the shard), `token_start`
/// (in the shard), `n_tokens` (including end-of-text), `n_bytes`, `doc_id`, `id`, `url`, `source`,
/// `hash`.
fn documents_schema() -> SchemaRef {
    let field = |name: &str, data_type| Field::new(name, data_type, false);
    let mut fields = vec![
        field("split", DataType::Utf8),
        field("shard", DataType::UInt32),
        field("document", DataType::UInt32),
        field("token_start", DataType::UInt64),
    ];
    for name in INDEX_COLUMNS {
        fields.extend(index_schema().field_with_name(name).cloned());
    }
    Arc::new(Schema::new(fields))
}

/// Writes `docs.parquet`, a row per document in the order of the shards.
fn write_documents(run: &Run, written: &PlacedShards) -> Result<FileEntry> {
    let mut table = TableWriter::create(run, SHARD_DOCUMENTS, documents_schema())?;
    for shard in &written.placed {
        let (mut document, mut token_start) = (0, 0);
        for (part, rows) in &shard.rows {
            let index = written.indexes.get(part).or_bug("a shard's part has an index")?;
            let mut starts = Vec::new();
            for row in rows.clone().filter(|row| index.split(*row) == shard.split) {
                starts.push(token_start);
                token_start += index.n_tokens(row);
            }
            let n_documents = starts.len() as u32;
            table.write(&documents_batch(shard, index, rows.clone(), document, starts)?)?;
            document += n_documents;
        }
    }
    Ok(table.finish()?)
}

/// The rows of `docs.parquet` for those rows of a part that belong to the shard's half. `document`
/// is the number of the first document in the shard; `starts` holds the first token of each
/// document.
fn documents_batch(
    shard: &PlacedShard,
    index: &Index,
    rows: std::ops::Range<usize>,
    document: u32,
    starts: Vec<u64>,
) -> Result<RecordBatch> {
    let n = starts.len();
    let belongs: BooleanArray =
        rows.clone().map(|row| Some(index.split(row) == shard.split)).collect();
    let own = filter_record_batch(&index.rows().slice(rows.start, rows.len()), &belongs)?;
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![shard.split.as_str(); n])),
        Arc::new(UInt32Array::from(vec![shard.number as u32; n])),
        Arc::new((document..document + n as u32).collect::<UInt32Array>()),
        Arc::new(UInt64Array::from(starts)),
    ];
    for name in INDEX_COLUMNS {
        columns.extend(own.column_by_name(name).cloned());
    }
    Ok(RecordBatch::try_new(documents_schema(), columns)?)
}
