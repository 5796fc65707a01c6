//! The records of a JSONL file.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use memchr::memmem;

use super::json;
use super::lines::{LineEvent, Lines};
use super::object::{RawFields, decode_scalar, decode_string, validate};
use crate::decompress::Stream;
use crate::document_text::checked_text;
use crate::fault::{Failure, Fault, FaultReason};
use crate::input::{Fields, Input};
use crate::limits::Limits;
use crate::part_range::PartRange;
use crate::record::{Document, MAX_RECORDS, Record};

/// The records of a range of lines.
pub(crate) struct JsonlRecords {
    lines: Lines,
    path: String,
    fields: Fields,
    limits: Limits,
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
        let (path, fields) = (input.path.clone(), input.fields.clone());
        Ok(Self { lines, path, fields, limits: input.limits.clone(), wanted: None })
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
                    let detail = format!("line of more than {} bytes", self.limits.max_line_bytes);
                    Record::Fault(Fault { ordinal, offset, length, reason, detail })
                }
                LineEvent::Line(_) if !self.is_wanted(ordinal) => continue,
                LineEvent::Line(_) if self.lines.line().trim_ascii().is_empty() => continue,
                LineEvent::Line(offset) => self.record(ordinal, offset),
            }));
        }
    }

    fn is_wanted(&self, ordinal: u32) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.binary_search(&ordinal).is_ok())
    }

    fn record(&self, ordinal: u32, offset: u64) -> Record {
        let line = self.lines.line();
        match self.document(line, ordinal, offset) {
            Ok(document) => Record::Document(document),
            Err((reason, detail)) => {
                let length = line.len() as u64;
                Record::Fault(Fault { ordinal, offset, length, reason, detail })
            }
        }
    }

    fn document(&self, line: &[u8], ordinal: u32, offset: u64) -> Result<Document, Failure> {
        let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        // Most lines are valid, and validation is several times as fast as lossy decoding.
        let mut line = match std::str::from_utf8(line) {
            Ok(line) => Cow::Borrowed(line),
            Err(_) => String::from_utf8_lossy(line),
        };
        let mut repaired = matches!(line, Cow::Owned(_));
        if may_have_surrogates(&line)
            && let Some(sound) = json::repair_surrogates(&line)
        {
            line = Cow::Owned(sound);
            repaired = true;
        }
        let raw = RawFields::of(&line, &self.fields, self.limits.max_fields)?;
        let text = match raw.text {
            None | Some("null") => return Err((FaultReason::MissingText, String::new())),
            Some(value) if value.starts_with('"') => decode_string(value)?,
            Some(value) => {
                validate(value)?;
                return Err((FaultReason::WrongType, "text is not a string".to_owned()));
            }
        };
        let (text, cleaned) = checked_text(text, &self.limits)?;
        let id = decode_scalar(raw.id)?;
        Ok(Document {
            ordinal,
            offset,
            id: id.unwrap_or_else(|| format!("{}/{ordinal}", self.path)),
            url: decode_scalar(raw.url)?,
            date: decode_scalar(raw.date)?,
            text,
            extra: raw.extra()?,
            repaired: repaired || cleaned,
        })
    }
}

impl Iterator for JsonlRecords {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// Whether `line` has an escape that may be of a surrogate: `\ud` and any digits.
fn may_have_surrogates(line: &str) -> bool {
    let bytes = line.as_bytes();
    memmem::find_iter(bytes, b"\\u").any(|at| matches!(bytes.get(at + 2), Some(b'd' | b'D')))
}
