//! One part of one segment: documents in, kept and dropped documents out, all accounted for.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, StringArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};
use sql::read::FaultReason;
use sql::{DOC_ID, Documents, Dropped, TEXT};
use store::{FileEntry, Run};

use crate::dedup::{Decision, KeyWriter, PartDecision, Texts, doc_ids};
use crate::documents::{Losses, PartDocuments, from_stored, stored_schema, to_stored};
use crate::error::{PipelineError, Result};
use crate::inputs::Inputs;
use crate::ledger::{Ledger, Outcome};
use crate::observer::Observer;
use crate::plan::{Plan, PlanStep};
use crate::table::{TableWriter, read_table};
use crate::tokens::{CountRun, Counting, Encoding, PartCounts, PartEncoder, without};

/// The stage name of what happens while reading.
const READING: &str = "read";

/// Everything that the parts of a run share.
pub(crate) struct Work<'a> {
    pub(crate) run: &'a Run,
    pub(crate) plan: &'a Plan,
    pub(crate) inputs: Arc<Inputs>,
    pub(crate) observer: &'a dyn Observer,
    /// How the words of the kept documents are counted, where a tokenizer is to be trained.
    pub(crate) counting: Option<&'a Counting>,
    /// How the kept documents are encoded, where the tokenizer is known before.
    pub(crate) encoding: Option<&'a Encoding>,
}

/// The result of a part, kept in the journal.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct PartResult {
    pub(crate) ledger: Ledger,
    /// Documents that leave the segment.
    pub(crate) documents: u64,
    /// Damaged records, for the limit on bad data; not pages that just have no text.
    pub(crate) bad: u64,
    /// Records read.
    pub(crate) read: u64,
    /// A few damaged records, to show.
    pub(crate) examples: Vec<String>,
    /// The counts of its words, if they were counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) counts: Vec<CountRun>,
}

/// The task's name in the journal.
pub(crate) fn task(step: usize, part: usize) -> String {
    format!("segment-{step}/part-{part:05}")
}

/// The file of documents that part `part` leaves after step `step`.
pub(crate) fn documents_path(plan: &Plan, step: usize, part: usize) -> String {
    if step + 1 == plan.steps.len() {
        format!("docs/part-{part:05}.parquet")
    } else {
        format!("work/segment-{step}/part-{part:05}.parquet")
    }
}

/// The file of keys for deduplication stage `stage` of step `step`.
pub(crate) fn keys_path(step: usize, stage: usize, part: usize) -> String {
    format!("work/keys-{step}-{stage}/part-{part:05}.parquet")
}

impl Work<'_> {
    /// Runs part `part` of step `step`; `decisions` are those of the deduplication before it.
    pub(crate) fn run_part(
        &self,
        step: usize,
        part: usize,
        decisions: &[Decision],
    ) -> Result<PartResult> {
        let mut output = PartOutput::create(self, step, part)?;
        let losses = Arc::new(Mutex::new(Losses::default()));
        // Documents that deduplication drops are written as the stream passes them.
        let duplicates = Arc::new(Mutex::new(Vec::new()));
        let documents = self.documents(step, part, decisions, &losses, &duplicates)?;
        {
            let output = Mutex::new(&mut output);
            let segment = &self.plan.steps[step].segment;
            let lock = || output.lock().unwrap_or_else(PoisonError::into_inner);
            segment.run(
                documents,
                |documents| {
                    let mut output = lock();
                    take(&duplicates).iter().try_for_each(|d| output.leave(d))?;
                    output.keep(&documents)
                },
                |dropped| lock().leave(&dropped),
            )?;
        }
        take(&duplicates).iter().try_for_each(|d| output.leave(d))?;
        output.lose(&losses.lock().unwrap_or_else(PoisonError::into_inner))?;
        output.finish(part)
    }

    /// The documents that enter a step, those that deduplication dropped taken out.
    fn documents(
        &self,
        step: usize,
        part: usize,
        decisions: &[Decision],
        losses: &Arc<Mutex<Losses>>,
        duplicates: &Arc<Mutex<Vec<Dropped>>>,
    ) -> Result<Box<dyn Iterator<Item = Result<Documents>> + Send>> {
        if step == 0 {
            let documents = PartDocuments::new(self.inputs.clone(), part, losses.clone());
            return Ok(Box::new(documents));
        }
        let decisions: Vec<PartDecision> =
            decisions.iter().map(|decision| decision.for_part(part)).collect::<Result<_>>()?;
        let duplicates = duplicates.clone();
        let survivors = self.entering(step, part)?.map(move |documents| {
            let mut documents = documents?;
            for decision in &decisions {
                let (kept, left) = decision.apply(documents)?;
                documents = kept;
                duplicates.lock().unwrap_or_else(PoisonError::into_inner).extend(left);
            }
            Ok(documents)
        });
        Ok(Box::new(survivors))
    }

    /// The documents that step `step`, which is not the first, finds.
    fn entering(
        &self,
        step: usize,
        part: usize,
    ) -> Result<Box<dyn Iterator<Item = Result<Documents>> + Send>> {
        if !self.plan.steps[step - 1].stores {
            // What was lost in reading has been accounted for.
            let losses = Arc::default();
            return Ok(Box::new(PartDocuments::new(self.inputs.clone(), part, losses)));
        }
        let path = self.run.path(&documents_path(self.plan, step - 1, part));
        Ok(Box::new(read_table(&path, None)?.map(|batch| from_stored(&batch?))))
    }

    /// Ids and texts of documents of a part that left step `step`; others may come as well.
    fn texts(
        &self,
        step: usize,
        part: usize,
        wanted: &[u64],
    ) -> Result<Box<dyn Iterator<Item = Result<RecordBatch>> + Send>> {
        if !self.plan.steps[step].stores {
            let documents = PartDocuments::only(self.inputs.clone(), part, wanted);
            return Ok(Box::new(documents.map(|documents| Ok(documents?.batch))));
        }
        let path = self.run.path(&documents_path(self.plan, step, part));
        Ok(Box::new(read_table(&path, Some(&[DOC_ID, TEXT]))?))
    }
}

