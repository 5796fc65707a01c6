//! The result of a part, and the paths of its files.

use std::path::PathBuf;

use bug::{Bug, OrBug as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Run;
use tables::{Ledger, Outcome};

use crate::error::Result;
use crate::reading::Reading;
use crate::tokens::CountRun;

/// The result of a part. The journal stores it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct PartResult {
    pub(crate) ledger: Ledger,
    /// Documents that leave the segment.
    pub(crate) documents: u64,
    /// Number of damaged records, for the limit on bad data. Valid pages without text do not count.
    pub(crate) bad: u64,
    /// Number of records read.
    pub(crate) read: u64,
    /// A few damaged records as examples for the error message.
    pub(crate) examples: Vec<String>,
    /// What reading found and lost; only of the first step.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub(crate) reading: Reading,
    /// The files of its word counts, if words were counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) counts: Vec<CountRun>,
}

fn is_nothing(reading: &Reading) -> bool {
    *reading == Reading::default()
}

impl PartResult {
    /// The result as the journal stores it.
    ///
    /// # Errors
    /// It is a bug if the result cannot be written as JSON.
    pub(super) fn to_json(&self) -> Result<Value> {
        Ok(serde_json::to_value(self).or_bug("a part's result as JSON")?)
    }

    /// Checks that every record that was read is passed on, dropped or quarantined.
    ///
    /// # Errors
    /// It is a bug if the numbers differ.
    pub(super) fn check(&self, part: usize) -> Result<()> {
        let of = |outcome| self.ledger.outcome(outcome).documents;
        let out = self.documents + of(Outcome::Dropped) + of(Outcome::Quarantined);
        if of(Outcome::Read) == out {
            return Ok(());
        }
        let read = of(Outcome::Read);
        Err(Bug::new(format!("part {part} read {read} documents but accounts for {out}")).into())
    }
}

/// The name of a part's task in the journal.
pub(crate) fn task(step: usize, part: usize) -> String {
    format!("segment-{step}/part-{part:05}")
}

/// The file of documents that part `part` of step `step` drops.
pub(super) fn dropped_path(step: usize, part: usize) -> String {
    format!("dropped/segment-{step}-part-{part:05}.parquet")
}

/// The file of keys for barrier stage `stage` of step `step`.
pub(super) fn keys_path(step: usize, stage: usize, part: usize) -> String {
    format!("work/keys-{step}-{stage}/part-{part:05}.parquet")
}

/// The key files of all parts.
pub(crate) fn key_files(run: &Run, step: usize, stage: usize, parts: usize) -> Vec<PathBuf> {
    (0..parts).map(|part| run.path(&keys_path(step, stage, part))).collect()
}

#[cfg(test)]
mod tests {
    use tables::Count;

    use super::*;

    fn result(read: u64, dropped: u64, quarantined: u64, documents: u64) -> PartResult {
        let mut ledger = Ledger::default();
        let count = |documents| Count { documents, bytes: 0 };
        ledger.add("web", Outcome::Read, "", "", count(read));
        ledger.add("web", Outcome::Dropped, "short", "few_words", count(dropped));
        ledger.add("web", Outcome::Quarantined, "read", "bad_json", count(quarantined));
        PartResult { ledger, documents, ..PartResult::default() }
    }

    #[test]
    fn a_part_that_loses_a_document_is_a_bug() {
        result(10, 3, 2, 5).check(0).unwrap();
        let error = result(10, 3, 2, 4).check(7).unwrap_err();
        assert!(bug::is_bug(&error), "{error}");
        assert!(error.to_string().contains("part 7"), "{error}");
    }

    #[test]
    fn results_come_back_from_the_journal_as_they_were() {
        let first = result(10, 3, 2, 5);
        let json = first.to_json().unwrap();
        let second: PartResult = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(second.ledger, first.ledger);
        assert_eq!(second.to_json().unwrap(), json);
    }
}
