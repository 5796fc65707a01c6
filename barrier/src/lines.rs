//! `lines`: removes or counts lines, paragraphs or sentences that many documents share.

use std::sync::Arc;

use arrow::array::{UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field};
use bug::{Bug, OrBug as _};
use dedup::lines::{Action, KeySorter, Lines, PartKeys, RepeatedKeys, RepeatedOptions, Unit};
use serde::{Deserialize, Serialize};
use sql::columns::{doc_ids, texts};
use sql::{Documents, Dropped};
use toml::Table;

use crate::columns::with_column;
use crate::decision::{Decision, PartDecision, Verdict};
use crate::error::Result;
use crate::input::BarrierInput;
use crate::keys::{KeyMaker, Keys};
use crate::option::{OptionError, Options, options};
use crate::stage::BarrierStage;

/// The name by which recipes use the stage.
pub(super) const KIND: &str = "lines";

/// Expected lines per document, for planning memory.
const LINES_EXPECTED: u64 = 30;

/// Columns with the number of lines, paragraphs or sentences of the document that are repeated
/// elsewhere, and with their bytes.
const REPEATED_LINES: &str = "repeated_lines";
const REPEATED_LINE_BYTES: &str = "repeated_line_bytes";

/// Options of `lines`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "a recipe sets each on its own")]
pub(super) struct LineOptions {
    /// The unit that is compared.
    unit: Unit,
    /// A line is repeated if more documents than this have it.
    max_documents: u64,
    /// Shorter lines are ignored.
    min_characters: usize,
    /// Whether the comparison ignores case, punctuation and the values of numbers.
    simplified: bool,
    /// Consecutive lines that are compared as one. C4 compares spans of 3 sentences.
    run_units: usize,
    /// Whether the first document with a repeated line keeps it.
    keep_first: bool,
    /// Whether lines that occur earlier in the same document count as repeated, too.
    within: bool,
    /// Whether repeated lines are removed. They are counted in any case.
    remove: bool,
}

impl Default for LineOptions {
    fn default() -> Self {
        Self {
            unit: Unit::Line,
            max_documents: 10,
            min_characters: 10,
            simplified: false,
            run_units: 1,
            keep_first: false,
            within: false,
            remove: true,
        }
    }
}

/// Reads and checks the options of `lines`.
///
/// # Errors
/// An option is unknown, has the wrong type or is out of range.
pub(super) fn load(with: &Options) -> std::result::Result<Arc<dyn BarrierStage>, OptionError> {
    options::<LineOptions>(with)?.checked().map(|options| Arc::new(options) as _)
}

impl LineOptions {
    fn checked(self) -> std::result::Result<Self, OptionError> {
        if self.max_documents == 0 {
            let help = "with 1, lines are removed that two or more documents have";
            return Err(OptionError::new(
                "max_documents",
                "`max_documents` is 0, but every line is in at least one document",
                help,
            ));
        }
        if self.run_units == 0 {
            let help = "give 1 to compare lines one by one, or 3 for spans of three";
            return Err(OptionError::new("run_units", "`run_units` is 0", help));
        }
        Ok(self)
    }

    /// Cuts texts into lines and makes their keys.
    fn lines(&self) -> Lines {
        Lines::new(dedup::lines::LineOptions {
            unit: self.unit,
            simplified: self.simplified,
            min_characters: self.min_characters,
            run_units: self.run_units,
        })
    }

    /// Finds the lines that more than `max_documents` documents have.
    fn repeated(&self, input: &BarrierInput<'_>) -> Result<RepeatedKeys> {
        let expected = input.files.documents() * LINES_EXPECTED;
        let (max_documents, keep_first) = (self.max_documents, self.keep_first);
        let repeated = RepeatedOptions { max_documents, keep_first };
        let scratch = input.scratch()?;
        let mut sorter = KeySorter::new(&scratch, repeated, expected, input.memory_bytes)?;
        for part in 0..input.files.parts() {
            input.files.each_of(part, &["keys"], &mut |row| {
                if input.is_gone(&row) {
                    return Ok(());
                }
                Ok(sorter.push(part as u32, row.doc_id, row.keys_of_8_bytes())?)
            })?;
        }
        Ok(sorter.finish()?)
    }
}

impl BarrierStage for LineOptions {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn options(&self) -> std::result::Result<Table, Bug> {
        Table::try_from(self).or_bug("options of `lines` as TOML")
    }

    fn rewrites(&self) -> bool {
        true
    }

    fn key_maker(&self) -> Box<dyn KeyMaker> {
        Box::new(LineKeys { lines: self.lines(), keys: Vec::new() })
    }

    fn columns(&self) -> Vec<Field> {
        vec![
            Field::new(REPEATED_LINES, DataType::UInt32, false),
            Field::new(REPEATED_LINE_BYTES, DataType::UInt64, false),
        ]
    }

    fn decide(&self, input: BarrierInput<'_>) -> Result<(Arc<dyn Decision>, String)> {
        let repeated = Arc::new(self.repeated(&input)?);
        let outcome = format!("{} in more than {} documents", repeated.keys(), self.max_documents);
        let decision = RepeatedLines {
            verdict: Verdict { stage: input.name.to_owned(), reason: "nothing_left" },
            lines: self.lines(),
            action: if self.remove { Action::Remove } else { Action::Count },
            within: self.within,
            repeated,
        };
        Ok((Arc::new(decision), outcome))
    }
}

/// Makes a key for each compared line.
struct LineKeys {
    lines: Lines,
    keys: Vec<u64>,
}

impl KeyMaker for LineKeys {
    fn make(&mut self, text: &str, _: Option<&[u8]>, keys: &mut Keys) {
        self.keys.clear();
        self.lines.keys(text, &mut self.keys);
        keys.bytes.extend(self.keys.iter().flat_map(|key| key.to_be_bytes()));
    }
}

/// The decision to count or remove lines that many documents share.
#[derive(Clone)]
struct RepeatedLines {
    verdict: Verdict,
    /// Cuts texts as when the repeated lines were found.
    lines: Lines,
    /// Whether repeated lines are removed.
    action: Action,
    /// Whether lines that occur earlier in the same document are removed, too.
    within: bool,
    /// The keys of the repeated lines.
    repeated: Arc<RepeatedKeys>,
}

impl Decision for RepeatedLines {
    fn for_part(&self, part: usize) -> Result<Box<dyn PartDecision>> {
        let keys = self.repeated.of_part(part as u32)?;
        Ok(Box::new(PartLines { decision: self.clone(), keys }))
    }
}

struct PartLines {
    decision: RepeatedLines,
    keys: PartKeys,
}

impl PartDecision for PartLines {
    fn apply(&self, mut documents: Documents) -> Result<(Documents, Option<Dropped>)> {
        let RepeatedLines { verdict, lines, action, within, .. } = &self.decision;
        let doc_ids = doc_ids(&documents.batch)?.clone();
        let texts = texts(&documents.batch)?;
        let (mut counts, mut bytes, mut rewritten) = (Vec::new(), Vec::new(), Vec::new());
        for (row, text) in texts.iter().enumerate() {
            let text = text.unwrap_or("");
            let across = lines.rewrite(text, doc_ids.value(row), &self.keys, *action);
            let (mut units, mut unit_bytes) = (across.repeated_units, across.repeated_bytes);
            let mut left = across.text.into_owned();
            if *within {
                let inside = lines.dedup_within(&left, *action);
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
        verdict.with_texts(documents, rewritten)
    }
}
