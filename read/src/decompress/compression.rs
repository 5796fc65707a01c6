//! How the bytes of a file are compressed, and the magic numbers that show it.

use super::sequential::Kind;

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
    /// bzip2, any number of streams.
    Bzip2,
    /// xz, any number of streams.
    Xz,
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
        } else if is_bzip2(first) {
            Some(Self::Bzip2)
        } else if first.starts_with(Kind::Xz.magic()) {
            Some(Self::Xz)
        } else {
            None
        }
    }

    /// The compression that the ending of a file's name stands for.
    pub(crate) fn of_ending(ending: &str) -> Option<Self> {
        match ending {
            "gz" | "gzip" => Some(Self::Gzip),
            "zst" | "zstd" => Some(Self::Zstd),
            "bz2" | "bzip2" => Some(Self::Bzip2),
            "xz" => Some(Self::Xz),
            _ => None,
        }
    }
}

/// Whether `first` bytes start a bzip2 file: the magic, the level, and the magic of a block or of the
/// end. A text may begin with the first four alone.
fn is_bzip2(first: &[u8]) -> bool {
    first.starts_with(Kind::Bzip2.magic())
        && matches!(first.get(3), Some(b'1'..=b'9'))
        && first.get(4..10).is_some_and(|block| {
            block == [0x31, 0x41, 0x59, 0x26, 0x53, 0x59]
                || block == [0x17, 0x72, 0x45, 0x38, 0x50, 0x90]
        })
}
