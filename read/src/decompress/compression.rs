//! How the bytes of a file are compressed, and the magic numbers that show it.

/// How the bytes of a file are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not compressed.
    None,
    /// gzip (RFC 1952), any number of members.
    Gzip,
    /// Zstandard (RFC 8878), any number of frames, with or without the dictionary frame of the
    /// IIPC proposal for `.warc.zst`.
    Zstd,
}

/// First bytes of a gzip member with deflate, the only method that exists (RFC 1952, 2.3.1).
pub(crate) const GZIP_MAGIC: [u8; 3] = [0x1F, 0x8B, 0x08];
/// First bytes of a Zstandard frame (RFC 8878, 3.1.1).
pub(crate) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Whether `first` bytes start a Zstandard skippable frame: magic 0x184D2A50 to 0x184D2A5F
/// (RFC 8878, 3.1.2).
pub(crate) fn is_skippable_frame(first: &[u8]) -> bool {
    matches!(first, [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..])
}

impl Compression {
    /// The compression whose magic number the `first` bytes of a file start with. No JSON, WARC or
    /// text starts with one.
    pub(crate) fn of_magic(first: &[u8]) -> Option<Self> {
        if first.starts_with(&GZIP_MAGIC) {
            Some(Self::Gzip)
        } else if first.starts_with(&ZSTD_MAGIC) || is_skippable_frame(first) {
            Some(Self::Zstd)
        } else {
            None
        }
    }
}
