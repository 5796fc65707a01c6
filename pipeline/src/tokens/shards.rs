//! Shards: the tokens of all parts, in document order, cut into files of whole documents.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    Array as _, ArrayRef, AsArray, BooleanArray, StringArray, UInt32Array, UInt64Array,
};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use rayon::prelude::*;
use serde_json::json;
use store::Run;
use store::shards::{
    Document, PAYLOAD_BYTES_MAX, ShardEntry, ShardManifest, ShardWriter, Split, TokenType,
    write_token_bytes,
};

use super::TOKENIZER;
use super::encode::{Encoding, index_path, index_schema, payload_path};
use crate::error::{PipelineError, Result};
use crate::observer::Observer;
use crate::pretrain::token_bytes_table;
use crate::recipe::ShardsTable;
use crate::table::{TableWriter, read_table};

/// The folder of shards in a run directory.
pub(crate) const FOLDER: &str = "shards";

/// The task's name in the journal.
const TASK: &str = "shards";

/// Bytes of documents that are read at once, or one longer document.
const READ_BYTES: u64 = 1 << 20;

/// A shard that is to be written: for each part the documents that it takes, by row.
struct PlannedShard {
    split: Split,
    number: usize,
    takes: Vec<(usize, Range<usize>)>,
}

/// Writes all shards, `docs.parquet`, the table of token bytes and `shards.json` from the encoded parts.
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
    let indexes = read_indexes(run, parts)?;
    let tokenizer = encoding.tokenizer();
    let vocab_size = tokenizer.vocab_size();
    let room = PAYLOAD_BYTES_MAX / TokenType::for_vocabulary(vocab_size).bytes();
    let planned = plan_shards(&indexes, table.shard_tokens.min(room));
    let shards: Vec<ShardEntry> = planned
        .par_iter()
        .with_max_len(1)
        .map(|shard| write_shard(run, shard, &indexes, vocab_size, observer))
        .collect::<Result<_>>()?;
    let path = run.path(TOKENIZER);
    let failed = |source| PipelineError::Read { path: path.display().to_string(), source };
    let json = std::fs::read(&path).map_err(failed)?;
    let mut files = vec![
        run.publish_bytes(&format!("{FOLDER}/{TOKENIZER}"), &json)?,
        write_documents(run, &planned, &indexes)?,
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
        shards,
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

/// The index of each part, by part. It has a row a document, not a row a token.
fn read_indexes(run: &Run, parts: &[usize]) -> Result<BTreeMap<usize, RecordBatch>> {
    let mut indexes = BTreeMap::new();
    for part in parts {
        let batches =
            read_table(&run.path(&index_path(*part)), None)?.collect::<Result<Vec<_>>>()?;
        let index =
            concat_batches(&index_schema(), &batches).map_err(|e| PipelineError::Sql(e.into()))?;
        indexes.insert(*part, index);
    }
    Ok(indexes)
}

fn n_tokens(index: &RecordBatch) -> &UInt32Array {
    index.column(6).as_primitive::<UInt32Type>()
}

fn is_validation(index: &RecordBatch) -> &BooleanArray {
    index.column(4).as_boolean()
}

fn belongs(index: &RecordBatch, row: usize, split: Split) -> bool {
    is_validation(index).value(row) == (split == Split::Validation)
}

/// Cuts each half so that a shard has `shard_tokens` at most, or one longer document.
fn plan_shards(indexes: &BTreeMap<usize, RecordBatch>, shard_tokens: u64) -> Vec<PlannedShard> {
    let mut planned = Vec::new();
    for split in [Split::Train, Split::Validation] {
        let mut open = PlannedShard { split, number: 0, takes: Vec::new() };
        let mut open_tokens = 0;
        for (part, index) in indexes {
            let mut start = 0;
            for row in 0..index.num_rows() {
                if !belongs(index, row, split) {
                    continue;
                }
                let tokens = u64::from(n_tokens(index).value(row));
                if open_tokens > 0 && open_tokens + tokens > shard_tokens {
                    open.takes.push((*part, start..row));
                    let number = open.number + 1;
                    planned.push(std::mem::replace(
                        &mut open,
                        PlannedShard { split, number, takes: Vec::new() },
                    ));
                    (start, open_tokens) = (row, 0);
                }
                open_tokens += tokens;
            }
            open.takes.push((*part, start..index.num_rows()));
        }
        if open_tokens > 0 {
            planned.push(open);
        }
    }
    planned
}

fn write_shard(
    run: &Run,
    shard: &PlannedShard,
    indexes: &BTreeMap<usize, RecordBatch>,
    vocab_size: usize,
    observer: &dyn Observer,
) -> Result<ShardEntry> {
    let task = format!("{TASK}/{}-{:05}", shard.split.as_str(), shard.number);
    if let Some(entry) = run.done(&task).and_then(|done| serde_json::from_value(done).ok()) {
        return Ok(entry);
    }
    let mut writer = ShardWriter::new(run, FOLDER, shard.split, shard.number, vocab_size)?;
    let half = (shard.split, TokenType::for_vocabulary(vocab_size));
    for (part, rows) in &shard.takes {
        if observer.should_stop() {
            return Err(PipelineError::Stopped);
        }
        add_rows(&mut writer, run, *part, &indexes[part], rows.clone(), half)?;
    }
    let (entry, files) = writer.finish()?;
    run.complete(&task, files, json!(entry))?;
    Ok(entry)
}

/// Adds those of a part's rows that belong to the shard's half.
fn add_rows(
    writer: &mut ShardWriter<'_>,
    run: &Run,
    part: usize,
    index: &RecordBatch,
    rows: Range<usize>,
    (split, token_type): (Split, TokenType),
) -> Result<()> {
    let path = run.path(&payload_path(part));
    let failed = |source| PipelineError::Read { path: path.display().to_string(), source };
    let mut payload = File::open(&path).map_err(failed)?;
    let texts = |name: &str| index.column_by_name(name).map(AsArray::as_string::<i32>);
    let (ids, sources) = (texts("id"), texts("source"));
    let n_bytes = index.column_by_name("n_bytes").map(AsArray::as_primitive::<UInt64Type>);
    let width = token_type.bytes();
    let length = |row: usize| u64::from(n_tokens(index).value(row)) * width;
    let mut offset: u64 = (0..rows.start).map(length).sum();
    let mut bytes = Vec::new();
    let mut row = rows.start;
    while row < rows.end {
        let start = row;
        let mut n_read = 0;
        while row < rows.end
            && belongs(index, row, split)
            && (row == start || n_read + length(row) <= READ_BYTES)
        {
            n_read += length(row);
            row += 1;
        }
        bytes.resize(n_read as usize, 0);
        payload.seek(SeekFrom::Start(offset)).map_err(failed)?;
        payload.read_exact(&mut bytes).map_err(failed)?;
        let mut rest = &bytes[..];
        for row in start..row {
            let (own, later) = rest.split_at(length(row) as usize);
            rest = later;
            let bytes = n_bytes.map_or(0, |bytes| bytes.value(row));
            let (id, source) = (text_at(ids, row), text_at(sources, row));
            writer.add_payload(&Document { id, source, bytes, tokens: &[] }, own)?;
        }
        offset += n_read;
        while row < rows.end && !belongs(index, row, split) {
            offset += length(row);
            row += 1;
        }
    }
    Ok(())
}

/// The text in a row of a column, if there is one.
fn text_at(column: Option<&StringArray>, row: usize) -> &str {
    column.filter(|column| column.is_valid(row)).map_or("", |column| column.value(row))
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

fn write_documents(
    run: &Run,
    planned: &[PlannedShard],
    indexes: &BTreeMap<usize, RecordBatch>,
) -> Result<store::FileEntry> {
    let path = format!("{FOLDER}/docs.parquet");
    let mut table = TableWriter::create(run, &path, documents_schema())?;
    for shard in planned {
        let (mut document, mut token_start) = (0, 0);
        for (part, rows) in &shard.takes {
            let index = indexes[part].slice(rows.start, rows.len());
            let wanted: BooleanArray =
                (0..index.num_rows()).map(|row| Some(belongs(&index, row, shard.split))).collect();
            let index =
                filter_record_batch(&index, &wanted).map_err(|e| PipelineError::Sql(e.into()))?;
            let n = index.num_rows();
            let mut starts = Vec::with_capacity(n);
            for tokens in n_tokens(&index).values() {
                starts.push(token_start);
                token_start += u64::from(*tokens);
            }
            let mut columns: Vec<ArrayRef> = vec![
                Arc::new(StringArray::from(vec![shard.split.as_str(); n])),
                Arc::new(UInt32Array::from(vec![shard.number as u32; n])),
                Arc::new((document..document + n as u32).collect::<UInt32Array>()),
                Arc::new(UInt64Array::from(starts)),
            ];
            document += n as u32;
            for field in documents_schema().fields().iter().skip(4) {
                columns.extend(index.column_by_name(field.name()).cloned());
            }
            let batch = RecordBatch::try_new(documents_schema(), columns)
                .map_err(|e| PipelineError::Sql(e.into()))?;
            table.write(&batch)?;
        }
    }
    table.finish()
}
