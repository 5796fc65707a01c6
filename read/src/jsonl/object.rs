//! The raw fields of one JSON object, and their decoding.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde_json::Value;

use super::json;
use crate::fault::{Failure, FaultReason, short};
use crate::fields::{Fields, Place, Step, values_at};

/// The columns by which gristmill's own output says where a document was read.
pub(crate) const PLACE: [&str; 3] = ["doc_id", "source", "path"];

/// The column with the other fields of a record in gristmill's own output.
pub(crate) const METADATA: &str = "metadata";

/// The raw values of one object.
#[derive(Default)]
pub(crate) struct RawFields<'a> {
    pub(crate) text: Option<RawField<'a>>,
    pub(crate) id: Option<RawField<'a>>,
    pub(crate) url: Option<RawField<'a>>,
    pub(crate) date: Option<RawField<'a>>,
    /// Raw keys and values of the other fields.
    others: Vec<(&'a str, &'a str)>,
}

/// The raw value of the top-level field that holds a field of the document.
#[derive(Clone, Copy)]
pub(crate) struct RawField<'a> {
    /// The rank of its name among those that are wanted, from 0.
    rank: usize,
    /// The raw key.
    key: &'a str,
    pub(crate) value: &'a str,
    pub(crate) place: Place<'a>,
}

impl<'a> RawFields<'a> {
    /// Splits the object in `line`. Of a key that occurs twice, the last value counts.
    pub(crate) fn of(line: &'a str, fields: &'a Fields, max_fields: u32) -> Result<Self, Failure> {
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
            if raw.take((key, &name), value, fields) {
                return Ok(());
            }
            raw.push_other(key, value, max_fields)
        })
        .map_err(|BadObject(failure)| failure)?;
        Ok(raw)
    }

    /// Takes a value that is a field of the document. Returns whether it is nothing else: a value
    /// that holds a field of the document within is kept with the other fields, too.
    fn take(&mut self, (key, name): (&'a str, &str), value: &'a str, fields: &'a Fields) -> bool {
        // An array or object is not an id, URL or date. It is kept with the other fields.
        let is_scalar = !value.starts_with(['[', '{']);
        let Fields { text, id, url, date, separator: _ } = fields;
        let slots = [
            (text, &mut self.text, true),
            (id, &mut self.id, is_scalar),
            (url, &mut self.url, is_scalar),
            (date, &mut self.date, is_scalar),
        ];
        let mut is_taken = false;
        for (names, slot, may_be_whole) in slots {
            let Some((rank, place)) = names.find(name) else { continue };
            if place == Place::Whole && !may_be_whole {
                continue;
            }
            if slot.is_some_and(|known| known.rank < rank) {
                continue;
            }
            let known = slot.replace(RawField { rank, key, value, place });
            is_taken |= place == Place::Whole;
            // A less wanted field is one of the others. Of the same key, the last value counts.
            if let Some(known) = known.filter(|k| k.rank > rank && k.place == Place::Whole) {
                self.others.push((known.key, known.value));
            }
        }
        is_taken
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

    /// The other fields as one JSON object. Of a record that gristmill wrote, the place where it was
    /// read before is left out, and `metadata` is merged instead of nested.
    pub(crate) fn extra(&self) -> Result<Option<String>, Failure> {
        let is_own = PLACE.iter().all(|name| self.others.iter().any(|(key, _)| key == name));
        let length = self.others.iter().map(|(key, value)| key.len() + value.len() + 4).sum();
        let mut extra = String::with_capacity(length);
        for (key, value) in &self.others {
            validate(value)?;
            if is_own && PLACE.contains(key) {
                continue;
            }
            let inner = value.strip_prefix('{').and_then(|value| value.strip_suffix('}'));
            match inner.map(str::trim).filter(|_| is_own && *key == METADATA) {
                Some("") => {}
                Some(members) => {
                    extra.push(if extra.is_empty() { '{' } else { ',' });
                    extra.push_str(members);
                }
                None => {
                    extra.push_str(if extra.is_empty() { "{\"" } else { ",\"" });
                    extra.push_str(key);
                    extra.push_str("\":");
                    extra.push_str(value);
                }
            }
        }
        if extra.is_empty() {
            return Ok(None);
        }
        extra.push('}');
        Ok(Some(extra))
    }
}

/// A failure that [`json::members`] can make from its messages.
struct BadObject(Failure);

impl From<&'static str> for BadObject {
    fn from(message: &'static str) -> Self {
        Self((FaultReason::BadJson, message.to_owned()))
    }
}

fn bad_json(error: &serde_json::Error) -> BadObject {
    BadObject((FaultReason::BadJson, short(error)))
}

/// Fails if `value` is not valid JSON.
pub(crate) fn validate(value: &str) -> Result<(), Failure> {
    serde_json::from_str::<IgnoredAny>(value).map_err(|error| bad_json(&error).0)?;
    Ok(())
}

/// Decodes a JSON string.
pub(crate) fn decode_string(value: &str) -> Result<String, Failure> {
    serde_json::from_str(value).map_err(|error| bad_json(&error).0)
}

/// Decodes the text: a string, or the strings at the end of a path, joined by `separator`. `None` if
/// there is none.
pub(crate) fn decode_text(field: RawField<'_>, separator: &str) -> Result<Option<String>, Failure> {
    let wrong_type = || Err((FaultReason::WrongType, "text is not a string".to_owned()));
    match (field.place, field.value) {
        (Place::Inner(steps), value) => {
            let value: Value = serde_json::from_str(value).map_err(|error| bad_json(&error).0)?;
            text_at(&value, steps, separator)
        }
        (Place::Whole, "null") => Ok(None),
        (Place::Whole, value) if value.starts_with('"') => decode_string(value).map(Some),
        (Place::Whole, value) => {
            validate(value)?;
            wrong_type()
        }
    }
}

/// The strings at the end of a path, joined by `separator`.
pub(crate) fn text_at(
    value: &Value,
    steps: &[Step],
    separator: &str,
) -> Result<Option<String>, Failure> {
    let mut found = Vec::new();
    values_at(value, steps, &mut found);
    let texts: Option<Vec<&str>> = found.iter().map(|value| value.as_str()).collect();
    match texts {
        None => Err((FaultReason::WrongType, "text is not a string".to_owned())),
        Some(texts) => Ok((!texts.is_empty()).then(|| texts.join(separator))),
    }
}

/// Decodes a string. Other scalars are kept as written, and null is `None`. Of the values at the end
/// of a path the first counts.
pub(crate) fn decode_scalar(field: Option<RawField<'_>>) -> Result<Option<String>, Failure> {
    let Some(field) = field else { return Ok(None) };
    match (field.place, field.value) {
        (Place::Inner(steps), value) => {
            let value: Value = serde_json::from_str(value).map_err(|error| bad_json(&error).0)?;
            Ok(scalar_at(&value, steps))
        }
        (Place::Whole, "null") => Ok(None),
        (Place::Whole, value) if value.starts_with('"') => decode_string(value).map(Some),
        (Place::Whole, value) => {
            validate(value)?;
            Ok(Some(value.to_owned()))
        }
    }
}

/// The first value at the end of a path, if it is a scalar.
pub(crate) fn scalar_at(value: &Value, steps: &[Step]) -> Option<String> {
    let mut found = Vec::new();
    values_at(value, steps, &mut found);
    match found.first()? {
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
        scalar => Some(scalar.to_string()),
    }
}
