//! Runs segments of SQL stages and the barrier stages between them.

use std::sync::{Arc, Mutex, PoisonError};

use barrier::{BarrierError, BarrierInput, Decision, KeyFiles};
use rayon::prelude::*;
use store::Event;

use super::quota::Quota;
use super::steps::Steps;
use crate::error::{PipelineError, Result};
use crate::part::{PartResult, PartTexts, key_files, task};

impl Steps<'_> {
    /// Runs a segment over all parts that have no result yet.
    ///
    /// # Errors
    /// A part fails, too many records are damaged, or the observer asked to stop.
    pub(super) fn segment(
        &self,
        step: usize,
        decisions: &[Arc<dyn Decision>],
    ) -> Result<Vec<PartResult>> {
        let work = self.work();
        let parts = self.inputs.parts.len();
        let done: Vec<Option<PartResult>> =
            (0..parts).map(|part| self.done_part(step, part)).collect::<Result<_>>()?;
        let bytes = |part: usize| self.inputs.parts[part].bytes();
        let done_bytes = (0..parts).filter(|part| done[*part].is_some()).map(bytes).sum();
        let name = self.segment_name(step);
        let quota = Mutex::new(Quota::new(self.recipe.run.max_bad_fraction));
        let run_part = |(part, done): (usize, Option<PartResult>)| {
            let result = if let Some(result) = done {
                result
            } else {
                if self.observer.should_stop() {
                    return Err(PipelineError::Stopped);
                }
                let result = work.run_part(step, part, decisions)?;
                self.observer.event(&Event::Advance { units: bytes(part) });
                result
            };
            quota.lock().unwrap_or_else(PoisonError::into_inner).add(&result)?;
            Ok((part, result))
        };
        self.timed(&name, ("bytes", self.inputs.bytes(), done_bytes), || {
            let mut results: Vec<(usize, PartResult)> = if self.needs_order() {
                // `par_bridge` hands out parts in their order; an indexed iterator would split the
                // range.
                done.into_iter().enumerate().par_bridge().map(run_part).collect::<Result<_>>()?
            } else {
                // `with_max_len(1)` still gives neighbouring parts to one thread, so that the
                // reader of a compressed file can continue where it stopped.
                let parts = done.into_par_iter().enumerate().with_max_len(1);
                parts.map(run_part).collect::<Result<_>>()?
            };
            results.sort_by_key(|(part, _)| *part);
            let results: Vec<PartResult> = results.into_iter().map(|(_, result)| result).collect();
            quota.lock().unwrap_or_else(PoisonError::into_inner).check(0)?;
            let documents: u64 = results.iter().map(|part| part.documents).sum();
            Ok((results, format!("{documents} documents")))
        })
    }

    /// The result of a part that was finished before an interruption.
    fn done_part(&self, step: usize, part: usize) -> Result<Option<PartResult>> {
        Ok(self.run.result(&task(step, part))?)
    }

    /// True if parts should be started in order. Otherwise tokens of later parts would wait in
    /// memory.
    fn needs_order(&self) -> bool {
        self.encoding.is_some_and(|encoding| encoding.ordered().is_some())
    }

    /// The name of a segment for the user: what it does.
    fn segment_name(&self, step: usize) -> String {
        let plan = &self.plan.steps[step];
        let mut words: Vec<&str> = plan.stages.iter().map(String::as_str).collect();
        if step == 0 {
            words.insert(0, "read");
        } else if words.is_empty() && plan.stores {
            words.push("write documents");
        }
        if step + 1 == self.plan.steps.len() {
            words.extend(self.counting.map(|_| "count words"));
            words.extend(self.encoding.map(|_| "encode"));
        }
        words.join(", ")
    }

    /// Runs the barrier stages after a segment. `results` are the results of its parts.
    ///
    /// # Errors
    /// A stage fails, an earlier run cannot be used, or the observer asked to stop.
    pub(super) fn barriers(
        &self,
        step: usize,
        results: &[PartResult],
    ) -> Result<Vec<Arc<dyn Decision>>> {
        let parts = self.inputs.parts.len();
        let work = self.work();
        let mut decisions: Vec<Arc<dyn Decision>> = Vec::new();
        for (index, planned) in self.plan.steps[step].barriers.iter().enumerate() {
            let files = key_files(self.run, step, index, parts);
            let known = planned.stage.known(&planned.name, self.recipe.folder());
            let input = BarrierInput {
                run: self.run,
                name: &planned.name,
                place: (step, index),
                files: KeyFiles::new(files, results.iter().map(|part| part.documents)),
                known: known.map_err(BarrierError::from)?,
                earlier: &decisions,
                // The other half is for the SQL engine and the data of candidates.
                memory_bytes: self.recipe.run.memory.as_u64() / 2,
                texts: &PartTexts { work: &work, step },
            };
            let decision = self
                .timed(&planned.name, ("documents", 0, 0), || Ok(planned.stage.decide(input)?))?;
            if self.observer.should_stop() {
                return Err(PipelineError::Stopped);
            }
            decisions.push(decision);
        }
        Ok(decisions)
    }
}
