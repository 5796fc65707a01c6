//! The portion of a file that makes one part.

use std::io;

use bug::Bug;

use crate::decompress::Restart;

/// The portion of a file that makes one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartRange {
    /// The whole file.
    Whole,
    /// Lines that start in a range of the decompressed data.
    Lines {
        /// Offset of the first line, in decompressed bytes.
        start: u64,
        /// Offset where the next part starts; `None` reads to the end of the file.
        end: Option<u64>,
        /// Number of the first line.
        first_ordinal: u32,
        /// Where decompression can start in order to reach `start`.
        restart: Restart,
    },
    /// Records of a WARC file.
    Records {
        /// Number of the first record.
        first_ordinal: u32,
        /// Number of the first record of the next part; `None` reads to the end of the file.
        end_ordinal: Option<u32>,
        /// Offset of the first record, in decompressed bytes.
        start: u64,
        /// Where decompression can start in order to reach `start`.
        restart: Restart,
    },
    /// Row groups of a Parquet file.
    RowGroups {
        /// The first row group.
        start: u32,
        /// The row group after the last.
        end: u32,
        /// Number of the first row of the first group.
        first_ordinal: u32,
    },
}

impl PartRange {
    /// The error of reading this range with a `reader` of another format than that of its survey.
    pub(crate) fn mismatch(&self, reader: &str) -> io::Error {
        io::Error::other(Bug::new(format!("the {reader} reader got the range {self:?}")))
    }
}
