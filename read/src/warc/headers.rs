//! Parsing of WARC and HTTP headers into names and values.

use std::borrow::Cow;
use std::io::Cursor;

use fastwarc::warc::header::{HeaderEncoding, HeaderMap};

use crate::fault::{Failure, FaultReason, short};

/// Parses a header whose first line is a version line or a status line.
///
/// # Errors
///
/// If fastwarc rejects the header, even in its quirks mode, which accepts LF for CRLF.
pub(crate) fn parse_header(header: &[u8], encoding: HeaderEncoding) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new(encoding);
    let mut reader = Cursor::new(header.to_vec());
    // The caller has bounded the header. fastwarc counts the bytes before an unterminated last line
    // twice against its own limit, so the limit must allow both.
    let limit = header.len().saturating_mul(2).saturating_add(1);
    match headers.parse_with_opts(&mut reader, true, limit, true) {
        Ok(_) => Ok(headers),
        Err(error) => Err((FaultReason::BadHeader, short(&error))),
    }
}

/// The value of a header. A missing header counts as empty, since an empty one says as little.
pub(crate) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Cow<'a, str> {
    headers.get(name).unwrap_or(Cow::Borrowed(""))
}

/// Whether the block of a record is an HTTP message.
pub(crate) fn is_http(headers: &HeaderMap) -> bool {
    value(headers, "Content-Type").trim_start().starts_with("application/http")
}
