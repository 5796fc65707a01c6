//! The sinks of one part. Which sinks it has depends on whether the step is the first or the last.

use barrier::KeyWriter;
use sql::{Documents, Dropped};
use store::FileEntry;

use super::Work;
use super::account::{DroppedAccount, KeptAccount, ReadAccount};
use super::encoder::Encoder;
use super::quarantine::QuarantineTable;
use super::result::{PartResult, keys_path};
use super::sink::Sink;
use super::table::{DocumentTable, DroppedTable};
use crate::documents::Losses;
use crate::error::Result;
use crate::tokens::PartCounts;

/// The sinks of one part.
pub(super) struct Sinks<'a> {
    part: usize,
    is_first: bool,
    encoder: Option<Encoder<'a>>,
    list: Vec<Box<dyn Sink + 'a>>,
    result: PartResult,
}

impl<'a> Sinks<'a> {
    /// Opens the sinks for part `part` of step `step`.
    ///
    /// # Errors
    /// A file cannot be created.
    pub(super) fn create(work: &'a Work<'a>, step: usize, part: usize) -> Result<Self> {
        let planned = &work.plan.steps[step];
        let (is_first, is_last) = (step == 0, step + 1 == work.plan.steps.len());
        let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
        if is_first {
            sinks.push(Box::new(ReadAccount::new(&work.inputs)));
            sinks.push(Box::new(QuarantineTable::new(work, part)));
        }
        for (index, barrier) in planned.barriers.iter().enumerate() {
            let path = keys_path(step, index, part);
            sinks.push(Box::new(KeyWriter::create(work.run, &path, barrier)?));
        }
        let mut encoder = None;
        if is_last {
            sinks.push(Box::new(KeptAccount::new(&work.inputs)));
            if let Some(counting) = work.counting {
                sinks.push(Box::new(PartCounts::new(work.run, counting, part)));
            }
            encoder = work.encoding.map(|e| Encoder::create(work.run, e, part)).transpose()?;
        }
        if planned.stores {
            sinks.push(Box::new(DocumentTable::create(work, step, part)?));
        }
        sinks.push(Box::new(DroppedAccount::new(&work.inputs)));
        sinks.push(Box::new(DroppedTable::create(work.run, step, part)?));
        Ok(Self { part, is_first, encoder, list: sinks, result: PartResult::default() })
    }

    /// Takes documents that passed all stages.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn take_kept(&mut self, mut documents: Documents) -> Result<()> {
        // Encoding comes first, since it can drop documents.
        if let Some(encoder) = &mut self.encoder {
            let (kept, dropped) = encoder.encode(documents)?;
            documents = kept;
            if let Some(dropped) = dropped {
                self.take_dropped(&dropped)?;
            }
        }
        self.result.documents += documents.batch.num_rows() as u64;
        self.list.iter_mut().try_for_each(|sink| sink.take_kept(&documents))
    }

    /// Takes documents that one stage dropped.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn take_dropped(&mut self, dropped: &Dropped) -> Result<()> {
        self.list.iter_mut().try_for_each(|sink| sink.take_dropped(dropped))
    }

    /// Takes the records that are damaged or not documents.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn take_losses(&mut self, losses: &Losses) -> Result<()> {
        self.list.iter_mut().try_for_each(|sink| sink.take_losses(losses))
    }

    /// Publishes all files and checks the part's ledger.
    ///
    /// # Errors
    /// A file cannot be written. It is a bug if the ledger does not add up.
    pub(super) fn finish(self) -> Result<(PartResult, Vec<FileEntry>)> {
        let mut result = self.result;
        let mut files = Vec::new();
        for sink in self.list {
            files.extend(sink.finish(&mut result)?);
        }
        if let Some(encoder) = self.encoder {
            files.extend(encoder.finish()?);
        }
        if self.is_first {
            result.check(self.part)?;
        }
        Ok((result, files))
    }
}

impl Sink for KeyWriter {
    fn take_kept(&mut self, documents: &Documents) -> Result<()> {
        Ok(self.write(&documents.batch)?)
    }

    fn finish(self: Box<Self>, _: &mut PartResult) -> Result<Vec<FileEntry>> {
        Ok(vec![Self::finish(*self)?])
    }
}

impl Sink for PartCounts<'_> {
    fn take_kept(&mut self, documents: &Documents) -> Result<()> {
        self.add(&documents.batch)
    }

    fn finish(self: Box<Self>, result: &mut PartResult) -> Result<Vec<FileEntry>> {
        let (counts, files) = Self::finish(*self)?;
        result.counts = counts;
        Ok(files)
    }
}
