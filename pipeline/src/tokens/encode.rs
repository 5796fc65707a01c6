//! Encoding the documents of one part.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray, UInt32Array, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use sql::{DOC_ID, TEXT};
use store::{Run, StoreError};
use tokenizer::{Encoder, Tokenizer};

use crate::error::{PipelineError, Result};
use crate::observer::Observer;
use crate::table::{TableWriter, read_table, table_schema};

/// The task's name in the journal.
pub(crate) fn tokens_task(part: usize) -> String {
    format!("tokens/part-{part:05}")
}

/// Tokens of a part: u32, little-endian, documents one after another.
pub(super) fn payload_path(part: usize) -> String {
    format!("work/tokens/part-{part:05}.bin")
}

/// The documents of a part: who they are and how many tokens they have.
pub(super) fn index_path(part: usize) -> String {
    format!("work/tokens/part-{part:05}.parquet")
}

/// Columns of the index: `doc_id`, `id`, `url`, `source`, `validation`, `n_bytes`, `n_tokens`,
/// `hash` (xxh3 of the text).
pub(super) fn index_schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        Field::new(DOC_ID, DataType::UInt64, false),
        text("id"),
        text("url"),
        text("source"),
        Field::new("validation", DataType::Boolean, false),
        Field::new("n_bytes", DataType::UInt64, false),
        Field::new("n_tokens", DataType::UInt32, false),
        Field::new("hash", DataType::UInt64, false),
    ]))
}

/// Encodes the documents in `file`, each ended by the end-of-text token, and records the task.
/// Returns documents and tokens.
pub(crate) fn encode_part(
    run: &Run,
    tokenizer: &Tokenizer,
    file: &Path,
    part: usize,
    validation_fraction: f64,
    observer: &dyn Observer,
) -> Result<(u64, u64)> {
    let end_of_text = tokenizer.end_of_text().ok_or_else(|| {
        PipelineError::Empty(
            "the tokenizer has no token that ends a text; give it one with \
             `special_tokens = [\"<|endoftext|>\"]`"
                .into(),
        )
    })?;
    let mut encoder = Encoder::new(tokenizer);
    let mut payload = run.publish(&payload_path(part))?;
    let mut index = TableWriter::create(run, &index_path(part), index_schema())?;
    let (mut documents, mut tokens) = (0, 0);
    let (mut ids, mut bytes) = (Vec::new(), Vec::new());
    let schema = table_schema(file)?;
    let columns = [DOC_ID, "id", "url", "source", TEXT];
    let columns: Vec<&str> =
        columns.into_iter().filter(|name| schema.field_with_name(name).is_ok()).collect();
    for batch in read_table(file, Some(&columns))? {
        if observer.should_stop() {
            return Err(PipelineError::Stopped);
        }
        let batch = batch?;
        let mut rows = IndexRows::default();
        let texts = column(&batch, TEXT, &DataType::LargeUtf8)?;
        for text in texts.as_string::<i64>() {
            let text = text.unwrap_or_default();
            ids.clear();
            encoder.encode(text, &mut ids);
            ids.push(end_of_text);
            bytes.clear();
            bytes.extend(ids.iter().flat_map(|id| id.to_le_bytes()));
            payload
                .write_all(&bytes)
                .map_err(|e| StoreError::io(payload_path(part), "write", e))?;
            rows.add(text, ids.len(), validation_fraction);
            tokens += ids.len() as u64;
        }
        documents += batch.num_rows() as u64;
        index.write(&rows.finish(&batch)?)?;
    }
    let files = vec![payload.finish()?, index.finish()?];
    run.complete(&tokens_task(part), files, serde_json::json!([documents, tokens]))?;
    Ok((documents, tokens))
}

#[derive(Default)]
struct IndexRows {
    validation: Vec<bool>,
    n_bytes: Vec<u64>,
    n_tokens: Vec<u32>,
    hashes: Vec<u64>,
}

impl IndexRows {
    fn add(&mut self, text: &str, n_tokens: usize, validation_fraction: f64) {
        let hash = text::hash::xxh3(text);
        // Equal texts fall on the same side, so that no copy of a held-out text is learnt.
        let place = (hash >> 11) as f64 / (1u64 << 53) as f64;
        self.validation.push(place < validation_fraction);
        self.n_bytes.push(text.len() as u64);
        self.n_tokens.push(n_tokens as u32);
        self.hashes.push(hash);
    }

    fn finish(self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns: Vec<ArrayRef> = vec![
            column(batch, DOC_ID, &DataType::UInt64)?,
            column(batch, "id", &DataType::Utf8)?,
            column(batch, "url", &DataType::Utf8)?,
            column(batch, "source", &DataType::Utf8)?,
            Arc::new(BooleanArray::from(self.validation)),
            Arc::new(UInt64Array::from(self.n_bytes)),
            Arc::new(UInt32Array::from(self.n_tokens)),
            Arc::new(UInt64Array::from(self.hashes)),
        ];
        RecordBatch::try_new(index_schema(), columns).map_err(|e| PipelineError::Sql(e.into()))
    }
}

fn column(batch: &RecordBatch, name: &str, as_type: &DataType) -> Result<ArrayRef> {
    match batch.column_by_name(name) {
        Some(column) => cast(column, as_type).map_err(|e| PipelineError::Sql(e.into())),
        None if *as_type == DataType::Utf8 => {
            Ok(Arc::new(StringArray::new_null(batch.num_rows())) as Arc<dyn Array>)
        }
        None => Err(PipelineError::Unbalanced(format!("documents without {name}"))),
    }
}
