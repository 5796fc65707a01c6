//! WARC and WET records as documents.
//!
//! Which records are documents, and under which names: the same as in datatrove's WARC reader
//! (response and conversion records, id from WARC-Record-ID, url from WARC-Target-URI, date from
//! WARC-Date, media type from WARC-Identified-Payload-Type if it is there), and resource records.

use std::io;

use fastwarc::warc::header::{HeaderEncoding, HeaderMap};
use fastwarc::warc::record::WarcRecordType;
use text::html::Defeat;

use super::bodies::is_http;
use super::decompress::{Restart, Stream};
use super::fault::{Failure, Fault, FaultReason, SkipReason};
use super::http::{Response, parse_header};
use super::lines::MAX_RECORDS;
use super::source::ReadSeek;
use super::text::checked_text;
use super::warc_frames::{Frame, Frames};
use super::{Document, Input, Limits, PartRange, Record};

/// Bytes of a body that are looked at for whether it is HTML.
const SNIFF_BYTES: usize = 512;

/// The records of one WARC file.
pub(super) struct WarcRecords {
    frames: Frames,
    path: String,
    limits: Limits,
    ordinal: u64,
    /// Number of the record that is the next part's.
    end_ordinal: Option<u64>,
}

/// What a record is for us.
enum Kind {
    Html,
    Plain,
}

impl WarcRecords {
    /// The records of `range` of the file that `source` is.
    pub(super) fn open(
        input: &Input,
        source: Box<dyn ReadSeek>,
        range: &PartRange,
    ) -> io::Result<Self> {
        let (first_ordinal, end_ordinal, start, restart) = match *range {
            PartRange::Records { first_ordinal, end_ordinal, start, restart } => {
                (u64::from(first_ordinal), end_ordinal.map(u64::from), start, restart)
            }
            _ => (0, None, 0, Restart::default()),
        };
        let stream = Stream::open(input, source, restart)?;
        let (path, limits) = (input.path.clone(), input.limits.clone());
        let frames = Frames::open(stream, start, &limits)?;
        Ok(Self { frames, path, limits, ordinal: first_ordinal, end_ordinal })
    }

    fn advance(&mut self) -> io::Result<Option<Record>> {
        // Parts are told apart by number, so that they tile the file whatever lies between two
        // records.
        if self.end_ordinal.is_some_and(|end| self.ordinal >= end) {
            return Ok(None);
        }
        if self.ordinal == 0 && is_arc(self.frames.first_bytes()?) {
            self.end_ordinal = Some(0);
            let (offset, length) = (0, self.frames.skip_all()?);
            let (reason, detail) = (FaultReason::UnsupportedType, "ARC".to_owned());
            return Ok(Some(Record::Fault(Fault { ordinal: 0, offset, length, reason, detail })));
        }
        let frame = self.frames.next_frame()?;
        if self.ordinal >= MAX_RECORDS && !matches!(frame, Frame::End) {
            return Err(io::Error::other("more than 2^32 - 1 records in one file"));
        }
        let (ordinal, offset) = (self.ordinal as u32, self.frames.frame_offset());
        self.ordinal += 1;
        Ok(Some(match frame {
            Frame::End => return Ok(None),
            Frame::Record => self.record(ordinal, offset),
            Frame::Oversized(length) => self.oversized(ordinal, offset, length),
            Frame::Lost(length, reason, detail) => {
                Record::Fault(Fault { ordinal, offset, length, reason, detail })
            }
            Frame::Gap(damage) => {
                let offset = damage.member;
                let (length, reason) = (damage.resume - offset, damage.reason);
                Record::Fault(Fault { ordinal, offset, length, reason, detail: damage.detail })
            }
        }))
    }

    fn record(&self, ordinal: u32, offset: u64) -> Record {
        let block = self.frames.block();
        let length = (self.frames.header().len() + block.len()) as u64;
        match self.document(block, ordinal, offset) {
            Ok(Ok(document)) => Record::Document(document),
            Ok(Err(skipped)) => Record::Skipped(skipped, length),
            Err((reason, detail)) => {
                Record::Fault(Fault { ordinal, offset, length, reason, detail })
            }
        }
    }

