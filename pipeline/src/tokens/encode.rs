//! Encoding the documents of one part, as they leave the last segment or from the part's file.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use bug::Bug;
use encoder::{AnyEncoder, AnyTokenizer};
use shards::dataset::{TokenType, ValidationRule};
use sql::{DOC_ID, TEXT};
use store::{FileEntry, Observer, Run};
use tables::{read_table, table_schema};

use super::index::{IndexRows, column};
use super::ordered::OrderedShardWriter;
use super::stored::StoredPart;
use crate::error::{PipelineError, Result};

/// The journal's task of encoding a part.
pub(crate) fn tokens_task(part: usize) -> String {
    format!("tokens/part-{part:05}")
}

/// How documents are encoded; shared by all threads.
pub(crate) struct Encoding {
    tokenizer: AnyTokenizer,
    end_of_text: u32,
    rule: ValidationRule,
    /// Workspaces that no part uses at the moment.
    spare: Mutex<Vec<Workspace>>,
    /// Receives the tokens, unless they are stored part by part.
    ordered: Option<OrderedShardWriter>,
    /// Time spent encoding, summed over threads.
    pub(super) tokenizing: Stopwatch,
    /// Time spent writing tokens, summed over threads.
    pub(super) writing: Stopwatch,
}

/// The state of one encoding thread.
struct Workspace {
    /// Remembers the words that it has encoded, so it is worth reusing.
    encoder: AnyEncoder,
    ids: Vec<u32>,
    payload: Vec<u8>,
}

/// A sum of times that several threads measure.
#[derive(Default)]
pub(super) struct Stopwatch(AtomicU64);

impl Stopwatch {
    /// Adds the time since `start`.
    pub(super) fn add_since(&self, start: Instant) {
        self.0.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }

    /// The sum in seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64 / 1e9
    }
}

impl Encoding {
    /// Encodes with `tokenizer` and holds out `validation_fraction` of the documents for
    /// validation.
    ///
    /// # Errors
    /// [`PipelineError::NoEndOfText`] when the tokenizer has no token that ends a text.
    pub(crate) fn new(tokenizer: AnyTokenizer, validation_fraction: f64) -> Result<Self> {
        let end_of_text = tokenizer.end_of_text().ok_or(PipelineError::NoEndOfText)?;
        let rule = ValidationRule::new(validation_fraction);
        Ok(Self {
            tokenizer,
            end_of_text,
            rule,
            spare: Mutex::default(),
            ordered: None,
            tokenizing: Stopwatch::default(),
            writing: Stopwatch::default(),
        })
    }

    /// Writes shards while parts are encoded, see [`OrderedShardWriter`]. All parts must be
    /// encoded, those with lower numbers first. `memory_bytes` is the run's memory.
    ///
    /// # Errors
    /// The scratch folder cannot be created.
    pub(crate) fn write_in_order(
        &mut self,
        run: &Run,
        shard_tokens: u64,
        memory_bytes: u64,
    ) -> Result<()> {
        let vocab_size = self.tokenizer.vocab_size();
        self.ordered = Some(OrderedShardWriter::new(run, vocab_size, shard_tokens, memory_bytes)?);
        Ok(())
    }

    /// The writer that receives the tokens, unless they are stored part by part.
    pub(crate) fn ordered(&self) -> Option<&OrderedShardWriter> {
        self.ordered.as_ref()
    }

    /// The tokenizer.
    pub(crate) fn tokenizer(&self) -> &AnyTokenizer {
        &self.tokenizer
    }

    /// The rule that holds documents out.
    pub(super) fn rule(&self) -> &ValidationRule {
        &self.rule
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, Vec<Workspace>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Encodes the documents of one part, each followed by the end-of-text token.
pub(crate) struct PartEncoder<'a> {
    encoding: &'a Encoding,
    workspace: Workspace,
    token_type: TokenType,
    output: Output<'a>,
}

/// Where the tokens of a part go.
enum Output<'a> {
    Stored(Box<StoredPart>),
    Ordered { writer: &'a OrderedShardWriter, part: usize },
}

impl<'a> Output<'a> {
    fn create(run: &Run, encoding: &'a Encoding, part: usize) -> Result<Self> {
        match encoding.ordered() {
            Some(writer) => Ok(Self::Ordered { writer, part }),
            None => Ok(Self::Stored(StoredPart::create(run, part)?.into())),
        }
    }

