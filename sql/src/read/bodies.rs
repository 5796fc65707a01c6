//! The bodies of WARC records, unpacked and no more: what reading costs without extraction.

use std::io;

use fastwarc::warc::header::{HeaderEncoding, HeaderMap};

use super::decompress::{Restart, Stream};
use super::http::{Response, parse_header};
use super::source::ReadSeek;
use super::warc_frames::{Frame, Frames};
use super::{Input, Limits};

/// What the records of a WARC file hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bodies {
    /// Records, those without a body too.
    pub records: u64,
    /// Bytes of the bodies: of HTTP responses without their headers and encodings, of all other
    /// records the whole block.
    pub bytes: u64,
    /// Frames and bodies that are damaged.
    pub faults: u64,
}

/// Goes over the records of a WARC file as [`read`](super::read) does, but for the text.
///
/// # Errors
///
/// Only when `source` itself fails.
pub fn bodies(input: &Input, source: Box<dyn ReadSeek>) -> io::Result<Bodies> {
    let stream = Stream::open(input, source, Restart::default())?;
    let mut frames = Frames::open(stream, 0, &input.limits)?;
    let mut found = Bodies::default();
    loop {
        match frames.next_frame()? {
            Frame::End => return Ok(found),
            Frame::Record => {
                found.records += 1;
                match body_bytes(frames.header(), frames.block(), &input.limits) {
                    Some(bytes) => found.bytes += bytes as u64,
                    None => found.faults += 1,
                }
            }
            Frame::Oversized(_) | Frame::Lost(..) | Frame::Gap(_) => found.faults += 1,
        }
    }
}

fn body_bytes(header: &[u8], block: &[u8], limits: &Limits) -> Option<usize> {
    let headers = parse_header(header, HeaderEncoding::Unicode).ok()?;
    if !is_http(&headers) || !block.starts_with(b"HTTP/") {
        return Some(block.len());
    }
    let response = Response::parse(block, limits).ok()?;
    Some(response.body(block, limits).ok()?.len())
}

/// Whether the block of a record is an HTTP message.
pub(super) fn is_http(headers: &HeaderMap) -> bool {
    let content_type = headers.get("Content-Type").unwrap_or_default();
    content_type.trim_start().starts_with("application/http")
}
