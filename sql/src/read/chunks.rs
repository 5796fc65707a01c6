//! Surveying one large packed WARC file on several threads.
//!
//! Where a member ends is known only by unpacking it, so that a survey in one pass keeps one core
//! busy while the others wait. Here the file is cut at fixed places of the packed bytes, the first
//! member with a record at its start is looked for after each, and the stretches between them are
//! gone over at the same time. A place that looks like a member may lie inside of one, if a page in
//! the file is itself an archive: so each stretch must end where the next one starts, exactly, and
//! hold nothing damaged. Then, by induction from the first, it was gone over as one pass would
//! have; else one pass is what is made.

use std::io;

use rayon::prelude::*;

use super::Input;
use super::decompress::{Restart, Stream};
use super::source::ReadSeek;
use super::warc_frames::{Frame, Frames};
use super::warc_header::is_version_line;

/// The most places of one stretch that are kept.
const MAX_PLACES: usize = 1 << 20;

/// Opens the file that is surveyed anew.
pub(super) type Open<'a> = &'a (dyn Fn() -> io::Result<Box<dyn ReadSeek>> + Sync);

/// A place where a record starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the record.
    pub(super) ordinal: u64,
    /// Offset in the decompressed data.
    pub(super) start: u64,
    /// The member that it is in.
    pub(super) member: Restart,
}

/// All records of a sound file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// Where they start.
    pub(super) starts: Vec<Place>,
    /// How many they are.
    pub(super) records: u64,
    /// Length of the unpacked data in bytes.
    pub(super) decompressed_bytes: u64,
}

/// The records of a packed file of `length` bytes, gone over in stretches of `stretch_bytes`, or
/// `None` if it has to be gone over in one pass.
pub(super) fn places(
    input: &Input,
    open: Open,
    length: u64,
    stretch_bytes: u64,
) -> io::Result<Option<Places>> {
    let stream = Stream::open(input, open()?, Restart::default())?;
    if !stream.is_compressed() {
        return Ok(None);
    }
    let boundaries: Vec<u64> =
        (1..length.div_ceil(stretch_bytes)).map(|number| number * stretch_bytes).collect();
    let found: Vec<Option<u64>> = boundaries
        .par_iter()
        .map(|&from| first_member(input, open, from, from + stretch_bytes))
        .collect::<io::Result<_>>()?;
    let starts: Vec<u64> = [0].into_iter().chain(found.into_iter().flatten()).collect();
    let stretches: Vec<(u64, Option<u64>)> = starts
        .iter()
        .copied()
        .zip(starts.iter().skip(1).copied().map(Some).chain([None]))
        .collect();
    let stretches: Vec<Option<Places>> = stretches
        .par_iter()
        .map(|&(from, until)| stretch(input, open, from, until))
        .collect::<io::Result<_>>()?;
    let mut all = Places::default();
    for stretch in stretches {
        let Some(stretch) = stretch else { return Ok(None) };
        let (records, bytes) = (all.records, all.decompressed_bytes);
        all.starts.extend(stretch.starts.into_iter().map(|place| Place {
            ordinal: records + place.ordinal,
            start: bytes + place.start,
            member: Restart { decompressed: bytes + place.member.decompressed, ..place.member },
        }));
        all.records += stretch.records;
        all.decompressed_bytes += stretch.decompressed_bytes;
    }
    let is_long = all.decompressed_bytes > input.limits.max_decompressed_bytes;
    Ok((!is_long).then_some(all))
}

/// The first place from `from` on, and before `until`, that looks like a member whose data starts
/// with a record.
fn first_member(input: &Input, open: Open, from: u64, until: u64) -> io::Result<Option<u64>> {
    let mut stream = Stream::open(input, open()?, Restart::default())?;
    stream.find_member(from, until, is_version_line)
}

/// The records between two members, or `None` if the stretch does not end at the second, or is not
/// sound.
fn stretch(input: &Input, open: Open, from: u64, until: Option<u64>) -> io::Result<Option<Places>> {
    let restart = Restart { compressed: from, decompressed: 0 };
    let mut frames = Frames::open(Stream::open(input, open()?, restart)?, 0, &input.limits)?;
    let mut found = Places::default();
    loop {
        let frame = frames.next_frame()?;
        let place = frames.entrance();
        let passed = |until| place.is_some_and(|place| place.member.compressed >= until);
        if until.is_some_and(passed) {
            let Some(place) = place else { return Ok(None) };
            let is_met = Some(place.member.compressed) == until
                && place.start == place.member.decompressed
                && !frames.window().stream().is_steep();
            found.decompressed_bytes = place.start;
            return Ok(is_met.then_some(found));
        }
        match (frame, place) {
            (Frame::Record | Frame::Oversized(_), Some(place))
                if found.starts.len() < MAX_PLACES =>
            {
                let (start, member) = (place.start, place.member);
                found.starts.push(Place { ordinal: found.records, start, member });
                found.records += 1;
            }
            (Frame::End, _) if until.is_none() => {
                found.decompressed_bytes = frames.window().offset();
                let is_sound = !frames.window().stream().is_steep();
                return Ok(is_sound.then_some(found));
            }
            _ => return Ok(None),
        }
    }
}
