//! A place where decompression can start.

/// A place where decompression can start: the first byte of a gzip member or zstd frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restart {
    /// Offset in the file, in bytes.
    pub compressed: u64,
    /// Offset in the decompressed data of the whole file, in bytes.
    pub decompressed: u64,
}