/// The texts of documents on which a stage over all documents looks a second time.
pub(crate) struct PartTexts<'a> {
    pub(crate) work: &'a Work<'a>,
    /// The step that the documents have gone through.
    pub(crate) step: usize,
}

impl Texts for PartTexts<'_> {
    fn each(
        &self,
        part: usize,
        wanted: &[u64],
        each: &mut dyn FnMut(u64, &str) -> Result<()>,
    ) -> Result<()> {
        for batch in self.work.texts(self.step, part, wanted)? {
            let batch = batch?;
            let ids = doc_ids(&batch)?;
            let texts = batch.column_by_name(TEXT).map(|c| cast(c, &DataType::LargeUtf8));
            let Some(texts) = texts.transpose().map_err(arrow_error)? else { continue };
            let texts = texts.as_string::<i64>();
            for (row, id) in ids.values().iter().enumerate() {
                if wanted.binary_search(id).is_ok() && texts.is_valid(row) {
                    each(*id, texts.value(row))?;
                }
            }
        }
        Ok(())
    }
}

fn take(dropped: &Mutex<Vec<Dropped>>) -> Vec<Dropped> {
    std::mem::take(&mut dropped.lock().unwrap_or_else(PoisonError::into_inner))
}

fn arrow_error(error: arrow::error::ArrowError) -> PipelineError {
    PipelineError::Sql(error.into())
}

/// The columns of quarantined records: where each is, how much was lost and why.
pub(crate) fn quarantine_schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let number = |name: &str| Field::new(name, DataType::UInt64, false);
    Arc::new(Schema::new(vec![
        text("source"),
        text("path"),
        number("ordinal"),
        number("offset"),
        number("length"),
        text("reason"),
        text("detail"),
    ]))
}

/// The files of one part, while it is worked on.
struct PartOutput<'a> {
    work: &'a Work<'a>,
    step: usize,
    part: usize,
    stored: SchemaRef,
    documents: Option<TableWriter>,
    dropped: Option<TableWriter>,
    keys: Vec<KeyWriter>,
    counts: Option<PartCounts<'a>>,
    tokens: Option<PartEncoder<'a>>,
    files: Vec<FileEntry>,
    result: PartResult,
}

impl<'a> PartOutput<'a> {
    fn create(work: &'a Work<'a>, step: usize, part: usize) -> Result<Self> {
        let plan_step: &PlanStep = &work.plan.steps[step];
        let is_last = step + 1 == work.plan.steps.len();
        let columns = plan_step.segment.output();
        let stored = if is_last { columns.clone() } else { stored_schema(columns) };
        let keys = plan_step
            .dedup
            .iter()
            .enumerate()
            .map(|(index, dedup)| {
                let path = keys_path(step, index, part);
                KeyWriter::create(work.run, &path, dedup)
            })
            .collect::<Result<_>>()?;
        let counting = work.counting.filter(|_| is_last);
        let encoding = work.encoding.filter(|_| is_last);
        let mut output = Self {
            work,
            step,
            part,
            stored,
            documents: None,
            dropped: None,
            keys,
            counts: counting.map(|counting| PartCounts::new(work.run, counting, part)),
            tokens: encoding.map(|e| PartEncoder::create(work.run, e, part)).transpose()?,
            files: Vec::new(),
            result: PartResult::default(),
        };
        // Files without rows are not written, but each table has one file at least, and what the
        // next step reads is always there.
        if plan_step.stores && (part == 0 || !is_last) {
            output.documents()?;
        }
        if part == 0 {
            output.dropped()?;
        }
        Ok(output)
    }

