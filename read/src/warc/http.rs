//! The HTTP response inside a WARC record: its header and its decoded body.

use std::borrow::Cow;
use std::io::{self, Cursor, Read};

use fastwarc::stream_io::brotli::BrotliReader;
use fastwarc::warc::header::{HeaderEncoding, HeaderMap};

use super::header::header_end;
use super::headers::{parse_header, value};
use crate::decompress::ZSTD_MAGIC;
use crate::fault::{Failure, FaultReason, short};
use crate::limits::Limits;

/// Base-2 logarithm of the largest Zstandard window of a body, in bytes: RFC 9659 requires decoders
/// to support no more than 8 MiB.
const MAX_WINDOW_LOG: u32 = 23;

/// The header of a response and where its body starts.
pub(crate) struct Response {
    /// Status code.
    pub(crate) status: u16,
    headers: HeaderMap,
    body_start: usize,
}

impl Response {
    /// Parses the header at the start of a record's `block`.
    ///
    /// # Errors
    ///
    /// If the block does not start with a header of a bounded length with a status code.
    pub(crate) fn parse(block: &[u8], limits: &Limits) -> Result<Self, Failure> {
        let max = limits.max_header_bytes as usize;
        if !block.starts_with(b"HTTP/") {
            return Err((FaultReason::BadHeader, "no HTTP status line".to_owned()));
        }
        let window = &block[..block.len().min(max)];
        let body_start = match header_end(window, 0) {
            Some(end) => end,
            // A response without a body may lack the blank line, too.
            None if block.len() < max => block.len(),
            None => {
                let detail = format!("HTTP header of more than {max} bytes");
                return Err((FaultReason::BadHeader, detail));
            }
        };
        let headers = parse_header(&block[..body_start], HeaderEncoding::Latin1)?;
        let status = headers.status_code();
        let status = status.ok_or((FaultReason::BadHeader, "no HTTP status code".to_owned()))?;
        Ok(Self { status, headers, body_start })
    }

    /// The Content-Type header, empty if it is missing.
    pub(crate) fn content_type(&self) -> Cow<'_, str> {
        value(&self.headers, "Content-Type")
    }

    /// The body, without its transfer and content encodings.
    ///
    /// Crawlers often store the decoded body with the original headers, so an encoding that the
    /// bytes do not have is ignored.
    ///
    /// # Errors
    ///
    /// If the body cannot be decoded, or decodes to more bytes than a document may have.
    pub(crate) fn body<'a>(
        &self,
        block: &'a [u8],
        limits: &Limits,
    ) -> Result<Cow<'a, [u8]>, Failure> {
        let mut body = Cow::Borrowed(&block[self.body_start..]);
        for name in ["Transfer-Encoding", "Content-Encoding"] {
            // Encodings are listed in the order in which they were applied.
            let value = self.headers.get_multiple(name).join(",").to_ascii_lowercase();
            for encoding in value.rsplit(',').map(str::trim) {
                if let Some(decoded) = decode(encoding, &body, limits.max_document_bytes)? {
                    body = Cow::Owned(decoded);
                }
            }
        }
        Ok(body)
    }
}

/// `body` without one encoding, or `None` if the body does not have it.
fn decode(encoding: &str, body: &[u8], max_bytes: u64) -> Result<Option<Vec<u8>>, Failure> {
    match encoding {
        "chunked" => Ok(dechunk(body)),
        "gzip" | "x-gzip" if body.starts_with(&[0x1F, 0x8B]) => {
            read_bounded(flate2::read::MultiGzDecoder::new(body), max_bytes, encoding)
        }
        // RFC 9110, 8.4.1.2 means the zlib format, but some servers send bare deflate.
        "deflate" if is_zlib(body) => {
            read_bounded(flate2::read::ZlibDecoder::new(body), max_bytes, encoding)
        }
        "deflate" => {
            // Bare deflate has no magic number: a body that cannot be decoded was not encoded. One
            // that exceeds the limit decoded correctly up to it.
            match read_bounded(flate2::read::DeflateDecoder::new(body), max_bytes, encoding) {
                Err((FaultReason::TooLarge, detail)) => Err((FaultReason::TooLarge, detail)),
                Err(_) => Ok(None),
                decoded => decoded,
            }
        }
        "zstd" if body.starts_with(&ZSTD_MAGIC) => {
            let decoder = zstd::stream::read::Decoder::new(body).and_then(|mut decoder| {
                decoder.window_log_max(MAX_WINDOW_LOG)?;
                Ok(decoder)
            });
            let decoder = decoder.map_err(|error| (FaultReason::Decompression, short(&error)))?;
            read_bounded(decoder, max_bytes, encoding)
        }
        "br" => {
            // Brotli has no magic number: a text that cannot be decoded was not encoded.
            let reader = BrotliReader::new(Cursor::new(body.to_vec()));
            match read_bounded(reader, max_bytes, encoding) {
                Err((FaultReason::Decompression, _)) if std::str::from_utf8(body).is_ok() => {
                    Ok(None)
                }
                decoded => decoded,
            }
        }
        "gzip" | "x-gzip" | "zstd" | "identity" | "" => Ok(None),
        _ if std::str::from_utf8(body).is_ok() => Ok(None),
        _ => Err((FaultReason::Decompression, format!("encoding `{}`", short(&encoding)))),
    }
}

/// Whether `body` starts with a zlib header (RFC 1950, 2.2): deflate, and a multiple of 31.
fn is_zlib(body: &[u8]) -> bool {
    let Some(&[method, flags]) = body.first_chunk::<2>() else { return false };
    method & 0x0F == 8 && u16::from_be_bytes([method, flags]) % 31 == 0
}

/// Decodes a body of at most `max_bytes` decoded bytes.
fn read_bounded(
    reader: impl Read,
    max_bytes: u64,
    encoding: &str,
) -> Result<Option<Vec<u8>>, Failure> {
    let mut decoded = Vec::new();
    match reader.take(max_bytes + 1).read_to_end(&mut decoded) {
        Ok(_) if decoded.len() as u64 > max_bytes => {
            let detail = format!("{encoding} body of more than {max_bytes} bytes");
            Err((FaultReason::TooLarge, detail))
        }
        Ok(_) => Ok(Some(decoded)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err((FaultReason::Truncated, format!("{encoding} body ends early")))
        }
        Err(error) => Err((FaultReason::Decompression, format!("{encoding}: {}", short(&error)))),
    }
}

/// The data of the chunks of a chunked body (RFC 9112, 7.1), or `None` if it does not start with a
/// chunk.
fn dechunk(body: &[u8]) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    let mut rest = body;
    while let Some((size, after)) = chunk_size(rest) {
        if size == 0 {
            return Some(data);
        }
        let size = size.min(after.len() as u64) as usize;
        data.extend_from_slice(&after[..size]);
        rest = after[size..].trim_ascii_start();
    }
    // A truncated body is kept as far as it goes, as browsers do.
    (!data.is_empty()).then_some(data)
}

/// The size of the chunk at the start of `bytes`, and the bytes after its size line.
fn chunk_size(bytes: &[u8]) -> Option<(u64, &[u8])> {
    // A size has 16 digits at most; extensions are rare and short.
    const MAX_LINE_BYTES: usize = 256;
    let end = memchr::memchr(b'\n', &bytes[..bytes.len().min(MAX_LINE_BYTES)])?;
    let size_end = memchr::memchr(b';', &bytes[..end]).unwrap_or(end);
    let line = bytes[..size_end].trim_ascii();
    let digits = std::str::from_utf8(line).ok()?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    Some((u64::from_str_radix(digits, 16).ok()?, &bytes[end + 1..]))
}
