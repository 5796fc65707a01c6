//! Refused options of a stage.

use std::collections::BTreeMap;

use toml::Value;

/// A refused option: its key, what is wrong, the way out.
#[derive(Debug)]
pub struct OptionError {
    /// The option.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
    /// The way out.
    pub help: String,
}

impl OptionError {
    pub(super) fn new(key: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into(), help: help.into() }
    }
}

/// The options that a recipe gives, as `T`.
pub(super) fn options<T: serde::de::DeserializeOwned>(
    with: &BTreeMap<String, Value>,
) -> Result<T, OptionError> {
    let table: toml::Table = with.clone().into_iter().collect();
    Value::Table(table).try_into().map_err(|error: toml::de::Error| {
        let message = error.message().to_owned();
        let (message, expected) = message
            .split_once(", expected")
            .map_or((message.clone(), String::new()), |(m, e)| (m.to_owned(), e.to_owned()));
        let refused = message.split('`').nth(1).unwrap_or_default().to_owned();
        let names = expected.split('`').skip(1).step_by(2);
        let help = match sql::nearest(&refused, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("expected{expected}"),
        };
        // A wrong type names no key; the one whose value is of that kind is the best place.
        let key = with.keys().find(|key| **key == refused).or_else(|| with.keys().next());
        OptionError {
            key: key.cloned().unwrap_or_default(),
            message: message.replace("unknown field", "unknown option"),
            help,
        }
    })
}
