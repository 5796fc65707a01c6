//! Cutting a file into parts by its content alone.

use std::io;

use serde::{Deserialize, Serialize};

use super::decompress::{Restart, Stream};
use super::lines::{LineEvent, Lines};
use super::parquet;
use super::source::ReadSeek;
use super::{Format, Input, PartRange};

/// The most parts of a compressed file that cannot be entered in the middle: part *n* has to
/// unpack the *n* - 1 before it, so that the work grows with the square of their number.
const MAX_SKIPPING_PARTS: usize = 16;

/// The most parts of any file.
const MAX_PARTS: usize = 1 << 16;

/// The parts of a file and what is known of it without reading its records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// The parts, in the order of the file. There is at least one.
    pub parts: Vec<PartRange>,
    /// Ordinals that the file takes: its rows, or its lines, blank and bad ones too. `None` where
    /// counting would mean reading (WARC, WET).
    pub records: Option<u64>,
    /// Length of the unpacked data in bytes; for Parquet, of the row groups. `None` where it would
    /// mean reading.
    pub decompressed_bytes: Option<u64>,
}

/// Cuts the file that `source` is into parts of about `part_bytes` unpacked bytes.
///
/// The cut is a function of the content, `part_bytes` and the limits. JSONL is cut where a line
/// starts, which takes one pass over the file; Parquet between row groups. A WARC file and a plain
/// text file are one part.
///
/// # Errors
///
/// Only when `source` itself fails. A damaged file is cut as far as it can be read, and its damage
/// is a fault of the part that it lies in.
pub fn survey(input: &Input, source: Box<dyn ReadSeek>, part_bytes: u64) -> io::Result<Survey> {
    match input.format {
        Format::Jsonl => survey_lines(input, source, part_bytes.max(1)),
        Format::Parquet => parquet::survey(input, source, part_bytes.max(1)),
        Format::Warc | Format::Wet | Format::Text => Ok(Survey::whole()),
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

fn survey_lines(input: &Input, source: Box<dyn ReadSeek>, part_bytes: u64) -> io::Result<Survey> {
    let stream = Stream::open(input, source, Restart::default())?;
    let mut lines = Lines::scan(stream, input.limits.max_line_bytes)?;
    let mut cuts = vec![Cut { start: 0, ordinal: 0, restart: Restart::default() }];
    let mut part_bytes = part_bytes;
    let mut damaged = false;
    // A cut needs a line after it, so that no part but the first can be empty.
    let mut next = cuts[0];
    loop {
        let event = lines.next_line()?;
        if matches!(event, LineEvent::End) {
            break;
        }
        damaged |= matches!(event, LineEvent::Gap(..));
        if next.start > 0 && next.start - cuts[cuts.len() - 1].start >= part_bytes {
            cuts.push(next);
            if cuts.len() > MAX_PARTS {
                thin(&mut cuts);
                part_bytes = part_bytes.saturating_mul(2);
            }
        }
        // Where a gap cut a line off, no part may start: it would meet the gap again. Of several
        // events at one offset, the first is where a part starts.
        let start = lines.offset();
        let cut_off = matches!(event, LineEvent::Gap(_, 1..));
        if !cut_off && start > next.start {
            next = Cut { start, ordinal: lines.next_ordinal(), restart: lines.member() };
        }
    }
    if lines.stream().is_compressed() {
        if damaged {
            // Where a damaged or oversized file stops can depend on where reading started: all
            // parts start where this pass did.
            for cut in &mut cuts {
                cut.restart = Restart::default();
            }
        }
        let enters = |pair: &[Cut]| pair[1].restart.decompressed > pair[0].start;
        if !cuts.windows(2).all(enters) {
            while cuts.len() > MAX_SKIPPING_PARTS {
                thin(&mut cuts);
            }
        }
    } else {
        // Plain data can be entered anywhere.
        for cut in &mut cuts {
            cut.restart = Restart { compressed: cut.start, decompressed: cut.start };
        }
    }
    let records = Some(lines.next_ordinal());
    Ok(Survey { parts: ranges(&cuts), records, decompressed_bytes: Some(lines.offset()) })
}

/// Drops every other cut.
fn thin(cuts: &mut Vec<Cut>) {
    let mut number = 0;
    cuts.retain(|_| {
        number += 1;
        number % 2 == 1
    });
}

/// The ranges between the cuts; the last goes on to the end of the file.
fn ranges(cuts: &[Cut]) -> Vec<PartRange> {
    let ends = cuts.iter().skip(1).map(|cut| Some(cut.start)).chain([None]);
    let range = |(cut, end): (&Cut, Option<u64>)| PartRange::Lines {
        start: cut.start,
        end,
        // More records than a u32 counts are refused where they are read.
        first_ordinal: u32::try_from(cut.ordinal).unwrap_or(u32::MAX),
        restart: cut.restart,
    };
    cuts.iter().zip(ends).map(range).collect()
}
