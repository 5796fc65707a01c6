//! JSONL: one JSON object a line, one document an object.
//!
//! Blank lines are ignored, but counted, so that `ordinal + 1` is the number of the line. Invalid
//! UTF-8, lone surrogates and U+0000 become U+FFFD and mark the document as repaired. Of a key that
//! stands twice the last value counts. Numbers of other fields are kept as they are written, be
//! they beyond any number type.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use memchr::memmem;
use serde::de::IgnoredAny;

use super::decompress::{Restart, Stream};
use super::fault::{Failure, Fault, FaultReason, short};
use super::json;
use super::lines::{LineEvent, Lines, MAX_RECORDS};
use super::source::ReadSeek;
use super::text::checked_text;
use super::{Document, Fields, Input, Limits, PartRange, Record};

/// The records of a range of lines.
pub(super) struct JsonlRecords {
    lines: Lines,
    path: String,
    fields: Fields,
    limits: Limits,
    /// The lines that are read, sorted; all of them where it is `None`.
    wanted: Option<Arc<[u32]>>,
}

impl JsonlRecords {
    /// The records of `range` of the file that `source` is.
    pub(super) fn open(
        input: &Input,
        source: Box<dyn ReadSeek>,
        range: &PartRange,
    ) -> io::Result<Self> {
        let restart = match *range {
            PartRange::Lines { restart, .. } => restart,
            _ => Restart::default(),
        };
        Self::new(input, Stream::open(input, source, restart)?, range)
    }

    /// The records of `range` of `stream`, which stands before it.
    pub(super) fn new(input: &Input, stream: Stream, range: &PartRange) -> io::Result<Self> {
        let (start, end, first_ordinal) = match *range {
            PartRange::Lines { start, end, first_ordinal, .. } => (start, end, first_ordinal),
            _ => (0, None, 0),
        };
        let max_line_bytes = input.limits.max_line_bytes;
        let lines = Lines::open(stream, (start, end), u64::from(first_ordinal), max_line_bytes)?;
        let (path, fields) = (input.path.clone(), input.fields.clone());
        Ok(Self { lines, path, fields, limits: input.limits.clone(), wanted: None })
    }

    /// Passes over all lines but `wanted`, whose numbers are sorted.
    pub(super) fn only(self, wanted: Option<Arc<[u32]>>) -> Self {
        Self { wanted, ..self }
    }

    /// The stream, at the end of the range.
    pub(super) fn into_stream(self) -> Stream {
        self.lines.into_stream()
    }

    /// The next record, or `None` at the end.
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
        // Most lines are sound, and a check is several times as fast as a repair.
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
                check(value)?;
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

/// Whether an escape of the line starts as those of surrogates do.
fn may_have_surrogates(line: &str) -> bool {
    let bytes = line.as_bytes();
    memmem::find_iter(bytes, b"\\u").any(|at| matches!(bytes.get(at + 2), Some(b'd' | b'D')))
}

/// The raw values of one object.
#[derive(Default)]
struct RawFields<'a> {
    text: Option<&'a str>,
    id: Option<&'a str>,
    url: Option<&'a str>,
    date: Option<&'a str>,
    /// Raw keys and values of the others.
    others: Vec<(&'a str, &'a str)>,
}

impl<'a> RawFields<'a> {
    fn of(line: &'a str, fields: &Fields, max_fields: u32) -> Result<Self, Failure> {
        let mut raw = Self::default();
        json::members(line, |key, value| {
            let name = if key.contains('\\') {
                Cow::Owned(
                    serde_json::from_str::<String>(&format!("\"{key}\""))
                        .map_err(|error| bad_json(&error))?,
                )
            } else {
                Cow::Borrowed(key)
            };
            // An array or object is no id, url or date, but it is not to be lost.
            let is_scalar = !value.starts_with(['[', '{']);
            let slot = match &*name {
                name if name == fields.text => &mut raw.text,
                name if name == fields.id && is_scalar => &mut raw.id,
                name if name == fields.url && is_scalar => &mut raw.url,
                name if name == fields.date && is_scalar => &mut raw.date,
                _ => return raw.push_other(key, value, max_fields),
            };
            *slot = Some(value);
            Ok(())
        })
        .map_err(|BadObject(failure)| failure)?;
        Ok(raw)
    }

    fn push_other(
        &mut self,
        key: &'a str,
        value: &'a str,
        max_fields: u32,
    ) -> Result<(), BadObject> {
        if let Some(other) = self.others.iter_mut().find(|other| other.0 == key) {
            other.1 = value;
            return Ok(());
        }
        if self.others.len() >= max_fields as usize {
            let detail = format!("object of more than {max_fields} fields");
            return Err(BadObject((FaultReason::TooLarge, detail)));
        }
        self.others.push((key, value));
        Ok(())
    }

    /// The other fields as one JSON object.
    fn extra(&self) -> Result<Option<String>, Failure> {
        if self.others.is_empty() {
            return Ok(None);
        }
        let length = self.others.iter().map(|(key, value)| key.len() + value.len() + 4).sum();
        let mut extra = String::with_capacity(length);
        for (key, value) in &self.others {
            check(value)?;
            extra.push_str(if extra.is_empty() { "{\"" } else { ",\"" });
            extra.push_str(key);
            extra.push_str("\":");
            extra.push_str(value);
        }
        extra.push('}');
        Ok(Some(extra))
    }
}

/// A failure that [`json::members`] can make out of its messages.
struct BadObject(Failure);

impl From<&'static str> for BadObject {
    fn from(message: &'static str) -> Self {
        Self((FaultReason::BadJson, message.to_owned()))
    }
}

fn bad_json(error: &serde_json::Error) -> BadObject {
    BadObject((FaultReason::BadJson, short(error)))
}

/// Whether `value` is valid JSON.
fn check(value: &str) -> Result<(), Failure> {
    serde_json::from_str::<IgnoredAny>(value).map_err(|error| bad_json(&error).0)?;
    Ok(())
}

fn decode_string(value: &str) -> Result<String, Failure> {
    serde_json::from_str(value).map_err(|error| bad_json(&error).0)
}

/// A string decoded, another scalar as it is written, null as nothing.
fn decode_scalar(value: Option<&str>) -> Result<Option<String>, Failure> {
    match value {
        None | Some("null") => Ok(None),
        Some(value) if value.starts_with('"') => decode_string(value).map(Some),
        Some(value) => {
            check(value)?;
            Ok(Some(value.to_owned()))
        }
    }
}
