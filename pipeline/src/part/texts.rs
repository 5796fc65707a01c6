//! Reads texts again for a barrier stage.

use arrow::array::Array as _;

use super::Work;
use crate::barrier::Texts;
use crate::columns::{doc_ids, texts};
use crate::error::Result;

/// Reads the texts of documents as they were after one step.
pub(crate) struct PartTexts<'a> {
    pub(crate) work: &'a Work<'a>,
    pub(crate) step: usize,
}

impl Texts for PartTexts<'_> {
    fn each(
        &self,
        part: usize,
        wanted: &[u64],
        each: &mut dyn FnMut(u64, &str) -> Result<()>,
    ) -> Result<()> {
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
