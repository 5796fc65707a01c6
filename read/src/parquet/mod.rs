//! Parquet: one document per row.
//!
//! Other columns go into `extra`: numbers and booleans as JSON literals, lists, structs and maps as
//! JSON, everything else as text. A row group that cannot be decoded costs one fault for its
//! remaining rows, and reading continues with the next.

mod footer;

mod records;
mod row_group;
mod shared_file;
mod survey;

use std::io;

use self::shared_file::SharedFile;
use crate::format_reader::FormatReader;
use crate::input::Input;
use crate::lack::Lack;
use crate::part_range::PartRange;
use crate::read_seek::ReadSeek;
use crate::record::Records;
use crate::survey::Survey;

/// Reads Parquet files, in ranges of row groups.
pub(crate) struct ParquetReader;

impl FormatReader for ParquetReader {
    fn lack(&self, input: &Input, source: Box<dyn ReadSeek>) -> io::Result<Option<Lack>> {
        footer::lack(&SharedFile::new(source)?, &input.fields)
    }

    fn survey(
        &self,
        input: &Input,
        source: Box<dyn ReadSeek>,
        part_bytes: u64,
    ) -> io::Result<Survey> {
        survey::survey(input, source, part_bytes)
    }

    fn read(
        &self,
        input: &Input,
        source: Box<dyn ReadSeek>,
        range: &PartRange,
    ) -> io::Result<Records> {
        Ok(Records::new(records::ParquetRecords::open(input, source, range)?))
    }
}
