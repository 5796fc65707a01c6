//! The raw fields of one JSON object, and their decoding.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::json;
use crate::fault::{Failure, FaultReason, short};
use crate::input::Fields;

/// The raw values of one object.
#[derive(Default)]
pub(crate) struct RawFields<'a> {
    pub(crate) text: Option<&'a str>,
    pub(crate) id: Option<&'a str>,
    pub(crate) url: Option<&'a str>,
    pub(crate) date: Option<&'a str>,
    /// Raw keys and values of the other fields.
    others: Vec<(&'a str, &'a str)>,
}

impl<'a> RawFields<'a> {
    /// Splits the object in `line`. Of a key that occurs twice, the last value counts.
    pub(crate) fn of(line: &'a str, fields: &Fields, max_fields: u32) -> Result<Self, Failure> {
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
            // An array or object is not an id, URL or date. It is kept with the other fields.
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
    pub(crate) fn extra(&self) -> Result<Option<String>, Failure> {
        if self.others.is_empty() {
            return Ok(None);
        }
        let length = self.others.iter().map(|(key, value)| key.len() + value.len() + 4).sum();
        let mut extra = String::with_capacity(length);
        for (key, value) in &self.others {
            validate(value)?;
            extra.push_str(if extra.is_empty() { "{\"" } else { ",\"" });
            extra.push_str(key);
            extra.push_str("\":");
            extra.push_str(value);
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

/// Decodes a string. Other scalars are kept as written, and null is `None`.
pub(crate) fn decode_scalar(value: Option<&str>) -> Result<Option<String>, Failure> {
    match value {
        None | Some("null") => Ok(None),
        Some(value) if value.starts_with('"') => decode_string(value).map(Some),
        Some(value) => {
            validate(value)?;
            Ok(Some(value.to_owned()))
        }
    }
}
