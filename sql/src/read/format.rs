//! What a file holds and how it is packed, by name and by first bytes.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the records of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A web archive (WARC 1.0 and 1.1, ISO 28500): pages as they were fetched.
    Warc,
    /// A web archive of extracted texts, as Common Crawl publishes; read like [`Format::Warc`].
    Wet,
    /// One JSON object a line.
    Jsonl,
    /// Parquet.
    Parquet,
    /// Plain text: the file is one document.
    Text,
}

/// How the bytes of a file are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952), any number of members.
    Gzip,
    /// Zstandard (RFC 8878), any number of frames, with or without the dictionary frame of the
    /// IIPC proposal for `.warc.zst`.
    Zstd,
}

/// The error of parsing a [`Format`] or a [`Compression`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind} `{name}`: use one of {known}")]
pub struct UnknownFormat {
    kind: &'static str,
    name: String,
    known: &'static str,
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Ok(match name {
            "warc" => Self::Warc,
            "wet" => Self::Wet,
            "jsonl" => Self::Jsonl,
            "parquet" => Self::Parquet,
            "text" => Self::Text,
            _ => {
                let known = "warc, wet, jsonl, parquet, text";
                return Err(UnknownFormat { kind: "format", name: name.to_owned(), known });
            }
        })
    }
}

impl FromStr for Compression {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Ok(match name {
            "none" => Self::None,
            "gzip" => Self::Gzip,
            "zstd" => Self::Zstd,
            _ => {
                let known = "none, gzip, zstd";
                return Err(UnknownFormat { kind: "compression", name: name.to_owned(), known });
            }
        })
    }
}

impl Format {
    /// The format and compression that the endings of a file's name tell, in any case of letters:
    /// `a.warc.gz`, `a.warc.wet.gz`, `a.jsonl.zst`, `a.ndjson`, `a.parquet`, `a.txt`.
    pub fn from_name(name: &str) -> Option<(Self, Compression)> {
        let name = name.to_ascii_lowercase();
        let (stem, compression) = match name.rsplit_once('.')? {
            (stem, "gz" | "gzip") => (stem, Compression::Gzip),
            (stem, "zst" | "zstd") => (stem, Compression::Zstd),
            _ => (name.as_str(), Compression::None),
        };
        let format = match stem.rsplit_once('.')?.1 {
            "warc" => Self::Warc,
            "wet" => Self::Wet,
            "jsonl" | "ndjson" | "json" => Self::Jsonl,
            "parquet" if compression == Compression::None => Self::Parquet,
            "txt" | "text" => Self::Text,
            _ => return None,
        };
        Some((format, compression))
    }

    /// Whether `first` bytes look like an unpacked file of this format: what a file with a packed
    /// name and no magic number must show to be read as it is.
    fn opens_with(self, first: &[u8]) -> bool {
        let start = first.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(first).trim_ascii_start();
        match self {
            Self::Warc | Self::Wet => start.starts_with(b"WARC/"),
            Self::Jsonl => start.starts_with(b"{"),
            Self::Text => {
                !start.is_empty() && start.iter().all(|&b| b >= 0x20 || b"\t\r\n".contains(&b))
            }
            Self::Parquet => true,
        }
    }
}

/// First bytes of a gzip member with the one method that exists, deflate (RFC 1952, 2.3.1).
pub(super) const GZIP_MAGIC: [u8; 3] = [0x1F, 0x8B, 0x08];
/// First bytes of a Zstandard frame (RFC 8878, 3.1.1).
pub(super) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Whether `first` bytes start a Zstandard skippable frame: magic 0x184D2A50 to 0x184D2A5F
/// (RFC 8878, 3.1.2).
pub(super) fn is_skippable_frame(first: &[u8]) -> bool {
    matches!(first, [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..])
}

impl Compression {
    /// The compression that the first bytes of a file tell. They win over the file's name: a magic
    /// number is none of JSON, WARC or text, and a file without one whose start is plain is plain.
    pub(super) fn detect(named: Self, format: Format, first: &[u8]) -> Self {
        if first.starts_with(&GZIP_MAGIC) {
            Self::Gzip
        } else if first.starts_with(&ZSTD_MAGIC) || is_skippable_frame(first) {
            Self::Zstd
        } else if format.opens_with(first) {
            Self::None
        } else {
            named
        }
    }
}
