//! Cutting a WARC file where records start.

use std::io;

use super::arc::is_arc;
use super::raw_records::{RawRecord, RawRecords, RecordStart};
use crate::cuts::{Cut, Cuts};
use crate::decompress::{Restart, Stream};
use crate::input::Input;
use crate::part_range::PartRange;
use crate::read_seek::ReadSeek;
use crate::survey::Survey;

/// Cuts a WARC file in one pass, at the records that the reader finds. So the damage that the
/// survey meets is the damage that the reader meets.
pub(crate) fn survey(
    input: &Input,
    source: Box<dyn ReadSeek>,
    part_bytes: u64,
) -> io::Result<Survey> {
    let stream = Stream::open(input, source, Restart::default())?;
    let mut records = RawRecords::open(stream, 0, &input.limits)?;
    if is_arc(records.first_bytes()?) {
        return Ok(Survey::whole());
    }
    let mut cuts = Cuts::new(part_bytes);
    let mut count = 0;
    while !matches!(records.next_record()?, RawRecord::End) {
        if let Some(RecordStart { start, restart }) = records.start() {
            cuts.offer(Cut { start, ordinal: count, restart });
        }
        count += 1;
    }
    if records.stream().is_strained() {
        // How much a file near the limits yields depends on where reading starts, so it is one
        // part.
        cuts = Cuts::new(part_bytes);
    }
    cuts.bound_skipping(records.end_offset());
    Ok(survey_of(&cuts, count, records.end_offset()))
}

/// The survey of a file of `records` records and these cuts.
pub(crate) fn survey_of(cuts: &Cuts, records: u64, decompressed_bytes: u64) -> Survey {
    let range = |(cut, next): (&Cut, Option<&Cut>)| PartRange::Records {
        first_ordinal: cut.part_ordinal(),
        end_ordinal: next.map(Cut::part_ordinal),
        start: cut.start,
        restart: cut.restart,
    };
    let is_whole = cuts.count() == 1;
    let parts = if is_whole { vec![PartRange::Whole] } else { cuts.pairs().map(range).collect() };
    Survey { parts, records: Some(records), decompressed_bytes: Some(decompressed_bytes) }
}
