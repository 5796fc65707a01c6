//! `substrings`: removes or reports long runs of words that occur in more than one place.

use std::sync::Arc;

use arrow::array::{ArrayBuilder, ListBuilder, StructBuilder, UInt64Builder};
use arrow::datatypes::{DataType, Field, Fields};
use bug::{Bug, OrBug as _};
use dedup::substrings::{
    AnchorSorter, Anchors, Kept, PartWindows, RepeatedAnchors, RepeatedWindows, Scratchpad,
    Substrings, Window, WindowSorter, remove_spans,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sql::columns::{doc_ids, texts};
use sql::{Documents, Dropped};
use store::Scratch;
use toml::Table;

use crate::columns::with_column;
use crate::decision::{Decision, PartDecision, Verdict};
use crate::error::Result;
use crate::input::BarrierInput;
use crate::keys::{KeyMaker, Keys};
use crate::option::{OptionError, Options, options};
use crate::stage::BarrierStage;

/// The name by which recipes use the stage.
pub(super) const KIND: &str = "substrings";

/// The shortest run that can be searched for, in words.
const TOKENS_MIN: usize = 8;

/// Expected anchors per document, for planning memory: about one per twelve words.
const ANCHORS_EXPECTED: u64 = 50;

/// Parts per thread whose windows are in memory at the same time.
const PARTS_IN_FLIGHT: usize = 2;

/// The column of repeated runs. `start` (inclusive) and `end` (exclusive) are byte offsets in the
/// text before this stage.
const REPEATED_SPANS: &str = "repeated_spans";

/// Options of `substrings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SubstringOptions {
    /// The shortest repeated run, in words (Lee et al. 2022 use 50 tokens).
    min_tokens: usize,
    /// Whether the first occurrence of a repeated run is kept.
    keep_first: bool,
    /// Whether repeated runs are removed. Their places are reported in any case.
    remove: bool,
}

impl Default for SubstringOptions {
    fn default() -> Self {
        Self { min_tokens: 50, keep_first: true, remove: true }
    }
}

/// Reads and checks the options of `substrings`.
///
/// # Errors
/// An option is unknown, has the wrong type or is out of range.
pub(super) fn load(with: &Options) -> std::result::Result<Arc<dyn BarrierStage>, OptionError> {
    options::<SubstringOptions>(with)?.checked().map(|options| Arc::new(options) as _)
}

impl SubstringOptions {
    fn checked(self) -> std::result::Result<Self, OptionError> {
        if self.min_tokens < TOKENS_MIN {
            let message = format!("`min_tokens` is {}", self.min_tokens);
            let help = format!("short runs repeat in any language; give at least {TOKENS_MIN}");
            return Err(OptionError::new("min_tokens", message, help));
        }
        Ok(self)
    }

    fn substrings(&self) -> Substrings {
        Substrings::new(self.min_tokens as u32)
    }

    /// Reads documents with a repeated anchor again and compares their windows, so that most texts
    /// are read only once.
    fn repeated(
        &self,
        input: &BarrierInput<'_>,
        scratch: &Scratch,
        anchors: &RepeatedAnchors,
    ) -> Result<RepeatedWindows> {
        let substrings = self.substrings();
        let expected = anchors.repeated().saturating_mul(self.min_tokens as u64);
        let kept = if self.keep_first { Kept::First } else { Kept::None };
        let mut sorter = WindowSorter::new(scratch, kept, expected, input.memory_bytes)?;
        let parts: Vec<usize> = (0..input.files.parts()).collect();
        for parts in parts.chunks(PARTS_IN_FLIGHT * rayon::current_num_threads()) {
            let found: Vec<Vec<(u64, Vec<Window>)>> = parts
                .par_iter()
                .map(|part| windows(input, &substrings, &anchors.of_part(*part as u32)?, *part))
                .collect::<Result<_>>()?;
            for (part, documents) in parts.iter().zip(found) {
                for (doc_id, windows) in documents {
                    sorter.push(*part as u32, doc_id, windows)?;
                }
            }
        }
        Ok(sorter.finish()?)
    }
}

impl BarrierStage for SubstringOptions {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn options(&self) -> std::result::Result<Table, Bug> {
        Table::try_from(self).or_bug("options of `substrings` as TOML")
    }

    fn rewrites(&self) -> bool {
        true
    }

    fn key_maker(&self) -> Box<dyn KeyMaker> {
        Box::new(AnchorKeys {
            substrings: self.substrings(),
            pad: Scratchpad::default(),
            anchors: Vec::new(),
        })
    }

    fn columns(&self) -> Vec<Field> {
        let span = Field::new("item", DataType::Struct(span_fields()), false);
        vec![Field::new(REPEATED_SPANS, DataType::List(Arc::new(span)), false)]
    }

