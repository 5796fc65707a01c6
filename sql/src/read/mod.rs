//! Blocking readers: one part of an input file in, documents and faults out.
//!
//! Three promises hold for every format. Bad data is never a panic and never an `Err`: it is a
//! [`Record::Fault`] that says where the bytes are and why they are lost; `Err` means that the disk
//! or the network failed. No byte is lost silently: each one belongs to a document, a fault or a
//! [`Record::Skipped`]. Memory is bounded by [`Limits`], whatever the file claims about itself.
//!
//! [`survey`] cuts a file into [`PartRange`]s by its content alone, and reading the parts one after
//! another gives the same records with the same ordinals as reading [`PartRange::Whole`].
//! [`survey_parallel`] cuts in the same places on all threads, and [`Streams`] spare the parts of a
//! file of one compressed member from unpacking what lies before them.

mod bodies;
mod chunks;
mod damage;
mod decompress;
mod fault;
mod format;
mod gzip;
mod http;
mod json;
mod jsonl;
mod limits;
mod lines;
mod parquet;
mod shared_file;
mod source;
mod streams;
mod survey;
mod text;
mod warc;
mod warc_frames;
mod warc_header;
mod window;
mod zstd;

#[cfg(test)]
mod tests;

use std::io;

use serde::{Deserialize, Serialize};

pub use self::bodies::{Bodies, bodies};
pub use self::fault::{Fault, FaultReason, SkipReason};
pub use self::format::{Compression, Format, UnknownFormat};
pub use self::limits::Limits;
pub use self::source::ReadSeek;
pub use self::streams::Streams;
pub use self::survey::{Survey, survey, survey_parallel};

use self::decompress::{Restart, Stream};

/// An input file as the recipe describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Name of the file, as documents without an id of their own carry it: `path/ordinal`.
    pub path: String,
    /// What the records are.
    pub format: Format,
    /// How the bytes are packed by the file's name; its first bytes have the last word.
    pub compression: Compression,
    /// Names of the columns that JSONL and Parquet keep the parts of a document in.
    pub fields: Fields,
    /// The most that is taken from one line, record or file.
    pub limits: Limits,
}

impl Input {
    /// The input that the name of a file describes, with default fields and limits, or `None` if
    /// its ending is not one that [`Format::from_name`] knows.
    pub fn from_name(path: &str) -> Option<Self> {
        let (format, compression) = Format::from_name(path)?;
        let (fields, limits) = (Fields::default(), Limits::default());
        Some(Self { path: path.to_owned(), format, compression, fields, limits })
    }
}

/// Names of the fields of a JSONL object, or columns of a Parquet file, that make a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fields {
    /// The text; a record without it is a fault.
    pub text: String,
    /// The id; without it a document is called `path/ordinal`.
    pub id: String,
    /// The address that the document came from.
    pub url: String,
    /// The date, kept as it is written.
    pub date: String,
}

impl Default for Fields {
    fn default() -> Self {
        Self { text: "text".into(), id: "id".into(), url: "url".into(), date: "date".into() }
    }
}

/// One document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Number of the record in its file, from 0. For JSONL it is the number of the line, blank
    /// lines counted. Documents, faults and skipped records share one sequence.
    pub ordinal: u32,
    /// Where the record starts, in bytes: in a compressed WARC file the offset of the gzip member
    /// or zstd frame in the file; in every other case the offset in the decompressed data (for
    /// Parquet, which has no such thing, 0).
    pub offset: u64,
    /// Name of the document: the WARC-Record-ID or the id field, else `path/ordinal`.
    pub id: String,
    /// Address that the document came from.
    pub url: Option<String>,
    /// Date as the source writes it.
    pub date: Option<String>,
    /// The text: valid UTF-8, not blank, no U+0000.
    pub text: String,
    /// The other fields of the record as one JSON object.
    pub extra: Option<String>,
    /// Whether something that could not be decoded (a byte, a lone surrogate, U+0000) was replaced
    /// by U+FFFD in this document.
    pub repaired: bool,
}

/// What one record of the input turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A document.
    Document(Document),
    /// Bytes that are lost, and why.
    Fault(Fault),
    /// A sound record that by its nature is no document, with its length in bytes.
    Skipped(SkipReason, u64),
}

/// The portion of a file that makes one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
        /// Where decompression can start so as to reach `start`.
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
        /// Where decompression can start so as to reach `start`.
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

/// The records of one part, in the order of the file. It ends after the first `Err`.
pub struct Records(Option<Box<dyn Iterator<Item = io::Result<Record>> + Send>>);

impl Records {
    fn new(records: impl Iterator<Item = io::Result<Record>> + Send + 'static) -> Self {
        Self(Some(Box::new(records)))
    }
}

impl Iterator for Records {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.0.as_mut()?.next();
        if !matches!(item, Some(Ok(_))) {
            self.0 = None;
        }
        item
    }
}

/// Reads one part of `input` from `source`, which is the file itself, still packed.
///
/// # Errors
///
/// Only when `source` itself fails; so does the iterator.
pub fn read(input: &Input, source: Box<dyn ReadSeek>, range: &PartRange) -> io::Result<Records> {
    Ok(match input.format {
        Format::Parquet => Records::new(parquet::ParquetRecords::open(input, source, range)?),
        Format::Jsonl => Records::new(jsonl::JsonlRecords::open(input, source, range)?),
        Format::Warc | Format::Wet => Records::new(warc::WarcRecords::open(input, source, range)?),
        Format::Text => {
            let stream = Stream::open(input, source, Restart::default())?;
            Records::new(text::TextRecords::new(input, stream))
        }
    })
}
