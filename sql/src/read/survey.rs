//! Cutting a file into parts by its content alone.

use std::io::{self, Seek as _, SeekFrom};

use serde::{Deserialize, Serialize};

use super::chunks::{self, Open, Place};
use super::decompress::{Restart, Stream};
use super::lines::{LineEvent, Lines};
use super::parquet;
use super::source::ReadSeek;
use super::warc::is_arc;
use super::warc_frames::{Entrance, Frame, Frames};
use super::{Format, Input, PartRange};

/// The most that is unpacked only to reach the parts of a file, in lengths of the file. Of a file
/// of one member part *n* has to unpack the *n* - 1 before it, so that the work grows with the
/// square of their number: this allows 15.
const MAX_SKIPPED_LENGTHS: u64 = 7;

/// Packed bytes of a file that one thread goes over at a time: enough that opening the file and
/// looking for a member is little beside them.
const STRETCH_BYTES: u64 = 32 << 20;

/// The most parts of any file.
const MAX_PARTS: usize = 1 << 16;

/// The parts of a file and what is known of it without reading its records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// The parts, in the order of the file. There is at least one.
    pub parts: Vec<PartRange>,
    /// Ordinals that the file takes: its rows, its WARC records, or its lines, blank and bad ones
    /// too. `None` where it was not counted.
    pub records: Option<u64>,
    /// Length of the unpacked data in bytes; for Parquet, of the row groups. `None` where it was
    /// not measured.
    pub decompressed_bytes: Option<u64>,
}

/// Cuts the file that `source` is into parts of about `part_bytes` unpacked bytes.
///
/// The cut is a function of the content, `part_bytes` and the limits. JSONL is cut where a line
/// starts and WARC where a record starts, which takes one pass over the file; Parquet between row
/// groups. A plain text file is one part.
///
/// # Errors
///
/// Only when `source` itself fails. A damaged file is cut as far as it can be read, and its damage
/// is a fault of the part that it lies in.
pub fn survey(input: &Input, source: Box<dyn ReadSeek>, part_bytes: u64) -> io::Result<Survey> {
    match input.format {
        Format::Jsonl => survey_lines(input, source, part_bytes.max(1)),
        Format::Parquet => parquet::survey(input, source, part_bytes.max(1)),
        Format::Warc | Format::Wet => survey_records(input, source, part_bytes.max(1)),
        Format::Text => Ok(Survey::whole()),
    }
}

/// Does the same as [`survey`], and takes all threads of the rayon pool for a large packed WARC
/// file, which `open` opens anew for each of them.
///
/// # Errors
///
/// Only when the file itself fails.
pub fn survey_parallel(
    input: &Input,
    open: &(dyn Fn() -> io::Result<Box<dyn ReadSeek>> + Sync),
    part_bytes: u64,
) -> io::Result<Survey> {
    match input.format {
        Format::Warc | Format::Wet => {
            survey_stretches(input, open, part_bytes.max(1), STRETCH_BYTES)
        }
        _ => survey(input, open()?, part_bytes),
    }
}

impl Survey {
    /// The survey of a file that is one part.
    pub(super) fn whole() -> Self {
        Self { parts: vec![PartRange::Whole], records: None, decompressed_bytes: None }
    }
}

/// A place where a part may start.
#[derive(Clone, Copy)]
struct Cut {
    start: u64,
    ordinal: u64,
    restart: Restart,
}

impl Cut {
    const FIRST: Self =
        Self { start: 0, ordinal: 0, restart: Restart { compressed: 0, decompressed: 0 } };
}

/// The cuts of a file, as one pass over it finds them.
struct Cuts {
    cuts: Vec<Cut>,
    part_bytes: u64,
}

impl Cuts {
    fn new(part_bytes: u64) -> Self {
        Self { cuts: vec![Cut::FIRST], part_bytes }
    }

    /// Cuts at `place` if the part before it is large enough.
    fn offer(&mut self, place: Cut) {
        if place.start - self.cuts[self.cuts.len() - 1].start < self.part_bytes {
            return;
        }
        self.cuts.push(place);
        if self.cuts.len() > MAX_PARTS {
            self.thin();
            self.part_bytes = self.part_bytes.saturating_mul(2);
        }
    }

    /// Drops every other cut.
    fn thin(&mut self) {
        let mut number = 0;
        self.cuts.retain(|_| {
            number += 1;
            number % 2 == 1
        });
    }

    /// Bounds the work of reaching the parts that no member of a packed file starts at.
    fn bound_skipping(&mut self, decompressed_bytes: u64) {
        let most = decompressed_bytes.saturating_mul(MAX_SKIPPED_LENGTHS);
        let skipped = |cut: &Cut| cut.start - cut.restart.decompressed;
        while self.cuts.iter().map(skipped).fold(0, u64::saturating_add) > most {
            self.thin();
        }
    }

