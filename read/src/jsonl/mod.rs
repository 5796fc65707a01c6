//! JSONL: one JSON object per line, one document per object.
//!
//! Blank lines are skipped but counted, so that `ordinal + 1` is the number of the line. Invalid
//! UTF-8, lone surrogates and U+0000 become U+FFFD and mark the document as repaired. Of a key that
//! occurs twice, the last value counts. Numbers of other fields are kept as written, even if they
//! exceed every number type.

pub(crate) mod json;
mod lines;
mod object;
mod records;
mod survey;

use std::io;

pub(crate) use records::JsonlRecords;

use crate::decompress::{Restart, Stream};
use crate::format_reader::FormatReader;
use crate::input::Input;
use crate::part_range::PartRange;
use crate::read_seek::ReadSeek;
use crate::record::Records;
use crate::survey::Survey;

/// Reads JSONL files, in ranges of lines.
pub(crate) struct JsonlReader;

impl FormatReader for JsonlReader {
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
        let restart = match *range {
            PartRange::Lines { restart, .. } => restart,
            PartRange::Whole => Restart::default(),
            other => return Err(other.mismatch("JSONL")),
        };
        let stream = Stream::open(input, source, restart)?;
        Ok(Records::new(JsonlRecords::new(input, stream, range)?))
    }
}
