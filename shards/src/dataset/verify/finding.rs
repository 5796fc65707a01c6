//! Faults of a dataset, by file and byte range.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

/// One fault of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, by its name in the folder.
    pub file: String,
    /// The bytes concerned. For a missing or cut file these are the missing ones.
    pub bytes: Range<u64>,
    /// What is wrong.
    pub fault: Fault,
}

/// The kind of a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// The dataset names the file, but it does not exist.
    Missing,
    /// The file ends before its range.
    Truncated,
    /// The file continues after the bytes that were written.
    Extended,
    /// The bytes are not what was written.
    Altered,
    /// The file holds the content of another one.
    Swapped {
        /// The file whose content this is.
        with: String,
    },
    /// The dataset does not name the file.
    Foreign,
    /// The bytes are what was written, but they break a rule of the format.
    Broken {
        /// The rule and how it is broken.
        message: String,
    },
    /// The system refuses to read the file.
    Unreadable {
        /// The system's message.
        message: String,
    },
}

impl Finding {
    pub(super) fn new(file: impl Into<String>, bytes: Range<u64>, fault: Fault) -> Self {
        Self { file: file.into(), bytes, fault }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { start, end } = self.bytes;
        write!(f, "{}: ", self.file)?;
        match &self.fault {
            Fault::Missing => write!(f, "missing, all {end} bytes"),
            Fault::Truncated => write!(f, "cut: bytes {start} to {end} are missing"),
            Fault::Extended => write!(f, "bytes {start} to {end} do not belong to it"),
            Fault::Altered => write!(f, "bytes {start} to {end} are not what was written"),
            Fault::Swapped { with } => write!(f, "bytes {start} to {end} are those of {with}"),
            Fault::Foreign => write!(f, "not a file of the dataset ({end} bytes)"),
            Fault::Broken { message } => write!(f, "bytes {start} to {end}: {message}"),
            Fault::Unreadable { message } => write!(f, "{message}"),
        }
    }
}
