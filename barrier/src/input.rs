//! The input of a barrier stage, which runs between two segments.

use std::sync::Arc;

use store::{Run, Scratch};

use crate::decision::Decision;
use crate::error::Result;
use crate::keys::{KeyFiles, KeyRow};
use crate::known::Known;

/// The texts of documents, part by part.
pub trait Texts: Sync {
    /// Calls `each` with the id and text of each document of a part whose `doc_id` is in `doc_ids`,
    /// which must be sorted.
    ///
    /// # Errors
    /// The documents cannot be read, or `each` fails.
    fn each(
        &self,
        part: usize,
        doc_ids: &[u64],
        each: &mut dyn FnMut(u64, &str) -> Result<()>,
    ) -> Result<()>;
}

/// The keys of all documents, and everything else that a stage needs to decide.
pub struct BarrierInput<'a> {
    /// The run directory, which gets indexes, clusters and scratch files.
    pub run: &'a Run,
    /// The stage's name in the ledger.
    pub name: &'a str,
    /// The step before the stage, and the stage's index among the stages after that step.
    pub place: (usize, usize),
    /// The keys of all documents.
    pub files: KeyFiles,
    /// Earlier runs whose documents count as known.
    pub known: Vec<Known>,
    /// The decisions of earlier stages over the same documents.
    pub earlier: &'a [Arc<dyn Decision>],
    /// The most bytes of memory that sorting may use.
    pub memory_bytes: u64,
    /// The texts of documents, for stages that must compare them.
    pub texts: &'a dyn Texts,
}

impl BarrierInput<'_> {
    /// Whether an earlier stage dropped the document.
    pub(super) fn is_gone(&self, row: &KeyRow<'_>) -> bool {
        // The `doc_id` of an earlier run's document is only unique in that run, so it cannot be
        // looked up in decisions of this one.
        self.files.earlier_run(row.ordinal).is_none() && self.is_dropped(row.doc_id)
    }

    pub(super) fn is_dropped(&self, doc_id: u64) -> bool {
        self.earlier.iter().any(|decision| decision.drops(doc_id))
    }

    /// The number of input documents that the document stands for.
    pub(super) fn represents(&self, row: &KeyRow<'_>) -> u32 {
        let last = self.earlier.iter().rev().find_map(|decision| decision.represents(row.doc_id));
        last.unwrap_or(row.size)
    }

    /// The task's name in the journal.
    pub(super) fn task(&self) -> String {
        format!("dedup-{}-{}", self.place.0, self.place.1)
    }

    /// Creates a folder for data that does not fit into memory.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub(super) fn scratch(&self) -> Result<Scratch> {
        Ok(Scratch::create(self.run.path(&format!("work/scratch-{}", self.task())))?)
    }
}