    /// A record that was stepped over is a fault only if it could have been a document.
    fn oversized(&self, ordinal: u32, offset: u64, length: u64) -> Record {
        let headers = parse_header(self.frames.header(), HeaderEncoding::Unicode);
        let skipped = headers.ok().and_then(|headers| {
            let payload_type = identified_type(&headers);
            let is_other = |media_type: String| kind_of(&media_type).is_none();
            skip_reason(record_type(&headers))
                .or_else(|| payload_type.is_some_and(is_other).then_some(SkipReason::MediaType))
        });
        if let Some(reason) = skipped {
            return Record::Skipped(reason, length);
        }
        let reason = FaultReason::TooLarge;
        let detail = format!("WARC record of more than {} bytes", self.limits.max_record_bytes);
        Record::Fault(Fault { ordinal, offset, length, reason, detail })
    }

    fn document(
        &self,
        block: &[u8],
        ordinal: u32,
        offset: u64,
    ) -> Result<Result<Document, SkipReason>, Failure> {
        let headers = parse_header(self.frames.header(), HeaderEncoding::Unicode)?;
        if let Some(reason) = skip_reason(record_type(&headers)) {
            return Ok(Err(reason));
        }
        let url = headers.get("WARC-Target-URI").map(|url| {
            let url = url.trim();
            url.strip_prefix('<').and_then(|url| url.strip_suffix('>')).unwrap_or(url).to_owned()
        });
        let payload = match self.payload(&headers, block)? {
            Ok(payload) => payload,
            Err(reason) => return Ok(Err(reason)),
        };
        let (text, cleaned) = checked_text(payload.text, &self.limits)?;
        let id = headers.get("WARC-Record-ID").filter(|id| !id.is_empty());
        Ok(Ok(Document {
            ordinal,
            offset,
            id: id.map_or_else(|| format!("{}/{ordinal}", self.path), String::from),
            url,
            date: headers.get("WARC-Date").map(String::from),
            text,
            extra: payload.title.map(|title| serde_json::json!({ "title": title }).to_string()),
            repaired: payload.repaired || cleaned,
        }))
    }

    /// The text that a record holds.
    fn payload(
        &self,
        headers: &HeaderMap,
        block: &[u8],
    ) -> Result<Result<Payload, SkipReason>, Failure> {
        let record_content_type = headers.get("Content-Type").unwrap_or_default();
        let (body, content_type) = if is_http(headers) {
            let response = Response::parse(block, &self.limits)?;
            if !(200..300).contains(&response.status) {
                return Ok(Err(SkipReason::HttpStatus));
            }
            let content_type = response.content_type().unwrap_or_default().into_owned();
            // An image or a film is not worth unpacking.
            let media_type = identified_type(headers).unwrap_or_else(|| media_type(&content_type));
            if !media_type.is_empty() && kind_of(&media_type).is_none() {
                return Ok(Err(SkipReason::MediaType));
            }
            (response.body(block, &self.limits)?, content_type)
        } else {
            (block.into(), record_content_type.into_owned())
        };
        let media_type = identified_type(headers).unwrap_or_else(|| media_type(&content_type));
        let kind = if media_type.is_empty() { sniff(&body) } else { kind_of(&media_type) };
        let Some(kind) = kind else { return Ok(Err(SkipReason::MediaType)) };
        if body.len() as u64 > self.limits.max_document_bytes {
            return Err((FaultReason::TooLarge, format!("payload of {} bytes", body.len())));
        }
        let declared = text::charset::declared_in_content_type(&content_type);
        match kind {
            Kind::Plain => {
                let decoded = text::charset::decode(&body, declared);
                Ok(Ok(Payload { text: decoded.text, title: None, repaired: decoded.repaired }))
            }
            Kind::Html => extract(&body, declared).map(Ok),
        }
    }
}

