//! The records of a JSONL file.

use std::io;
use std::sync::Arc;

use super::document::Objects;
use super::line_maker::LineMaker;
use super::lines::{LineEvent, Lines};
use crate::decompress::Stream;
use crate::fault::{Fault, FaultReason};
use crate::format::Format;
use crate::input::Input;
use crate::part_range::PartRange;
use crate::record::{MAX_RECORDS, Record};
use crate::text_units::TextPieces;

/// The records of a range of lines, of JSONL or of a text file with a document per line.
pub(crate) struct JsonlRecords {
    lines: Lines,
    maker: Box<dyn LineMaker>,
    max_line_bytes: u64,
    /// Sorted numbers of the lines to read; `None` reads all.
    wanted: Option<Arc<[u32]>>,
}

impl JsonlRecords {
    /// The records of `range`. `stream` must be at or before its start.
    pub(crate) fn new(input: &Input, stream: Stream, range: &PartRange) -> io::Result<Self> {
        let (start, end, first_ordinal) = match *range {
            PartRange::Lines { start, end, first_ordinal, .. } => (start, end, first_ordinal),
            PartRange::Whole => (0, None, 0),
            other => return Err(other.mismatch("JSONL")),
        };
        let max_line_bytes = input.limits.max_line_bytes;
        let lines = Lines::open(stream, (start, end), u64::from(first_ordinal), max_line_bytes)?;
        let maker: Box<dyn LineMaker> = match input.format {
            Format::Text => Box::new(TextPieces::of(input)),
            _ => Box::new(Objects::of(input)),
        };
        Ok(Self { lines, maker, max_line_bytes, wanted: None })
    }

    /// Skips all lines except those with the sorted numbers `wanted`.
    pub(crate) fn only(self, wanted: Option<Arc<[u32]>>) -> Self {
        Self { wanted, ..self }
    }

    /// The stream, positioned at the end of the range.
    pub(crate) fn into_stream(self) -> Stream {
        self.lines.into_stream()
    }

    fn advance(&mut self) -> io::Result<Option<Record>> {
        loop {
            let event = self.lines.next_line()?;
            if self.lines.ordinal() >= MAX_RECORDS && !matches!(event, LineEvent::End) {
                return Err(io::Error::other("more than 2^32 - 1 lines in one file"));
            }
            let ordinal = self.lines.ordinal() as u32;
            return Ok(Some(match event {
                LineEvent::End => return Ok(None),
                LineEvent::Gap(damage, partial) => Record::Fault(damage.fault(ordinal, partial)),
                LineEvent::TooLong(offset, length) => {
                    let reason = FaultReason::TooLarge;
                    let detail = format!("line of more than {} bytes", self.max_line_bytes);
                    Record::Fault(Fault { ordinal, offset, length, records: 1, reason, detail })
                }
                LineEvent::Line(_) if !self.is_wanted(ordinal) => continue,
                LineEvent::Line(_) if self.lines.line().trim_ascii().is_empty() => continue,
                LineEvent::Line(offset) => self.maker.record(self.lines.line(), ordinal, offset),
            }));
        }
    }

    fn is_wanted(&self, ordinal: u32) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.binary_search(&ordinal).is_ok())
    }
}

impl Iterator for JsonlRecords {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}
