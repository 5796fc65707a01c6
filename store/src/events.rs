//! `events.jsonl`: what happened and when, one JSON object per line, for people and for `report`.
//!
//! Times and speeds are recorded here and nowhere else, so that every other file of a run is a
//! function of its inputs.

use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{Dir, DirWriter};

/// The open event log.
pub struct Events {
    writer: Mutex<Option<Box<dyn DirWriter>>>,
}

impl Events {
    /// Name of the log in the run directory.
    pub const FILE: &str = "events.jsonl";

    /// Opens the log for appending. A run continues without a log if that fails, with a warning.
    pub(crate) fn open(dir: &Arc<dyn Dir>) -> Self {
        let writer = dir.append(Self::FILE).and_then(|mut writer| {
            // After a power loss the last line may be incomplete; the next must not join it.
            let mut reader = dir.open(Self::FILE)?;
            let mut last = [b'\n'];
            if reader.seek(SeekFrom::End(0))? > 0 {
                reader.seek(SeekFrom::End(-1))?;
                reader.read_exact(&mut last)?;
            }
            if last != [b'\n'] {
                writeln!(writer)?;
            }
            Ok(writer)
        });
        if let Err(error) = &writer {
            tracing::warn!("events are not recorded: {error}");
        }
        Self { writer: Mutex::new(writer.ok()) }
    }

    /// A log that records nothing.
    pub(crate) fn none() -> Self {
        Self { writer: Mutex::new(None) }
    }

    /// Adds an event. `fields` must be a JSON object and must not contain texts of documents.
    pub fn add(&self, event: &str, fields: Value) {
        let mut line = json!({ "time": unix_seconds(), "event": event });
        if let (Value::Object(line), Value::Object(fields)) = (&mut line, fields) {
            line.extend(fields);
        }
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = writer.as_mut() {
            let written = writeln!(open, "{line}").and_then(|()| open.flush());
            if let Err(error) = written {
                tracing::warn!("events are no longer recorded: {error}");
                *writer = None;
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "events are the only place where times are recorded")]
fn unix_seconds() -> f64 {
    // A clock that is set before 1970 gives 0.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now.as_secs_f64() * 1000.0).round() / 1000.0
}
