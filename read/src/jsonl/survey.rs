//! Cutting a JSONL file where lines start.

use std::io;

use super::lines::{LineEvent, Lines};
use super::values::Layout;
use crate::cuts::{Cut, Cuts};
use crate::decompress::{Restart, Stream};
use crate::input::Input;
use crate::part_range::PartRange;
use crate::read_seek::ReadSeek;
use crate::survey::Survey;

/// Cuts the file in one pass.
pub(crate) fn survey(
    input: &Input,
    source: Box<dyn ReadSeek>,
    part_bytes: u64,
) -> io::Result<Survey> {
    let mut stream = Stream::open(input, source, Restart::default())?;
    if Layout::of(&mut stream)? != Layout::Lines {
        return Ok(Survey::whole());
    }
    survey_stream(input, stream, part_bytes)
}

/// Cuts a file of lines in one pass, whatever is in them.
pub(crate) fn survey_lines(
    input: &Input,
    source: Box<dyn ReadSeek>,
    part_bytes: u64,
) -> io::Result<Survey> {
    survey_stream(input, Stream::open(input, source, Restart::default())?, part_bytes)
}

fn survey_stream(input: &Input, stream: Stream, part_bytes: u64) -> io::Result<Survey> {
    let mut lines = Lines::scan(stream, input.limits.max_line_bytes)?;
    let (mut cuts, is_damaged) = cut(&mut lines, part_bytes)?;
    if !lines.stream().is_compressed() {
        // Reading plain data can start anywhere.
        cuts.set_restarts(|cut| Restart { compressed: cut.start, decompressed: cut.start });
    } else if is_damaged || lines.stream().is_strained() {
        // Where a damaged or oversized file stops can depend on where reading started, so all
        // parts start where this pass did.
        cuts.set_restarts(|_| Restart::default());
    }
    cuts.bound_skipping(lines.offset());
    let range = |(cut, next): (&Cut, Option<&Cut>)| PartRange::Lines {
        start: cut.start,
        end: next.map(|next| next.start),
        first_ordinal: cut.part_ordinal(),
        restart: cut.restart,
    };
    let parts = cuts.pairs().map(range).collect();
    let records = Some(lines.next_ordinal());
    Ok(Survey { parts, records, decompressed_bytes: Some(lines.offset()) })
}

/// Reads all lines. Returns the cuts, and whether data is missing.
fn cut(lines: &mut Lines, part_bytes: u64) -> io::Result<(Cuts, bool)> {
    let mut cuts = Cuts::new(part_bytes);
    let mut is_damaged = false;
    // A cut is made only when a line follows it, so that no part except the first can be empty.
    let mut next = Cut::FIRST;
    let mut barred = None;
    loop {
        let event = lines.next_line()?;
        if matches!(event, LineEvent::End) {
            return Ok((cuts, is_damaged));
        }
        is_damaged |= matches!(event, LineEvent::Gap(..));
        cuts.offer(next);
        let start = lines.offset();
        // No part may start where a gap truncated a line, because it would meet the gap again.
        if matches!(event, LineEvent::Gap(_, 1..)) {
            barred = Some(start);
        }
        // Of several events at one offset, a part starts with the first.
        if barred != Some(start) && start > next.start {
            next = Cut { start, ordinal: lines.next_ordinal(), restart: lines.member() };
        }
    }
}
