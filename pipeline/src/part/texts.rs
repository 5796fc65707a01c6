//! Reads texts again for a barrier stage.

use arrow::array::Array as _;
use barrier::{BarrierError, Texts};
use sql::columns::{doc_ids, texts};

use super::Work;
use crate::error::PipelineError;

/// Reads the texts of documents as they were after one step.
pub(crate) struct PartTexts<'a> {
    pub(crate) work: &'a Work<'a>,
    pub(crate) step: usize,
}

impl PartTexts<'_> {
    fn read(
        &self,
        part: usize,
        wanted: &[u64],
        each: &mut dyn FnMut(u64, &str) -> Result<(), BarrierError>,
    ) -> Result<(), PipelineError> {
        for batch in self.work.texts(self.step, part, wanted)? {
            let batch = batch?;
            let texts = texts(&batch)?;
            for (row, id) in doc_ids(&batch)?.values().iter().enumerate() {
                if wanted.binary_search(id).is_ok() && texts.is_valid(row) {
                    each(*id, texts.value(row))?;
                }
            }
        }
        Ok(())
    }
}

impl Texts for PartTexts<'_> {
    fn each(
        &self,
        part: usize,
        doc_ids: &[u64],
        each: &mut dyn FnMut(u64, &str) -> Result<(), BarrierError>,
    ) -> Result<(), BarrierError> {
        self.read(part, doc_ids, each).map_err(|error| BarrierError::Texts(error.into()))
    }
}
