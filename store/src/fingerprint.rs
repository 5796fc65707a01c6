//! What a run is made from: named fields that must not change between two starts.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Named values that determine the bytes of a run: recipe keys, inputs with their digests, the
/// version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(BTreeMap<String, String>);

/// A field that differs between a run directory and the run that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field's name, as `recipe: stage[2].with.threshold` or `input: crawl/a.warc.gz`.
    pub field: String,
    /// The value in the run directory, if it had one.
    pub before: Option<String>,
    /// The value now, if there is one.
    pub now: Option<String>,
}

impl Fingerprint {
    /// Sets a field.
    pub fn set(&mut self, field: impl Into<String>, value: impl Into<String>) {
        self.0.insert(field.into(), value.into());
    }

    /// The fields that differ, by name.
    pub fn differences(&self, now: &Self) -> Vec<Difference> {
        let fields = self.0.keys().chain(now.0.keys().filter(|k| !self.0.contains_key(*k)));
        let mut differences: Vec<_> = fields
            .filter(|field| self.0.get(*field) != now.0.get(*field))
            .map(|field| Difference {
                field: field.clone(),
                before: self.0.get(field).cloned(),
                now: now.0.get(field).cloned(),
            })
            .collect();
        differences.sort_by(|a, b| a.field.cmp(&b.field));
        differences
    }

    /// The BLAKE3 of all fields, hexadecimal.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (field, value) in &self.0 {
            hasher.update(&(field.len() as u64).to_le_bytes());
            hasher.update(field.as_bytes());
            hasher.update(&(value.len() as u64).to_le_bytes());
            hasher.update(value.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.now) {
            (Some(before), Some(now)) => {
                write!(f, "{} was {}, now {}", self.field, short(before), short(now))
            }
            (Some(before), None) => write!(f, "{} was {}, now absent", self.field, short(before)),
            (None, Some(now)) => write!(f, "{} is new ({})", self.field, short(now)),
            (None, None) => write!(f, "{} is absent", self.field),
        }
    }
}

/// Longer values are shortened in messages.
const VALUE_CHARACTERS_SHOWN: usize = 60;

fn short(value: &str) -> String {
    let value = value.replace('\n', " ");
    if value.chars().count() <= VALUE_CHARACTERS_SHOWN {
        return format!("`{value}`");
    }
    format!("`{}…`", value.chars().take(VALUE_CHARACTERS_SHOWN).collect::<String>())
}

/// A message shows at most this many differences and counts the rest.
const DIFFERENCES_SHOWN: usize = 5;

pub(crate) fn list(differences: &[Difference]) -> String {
    let mut text: Vec<String> =
        differences.iter().take(DIFFERENCES_SHOWN).map(ToString::to_string).collect();
    if differences.len() > DIFFERENCES_SHOWN {
        text.push(format!("and {} more", differences.len() - DIFFERENCES_SHOWN));
    }
    text.join("; ")
}
