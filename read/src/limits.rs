//! Upper bounds on what the readers hold in memory.

/// Named limits of the readers. Whatever exceeds one becomes a fault; nothing grows without a
/// limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest text of a document, and longest HTML page before extraction, in bytes.
    pub max_document_bytes: u64,
    /// Whether a blank text is a document rather than a fault.
    pub keep_blank: bool,
    /// Longest line of JSONL, in bytes. JSON escapes make a line longer than its text.
    pub max_line_bytes: u64,
    /// Longest WARC record that is kept in memory, in bytes. Longer ones are skipped.
    pub max_record_bytes: u64,
    /// Longest WARC or HTTP header, in bytes.
    pub max_header_bytes: u64,
    /// Most fields of one JSON object.
    pub max_fields: u32,
    /// Most bytes that one file may decompress to.
    pub max_decompressed_bytes: u64,
    /// Largest ratio of decompressed to compressed bytes, of a member and of the file so far.
    pub max_ratio: u64,
    /// Number of decompressed bytes up to which `max_ratio` does not apply.
    pub ratio_grace_bytes: u64,
    /// Base-2 logarithm of the largest Zstandard window, in bytes.
    pub max_window_log: u32,
    /// Largest Zstandard dictionary after decompression, in bytes.
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
            // Deflate reaches 1032 at most ("zlib Technical Details").
            max_ratio: 500,
            ratio_grace_bytes: 16 * MIB,
            // 128 MiB, what `zstd --long` writes and decoders accept by default.
            max_window_log: 27,
            max_dictionary_bytes: 16 * MIB,
        }
    }
}