    fn documents(&mut self) -> Result<&mut TableWriter> {
        if self.documents.is_none() {
            let path = documents_path(self.work.plan, self.step, self.part);
            self.documents = Some(TableWriter::create(self.work.run, &path, self.stored.clone())?);
        }
        self.documents.as_mut().ok_or_else(|| PipelineError::Empty("no table".into()))
    }

    fn dropped(&mut self) -> Result<&mut TableWriter> {
        if self.dropped.is_none() {
            let path = format!("dropped/segment-{}-part-{:05}.parquet", self.step, self.part);
            self.dropped = Some(TableWriter::create(self.work.run, &path, Dropped::schema())?);
        }
        self.dropped.as_mut().ok_or_else(|| PipelineError::Empty("no table".into()))
    }

    fn is_last(&self) -> bool {
        self.step + 1 == self.work.plan.steps.len()
    }

    fn source(&self, doc_id: u64) -> &'a str {
        self.work.inputs.files.get((doc_id >> 32) as usize).map_or("?", |f| f.source.as_str())
    }

    fn keep(&mut self, documents: &Documents) -> Result<()> {
        self.stop_if_asked()?;
        let documents = &*self.encode(documents)?;
        self.result.documents += documents.batch.num_rows() as u64;
        for (doc_id, bytes) in doc_ids(&documents.batch)?.values().iter().zip(&documents.read_bytes)
        {
            let source = self.source(*doc_id);
            if self.is_last() {
                self.result.ledger.add(source, Outcome::Kept, "", "", *bytes);
            }
            if self.step == 0 {
                self.read(source, *bytes);
            }
        }
        for keys in &mut self.keys {
            keys.write(&documents.batch)?;
        }
        if let Some(counts) = &mut self.counts {
            counts.add(&documents.batch)?;
        }
        if !self.work.plan.steps[self.step].stores {
            return Ok(());
        }
        let batch = if self.is_last() {
            documents.batch.clone()
        } else {
            to_stored(documents, &self.stored)?
        };
        self.documents()?.write(&batch)
    }

    /// Encodes documents, where they are encoded as they stream by; those that cannot be leave.
    fn encode<'d>(&mut self, documents: &'d Documents) -> Result<Cow<'d, Documents>> {
        let Some(tokens) = &mut self.tokens else { return Ok(Cow::Borrowed(documents)) };
        let rows = tokens.add(&documents.batch)?;
        if rows.is_empty() {
            return Ok(Cow::Borrowed(documents));
        }
        let reasons = vec![NOT_ENCODABLE.to_owned(); rows.len()];
        let bytes = |row: &u32| documents.read_bytes[*row as usize];
        let read_bytes = rows.iter().map(bytes).collect();
        self.leave(&Dropped::new(ENCODING, &documents.batch, &rows, reasons, read_bytes)?)?;
        let kept = 0..documents.batch.num_rows() as u32;
        let kept: Vec<u32> = kept.filter(|row| rows.binary_search(row).is_err()).collect();
        let read_bytes = kept.iter().map(bytes).collect();
        Ok(Cow::Owned(Documents { batch: without(&documents.batch, &rows)?, read_bytes }))
    }

    fn leave(&mut self, dropped: &Dropped) -> Result<()> {
        self.stop_if_asked()?;
        let batch = &dropped.0;
        let text = |name: &str| batch.column_by_name(name).map(|c| c.as_string::<i32>().clone());
        let (stages, reasons) = (text("stage"), text("reason"));
        let bytes = batch.column_by_name("read_bytes").map(AsArray::as_primitive::<UInt64Type>);
        for (row, doc_id) in doc_ids(batch)?.values().iter().enumerate() {
            let of = |column: &Option<StringArray>| {
                column.as_ref().map(|c| c.value(row).to_owned()).unwrap_or_default()
            };
            let bytes = bytes.map_or(0, |bytes| bytes.value(row));
            let source = self.source(*doc_id);
            let (stage, reason) = (of(&stages), of(&reasons));
            self.result.ledger.add(source, Outcome::Dropped, &stage, &reason, bytes);
            if self.step == 0 {
                self.read(source, bytes);
            }
        }
        self.dropped()?.write(batch)
    }

    fn read(&mut self, source: &str, bytes: u64) {
        self.result.read += 1;
        self.result.ledger.add(source, Outcome::Read, "", "", bytes);
    }

    fn stop_if_asked(&self) -> Result<()> {
        if self.work.observer.should_stop() { Err(PipelineError::Stopped) } else { Ok(()) }
    }

    /// Accounts for damaged records and for those that are no documents.
    fn lose(&mut self, losses: &Losses) -> Result<()> {
        if self.step > 0 {
            return Ok(());
        }
        for ((file, reason), (records, bytes)) in &losses.skipped {
            let source = &self.work.inputs.files[*file as usize].source;
            for record in 0..*records {
                let bytes = if record == 0 { *bytes } else { 0 };
                self.result.ledger.add(source, Outcome::Skipped, READING, reason.as_str(), bytes);
            }
        }
        for (file, fault) in &losses.faults {
            let input = &self.work.inputs.files[*file as usize];
            let reason = fault.reason.as_str();
            self.read(&input.source, fault.length);
            self.result.ledger.add(
                &input.source,
                Outcome::Quarantined,
                READING,
                reason,
                fault.length,
            );
            if is_damage(fault.reason) {
                self.result.bad += 1;
                if self.result.examples.len() < EXAMPLES_MAX {
                    let path = &input.file.file.address;
                    self.result
                        .examples
                        .push(format!("{reason} at byte {} of {path}", fault.offset));
                }
            }
        }
        if losses.faults.is_empty() && self.part > 0 {
            return Ok(());
        }
        let path = format!("quarantine/part-{:05}.parquet", self.part);
        let mut table = TableWriter::create(self.work.run, &path, quarantine_schema())?;
        table.write(&quarantine(&self.work.inputs, losses)?)?;
        self.files.push(table.finish()?);
        Ok(())
    }

    fn finish(mut self, part: usize) -> Result<PartResult> {
        for keys in std::mem::take(&mut self.keys) {
            self.files.push(keys.finish()?);
        }
        if let Some(counts) = self.counts.take() {
            let (counts, files) = counts.finish()?;
            self.result.counts = counts;
            self.files.extend(files);
        }
        if let Some(tokens) = self.tokens.take() {
            self.files.extend(tokens.finish()?);
        }
        for table in [self.documents.take(), self.dropped.take()].into_iter().flatten() {
            self.files.push(table.finish()?);
        }
        if self.step == 0 {
            self.check()?;
        }
        let result = serde_json::to_value(&self.result)
            .map_err(|e| PipelineError::Unbalanced(e.to_string()))?;
        self.work.run.complete(&task(self.step, part), self.files, result)?;
        Ok(self.result)
    }

    /// What came in equals what goes on, was dropped or is quarantined.
    fn check(&self) -> Result<()> {
        let of = |outcome| self.result.ledger.outcome(outcome).documents;
        let out = self.result.documents + of(Outcome::Dropped) + of(Outcome::Quarantined);
        if of(Outcome::Read) == out {
            return Ok(());
        }
        let message = format!("part {} read {} and has {out}", self.part, of(Outcome::Read));
        Err(PipelineError::Unbalanced(message))
    }
}