    fn decide(&self, input: BarrierInput<'_>) -> Result<(Arc<dyn Decision>, String)> {
        let scratch = input.scratch()?;
        let anchors = repeated_anchors(&input, &scratch)?;
        let repeated = self.repeated(&input, &scratch, &anchors)?;
        let outcome =
            format!("{} windows of {} words compared", repeated.windows(), self.min_tokens);
        let decision = RepeatedRuns {
            verdict: Verdict { stage: input.name.to_owned(), reason: "nothing_left" },
            substrings: self.substrings(),
            remove: self.remove,
            repeated: Arc::new(repeated),
        };
        Ok((Arc::new(decision), outcome))
    }
}

/// Makes a key for each anchor of a text.
struct AnchorKeys {
    substrings: Substrings,
    pad: Scratchpad,
    anchors: Vec<u64>,
}

impl KeyMaker for AnchorKeys {
    fn make(&mut self, text: &str, _: Option<&[u8]>, keys: &mut Keys) {
        self.anchors.clear();
        self.substrings.anchors(text, &mut self.pad, &mut self.anchors);
        keys.bytes.extend(self.anchors.iter().flat_map(|anchor| anchor.to_be_bytes()));
    }
}

/// Finds the anchors that occur in more than one place. Anchors are a sample of a text, so this
/// pass is cheap.
fn repeated_anchors(input: &BarrierInput<'_>, scratch: &Scratch) -> Result<RepeatedAnchors> {
    let expected = input.files.documents() * ANCHORS_EXPECTED;
    let mut sorter = AnchorSorter::new(scratch, expected, input.memory_bytes)?;
    for part in 0..input.files.parts() {
        input.files.each_of(part, &["keys"], &mut |row| {
            if input.is_gone(&row) {
                return Ok(());
            }
            Ok(sorter.push(part as u32, row.keys_of_8_bytes())?)
        })?;
    }
    Ok(sorter.finish()?)
}

/// The windows in the documents of a part that may occur elsewhere.
fn windows(
    input: &BarrierInput<'_>,
    substrings: &Substrings,
    anchors: &Anchors,
    part: usize,
) -> Result<Vec<(u64, Vec<Window>)>> {
    if anchors.is_empty() {
        return Ok(Vec::new());
    }
    let mut doc_ids = Vec::new();
    input.files.each_of(part, &["keys"], &mut |row| {
        let own = row.keys_of_8_bytes();
        if !input.is_gone(&row) && anchors.concern(own) {
            doc_ids.push(row.doc_id);
        }
        Ok(())
    })?;
    let (mut found, mut pad) = (Vec::new(), Scratchpad::default());
    input.texts.each(part, &doc_ids, &mut |doc_id, text| {
        let mut windows = Vec::new();
        substrings.windows(text, anchors, &mut pad, &mut windows);
        found.push((doc_id, windows));
        Ok(())
    })?;
    Ok(found)
}

/// The fields of a run in the column of spans.
fn span_fields() -> Fields {
    let number = |name: &str| Field::new(name, DataType::UInt64, false);
    Fields::from(vec![number("start"), number("end")])
}

/// The decision to report or remove runs of words that occur elsewhere.
#[derive(Clone)]
struct RepeatedRuns {
    verdict: Verdict,
    /// Cuts texts as when the runs were found.
    substrings: Substrings,
    /// Whether repeated runs are removed.
    remove: bool,
    /// The places of the repeated windows.
    repeated: Arc<RepeatedWindows>,
}

impl Decision for RepeatedRuns {
    fn for_part(&self, part: usize) -> Result<Box<dyn PartDecision>> {
        let windows = self.repeated.of_part(part as u32)?;
        Ok(Box::new(PartRuns { decision: self.clone(), windows }))
    }
}

struct PartRuns {
    decision: RepeatedRuns,
    windows: PartWindows,
}

impl PartDecision for PartRuns {
    fn apply(&self, mut documents: Documents) -> Result<(Documents, Option<Dropped>)> {
        let RepeatedRuns { verdict, substrings, remove, .. } = &self.decision;
        let doc_ids = doc_ids(&documents.batch)?.clone();
        let texts = texts(&documents.batch)?;
        let mut rewritten = Vec::new();
        let number = || Box::new(UInt64Builder::new()) as Box<dyn ArrayBuilder>;
        let builder = StructBuilder::new(span_fields(), vec![number(), number()]);
        let item = Field::new("item", DataType::Struct(span_fields()), false);
        let mut lists = ListBuilder::new(builder).with_field(item);
        for (row, text) in texts.iter().enumerate() {
            let text = text.unwrap_or("");
            let positions = self.windows.of_document(doc_ids.value(row));
            let spans = substrings.spans(text, positions);
            for span in &spans {
                for (field, value) in [span.start, span.end].into_iter().enumerate() {
                    let field = lists.values().field_builder::<UInt64Builder>(field);
                    field.or_bug("spans have two numbers")?.append_value(value as u64);
                }
                lists.values().append(true);
            }
            lists.append(true);
            let left = if *remove { remove_spans(text, &spans) } else { text.into() };
            rewritten.push(left.into_owned());
        }
        documents.batch = with_column(&documents.batch, REPEATED_SPANS, Arc::new(lists.finish()))?;
        verdict.with_texts(documents, rewritten)
    }
}
