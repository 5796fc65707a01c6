//! The interface of everything that receives a part's documents.

use sql::{Documents, Dropped};
use store::FileEntry;

use super::result::PartResult;
use crate::documents::Losses;
use crate::error::Result;

/// Receives everything that leaves a segment, for one part.
pub(super) trait Sink {
    /// Takes documents that passed all stages.
    fn take_kept(&mut self, _: &Documents) -> Result<()> {
        Ok(())
    }

    /// Takes documents that one stage dropped.
    fn take_dropped(&mut self, _: &Dropped) -> Result<()> {
        Ok(())
    }

    /// Takes the records that are damaged or not documents. Called once, after all documents.
    fn take_losses(&mut self, _: &Losses) -> Result<()> {
        Ok(())
    }

    /// Adds to the part's result and returns the published files.
    ///
    /// # Errors
    /// A file cannot be written.
    fn finish(self: Box<Self>, result: &mut PartResult) -> Result<Vec<FileEntry>>;
}
