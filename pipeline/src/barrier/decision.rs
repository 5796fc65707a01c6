//! What a stage over all documents decided, and its execution on the documents of a part.

use std::sync::Arc;

use arrow::array::{
    LargeStringArray, ListBuilder, StructBuilder, UInt32Array, UInt64Array,
    UInt64Builder,
};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field};
use arrow::record_batch::RecordBatch;
use dedup::lines::{Action, Lines, PartKeys, RepeatedKeys};
use dedup::substrings::{PartWindows, RepeatedWindows, Substrings, remove_spans};
use roaring::RoaringTreemap;
use sql::{Documents, Dropped, TEXT};

use super::columns::{
    CLUSTER_SIZE, REPEATED_LINE_BYTES, REPEATED_LINES, REPEATED_SPANS, arrow_error, cluster_sizes,
    span_fields, with_column,
};
use crate::columns::{doc_ids, texts};
use crate::error::Result;

/// What one stage decided.
#[derive(Clone)]
pub(crate) struct Decision {
    /// The stage's name.
    pub(crate) stage: String,
    /// The reason of documents that it drops.
    pub(crate) reason: &'static str,
    /// What is to be done.
    pub(crate) verdict: Verdict,
}

/// What is to be done with the documents.
#[derive(Clone)]
pub(crate) enum Verdict {
    /// Some go; those that stay may stand for more than themselves.
    Drop {
        /// Documents that go.
        dropped: Arc<RoaringTreemap>,
        /// How many documents a survivor stands for; of those that it does not name, what they
        /// stood for before. `None` where the stage does not know clusters.
        sizes: Option<Arc<Sizes>>,
    },
    /// Lines that many documents share are counted or taken out.
    Lines {
        /// How they were found.
        lines: Lines,
        /// Whether they go.
        action: Action,
        /// Whether those go too that stand in the same document before.
        within: bool,
        /// Which they are.
        repeated: Arc<RepeatedKeys>,
    },
    /// Runs of words that stand elsewhere too are told or taken out.
    Substrings {
        /// How they were found.
        substrings: Substrings,
        /// Whether they go.
        remove: bool,
        /// Where they are.
        repeated: Arc<RepeatedWindows>,
    },
}

/// How many documents each survivor stands for.
#[derive(Debug, Default)]
pub(crate) struct Sizes {
    /// `doc_id` and number, sorted.
    of: Vec<(u64, u32)>,
}

impl Sizes {
    pub(super) fn new(mut of: Vec<(u64, u32)>) -> Self {
        of.sort_unstable();
        Self { of }
    }

    pub(super) fn get(&self, doc_id: u64) -> Option<u32> {
        let found = self.of.binary_search_by_key(&doc_id, |(doc_id, _)| *doc_id);
        found.ok().map(|index| self.of[index].1)
    }
}

/// A decision with what it takes to carry it out on one part.
pub(crate) struct PartDecision {
    decision: Decision,
    keys: PartKeys,
    windows: PartWindows,
}

impl Decision {
    /// The decision for a part.
    pub(crate) fn for_part(&self, part: usize) -> Result<PartDecision> {
        let mut decision = PartDecision {
            decision: self.clone(),
            keys: PartKeys::default(),
            windows: PartWindows::default(),
        };
        match &self.verdict {
            Verdict::Drop { .. } => {}
            Verdict::Lines { repeated, .. } => decision.keys = repeated.of_part(part as u32)?,
            Verdict::Substrings { repeated, .. } => {
                decision.windows = repeated.of_part(part as u32)?;
            }
        }
        Ok(decision)
    }
}

impl PartDecision {
    /// Carries it out: the documents that stay, and those that leave.
    pub(crate) fn apply(&self, documents: Documents) -> Result<(Documents, Option<Dropped>)> {
        match &self.decision.verdict {
            Verdict::Drop { dropped, sizes } => {
                let doc_ids = doc_ids(&documents.batch)?;
                let goes = doc_ids.values().iter().map(|id| dropped.contains(*id));
                let goes: Vec<bool> = goes.collect();
                let (mut kept, left) = self.split(documents, &goes)?;
                if let Some(sizes) = sizes {
                    kept.batch = with_sizes(&kept.batch, sizes)?;
                }
                Ok((kept, left))
            }
            Verdict::Lines { lines, action, within, .. } => {
                self.rewrite_lines(documents, *lines, *action, *within)
            }
            Verdict::Substrings { substrings, remove, .. } => {
                self.rewrite_spans(documents, substrings, *remove)
            }
        }
    }