/// The stage and the reason of documents that the tokenizer has no tokens for.
const ENCODING: &str = "tokenizer";
const NOT_ENCODABLE: &str = "not encodable";

/// Damaged records that a part's result shows.
const EXAMPLES_MAX: usize = 3;

/// True for records that somebody or something broke; a page without prose is none.
fn is_damage(reason: FaultReason) -> bool {
    !matches!(reason, FaultReason::NoContent | FaultReason::Empty | FaultReason::UnsupportedType)
}

fn quarantine(inputs: &Inputs, losses: &Losses) -> Result<RecordBatch> {
    let faults = || losses.faults.iter();
    let of = |file: &u32| &inputs.files[*file as usize];
    let text = |values: Vec<String>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let number = |values: Vec<u64>| -> ArrayRef { Arc::new(UInt64Array::from(values)) };
    let columns = vec![
        text(faults().map(|(file, _)| of(file).source.clone()).collect()),
        text(faults().map(|(file, _)| of(file).file.file.address.clone()).collect()),
        number(faults().map(|(_, fault)| u64::from(fault.ordinal)).collect()),
        number(faults().map(|(_, fault)| fault.offset).collect()),
        number(faults().map(|(_, fault)| fault.length).collect()),
        text(faults().map(|(_, fault)| fault.reason.as_str().to_owned()).collect()),
        text(faults().map(|(_, fault)| fault.detail.clone()).collect()),
    ];
    RecordBatch::try_new(quarantine_schema(), columns).map_err(arrow_error)
}

/// The files of the keys of all parts.
pub(crate) fn key_files(run: &Run, step: usize, stage: usize, parts: usize) -> Vec<PathBuf> {
    (0..parts).map(|part| run.path(&keys_path(step, stage, part))).collect()
}
