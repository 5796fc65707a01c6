//! What reading found in each file, and what it lost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::documents::Losses;
use crate::error::Result;
use crate::inputs::Inputs;

/// What reading a part, or a whole run, found and lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reading {
    /// Documents and faults by the index of the file.
    files: BTreeMap<u32, FileCount>,
    /// Damaged records by reason.
    faults: BTreeMap<String, FaultCount>,
    /// Sound records that are not documents, by reason.
    skipped: BTreeMap<String, u64>,
    /// Documents in which something that could not be decoded was replaced.
    repaired: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct FileCount {
    documents: u64,
    lost: u64,
}

/// How often records were lost for a reason, and the first place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FaultCount {
    records: u64,
    file: u32,
    ordinal: u32,
    offset: u64,
    detail: String,
}

impl Reading {
    /// Counts a document of a file.
    pub(crate) fn add_document(&mut self, doc_id: u64) {
        self.files.entry((doc_id >> 32) as u32).or_default().documents += 1;
    }

    /// Counts what was lost.
    pub(crate) fn add_losses(&mut self, losses: &Losses) {
        self.repaired += losses.repaired;
        for ((_, reason), (records, _)) in &losses.skipped {
            *self.skipped.entry(reason.as_str().to_owned()).or_default() += records;
        }
        for (file, fault) in &losses.faults {
            self.files.entry(*file).or_default().lost += fault.records;
            let count = FaultCount {
                records: fault.records,
                file: *file,
                ordinal: fault.ordinal,
                offset: fault.offset,
                detail: fault.detail.clone(),
            };
            self.add_fault(fault.reason.as_str(), count);
        }
    }

    fn add_fault(&mut self, reason: &str, count: FaultCount) {
        let Some(known) = self.faults.get_mut(reason) else {
            self.faults.insert(reason.to_owned(), count);
            return;
        };
        let records = known.records + count.records;
        if (count.file, count.ordinal) < (known.file, known.ordinal) {
            *known = count;
        }
        known.records = records;
    }

    /// Adds what another part found.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.repaired += other.repaired;
        for (reason, records) in &other.skipped {
            *self.skipped.entry(reason.clone()).or_default() += records;
        }
        for (file, count) in &other.files {
            let known = self.files.entry(*file).or_default();
            known.documents += count.documents;
            known.lost += count.lost;
        }
        for (reason, count) in &other.faults {
            self.add_fault(reason, count.clone());
        }
    }

    /// The account for people.
    ///
    /// # Errors
    /// It is a bug if a file is unknown.
    pub(crate) fn report(&self, inputs: &Inputs) -> Result<ReadReport> {
        let mut quarantined = Vec::new();
        for (reason, count) in &self.faults {
            let listed = &inputs.file(count.file)?.listed;
            let place = listed.input.format.place(count.ordinal, count.offset);
            quarantined.push(Quarantined {
                reason: reason.clone(),
                records: count.records,
                path: listed.file.address.clone(),
                place,
                detail: count.detail.clone(),
            });
        }
        quarantined.sort_by_key(|reason| std::cmp::Reverse(reason.records));
        let mut lost_files = Vec::new();
        for (file, count) in self.files.iter().filter(|(_, c)| c.documents == 0 && c.lost > 0) {
            let listed = &inputs.file(*file)?.listed;
            let (path, bytes) = (listed.file.address.clone(), listed.file.bytes);
            lost_files.push(LostFile { path, bytes, records: count.lost });
        }
        let documents = self.files.values().map(|count| count.documents).sum();
        let (repaired, skipped) = (self.repaired, self.skipped.clone());
        Ok(ReadReport { documents, repaired, quarantined, skipped, lost_files })
    }
}

/// What reading the inputs found and lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReadReport {
    /// Documents.
    pub documents: u64,
    /// Documents in which something that could not be decoded was replaced by U+FFFD.
    pub repaired: u64,
    /// Damaged records by reason, the most frequent first.
    pub quarantined: Vec<Quarantined>,
    /// Sound records that are not documents, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Files of which no record became a document, though they have records.
    pub lost_files: Vec<LostFile>,
}

/// The damaged records of one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quarantined {
    /// The reason, as in the table `quarantine`.
    pub reason: String,
    /// Their number.
    pub records: u64,
    /// The file of the first.
    pub path: String,
    /// The first in its file: `line 3`, `row 7`, `byte 400`.
    pub place: String,
    /// What was found there. Has no text of a document.
    pub detail: String,
}

/// A file that is lost as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LostFile {
    /// The file.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its records, as far as they could be counted.
    pub records: u64,
}

impl ReadReport {
    /// Whether reading did what the user expects: it found documents, and some in each file that
    /// has records.
    pub fn is_sound(&self) -> bool {
        self.documents > 0 && self.lost_files.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use read::{Fault, FaultReason};

    use super::*;

    fn fault(ordinal: u32, reason: FaultReason) -> Fault {
        let detail = format!("at {ordinal}");
        Fault { ordinal, offset: 0, length: 1, records: 2, reason, detail }
    }

    fn reading(faults: Vec<(u32, Fault)>) -> Reading {
        let mut reading = Reading::default();
        reading.add_losses(&Losses { faults, repaired: 1, ..Losses::default() });
        reading
    }

    #[test]
    fn the_first_place_of_a_reason_does_not_depend_on_the_order_of_parts() {
        let one = reading(vec![(1, fault(5, FaultReason::BadJson))]);
        let other =
            reading(vec![(0, fault(9, FaultReason::BadJson)), (1, fault(0, FaultReason::Empty))]);
        let merged = |first: &Reading, second: &Reading| {
            let mut all = first.clone();
            all.merge(second);
            all
        };
        assert_eq!(merged(&one, &other), merged(&other, &one));
        let all = merged(&one, &other);
        assert_eq!(all.faults["bad_json"].detail, "at 9");
        assert_eq!((all.faults["bad_json"].records, all.repaired), (4, 2));
        assert_eq!(all.files[&1].lost, 4);
    }
}
