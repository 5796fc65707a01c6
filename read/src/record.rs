//! What a reader yields: documents, faults and skipped records.

use std::io;

use crate::fault::{Fault, SkipReason};

/// Most records of one file, because ordinals are `u32`.
pub(crate) const MAX_RECORDS: u64 = u32::MAX as u64;

/// One document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Number of the record in its file, from 0. For JSONL it is the number of the line, including
    /// blank lines. Documents, faults and skipped records share one sequence.
    pub ordinal: u32,
    /// Where the record starts, in bytes. In a compressed WARC file it is the offset of the gzip
    /// member or zstd frame in the file; for Parquet it is 0; otherwise it is the offset in the
    /// decompressed data.
    pub offset: u64,
    /// Name of the document: the WARC-Record-ID or the id field, otherwise `path/ordinal`.
    pub id: String,
    /// Address that the document came from.
    pub url: Option<String>,
    /// Date as the source writes it.
    pub date: Option<String>,
    /// The text: valid UTF-8, not blank (unless [`Limits::keep_blank`](crate::Limits::keep_blank)),
    /// without U+0000.
    pub text: String,
    /// The other fields of the record as one JSON object.
    pub extra: Option<String>,
    /// Whether U+FFFD replaced something in this document that could not be decoded: an invalid
    /// byte, a lone surrogate or U+0000.
    pub repaired: bool,
}

/// What one record of the input turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A document.
    Document(Document),
    /// Bytes that are lost, and why.
    Fault(Fault),
    /// A sound record whose kind is not a document, with its length in bytes.
    Skipped(SkipReason, u64),
}

/// The records of one part, in the order of the file. Ends after the first `Err`.
pub struct Records(Option<Box<dyn Iterator<Item = io::Result<Record>> + Send>>);

impl Records {
    pub(crate) fn new(records: impl Iterator<Item = io::Result<Record>> + Send + 'static) -> Self {
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
