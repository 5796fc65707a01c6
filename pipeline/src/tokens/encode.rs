//! Encoding the documents of one part, as they stream by or out of their file.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use encoder::{AnyEncoder, AnyTokenizer};
use sql::{DOC_ID, TEXT};
use store::shards::{TokenType, ValidationRule};
use store::{FileEntry, Run};

use super::in_turn::InTurn;
use super::index::{IndexRows, column};
use super::stored::StoredPart;
use crate::error::{PipelineError, Result};
use crate::observer::Observer;
use crate::table::{read_table, table_schema};

/// The task's name in the journal.
pub(crate) fn tokens_task(part: usize) -> String {
    format!("tokens/part-{part:05}")
}

/// How documents are encoded, for all threads.
pub(crate) struct Encoding {
    tokenizer: AnyTokenizer,
    end_of_text: u32,
    rule: ValidationRule,
    /// Those that wait for a part.
    spare: Mutex<Vec<Workspace>>,
    /// Where the tokens go, if they are not stored part by part.
    in_turn: Option<InTurn>,
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
            in_turn: None,
            tokenizing: Stopwatch::default(),
            writing: Stopwatch::default(),
        })
    }

    /// Writes shards while parts are encoded, each of which must be, lower ones first; what waits for its turn
    /// follows the run's memory.
    pub(crate) fn write_in_turn(
        &mut self,
        run: &Run,
        shard_tokens: u64,
        memory_bytes: u64,
    ) -> Result<()> {
        let vocab_size = self.tokenizer.vocab_size();
        self.in_turn = Some(InTurn::new(run, vocab_size, shard_tokens, memory_bytes)?);
        Ok(())
    }

    /// Where tokens go that are not stored part by part.
    pub(crate) fn in_turn(&self) -> Option<&InTurn> {
        self.in_turn.as_ref()
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

/// Encodes the documents of one part, each ended by the end-of-text token.
pub(crate) struct PartEncoder<'a> {
    run: &'a Run,
    encoding: &'a Encoding,
    workspace: Option<Workspace>,
    token_type: TokenType,
    output: Output<'a>,
}

/// Where a part's tokens go.
enum Output<'a> {
    Stored(Box<StoredPart>),
    InTurn { in_turn: &'a InTurn, part: usize },
}

impl<'a> Output<'a> {
    fn create(run: &Run, encoding: &'a Encoding, part: usize) -> Result<Self> {
        match encoding.in_turn() {
            Some(in_turn) => Ok(Self::InTurn { in_turn, part }),
            None => Ok(Self::Stored(StoredPart::create(run, part)?.into())),
        }
    }

    /// Takes documents; the payload may be gone afterwards.
    fn add(&mut self, run: &Run, payload: &mut Vec<u8>, index: RecordBatch) -> Result<()> {
        match self {
            Self::Stored(part) => part.add(payload, &index),
            Self::InTurn { in_turn, part } => in_turn.add(run, *part, payload, index),
        }
    }

    fn finish(self, run: &Run) -> Result<Vec<FileEntry>> {
        match self {
            Self::Stored(part) => part.finish(),
            Self::InTurn { in_turn, part } => in_turn.end(run, part).map(|()| Vec::new()),
        }
    }
}

impl<'a> PartEncoder<'a> {
    pub(crate) fn create(run: &'a Run, encoding: &'a Encoding, part: usize) -> Result<Self> {
        let spare = encoding.lock().pop();
        let new = || Workspace {
            encoder: encoding.tokenizer.encoder(),
            ids: Vec::new(),
            payload: Vec::new(),
        };
        Ok(Self {
            run,
            encoding,
            workspace: Some(spare.unwrap_or_else(new)),
            token_type: TokenType::for_vocabulary(encoding.tokenizer.vocab_size()),
            output: Output::create(run, encoding, part)?,
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
        }
        self.encoding.tokenizing.add_since(start);
        let start = Instant::now();
        let index = rows.finish(&without(documents, &left_out)?)?;
        self.output.add(self.run, payload, index)?;
        self.encoding.writing.add_since(start);
        Ok(left_out)
    }

    /// Publishes what is stored of the part, and returns its files.
    pub(crate) fn finish(mut self) -> Result<Vec<FileEntry>> {
        self.encoding.lock().extend(self.workspace.take());
        let start = Instant::now();
        let files = self.output.finish(self.run)?;
        self.encoding.writing.add_since(start);
        Ok(files)
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
    let files = encoder.finish()?;
    Ok(run.complete(&tokens_task(part), files, serde_json::json!(null))?)
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
