//! The HTTP response inside a WARC record: its header, and its body unpacked.

use std::borrow::Cow;
use std::io::{self, Cursor, Read};

use fastwarc::stream_io::brotli::BrotliReader;
use fastwarc::warc::header::{HeaderEncoding, HeaderMap};

use super::Limits;
use super::fault::{Failure, FaultReason, short};
use super::warc_header::header_end;

/// The header of a response and where its body starts.
pub(super) struct Response {
    /// Status code.
    pub(super) status: u16,
    headers: HeaderMap,
    body_start: usize,
}

impl Response {
    /// Parses the header at the start of a record's `block`.
    pub(super) fn parse(block: &[u8], limits: &Limits) -> Result<Self, Failure> {
        let max = limits.max_header_bytes as usize;
        if !block.starts_with(b"HTTP/") {
            return Err((FaultReason::BadHeader, "no HTTP status line".to_owned()));
        }
        let window = &block[..block.len().min(max)];
        let body_start = match header_end(window, 0) {
            Some(end) => end,
            // A response without a body may lack the blank line too.
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

    /// The Content-Type header.
    pub(super) fn content_type(&self) -> Option<Cow<'_, str>> {
        self.headers.get("Content-Type")
    }

    /// The body, with its transfer and content encodings taken off.
    ///
    /// Crawlers often store the body unpacked and leave the headers as they were, so an encoding
    /// that the bytes do not show is passed over.
    pub(super) fn body<'a>(
        &self,
        block: &'a [u8],
        limits: &Limits,
    ) -> Result<Cow<'a, [u8]>, Failure> {
        let mut body = Cow::Borrowed(&block[self.body_start..]);
        for name in ["Transfer-Encoding", "Content-Encoding"] {
            // Encodings are listed in the order they were applied in.
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

/// Parses a header whose first line is a version or status line.
///
/// The header is parsed with fastwarc's quirks mode, which takes LF for CRLF.
pub(super) fn parse_header(header: &[u8], encoding: HeaderEncoding) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new(encoding);
    let mut reader = Cursor::new(header.to_vec());
    // The caller has bounded the header. fastwarc counts the bytes before an unended last line twice
    // against its own limit, so that limit is wide enough for both.
    let limit = header.len().saturating_mul(2).saturating_add(1);
    match headers.parse_with_opts(&mut reader, true, limit, true) {
        Ok(_) => Ok(headers),
        Err(error) => Err((FaultReason::BadHeader, short(&error))),
    }
}

/// `body` with one encoding taken off, `None` if the body does not have it.
fn decode(encoding: &str, body: &[u8], max_bytes: u64) -> Result<Option<Vec<u8>>, Failure> {
    match encoding {
        "chunked" => Ok(dechunk(body)),
        "gzip" | "x-gzip" if body.starts_with(&[0x1F, 0x8B]) => {
            read_bounded(flate2::read::MultiGzDecoder::new(body), max_bytes, encoding)
        }
        // RFC 9110, 8.4.1.2 means the zlib format; some servers send bare deflate.
        "deflate" if is_zlib(body) => {
            read_bounded(flate2::read::ZlibDecoder::new(body), max_bytes, encoding)
        }
        "deflate" => {
            let bare = read_bounded(flate2::read::DeflateDecoder::new(body), max_bytes, encoding);
            Ok(bare.unwrap_or_default())
        }
        "zstd" if body.starts_with(&super::format::ZSTD_MAGIC) => {
            // RFC 9659: decoders need to support windows of 8 MiB at most.
            let decoder = zstd::stream::read::Decoder::new(body).and_then(|mut decoder| {
                decoder.window_log_max(23)?;
                Ok(decoder)
            });
            let decoder = decoder.map_err(|error| (FaultReason::Decompression, short(&error)))?;
            read_bounded(decoder, max_bytes, encoding)
        }
        "br" => {
            // Brotli has no magic number: what does not unpack and is text was never packed.
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

/// The data of a chunked body (RFC 9112, 7.1), as far as its chunks go, or `None` if it does not
/// start with a chunk.
fn dechunk(body: &[u8]) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    let mut rest = body;
    while let Some((size, after)) = chunk_size(rest) {
        if size == 0 {
            return Some(data);
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(after.len());
        data.extend_from_slice(&after[..size]);
        rest = after[size..].trim_ascii_start();
    }
    // A body that ends early is worth what came of it, as it is to a browser.
    (!data.is_empty()).then_some(data)
}

/// The size that the chunk at the start of `bytes` tells, and what follows its size line.
fn chunk_size(bytes: &[u8]) -> Option<(u64, &[u8])> {
    // 16 digits of size; extensions are rare and short.
    const MAX_LINE_BYTES: usize = 256;
    let end = memchr::memchr(b'\n', &bytes[..bytes.len().min(MAX_LINE_BYTES)])?;
    let line = bytes[..end].split(|&byte| byte == b';').next()?.trim_ascii();
    let digits = std::str::from_utf8(line).ok()?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    Some((u64::from_str_radix(digits, 16).ok()?, &bytes[end + 1..]))
}
