//! Why a record did not become a document.

use std::fmt;

/// Bytes of the input that are lost, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Number of the record in its file; see [`Document::ordinal`](crate::Document::ordinal).
    pub ordinal: u32,
    /// Where the loss starts, in bytes, counted like [`Document::offset`](crate::Document::offset).
    /// For damage of the compression itself it is an offset in the compressed file.
    pub offset: u64,
    /// Number of bytes lost from `offset` on, counted the same way.
    pub length: u64,
    /// Number of records that are lost with these bytes, as far as it is known; at least 1.
    pub records: u64,
    /// Kind of fault.
    pub reason: FaultReason,
    /// What was found, in a few words. Never contains text of the document.
    pub detail: String,
}

/// Kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultReason {
    /// The file ends inside a record or a compressed member.
    Truncated,
    /// A compressed member, frame or payload cannot be decompressed.
    Decompression,
    /// Bytes between or after compressed members that belong to no member.
    Junk,
    /// Exceeds one of the [`Limits`](crate::Limits).
    TooLarge,
    /// A WARC or HTTP header is missing, malformed or too long.
    BadHeader,
    /// The Content-Length of a WARC record is missing, not a number, or contradicts the file.
    BadContentLength,
    /// A line is not a JSON object.
    BadJson,
    /// The text field is absent or null.
    MissingText,
    /// The text field is not a string.
    WrongType,
    /// A Parquet footer or page cannot be decoded.
    BadParquet,
    /// An Arrow file cannot be decoded.
    BadArrow,
    /// A row of a CSV file has another number of values than the first.
    BadCsv,
    /// An HTML page has no main text.
    NoContent,
    /// The text is blank.
    Empty,
    /// The file or record is of a kind that is not supported.
    UnsupportedType,
}

impl FaultReason {
    /// The name in the ledger and the quarantine.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Decompression => "decompression",
            Self::Junk => "junk",
            Self::TooLarge => "too_large",
            Self::BadHeader => "bad_header",
            Self::BadContentLength => "bad_content_length",
            Self::BadJson => "bad_json",
            Self::MissingText => "missing_text",
            Self::WrongType => "wrong_type",
            Self::BadParquet => "bad_parquet",
            Self::BadArrow => "bad_arrow",
            Self::BadCsv => "bad_csv",
            Self::NoContent => "no_content",
            Self::Empty => "empty",
            Self::UnsupportedType => "unsupported_type",
        }
    }
}

impl fmt::Display for FaultReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Kinds of sound records that are not documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// A warcinfo record.
    WarcInfo,
    /// A request record.
    Request,
    /// A metadata record.
    Metadata,
    /// A revisit record: the page is in another record.
    Revisit,
    /// A continuation record: a later segment of another record.
    Continuation,
    /// A record of a type that the WARC standard does not name.
    OtherRecord,
    /// An HTTP response with a status other than 2xx.
    HttpStatus,
    /// A payload that is neither HTML nor plain text.
    MediaType,
}

impl SkipReason {
    /// The name in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WarcInfo => "warcinfo",
            Self::Request => "request",
            Self::Metadata => "metadata",
            Self::Revisit => "revisit",
            Self::Continuation => "continuation",
            Self::OtherRecord => "other_record",
            Self::HttpStatus => "http_status",
            Self::MediaType => "media_type",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A failure inside a record, before its place in the file is known.
pub(crate) type Failure = (FaultReason, String);

/// Maximum length, in bytes, of a library's message in a fault.
const DETAIL_BYTES: usize = 160;

/// `message`, truncated to the maximum length in a fault.
pub(crate) fn short(message: &impl fmt::Display) -> String {
    let mut message = message.to_string();
    message.truncate(message.floor_char_boundary(DETAIL_BYTES));
    message
}