    /// Adds documents. The payload's content is unspecified afterwards.
    fn add(&mut self, payload: &mut Vec<u8>, index: RecordBatch) -> Result<()> {
        match self {
            Self::Stored(part) => part.add(payload, &index),
            Self::Ordered { writer, part } => writer.add(*part, payload, index),
        }
    }

    fn finish(self) -> Result<Vec<FileEntry>> {
        match self {
            Self::Stored(part) => part.finish(),
            Self::Ordered { writer, part } => writer.end(part).map(|()| Vec::new()),
        }
    }
}

impl<'a> PartEncoder<'a> {
    /// Starts to encode part `part`.
    ///
    /// # Errors
    /// A file cannot be created.
    pub(crate) fn create(run: &Run, encoding: &'a Encoding, part: usize) -> Result<Self> {
        let spare = encoding.spare().pop();
        let new = || Workspace {
            encoder: encoding.tokenizer.encoder(),
            ids: Vec::new(),
            payload: Vec::new(),
        };
        Ok(Self {
            encoding,
            workspace: spare.unwrap_or_else(new),
            token_type: TokenType::for_vocabulary(encoding.tokenizer.vocab_size()),
            output: Output::create(run, encoding, part)?,
        })
    }

    /// Encodes the documents. Skips those that the tokenizer has no tokens for and returns their
    /// rows, in rising order.
    ///
    /// # Errors
    /// A column has an unexpected type, or the tokens cannot be written.
    pub(crate) fn add(&mut self, documents: &RecordBatch) -> Result<Vec<u32>> {
        let mut skipped = Vec::new();
        let Workspace { encoder, ids, payload } = &mut self.workspace;
        let texts = column(documents, TEXT, &DataType::LargeUtf8)?;
        let mut rows = IndexRows::default();
        payload.clear();
        let start = Instant::now();
        for (row, text) in (0..).zip(texts.as_string::<i64>()) {
            // A document without a text is an empty one.
            let text = text.unwrap_or("");
            ids.clear();
            match encoder.encode(text, ids) {
                Err(error) if error.is_of_text() => {
                    skipped.push(row);
                    continue;
                }
                result => result?,
            }
            ids.push(self.encoding.end_of_text);
            self.token_type.extend(payload, ids);
            rows.add(text, ids.len(), &self.encoding.rule);
        }
        self.encoding.tokenizing.add_since(start);
        let start = Instant::now();
        let index = rows.finish(&without(documents, &skipped)?)?;
        self.output.add(payload, index)?;
        self.encoding.writing.add_since(start);
        Ok(skipped)
    }

    /// Publishes the part's files, if it is stored, and returns them.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) fn finish(self) -> Result<Vec<FileEntry>> {
        self.encoding.spare().push(self.workspace);
        let start = Instant::now();
        let files = self.output.finish()?;
        self.encoding.writing.add_since(start);
        Ok(files)
    }
}

/// Encodes the documents in `file` and records the task.
///
/// # Errors
/// The file cannot be read, the tokens cannot be written, or the observer asked to stop. It is a
/// bug if the tokenizer cannot encode a document that it was trained on.
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
            let what = "the tokenizer that was trained on the documents cannot encode one";
            return Err(Bug::new(what).into());
        }
    }
    let files = encoder.finish()?;
    Ok(run.complete(&tokens_task(part), files, serde_json::json!(null))?)
}

/// The batch without the rows `rows`, which must be in rising order.
///
/// # Errors
/// A column has a type that Arrow cannot filter.
pub(crate) fn without(batch: &RecordBatch, rows: &[u32]) -> Result<RecordBatch> {
    if rows.is_empty() {
        return Ok(batch.clone());
    }
    let is_kept = |row| Some(rows.binary_search(&row).is_err());
    let kept: BooleanArray = (0..batch.num_rows() as u32).map(is_kept).collect();
    Ok(filter_record_batch(batch, &kept)?)
}