impl Iterator for WarcRecords {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// The text of a record.
struct Payload {
    text: String,
    title: Option<String>,
    repaired: bool,
}

/// The main text of an HTML page. The server's word on the encoding comes before the page's
/// (HTML Standard, 13.2.3.2).
fn extract(body: &[u8], declared: Option<&str>) -> Result<Payload, Failure> {
    if body.trim_ascii().is_empty() {
        return Err((FaultReason::Empty, format!("blank page of {} bytes", body.len())));
    }
    let in_page = if declared.is_none() { text::charset::declared_in_html(body) } else { None };
    let decoded = text::charset::decode(body, declared.or(in_page.as_deref()));
    let extracted = text::html::extract(&decoded.text).map_err(|defeat| {
        let reason = match defeat {
            Defeat::NoText => FaultReason::NoContent,
            Defeat::TooLarge | Defeat::TooManyNodes => FaultReason::TooLarge,
        };
        (reason, format!("{}, page of {} bytes", defeat.name(), body.len()))
    })?;
    let (text, title) = (extracted.text, extracted.title);
    Ok(Payload { text, title, repaired: decoded.repaired })
}

/// The type of a record; fastwarc's own field looks for `WARC-Type` in this case of letters only.
fn record_type(headers: &HeaderMap) -> WarcRecordType {
    let name = headers.get("WARC-Type").unwrap_or_default();
    WarcRecordType::try_from(name.trim()).unwrap_or(WarcRecordType::Unknown)
}

/// Why a record of this type is no document, if it is none.
fn skip_reason(record_type: WarcRecordType) -> Option<SkipReason> {
    Some(match record_type {
        WarcRecordType::Response | WarcRecordType::Resource | WarcRecordType::Conversion => {
            return None;
        }
        WarcRecordType::WarcInfo => SkipReason::WarcInfo,
        WarcRecordType::Request => SkipReason::Request,
        WarcRecordType::Metadata => SkipReason::Metadata,
        WarcRecordType::Revisit => SkipReason::Revisit,
        WarcRecordType::Continuation => SkipReason::Continuation,
        WarcRecordType::Unknown | WarcRecordType::AnyType | WarcRecordType::NoType => {
            SkipReason::OtherRecord
        }
    })
}

/// The media type that the crawler found by looking at the payload.
fn identified_type(headers: &HeaderMap) -> Option<String> {
    let identified = headers.get("WARC-Identified-Payload-Type")?;
    Some(media_type(&identified)).filter(|media_type| !media_type.is_empty())
}

/// The media type of a Content-Type value, in lower case and without parameters.
fn media_type(content_type: &str) -> String {
    content_type.split([';', ',']).next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn kind_of(media_type: &str) -> Option<Kind> {
    match media_type {
        "text/html" | "application/xhtml+xml" => Some(Kind::Html),
        "text/plain" => Some(Kind::Plain),
        _ => None,
    }
}

/// What a payload without a media type is: HTML if it opens like a page.
fn sniff(body: &[u8]) -> Option<Kind> {
    let start = body[..body.len().min(SNIFF_BYTES)].to_ascii_lowercase();
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&start).trim_ascii_start();
    let opens: [&[u8]; 3] = [b"<!doctype html", b"<html", b"<head"];
    opens.iter().any(|open| start.starts_with(open)).then_some(Kind::Html)
}

/// Whether a file that opens with `first` is an ARC file, the format before WARC: its records
/// start with a line of an address, an IP address, a date of 14 digits or more, a media type and a
/// length.
pub(super) fn is_arc(first: &[u8]) -> bool {
    let line = first.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    let mut fields = line.split(|&byte| byte == b' ');
    let date = fields.clone().nth(2).unwrap_or_default();
    let has_scheme = fields.next().is_some_and(|url| memchr::memmem::find(url, b"://").is_some());
    has_scheme && date.len() >= 14 && date.iter().all(u8::is_ascii_digit)
}
