//! JSONL: one JSON object per line, one document per object. Files with one JSON array, or with
//! objects over several lines, are read too; such a file is one part.
//!
//! Blank lines are skipped but counted, so that `ordinal + 1` is the number of the line. Invalid
//! UTF-8, lone surrogates and U+0000 become U+FFFD and mark the document as repaired. Of a key that
//! occurs twice, the last value counts. Numbers of other fields are kept as written, even if they
//! exceed every number type.

mod document;
pub(crate) mod json;
mod lack;
mod line_maker;
mod lines;
mod object;
mod records;
mod survey;
mod values;

use std::io;

pub(crate) use line_maker::LineMaker;
pub(crate) use lines::{LineEvent, Lines};
pub(crate) use object::{METADATA, PLACE, scalar_at, text_at};
pub(crate) use records::JsonlRecords;
pub(crate) use survey::survey_lines;

use self::document::Objects;
use self::values::{Layout, ValueRecords, Values};
use crate::decompress::{Restart, Stream};
use crate::format_reader::FormatReader;
use crate::input::Input;
use crate::lack::Lack;
use crate::part_range::PartRange;
use crate::read_seek::ReadSeek;
use crate::record::Records;
use crate::survey::Survey;

/// Reads JSONL files, in ranges of lines.
pub(crate) struct JsonlReader;

impl FormatReader for JsonlReader {
    fn lack(&self, input: &Input, source: Box<dyn ReadSeek>) -> io::Result<Option<Lack>> {
        lack::lack(input, source)
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
        let restart = match *range {
            PartRange::Lines { restart, .. } => restart,
            PartRange::Whole => return whole(input, source),
            other => return Err(other.mismatch("JSONL")),
        };
        let stream = Stream::open(input, source, restart)?;
        Ok(Records::new(JsonlRecords::new(input, stream, range)?))
    }
}

/// The records of a whole file, whatever its layout.
fn whole(input: &Input, source: Box<dyn ReadSeek>) -> io::Result<Records> {
    let mut stream = Stream::open(input, source, Restart::default())?;
    let layout = Layout::of(&mut stream)?;
    if layout == Layout::Lines {
        return Ok(Records::new(JsonlRecords::new(input, stream, &PartRange::Whole)?));
    }
    let values = Values::new(stream, layout, input.limits.max_line_bytes);
    Ok(Records::new(ValueRecords::new(values, Objects::of(input))))
}
