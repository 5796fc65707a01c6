//! Surveying a large compressed WARC file on several threads.
//!
//! Only decompression shows where a member ends, so a survey in one pass keeps one core busy while
//! the others wait. Here the file is divided at fixed offsets of its compressed bytes, and after
//! each of them the first member that starts with a record is located. The stretches between these
//! members are surveyed in parallel.
//!
//! Something that looks like a member may lie inside another one, if a page in the file is itself
//! an archive. So every stretch must end exactly where the next one starts, and must not contain
//! damage. Then, by induction from the first stretch, the result equals that of one pass. Otherwise
//! the file is surveyed in one pass.

use std::io::{self, Seek as _, SeekFrom};

use rayon::prelude::*;

use super::header::is_version_line;
use super::raw_records::{RawRecord, RawRecords};
use super::survey::{self, survey_of};
use crate::cuts::{Cut, Cuts};
use crate::decompress::{Restart, Stream};
use crate::input::Input;
use crate::read_seek::Open;
use crate::survey::Survey;

/// Compressed bytes of a stretch: enough that opening the file and locating a member cost little in
/// comparison.
pub(crate) const STRETCH_BYTES: u64 = 32 << 20;

/// Most records of one stretch, which bounds the memory of their starts.
const MAX_STRETCH_RECORDS: usize = 1 << 20;

/// All records of an undamaged file, or of a stretch of one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Starts {
    /// Where the records start.
    cuts: Vec<Cut>,
    /// Number of records.
    records: u64,
    /// Length of the decompressed data in bytes.
    decompressed_bytes: u64,
}

/// Makes the same cuts as [`survey::survey`], in stretches of `stretch_bytes` compressed bytes.
pub(crate) fn survey(
    input: &Input,
    open: Open,
    part_bytes: u64,
    stretch_bytes: u64,
) -> io::Result<Survey> {
    let mut source = open()?;
    let length = source.seek(SeekFrom::End(0))?;
    source.rewind()?;
    let found = if length > stretch_bytes {
        record_starts(input, open, length, stretch_bytes)?
    } else {
        None
    };
    let Some(found) = found else { return survey::survey(input, source, part_bytes) };
    let mut cuts = Cuts::new(part_bytes);
    for start in found.cuts {
        cuts.offer(start);
    }
    cuts.bound_skipping(found.decompressed_bytes);
    Ok(survey_of(&cuts, found.records, found.decompressed_bytes))
}

/// The records of a compressed file of `length` bytes, or `None` if it must be surveyed in one
/// pass.
pub(crate) fn record_starts(
    input: &Input,
    open: Open,
    length: u64,
    stretch_bytes: u64,
) -> io::Result<Option<Starts>> {
    let stream = Stream::open(input, open()?, Restart::default())?;
    if !stream.is_compressed() {
        return Ok(None);
    }
    let boundaries: Vec<u64> =
        (1..length.div_ceil(stretch_bytes)).map(|number| number * stretch_bytes).collect();
    let members: Vec<Option<u64>> = boundaries
        .par_iter()
        .map(|&from| first_member(input, open, from, from + stretch_bytes))
        .collect::<io::Result<_>>()?;
    let members: Vec<u64> = [0].into_iter().chain(members.into_iter().flatten()).collect();
    let ends = members.iter().skip(1).copied().map(Some).chain([None]);
    let ranges: Vec<(u64, Option<u64>)> = members.iter().copied().zip(ends).collect();
    let stretches: Vec<Option<Starts>> = ranges
        .par_iter()
        .map(|&(from, until)| stretch(input, open, from, until))
        .collect::<io::Result<_>>()?;
    let mut all = Starts::default();
    for stretch in stretches {
        let Some(stretch) = stretch else { return Ok(None) };
        // Each stretch counts from its own start.
        let (records, bytes) = (all.records, all.decompressed_bytes);
        all.cuts.extend(stretch.cuts.into_iter().map(|cut| Cut {
            ordinal: records + cut.ordinal,
            start: bytes + cut.start,
            restart: Restart { decompressed: bytes + cut.restart.decompressed, ..cut.restart },
        }));
        all.records += stretch.records;
        all.decompressed_bytes += stretch.decompressed_bytes;
    }
    let is_too_long = all.decompressed_bytes > input.limits.max_decompressed_bytes;
    Ok((!is_too_long).then_some(all))
}

/// The first offset in `from..until` that looks like a member whose data starts with a record.
fn first_member(input: &Input, open: Open, from: u64, until: u64) -> io::Result<Option<u64>> {
    let mut stream = Stream::open(input, open()?, Restart::default())?;
    stream.find_member(from, until, is_version_line)
}

/// The records between two members, or `None` if the stretch does not end at the second, contains
/// damage, or comes close to the limit of its ratio.
fn stretch(input: &Input, open: Open, from: u64, until: Option<u64>) -> io::Result<Option<Starts>> {
    let restart = Restart { compressed: from, decompressed: 0 };
    let mut records = RawRecords::open(Stream::open(input, open()?, restart)?, 0, &input.limits)?;
    let mut found = Starts::default();
    loop {
        let record = records.next_record()?;
        let place = records.start();
        let passed = |until| place.is_some_and(|place| place.restart.compressed >= until);
        if until.is_some_and(passed) {
            let Some(place) = place else { return Ok(None) };
            let is_met = Some(place.restart.compressed) == until
                && place.start == place.restart.decompressed
                && !records.stream().is_steep();
            found.decompressed_bytes = place.start;
            return Ok(is_met.then_some(found));
        }
        match (record, place) {
            (RawRecord::Whole | RawRecord::Oversized(_), Some(place))
                if found.cuts.len() < MAX_STRETCH_RECORDS =>
            {
                let (start, restart) = (place.start, place.restart);
                found.cuts.push(Cut { ordinal: found.records, start, restart });
                found.records += 1;
            }
            (RawRecord::End, _) if until.is_none() => {
                found.decompressed_bytes = records.end_offset();
                let is_sound = !records.stream().is_steep();
                return Ok(is_sound.then_some(found));
            }
            _ => return Ok(None),
        }
    }
}
