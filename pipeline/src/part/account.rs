//! The ledger of one part: what was read, what was dropped, what was kept.

use std::collections::BTreeMap;

use bug::OrBug as _;
use read::FaultReason;
use sql::columns::doc_ids;
use sql::{Documents, Dropped};
use store::FileEntry;
use tables::{Count, Ledger, Outcome};

use super::result::PartResult;
use super::sink::Sink;
use crate::documents::Losses;
use crate::error::Result;
use crate::inputs::Inputs;
use crate::reading::Reading;

/// The name in the ledger for losses while reading.
const READING: &str = "read";

/// The most damaged records that a part's result lists as examples.
const EXAMPLES_MAX: usize = 3;

/// Sums the documents of a batch by source and reason. The ledger is then updated once per pair
/// instead of once per row.
fn by_source<'i, 'r>(
    inputs: &'i Inputs,
    rows: impl Iterator<Item = (u64, &'r str, u64)>,
) -> Result<BTreeMap<(&'i str, &'r str), Count>> {
    let mut counts: BTreeMap<(&str, &str), Count> = BTreeMap::new();
    for (doc_id, reason, bytes) in rows {
        let count = counts.entry((inputs.source_of(doc_id)?, reason)).or_default();
        count.documents += 1;
        count.bytes += bytes;
    }
    Ok(counts)
}

/// Ids and bytes of documents, without a reason.
fn rows(documents: &Documents) -> Result<impl Iterator<Item = (u64, &'static str, u64)>> {
    let ids = doc_ids(&documents.batch)?.values().iter().copied();
    Ok(ids.zip(&documents.read_bytes).map(|(id, bytes)| (id, "", *bytes)))
}

/// Accounts for everything that was read. Only the first step has it.
pub(super) struct ReadAccount<'a> {
    inputs: &'a Inputs,
    ledger: Ledger,
    read: u64,
    bad: u64,
    examples: Vec<String>,
    reading: Reading,
}

impl<'a> ReadAccount<'a> {
    pub(super) fn new(inputs: &'a Inputs) -> Self {
        let (ledger, reading) = (Ledger::default(), Reading::default());
        Self { inputs, ledger, read: 0, bad: 0, examples: Vec::new(), reading }
    }

    fn add(&mut self, counts: &BTreeMap<(&str, &str), Count>) {
        for ((source, _), count) in counts {
            self.ledger.add(source, Outcome::Read, "", "", *count);
            self.read += count.documents;
        }
    }
}

impl Sink for ReadAccount<'_> {
    fn take_kept(&mut self, documents: &Documents) -> Result<()> {
        let counts = by_source(self.inputs, rows(documents)?)?;
        self.add(&counts);
        doc_ids(&documents.batch)?.values().iter().for_each(|id| self.reading.add_document(*id));
        Ok(())
    }

    fn take_dropped(&mut self, dropped: &Dropped) -> Result<()> {
        let rows = dropped.doc_ids().values().iter().zip(dropped.read_bytes().values());
        let counts = by_source(self.inputs, rows.map(|(id, bytes)| (*id, "", *bytes)))?;
        self.add(&counts);
        dropped.doc_ids().values().iter().for_each(|id| self.reading.add_document(*id));
        Ok(())
    }

    fn take_losses(&mut self, losses: &Losses) -> Result<()> {
        self.reading.add_losses(losses);
        for ((file, reason), (documents, bytes)) in &losses.skipped {
            let source = &self.inputs.file(*file)?.source;
            let count = Count { documents: *documents, bytes: *bytes };
            self.ledger.add(source, Outcome::Skipped, READING, reason.as_str(), count);
        }
        for (file, fault) in &losses.faults {
            let input = self.inputs.file(*file)?;
            let reason = fault.reason.as_str();
            let count = Count { documents: fault.records, bytes: fault.length };
            self.ledger.add(&input.source, Outcome::Read, "", "", count);
            self.ledger.add(&input.source, Outcome::Quarantined, READING, reason, count);
            self.read += fault.records;
            if is_damage(fault.reason) {
                self.bad += fault.records;
                if self.examples.len() < EXAMPLES_MAX {
                    let path = &input.listed.file.address;
                    self.examples.push(format!("{reason} at byte {} of {path}", fault.offset));
                }
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>, result: &mut PartResult) -> Result<Vec<FileEntry>> {
        result.ledger.merge(&self.ledger);
        result.read = self.read;
        result.bad = self.bad;
        result.examples = self.examples;
        result.reading = self.reading;
        Ok(Vec::new())
    }
}

/// True if the record itself is broken. A valid page without text is not damaged.
fn is_damage(reason: FaultReason) -> bool {
    !matches!(reason, FaultReason::NoContent | FaultReason::Empty | FaultReason::UnsupportedType)
}

/// Accounts for what stages dropped, by reason.
pub(super) struct DroppedAccount<'a> {
    inputs: &'a Inputs,
    ledger: Ledger,
}

impl<'a> DroppedAccount<'a> {
    pub(super) fn new(inputs: &'a Inputs) -> Self {
        Self { inputs, ledger: Ledger::default() }
    }
}

impl Sink for DroppedAccount<'_> {
    fn take_dropped(&mut self, dropped: &Dropped) -> Result<()> {
        let ids = dropped.doc_ids().values().iter().copied();
        let bytes = dropped.read_bytes().values().iter().copied();
        let mut rows = Vec::with_capacity(dropped.doc_ids().len());
        for ((id, reason), bytes) in ids.zip(dropped.reasons()).zip(bytes) {
            rows.push((id, reason.or_bug("a dropped document has a reason")?, bytes));
        }
        for ((source, reason), count) in by_source(self.inputs, rows.into_iter())? {
            self.ledger.add(source, Outcome::Dropped, dropped.stage(), reason, count);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, result: &mut PartResult) -> Result<Vec<FileEntry>> {
        result.ledger.merge(&self.ledger);
        Ok(Vec::new())
    }
}

/// Accounts for what the run keeps. Only the last step has it.
pub(super) struct KeptAccount<'a> {
    inputs: &'a Inputs,
    ledger: Ledger,
}

impl<'a> KeptAccount<'a> {
    pub(super) fn new(inputs: &'a Inputs) -> Self {
        Self { inputs, ledger: Ledger::default() }
    }
}

impl Sink for KeptAccount<'_> {
    fn take_kept(&mut self, documents: &Documents) -> Result<()> {
        for ((source, _), count) in by_source(self.inputs, rows(documents)?)? {
            self.ledger.add(source, Outcome::Kept, "", "", count);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, result: &mut PartResult) -> Result<Vec<FileEntry>> {
        result.ledger.merge(&self.ledger);
        Ok(Vec::new())
    }
}
