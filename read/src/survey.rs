//! The parts of a file.

use crate::part_range::PartRange;

/// The parts of a file, and what cutting it has counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The parts, in the order of the file. There is at least one.
    pub parts: Vec<PartRange>,
    /// Number of ordinals in the file: its rows, its WARC records, or its lines, including blank
    /// and bad ones. `None` if they were not counted.
    pub records: Option<u64>,
    /// Length of the decompressed data in bytes; for Parquet, of the row groups. `None` if it was
    /// not measured.
    pub decompressed_bytes: Option<u64>,
}

impl Survey {
    /// The survey of a file that is one part and was not counted.
    pub(crate) fn whole() -> Self {
        Self { parts: vec![PartRange::Whole], records: None, decompressed_bytes: None }
    }
}
