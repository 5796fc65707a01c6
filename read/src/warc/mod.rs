//! WARC and WET files: one document per record.
//!
//! Which records are documents, and their names, are as in datatrove's WARC reader: response and
//! conversion records, id from WARC-Record-ID, URL from WARC-Target-URI, date from WARC-Date, media
//! type from WARC-Identified-Payload-Type if present. Resource records are documents, too.

mod arc;
mod bodies;
pub(crate) mod header;
pub(crate) mod headers;
pub(crate) mod http;
pub(crate) mod parallel_survey;
mod payload;
mod raw_records;
mod record_buffer;
mod records;
mod survey;

use std::io;

pub use bodies::{BodyTotals, measure_bodies};

use crate::format_reader::FormatReader;
use crate::input::Input;
use crate::part_range::PartRange;
use crate::read_seek::{Open, ReadSeek};
use crate::record::Records;
use crate::survey::Survey;

/// Reads WARC and WET files, in ranges of records.
pub(crate) struct WarcReader;

impl FormatReader for WarcReader {
    fn survey(
        &self,
        input: &Input,
        source: Box<dyn ReadSeek>,
        part_bytes: u64,
    ) -> io::Result<Survey> {
        survey::survey(input, source, part_bytes)
    }

    fn survey_parallel(&self, input: &Input, open: Open, part_bytes: u64) -> io::Result<Survey> {
        parallel_survey::survey(input, open, part_bytes, parallel_survey::STRETCH_BYTES)
    }

    fn read(
        &self,
        input: &Input,
        source: Box<dyn ReadSeek>,
        range: &PartRange,
    ) -> io::Result<Records> {
        Ok(Records::new(records::WarcRecords::open(input, source, range)?))
    }
}
