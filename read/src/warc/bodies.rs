//! The bodies of WARC records, decompressed only: what reading costs without text extraction.

use std::io;

use fastwarc::warc::header::HeaderEncoding;

use super::headers::{is_http, parse_header};
use super::http::Response;
use super::raw_records::{RawRecord, RawRecords};
use crate::decompress::{Restart, Stream};
use crate::fault::Failure;
use crate::input::Input;
use crate::limits::Limits;
use crate::read_seek::ReadSeek;

/// Totals over the records of a WARC file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BodyTotals {
    /// Number of records, including those without a body.
    pub records: u64,
    /// Bytes of the bodies. The body of an HTTP response is without its header and encodings; the
    /// body of every other record is its whole block.
    pub bytes: u64,
    /// Number of damaged records and bodies.
    pub faults: u64,
}

/// Reads the records of a WARC file like [`read`](crate::read()), but does not extract texts.
///
/// # Errors
///
/// Only if `source` itself fails.
pub fn measure_bodies(input: &Input, source: Box<dyn ReadSeek>) -> io::Result<BodyTotals> {
    let stream = Stream::open(input, source, Restart::default())?;
    let mut records = RawRecords::open(stream, 0, &input.limits)?;
    let mut totals = BodyTotals::default();
    loop {
        match records.next_record()? {
            RawRecord::End => return Ok(totals),
            RawRecord::Whole => {
                totals.records += 1;
                match body_bytes(records.header(), records.block(), &input.limits) {
                    Ok(bytes) => totals.bytes += bytes as u64,
                    Err(_) => totals.faults += 1,
                }
            }
            RawRecord::Oversized(_) | RawRecord::Lost(..) | RawRecord::Gap(_) => {
                totals.faults += 1;
            }
        }
    }
}

fn body_bytes(header: &[u8], block: &[u8], limits: &Limits) -> Result<usize, Failure> {
    let headers = parse_header(header, HeaderEncoding::Unicode)?;
    if !is_http(&headers) || !block.starts_with(b"HTTP/") {
        return Ok(block.len());
    }
    let response = Response::parse(block, limits)?;
    Ok(response.body(block, limits)?.len())
}