    /// Each cut, and the next one.
    fn pairs(&self) -> impl Iterator<Item = (&Cut, Option<&Cut>)> {
        let next = self.cuts.iter().skip(1).map(Some).chain([None]);
        self.cuts.iter().zip(next)
    }
}

fn survey_lines(input: &Input, source: Box<dyn ReadSeek>, part_bytes: u64) -> io::Result<Survey> {
    let stream = Stream::open(input, source, Restart::default())?;
    let mut lines = Lines::scan(stream, input.limits.max_line_bytes)?;
    let mut cuts = Cuts::new(part_bytes);
    let mut damaged = false;
    // A cut needs a line after it, so that no part but the first can be empty.
    let mut next = Cut::FIRST;
    let mut barred = None;
    loop {
        let event = lines.next_line()?;
        if matches!(event, LineEvent::End) {
            break;
        }
        damaged |= matches!(event, LineEvent::Gap(..));
        cuts.offer(next);
        // Where a gap cut a line off, no part may start: it would meet the gap again. Of several
        // events at one offset, the first is where a part starts.
        let start = lines.offset();
        if matches!(event, LineEvent::Gap(_, 1..)) {
            barred = Some(start);
        }
        if barred != Some(start) && start > next.start {
            next = Cut { start, ordinal: lines.next_ordinal(), restart: lines.member() };
        }
    }
    if lines.stream().is_compressed() {
        if damaged || lines.stream().is_strained() {
            // Where a damaged or oversized file stops can depend on where reading started: all
            // parts start where this pass did.
            for cut in &mut cuts.cuts {
                cut.restart = Restart::default();
            }
        }
        cuts.bound_skipping(lines.offset());
    } else {
        // Plain data can be entered anywhere.
        for cut in &mut cuts.cuts {
            cut.restart = Restart { compressed: cut.start, decompressed: cut.start };
        }
    }
    let range = |(cut, next): (&Cut, Option<&Cut>)| PartRange::Lines {
        start: cut.start,
        end: next.map(|next| next.start),
        first_ordinal: ordinal(cut),
        restart: cut.restart,
    };
    let parts = cuts.pairs().map(range).collect();
    let records = Some(lines.next_ordinal());
    Ok(Survey { parts, records, decompressed_bytes: Some(lines.offset()) })
}

/// Cuts a WARC file where the frames that reading finds start, so that damage is where it is to
/// the reader too.
fn survey_records(input: &Input, source: Box<dyn ReadSeek>, part_bytes: u64) -> io::Result<Survey> {
    let stream = Stream::open(input, source, Restart::default())?;
    let mut frames = Frames::open(stream, 0, &input.limits)?;
    if is_arc(frames.first_bytes()?) {
        return Ok(Survey::whole());
    }
    let mut cuts = Cuts::new(part_bytes);
    let mut records = 0;
    while !matches!(frames.next_frame()?, Frame::End) {
        if let Some(Entrance { start, member }) = frames.entrance() {
            cuts.offer(Cut { start, ordinal: records, restart: member });
        }
        records += 1;
    }
    let stream = frames.window().stream();
    if stream.is_strained() {
        cuts = Cuts::new(part_bytes);
    } else if stream.is_compressed() {
        cuts.bound_skipping(frames.window().offset());
    }
    Ok(survey_of_records(&cuts, records, frames.window().offset()))
}

fn survey_of_records(cuts: &Cuts, records: u64, decompressed_bytes: u64) -> Survey {
    let range = |(cut, next): (&Cut, Option<&Cut>)| PartRange::Records {
        first_ordinal: ordinal(cut),
        end_ordinal: next.map(ordinal),
        start: cut.start,
        restart: cut.restart,
    };
    let is_whole = cuts.cuts.len() == 1;
    let parts = if is_whole { vec![PartRange::Whole] } else { cuts.pairs().map(range).collect() };
    Survey { parts, records: Some(records), decompressed_bytes: Some(decompressed_bytes) }
}

/// Does the work of [`survey_records`] in stretches of the packed file.
pub(super) fn survey_stretches(
    input: &Input,
    open: Open,
    part_bytes: u64,
    stretch_bytes: u64,
) -> io::Result<Survey> {
    let mut source = open()?;
    let length = source.seek(SeekFrom::End(0))?;
    source.rewind()?;
    let places = if length > stretch_bytes {
        chunks::places(input, open, length, stretch_bytes)?
    } else {
        None
    };
    let Some(places) = places else { return survey_records(input, source, part_bytes) };
    let mut cuts = Cuts::new(part_bytes);
    for Place { ordinal, start, member } in places.starts {
        cuts.offer(Cut { start, ordinal, restart: member });
    }
    cuts.bound_skipping(places.decompressed_bytes);
    Ok(survey_of_records(&cuts, places.records, places.decompressed_bytes))
}

/// More records than a u32 counts are refused where they are read.
fn ordinal(cut: &Cut) -> u32 {
    u32::try_from(cut.ordinal).unwrap_or(u32::MAX)
}
