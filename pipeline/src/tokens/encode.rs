//! Encoding the documents of one part, as they stream by or out of their file.

use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray, UInt32Array, UInt64Array};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use encoder::{AnyEncoder, AnyTokenizer};
use sql::{DOC_ID, TEXT};
use store::shards::{TokenType, ValidationRule};
use store::{FileEntry, Publication, Run, StoreError};

use crate::error::{PipelineError, Result};
use crate::observer::Observer;
use crate::table::{TableWriter, read_table, table_schema};

/// The task's name in the journal.
pub(crate) fn tokens_task(part: usize) -> String {
    format!("tokens/part-{part:05}")
}

/// Tokens of a part as shards hold them, documents one after another.
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

/// How documents are encoded, for all threads.
pub(crate) struct Encoding {
    tokenizer: AnyTokenizer,
    end_of_text: u32,
    rule: ValidationRule,
    /// Those that wait for a part.
    spare: Mutex<Vec<Workspace>>,
    /// How long all threads together have encoded, and written what they encoded.
    pub(super) tokenizing: Stopwatch,
    pub(super) writing: Stopwatch,
}

/// What a thread encodes with.
struct Workspace {
    /// It remembers the words that it has met.
    encoder: AnyEncoder,
    ids: Vec<u32>,
    payload: Vec<u8>,
}

/// Adds up what threads measure.
#[derive(Default)]
pub(super) struct Stopwatch(AtomicU64);

impl Stopwatch {
    /// Adds the time since `start`.
    pub(super) fn add_since(&self, start: Instant) {
        self.0.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }

    /// Seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64 / 1e9
    }
}

impl Encoding {
    /// Encodes with `tokenizer`, which must have a token that ends a text.
    pub(crate) fn new(tokenizer: AnyTokenizer, validation_fraction: f64) -> Result<Self> {
        let end_of_text = tokenizer.end_of_text().ok_or_else(|| {
            PipelineError::Empty(
                "the tokenizer has no token that ends a text; give it one with \
                 `special_tokens = [\"<|endoftext|>\"]`"
                    .into(),
            )
        })?;
        let rule = ValidationRule::new(validation_fraction);
        Ok(Self {
            tokenizer,
            end_of_text,
            rule,
            spare: Mutex::default(),
            tokenizing: Stopwatch::default(),
            writing: Stopwatch::default(),
        })
    }

    /// The tokenizer.
    pub(crate) fn tokenizer(&self) -> &AnyTokenizer {
        &self.tokenizer
    }

    /// Which documents are held out.
    pub(super) fn rule(&self) -> &ValidationRule {
        &self.rule
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Workspace>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Documents and tokens.
pub(crate) type Encoded = (u64, u64);

/// Encodes the documents of one part, each ended by the end-of-text token.
pub(crate) struct PartEncoder<'a> {
    encoding: &'a Encoding,
    workspace: Option<Workspace>,
    token_type: TokenType,
    path: String,
    payload: Publication,
    index: TableWriter,
    encoded: Encoded,
}

impl<'a> PartEncoder<'a> {
    pub(crate) fn create(run: &Run, encoding: &'a Encoding, part: usize) -> Result<Self> {
        let path = payload_path(part);
        let spare = encoding.lock().pop();
        let new = || Workspace {
            encoder: encoding.tokenizer.encoder(),
            ids: Vec::new(),
            payload: Vec::new(),
        };
        Ok(Self {
            encoding,
            workspace: Some(spare.unwrap_or_else(new)),
            token_type: TokenType::for_vocabulary(encoding.tokenizer.vocab_size()),
            payload: run.publish(&path)?,
            path,
            index: TableWriter::create_plain(run, &index_path(part), index_schema())?,
            encoded: (0, 0),
        })
    }

    /// Encodes the documents, but for the rows that it returns: the tokenizer has no tokens for something in
    /// their texts.
    pub(crate) fn add(&mut self, documents: &RecordBatch) -> Result<Vec<u32>> {
        let mut left_out = Vec::new();
        let Some(Workspace { encoder, ids, payload }) = &mut self.workspace else {
            return Ok(left_out);
        };
        let texts = column(documents, TEXT, &DataType::LargeUtf8)?;
        let mut rows = IndexRows::default();
        payload.clear();
        let start = Instant::now();
        for (row, text) in (0..).zip(texts.as_string::<i64>()) {
            let text = text.unwrap_or_default();
            ids.clear();
            match encoder.encode(text, ids) {
                Err(error) if error.is_of_text() => {
                    left_out.push(row);
                    continue;
                }
                result => result?,
            }
            ids.push(self.encoding.end_of_text);
            self.token_type.extend(payload, ids);
            rows.add(text, ids.len(), &self.encoding.rule);
            self.encoded.1 += ids.len() as u64;
        }
        self.encoding.tokenizing.add_since(start);
        let start = Instant::now();
        let failed = |e| StoreError::io(&self.path, "write", e);
        self.payload.write_all(payload).map_err(failed)?;
        self.encoded.0 += (documents.num_rows() - left_out.len()) as u64;
        let documents = &without(documents, &left_out)?;
        self.index.write(&rows.finish(documents)?)?;
        self.encoding.writing.add_since(start);
        Ok(left_out)
    }

    /// Publishes tokens and index.
    pub(crate) fn finish(mut self) -> Result<(Encoded, Vec<FileEntry>)> {
        self.encoding.lock().extend(self.workspace.take());
        let start = Instant::now();
        let files = vec![self.payload.finish()?, self.index.finish()?];
        self.encoding.writing.add_since(start);
        Ok((self.encoded, files))
    }
}

/// Encodes the documents in `file` and records the task.
pub(crate) fn encode_part(
    run: &Run,
    encoding: &Encoding,
    file: &Path,
    part: usize,
    observer: &dyn Observer,
) -> Result<()> {
    let mut encoder = PartEncoder::create(run, encoding, part)?;
    let schema = table_schema(file)?;
    let columns = [DOC_ID, "id", "url", "source", TEXT];
    let columns: Vec<&str> =
        columns.into_iter().filter(|name| schema.field_with_name(name).is_ok()).collect();
    for batch in read_table(file, Some(&columns))? {
        if observer.should_stop() {
            return Err(PipelineError::Stopped);
        }
        if !encoder.add(&batch?)?.is_empty() {
            let message = "the tokenizer that was trained on the documents cannot encode one";
            return Err(PipelineError::Unbalanced(message.into()));
        }
    }
    let (encoded, files) = encoder.finish()?;
    Ok(run.complete(&tokens_task(part), files, serde_json::json!(encoded))?)
}

/// The batch without some of its rows, which are in rising order.
pub(crate) fn without(batch: &RecordBatch, rows: &[u32]) -> Result<RecordBatch> {
    if rows.is_empty() {
        return Ok(batch.clone());
    }
    let is_kept = |row| Some(rows.binary_search(&row).is_err());
    let kept: BooleanArray = (0..batch.num_rows() as u32).map(is_kept).collect();
    filter_record_batch(batch, &kept).map_err(|e| PipelineError::Sql(e.into()))
}

#[derive(Default)]
struct IndexRows {
    validation: Vec<bool>,
    n_bytes: Vec<u64>,
    n_tokens: Vec<u32>,
    hashes: Vec<u64>,
}

impl IndexRows {
    fn add(&mut self, text: &str, n_tokens: usize, rule: &ValidationRule) {
        let hash = text::hash::xxh3(text);
        // Equal texts fall on the same side, so that no copy of a held-out text is learnt.
        self.validation.push(rule.holds_out(hash));
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
