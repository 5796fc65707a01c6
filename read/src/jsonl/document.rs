//! A JSON object as a document.

use std::borrow::Cow;

use memchr::memmem;

use super::json;
use super::line_maker::LineMaker;
use super::object::{RawFields, decode_scalar, decode_text};
use crate::document_text::checked_text;
use crate::fault::{Failure, Fault, FaultReason, short};
use crate::fields::Fields;
use crate::input::Input;
use crate::limits::Limits;
use crate::record::{Document, Record};

/// How objects of a file become documents.
pub(crate) struct Objects {
    path: String,
    fields: Fields,
    limits: Limits,
}

impl LineMaker for Objects {
    fn record(&self, line: &[u8], ordinal: u32, offset: u64) -> Record {
        Self::record(self, line, ordinal, offset)
    }
}

impl Objects {
    /// The objects of `input`.
    pub(crate) fn of(input: &Input) -> Self {
        let (path, fields) = (input.path.clone(), input.fields.clone());
        Self { path, fields, limits: input.limits.clone() }
    }

    /// The document that the object in `line` holds, or why there is none.
    pub(crate) fn record(&self, line: &[u8], ordinal: u32, offset: u64) -> Record {
        match self.document(line, ordinal, offset) {
            Ok(document) => Record::Document(document),
            Err((reason, detail)) => {
                let length = line.len() as u64;
                Record::Fault(Fault { ordinal, offset, length, records: 1, reason, detail })
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
        let text = raw.text.map(|field| decode_text(field, &self.fields.separator));
        let text = text.transpose()?.flatten();
        let text = text.ok_or_else(|| (FaultReason::MissingText, there(&line)))?;
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

/// The fields of an object without a text, for people.
fn there(line: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    // The object was read before, so it has no error.
    let _ = json::members(line, |key, _| -> Result<(), &'static str> {
        names.push(key);
        Ok(())
    });
    short(&format!("has: {}", names.join(", ")))
}

/// Whether `line` has an escape that may be of a surrogate: `\ud` and any digits.
fn may_have_surrogates(line: &str) -> bool {
    let bytes = line.as_bytes();
    memmem::find_iter(bytes, b"\\u").any(|at| matches!(bytes.get(at + 2), Some(b'd' | b'D')))
}
