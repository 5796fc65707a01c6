//! What every input format implements.

use std::io;

use crate::input::Input;
use crate::lack::Lack;
use crate::part_range::PartRange;
use crate::read_seek::{Open, ReadSeek};
use crate::record::Records;
use crate::survey::Survey;

/// Cuts and reads the files of one format.
///
/// Errors are failures of the source only. Damaged data becomes faults, see the promises of
/// [the crate](crate).
pub(crate) trait FormatReader: Sync {
    /// What the file as a whole lacks, judged by its head.
    fn lack(&self, _: &Input, _: Box<dyn ReadSeek>) -> io::Result<Option<Lack>> {
        Ok(None)
    }

    /// Cuts a file into parts of about `part_bytes` decompressed bytes, at least 1.
    fn survey(
        &self,
        input: &Input,
        source: Box<dyn ReadSeek>,
        part_bytes: u64,
    ) -> io::Result<Survey>;

    /// Makes the same cuts as [`FormatReader::survey`] and may use the threads of the rayon pool.
    fn survey_parallel(&self, input: &Input, open: Open, part_bytes: u64) -> io::Result<Survey> {
        self.survey(input, open()?, part_bytes)
    }

    /// Reads one of the parts, or [`PartRange::Whole`].
    fn read(
        &self,
        input: &Input,
        source: Box<dyn ReadSeek>,
        range: &PartRange,
    ) -> io::Result<Records>;
}
