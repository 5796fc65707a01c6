//! The records of a WARC or WET file as documents.

use std::io;

use fastwarc::warc::header::{HeaderEncoding, HeaderMap};
use fastwarc::warc::record::WarcRecordType;

use super::arc::is_arc;
use super::headers::{parse_header, value};
use super::payload::{NotADocument, Payload, is_other_type};
use super::raw_records::{RawRecord, RawRecords};
use crate::decompress::{Restart, Stream};
use crate::document_text::checked_text;
use crate::fault::{Fault, FaultReason, SkipReason};
use crate::input::Input;
use crate::limits::Limits;
use crate::part_range::PartRange;
use crate::read_seek::ReadSeek;
use crate::record::{Document, MAX_RECORDS, Record};

/// The records of a range of a WARC file.
pub(crate) struct WarcRecords {
    records: RawRecords,
    path: String,
    limits: Limits,
    ordinal: u64,
    /// Number of the first record of the next part.
    end_ordinal: Option<u64>,
}

impl WarcRecords {
    /// The records of `range` of the file in `source`.
    pub(crate) fn open(
        input: &Input,
        source: Box<dyn ReadSeek>,
        range: &PartRange,
    ) -> io::Result<Self> {
        let (first_ordinal, end_ordinal, start, restart) = match *range {
            PartRange::Records { first_ordinal, end_ordinal, start, restart } => {
                (u64::from(first_ordinal), end_ordinal.map(u64::from), start, restart)
            }
            PartRange::Whole => (0, None, 0, Restart::default()),
            other => return Err(other.mismatch("WARC")),
        };
        let stream = Stream::open(input, source, restart)?;
        let (path, limits) = (input.path.clone(), input.limits.clone());
        let records = RawRecords::open(stream, start, &limits)?;
        Ok(Self { records, path, limits, ordinal: first_ordinal, end_ordinal })
    }

    fn advance(&mut self) -> io::Result<Option<Record>> {
        // A part ends by the number of its last record, so that parts tile the file whatever lies
        // between two records.
        if self.end_ordinal.is_some_and(|end| self.ordinal >= end) {
            return Ok(None);
        }
        if self.ordinal == 0 && is_arc(self.records.first_bytes()?) {
            self.end_ordinal = Some(0);
            let (offset, length) = (0, self.records.skip_all()?);
            let (reason, detail) = (FaultReason::UnsupportedType, "ARC".to_owned());
            return Ok(Some(Record::Fault(Fault {
                ordinal: 0,
                offset,
                length,
                records: 1,
                reason,
                detail,
            })));
        }
        let raw = self.records.next_record()?;
        if self.ordinal >= MAX_RECORDS && !matches!(raw, RawRecord::End) {
            return Err(io::Error::other("more than 2^32 - 1 records in one file"));
        }
        let (ordinal, offset) = (self.ordinal as u32, self.records.offset());
        self.ordinal += 1;
        Ok(Some(match raw {
            RawRecord::End => return Ok(None),
            RawRecord::Whole => self.record(ordinal, offset),
            RawRecord::Oversized(length) => self.oversized(ordinal, offset, length),
            RawRecord::Lost(length, reason, detail) => {
                Record::Fault(Fault { ordinal, offset, length, records: 1, reason, detail })
            }
            RawRecord::Gap(damage) => {
                let offset = damage.member;
                let (length, reason) = (damage.resume - offset, damage.reason);
                Record::Fault(Fault {
                    ordinal,
                    offset,
                    length,
                    records: 1,
                    reason,
                    detail: damage.detail,
                })
            }
        }))
    }

    fn record(&self, ordinal: u32, offset: u64) -> Record {
        let length = (self.records.header().len() + self.records.block().len()) as u64;
        match self.document(ordinal, offset) {
            Ok(document) => Record::Document(document),
            Err(NotADocument::Skipped(reason)) => Record::Skipped(reason, length),
            Err(NotADocument::Failed((reason, detail))) => {
                Record::Fault(Fault { ordinal, offset, length, records: 1, reason, detail })
            }
        }
    }

    /// A record that is too long is a fault only if it might have been a document.
    fn oversized(&self, ordinal: u32, offset: u64, length: u64) -> Record {
        // A header that cannot be parsed does not show that the record is of another kind.
        if let Ok(headers) = parse_header(self.records.header(), HeaderEncoding::Unicode) {
            let media_type = is_other_type(&headers).then_some(SkipReason::MediaType);
            if let Some(reason) = skip_reason(record_type(&headers)).or(media_type) {
                return Record::Skipped(reason, length);
            }
        }
        let reason = FaultReason::TooLarge;
        let detail = format!("WARC record of more than {} bytes", self.limits.max_record_bytes);
        Record::Fault(Fault { ordinal, offset, length, records: 1, reason, detail })
    }

    fn document(&self, ordinal: u32, offset: u64) -> Result<Document, NotADocument> {
        let headers = parse_header(self.records.header(), HeaderEncoding::Unicode)?;
        if let Some(reason) = skip_reason(record_type(&headers)) {
            return Err(reason.into());
        }
        let payload = Payload::of(&headers, self.records.block(), &self.limits)?;
        let (text, cleaned) = checked_text(payload.text, &self.limits)?;
        let id = headers.get("WARC-Record-ID").filter(|id| !id.is_empty());
        Ok(Document {
            ordinal,
            offset,
            id: id.map_or_else(|| format!("{}/{ordinal}", self.path), String::from),
            url: target_uri(&headers),
            date: headers.get("WARC-Date").map(String::from),
            text,
            extra: payload.title.map(|title| serde_json::json!({ "title": title }).to_string()),
            repaired: payload.repaired || cleaned,
        })
    }
}

impl Iterator for WarcRecords {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// The URL of a record. WARC 1.0 files often put it in angle brackets, as its grammar says.
fn target_uri(headers: &HeaderMap) -> Option<String> {
    let url = headers.get("WARC-Target-URI")?;
    let url = url.trim();
    let inner = url.strip_prefix('<').and_then(|url| url.strip_suffix('>'));
    Some(inner.unwrap_or(url).to_owned())
}

/// The type of a record. fastwarc's own accessor matches the name `WARC-Type` case-sensitively.
fn record_type(headers: &HeaderMap) -> WarcRecordType {
    let name = value(headers, "WARC-Type");
    // The standard allows other types, which readers must ignore.
    WarcRecordType::try_from(name.trim()).unwrap_or(WarcRecordType::Unknown)
}

/// Why a record of this type is not a document, if it is not.
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