    fn rewrite_lines(
        &self,
        mut documents: Documents,
        lines: Lines,
        action: Action,
        within: bool,
    ) -> Result<(Documents, Option<Dropped>)> {
        let doc_ids = doc_ids(&documents.batch)?.clone();
        let texts = texts(&documents.batch)?;
        let (mut counts, mut bytes, mut rewritten) = (Vec::new(), Vec::new(), Vec::new());
        for (row, text) in texts.iter().enumerate() {
            let text = text.unwrap_or_default();
            let across = lines.rewrite(text, doc_ids.value(row), &self.keys, action);
            let (mut units, mut unit_bytes) = (across.repeated_units, across.repeated_bytes);
            let mut left = across.text.into_owned();
            if within {
                let inside = lines.dedup_within(&left, action);
                units += inside.repeated_units;
                unit_bytes += inside.repeated_bytes;
                left = inside.text.into_owned();
            }
            counts.push(units);
            bytes.push(unit_bytes);
            rewritten.push(left);
        }
        let counts = Arc::new(UInt32Array::from(counts));
        let batch = with_column(&documents.batch, REPEATED_LINES, counts)?;
        let bytes = Arc::new(UInt64Array::from(bytes));
        documents.batch = with_column(&batch, REPEATED_LINE_BYTES, bytes)?;
        self.with_texts(documents, rewritten)
    }

    fn rewrite_spans(
        &self,
        mut documents: Documents,
        substrings: &Substrings,
        remove: bool,
    ) -> Result<(Documents, Option<Dropped>)> {
        let doc_ids = doc_ids(&documents.batch)?.clone();
        let texts = texts(&documents.batch)?;
        let mut rewritten = Vec::new();
        let number = || Box::new(UInt64Builder::new()) as Box<dyn arrow::array::ArrayBuilder>;
        let builder = StructBuilder::new(span_fields(), vec![number(), number()]);
        let item = Field::new("item", DataType::Struct(span_fields()), false);
        let mut lists = ListBuilder::new(builder).with_field(item);
        for (row, text) in texts.iter().enumerate() {
            let text = text.unwrap_or_default();
            let positions = self.windows.of_document(doc_ids.value(row));
            let spans = substrings.spans(text, positions);
            for span in &spans {
                for (field, value) in [span.start, span.end].into_iter().enumerate() {
                    if let Some(field) = lists.values().field_builder::<UInt64Builder>(field) {
                        field.append_value(value as u64);
                    }
                }
                lists.values().append(true);
            }
            lists.append(true);
            rewritten.push(if remove {
                remove_spans(text, &spans).into_owned()
            } else {
                text.to_owned()
            });
        }
        documents.batch = with_column(&documents.batch, REPEATED_SPANS, Arc::new(lists.finish()))?;
        self.with_texts(documents, rewritten)
    }

    /// The documents with new texts; those of which nothing is left are dropped, as they were.
    fn with_texts(
        &self,
        documents: Documents,
        rewritten: Vec<String>,
    ) -> Result<(Documents, Option<Dropped>)> {
        let is_blank = |text: &str| text.trim().is_empty();
        // What came in blank stays: it did not lose anything here.
        let before = texts(&documents.batch)?;
        let emptied = before.iter().zip(&rewritten);
        let goes: Vec<bool> = emptied
            .map(|(before, now)| is_blank(now) && !is_blank(before.unwrap_or_default()))
            .collect();
        let stay = rewritten.into_iter().zip(&goes).filter(|(_, goes)| !**goes);
        let stay: LargeStringArray = stay.map(|(text, _)| Some(text)).collect();
        let (mut kept, left) = self.split(documents, &goes)?;
        let schema = kept.batch.schema();
        let mut columns = kept.batch.columns().to_vec();
        if let Some((index, field)) = schema.column_with_name(TEXT) {
            columns[index] = cast(&stay, field.data_type()).map_err(arrow_error)?;
        }
        kept.batch = RecordBatch::try_new(schema, columns).map_err(arrow_error)?;
        Ok((kept, left))
    }

    /// Parts documents into those that stay and those that go.
    fn split(&self, documents: Documents, goes: &[bool]) -> Result<(Documents, Option<Dropped>)> {
        if !goes.contains(&true) {
            return Ok((documents, None));
        }
        let bytes = |wanted: bool| -> Vec<u64> {
            let both = documents.read_bytes.iter().zip(goes);
            both.filter(|(_, goes)| **goes == wanted).map(|(bytes, _)| *bytes).collect()
        };
        let batch_where = |wanted: bool| {
            let mask = goes.iter().map(|goes| Some(*goes == wanted)).collect();
            filter_record_batch(&documents.batch, &mask).map_err(arrow_error)
        };
        let Decision { stage, reason, .. } = &self.decision;
        let left = Dropped::for_reason(stage, &batch_where(true)?, reason, bytes(true))?;
        let batch = batch_where(false)?;
        Ok((Documents { batch, read_bytes: bytes(false) }, Some(left)))
    }
}

/// The batch with the column of cluster sizes brought up to date.
fn with_sizes(batch: &RecordBatch, sizes: &Sizes) -> Result<RecordBatch> {
    let before = cluster_sizes(batch);
    let now = doc_ids(batch)?.values().iter().zip(before);
    let now = now.map(|(doc_id, before)| sizes.get(*doc_id).unwrap_or(before));
    with_column(batch, CLUSTER_SIZE, Arc::new(UInt32Array::from_iter_values(now)))
}
