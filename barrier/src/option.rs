//! Reading the options of a stage.

use std::collections::BTreeMap;

use toml::Value;

/// The values that a recipe gives for the options of a stage.
pub type Options = BTreeMap<String, Value>;

/// A refused option: its key, the reason and a suggestion.
#[derive(Debug)]
pub struct OptionError {
    /// The option.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
    /// How to fix it.
    pub help: String,
}

impl OptionError {
    pub(super) fn new(key: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into(), help: help.into() }
    }
}

/// Reads the options that a recipe gives as a `T`.
///
/// # Errors
/// An option is unknown or has the wrong type.
pub(super) fn options<T: serde::de::DeserializeOwned>(with: &Options) -> Result<T, OptionError> {
    // Each option is first read alone, because the error for the whole table does not say which
    // option has the wrong type.
    for (key, value) in with {
        let one = toml::Table::from_iter([(key.clone(), value.clone())]);
        if let Err(error) = Value::Table(one).try_into::<T>() {
            return Err(refused(key, error.message()));
        }
    }
    let all: toml::Table = with.clone().into_iter().collect();
    Value::Table(all).try_into().map_err(|error: toml::de::Error| refused("", error.message()))
}

/// Turns serde's message into one that suggests the nearest name.
fn refused(key: &str, message: &str) -> OptionError {
    let (message, expected) = message.split_once(", expected").unwrap_or((message, ""));
    let names = expected.split('`').skip(1).step_by(2);
    let help = match sql::nearest(key, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("expected{expected}"),
    };
    OptionError::new(key, message.replace("unknown field", "unknown option"), help)
}
