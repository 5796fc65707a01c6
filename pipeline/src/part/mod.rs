//! Runs one part of one segment: its documents go through the stages, and the ledger accounts for
//! every one.

mod account;
mod encoder;
mod quarantine;
mod result;
mod sink;
mod sinks;
mod table;
mod texts;

use std::sync::{Arc, Mutex, PoisonError};

use arrow::record_batch::RecordBatch;
use barrier::{Decision, PartDecision};
use sql::{DOC_ID, DocumentBatches, Documents, Dropped, Fate, SqlError, TEXT};
use store::{Observer, Run};
use tables::read_table;

use crate::documents::{Losses, PartDocuments, from_stored};
use crate::error::{PipelineError, Result};
use crate::inputs::Inputs;
use crate::plan::Plan;
use crate::tokens::{Counting, Encoding};
pub(crate) use result::{PartResult, key_files, task};
use sinks::Sinks;
pub(crate) use texts::PartTexts;

/// The state that all parts of a run share.
pub(crate) struct Work<'a> {
    pub(crate) run: &'a Run,
    pub(crate) plan: &'a Plan,
    pub(crate) inputs: Arc<Inputs>,
    pub(crate) observer: &'a dyn Observer,
    /// Counts the words of the kept documents, if a tokenizer will be trained.
    pub(crate) counting: Option<&'a Counting>,
    /// Encodes the kept documents, if the tokenizer is known before the run.
    pub(crate) encoding: Option<&'a Encoding>,
}

/// Documents that a barrier stage dropped, until the sinks take them. The input iterator drops them
/// inside the SQL engine, where the sinks cannot be reached, so both sides share this list.
type Duplicates = Arc<Mutex<Vec<Dropped>>>;

impl Work<'_> {
    /// Runs part `part` of step `step`. `decisions` are those of the barrier stages before the
    /// step.
    ///
    /// # Errors
    /// The input cannot be read, a stage fails, an output cannot be written, or the observer asked
    /// to stop.
    pub(crate) fn run_part(
        &self,
        step: usize,
        part: usize,
        decisions: &[Arc<dyn Decision>],
    ) -> Result<PartResult> {
        let losses = Arc::new(Mutex::new(Losses::default()));
        let duplicates = Duplicates::default();
        let mut sinks = Sinks::create(self, step, part)?;
        let documents = self.documents(step, part, decisions, &losses, &duplicates)?;
        for fate in self.plan.steps[step].segment.run(documents)? {
            self.stop_if_asked()?;
            match fate? {
                Fate::Kept(documents) => {
                    take(&duplicates).iter().try_for_each(|dropped| sinks.take_dropped(dropped))?;
                    sinks.take_kept(documents)?;
                }
                Fate::Dropped(dropped) => sinks.take_dropped(&dropped)?,
            }
        }
        take(&duplicates).iter().try_for_each(|dropped| sinks.take_dropped(dropped))?;
        sinks.take_losses(&losses.lock().unwrap_or_else(PoisonError::into_inner))?;
        let (result, files) = sinks.finish()?;
        self.run.complete(&task(step, part), files, result.to_json()?)?;
        Ok(result)
    }

    fn stop_if_asked(&self) -> Result<()> {
        if self.observer.should_stop() { Err(PipelineError::Stopped) } else { Ok(()) }
    }

    /// The documents that enter a step, without those that barrier stages dropped.
    fn documents(
        &self,
        step: usize,
        part: usize,
        decisions: &[Arc<dyn Decision>],
        losses: &Arc<Mutex<Losses>>,
        duplicates: &Duplicates,
    ) -> Result<DocumentBatches> {
        if step == 0 {
            let documents = PartDocuments::new(self.inputs.clone(), part, losses.clone());
            return Ok(Box::new(documents.map(|documents| documents.map_err(SqlError::input))));
        }
        let decisions: Vec<Box<dyn PartDecision>> = decisions
            .iter()
            .map(|decision| decision.for_part(part))
            .collect::<barrier::Result<_>>()?;
        let duplicates = duplicates.clone();
        let survivors = self.entering(step, part)?.map(move |documents| {
            let mut documents = documents?;
            for decision in &decisions {
                let (kept, dropped) = decision.apply(documents)?;
                documents = kept;
                duplicates.lock().unwrap_or_else(PoisonError::into_inner).extend(dropped);
            }
            Ok(documents)
        });
        let survivors = survivors.map(|documents: Result<_>| documents.map_err(SqlError::input));
        Ok(Box::new(survivors))
    }

    /// The documents that step `step` - 1 left for step `step`.
    fn entering(
        &self,
        step: usize,
        part: usize,
    ) -> Result<Box<dyn Iterator<Item = Result<Documents>> + Send>> {
        if !self.plan.steps[step - 1].stores {
            // Losses were counted when the part was read first, so these are thrown away.
            let losses = Arc::default();
            return Ok(Box::new(PartDocuments::new(self.inputs.clone(), part, losses)));
        }
        let path = self.run.path(&self.plan.documents_path(step - 1, part));
        Ok(Box::new(read_table(&path, None)?.map(|batch| from_stored(&batch?))))
    }

    /// Ids and texts of a part's documents after step `step`. May return more than the `wanted`
    /// ones.
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
        let path = self.run.path(&self.plan.documents_path(step, part));
        Ok(Box::new(read_table(&path, Some(&[DOC_ID, TEXT]))?.map(|batch| Ok(batch?))))
    }
}

fn take(duplicates: &Duplicates) -> Vec<Dropped> {
    std::mem::take(&mut duplicates.lock().unwrap_or_else(PoisonError::into_inner))
}
