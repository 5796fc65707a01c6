//! Results in the journal, from before an interruption.

use serde::de::DeserializeOwned;
use serde_json::Value;
use store::{Run, StoreError};

use crate::error::Result;

/// Reads the result of a finished task.
///
/// # Errors
/// The journal is damaged, or was written by another version.
pub(crate) fn result<T: DeserializeOwned>(run: &Run, task: &str, done: Value) -> Result<T> {
    serde_json::from_value(done).map_err(|error| {
        let path = run.path("journal.jsonl");
        let message = format!("the result of `{task}` cannot be read: {error}; use --fresh");
        StoreError::Unreadable { path, message }.into()
    })
}
