//! Shards: the tokens of all parts, in document order, cut into files of whole documents.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, BooleanArray, StringArray, UInt32Array, UInt64Array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use serde_json::json;
use store::Run;
use store::shards::{ShardManifest, TokenType, write_token_bytes};

use super::TOKENIZER;
use super::encode::Encoding;
use super::index::index_schema;
use super::stored::write_stored;
use super::written::{FOLDER, TASK, WrittenShards};
use crate::error::{PipelineError, Result};
use crate::observer::Observer;
use crate::pretrain::token_bytes_table;
use crate::recipe::ShardsTable;
use crate::table::TableWriter;

/// Writes what is left of the shards of the encoded parts, `docs.parquet`, the table of token bytes and
/// `shards.json`.
pub(crate) fn write_shards(
    run: &Run,
    table: &ShardsTable,
    encoding: &Encoding,
    parts: &[usize],
    observer: &dyn Observer,
) -> Result<ShardManifest> {
    if let Some(done) = run.done(TASK) {
        return serde_json::from_value(done)
            .map_err(|e| PipelineError::Unbalanced(format!("shards in the journal: {e}")));
    }
    let start = Instant::now();
    let tokenizer = encoding.tokenizer();
    let vocab_size = tokenizer.vocab_size();
    let written = match encoding.in_turn() {
        Some(in_turn) => in_turn.finish(run)?,
        None => write_stored(run, vocab_size, table.shard_tokens, parts, observer)?,
    };
    let path = run.path(TOKENIZER);
    let failed = |source| PipelineError::Read { path: path.display().to_string(), source };
    let json = std::fs::read(&path).map_err(failed)?;
    let mut files = vec![
        run.publish_bytes(&format!("{FOLDER}/{TOKENIZER}"), &json)?,
        write_documents(run, &written)?,
        write_token_bytes(run, FOLDER, &token_bytes_table(tokenizer))?,
    ];
    let manifest = ShardManifest {
        schema: ShardManifest::SCHEMA.into(),
        root: String::new(),
        token_type: TokenType::for_vocabulary(vocab_size),
        vocab_size,
        begin_of_text: None,
        end_of_text: tokenizer.end_of_text(),
        tokenizer_blake3: Some(store::digest(&json)),
        validation: Some(encoding.rule().clone()),
        sources: Vec::new(),
        files: files.clone(),
        shards: written.entries,
    };
    let manifest = manifest.seal();
    let path = format!("{FOLDER}/{}", ShardManifest::FILE);
    files.push(run.publish_bytes(&path, &manifest.to_json()?)?);
    run.complete(TASK, files, json!(manifest))?;
    encoding.writing.add_since(start);
    let (encoded, written) = (encoding.tokenizing.seconds(), encoding.writing.seconds());
    tracing::debug!("threads encoded for {encoded:.3} s and wrote tokens for {written:.3} s");
    Ok(manifest)
}

/// Columns of `shards/docs.parquet`: `split`, `shard`, `document` (its number in the shard),
/// `token_start` (in the shard), `n_tokens` (end-of-text included), `n_bytes`, `doc_id`, `id`, `url`,
/// `source`, `hash`.
fn documents_schema() -> SchemaRef {
    let number = |name: &str, data_type| Field::new(name, data_type, false);
    let mut fields = vec![
        Field::new("split", DataType::Utf8, false),
        number("shard", DataType::UInt32),
        number("document", DataType::UInt32),
        number("token_start", DataType::UInt64),
    ];
    for name in ["n_tokens", "n_bytes", "doc_id", "id", "url", "source", "hash"] {
        fields.extend(index_schema().field_with_name(name).cloned());
    }
    Arc::new(Schema::new(fields))
}

fn write_documents(run: &Run, written: &WrittenShards) -> Result<store::FileEntry> {
    let path = format!("{FOLDER}/docs.parquet");
    let mut table = TableWriter::create(run, &path, documents_schema())?;
    for shard in &written.planned {
        let (mut document, mut token_start) = (0, 0);
        for (part, rows) in &shard.takes {
            let index = &written.indexes[part];
            let belongs = |row: &usize| index.split(*row) == shard.split;
            let mut starts = Vec::new();
            for row in rows.clone().filter(belongs) {
                starts.push(token_start);
                token_start += index.n_tokens(row);
            }
            let wanted: BooleanArray = rows.clone().map(|row| Some(belongs(&row))).collect();
            let own = filter_record_batch(&index.rows().slice(rows.start, rows.len()), &wanted)
                .map_err(|e| PipelineError::Sql(e.into()))?;
            let n = own.num_rows();
            let mut columns: Vec<ArrayRef> = vec![
                Arc::new(StringArray::from(vec![shard.split.as_str(); n])),
                Arc::new(UInt32Array::from(vec![shard.number as u32; n])),
                Arc::new((document..document + n as u32).collect::<UInt32Array>()),
                Arc::new(UInt64Array::from(starts)),
            ];
            document += n as u32;
            for field in documents_schema().fields().iter().skip(4) {
                columns.extend(own.column_by_name(field.name()).cloned());
            }
            let batch = RecordBatch::try_new(documents_schema(), columns)
                .map_err(|e| PipelineError::Sql(e.into()))?;
            table.write(&batch)?;
        }
    }
    table.finish()
}
