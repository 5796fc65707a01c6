//! What a stage over all documents looks at, between two segments.

use store::{Run, Scratch};

use super::PlannedBarrier;
use super::decision::{Decision, Verdict};
use super::keys::{KeyFiles, KeyRow};
use super::known::Known;
use super::texts::Texts;
use crate::error::Result;

/// A stage over all documents, and what it looks at.
pub(crate) struct Barrier<'a> {
    pub(crate) run: &'a Run,
    pub(crate) planned: &'a PlannedBarrier,
    /// The step that it follows, and its place among the stages that follow it.
    pub(crate) place: (usize, usize),
    /// The keys of all documents.
    pub(crate) files: KeyFiles,
    /// Earlier runs whose documents count as known.
    pub(crate) known: Vec<Known>,
    /// What the stages before it over the same documents decided.
    pub(crate) earlier: &'a [Decision],
    /// What sorting may take.
    pub(crate) memory_bytes: u64,
    pub(crate) texts: &'a dyn Texts,
}

impl Barrier<'_> {
    /// Whether an earlier stage dropped a document.
    pub(super) fn is_gone(&self, row: &KeyRow<'_>) -> bool {
        // The numbers of an earlier run's documents say nothing here.
        self.files.earlier_run(row.ordinal).is_none() && self.is_dropped(row.doc_id)
    }

    pub(super) fn is_dropped(&self, doc_id: u64) -> bool {
        self.earlier.iter().any(|decision| match &decision.verdict {
            Verdict::Drop { dropped, .. } => dropped.contains(doc_id),
            _ => false,
        })
    }

    /// How many documents as read one stands for.
    pub(super) fn represents(&self, row: &KeyRow<'_>) -> u32 {
        let now = self.earlier.iter().rev().find_map(|decision| match &decision.verdict {
            Verdict::Drop { sizes: Some(sizes), .. } => sizes.get(row.doc_id),
            _ => None,
        });
        now.unwrap_or(row.size)
    }

    /// The task's name in the journal.
    pub(super) fn task(&self) -> String {
        format!("dedup-{}-{}", self.place.0, self.place.1)
    }

    /// A folder for what does not fit into memory.
    pub(super) fn scratch(&self) -> Result<Scratch> {
        Ok(Scratch::create(self.run.path(&format!("work/scratch-{}", self.task())))?)
    }

    pub(super) fn decision(&self, verdict: Verdict) -> Decision {
        let reason = self.planned.stage.reason();
        Decision { stage: self.planned.name.clone(), reason, verdict }
    }
}
