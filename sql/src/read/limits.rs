//! The most that is taken from one line, record or file.

use serde::{Deserialize, Serialize};

/// Named limits of the readers. What goes over one becomes a fault; nothing grows without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The longest text of a document, and the longest HTML page before extraction, in bytes.
    pub max_document_bytes: u64,
    /// Whether a blank text is a document, rather than a fault.
    pub keep_blank: bool,
    /// The longest line of JSONL, in bytes. A document's escapes make it longer than its text.
    pub max_line_bytes: u64,
    /// The longest WARC record that is kept in memory, in bytes. Longer ones are stepped over.
    pub max_record_bytes: u64,
    /// The longest WARC or HTTP header, in bytes.
    pub max_header_bytes: u64,
    /// The most fields of one JSON object.
    pub max_fields: u32,
    /// The most that one file may unpack to, in bytes.
    pub max_decompressed_bytes: u64,
    /// The most that the data may grow by unpacking, as a factor, over a member and over the file.
    pub max_ratio: u64,
    /// Unpacked bytes below which `max_ratio` does not apply.
    pub ratio_grace_bytes: u64,
    /// Base-2 logarithm of the largest Zstandard window.
    pub max_window_log: u32,
    /// The largest Zstandard dictionary, unpacked, in bytes.
    pub max_dictionary_bytes: u64,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_document_bytes: 16 * MIB,
            keep_blank: false,
            max_line_bytes: 32 * MIB,
            max_record_bytes: 64 * MIB,
            max_header_bytes: 64 * KIB,
            max_fields: 1024,
            max_decompressed_bytes: 64 * GIB,
            max_ratio: 500,
            ratio_grace_bytes: 16 * MIB,
            max_window_log: 27,
            max_dictionary_bytes: 16 * MIB,
        }
    }
}
