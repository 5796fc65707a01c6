//! CSV and TSV (RFC 4180): one document per row, with the names of the fields in the first row.
//!
//! Values are strings; the fields that are no field of a document are strings in `extra`. A row with
//! another number of values than the first is a fault. A file is one part, because a line break may
//! stand within quotes.

use std::io;

use ::csv::{ByteRecord, ReaderBuilder};

use crate::decompress::{Restart, Stream};
use crate::document_text::checked_text;
use crate::fault::{Failure, Fault, FaultReason, short};
use crate::fields::{Fields, Names, Place};
use crate::format::Format;
use crate::format_reader::FormatReader;
use crate::input::Input;
use crate::lack::{FIELDS_LISTED_MAX, Lack};
use crate::limits::Limits;
use crate::part_range::PartRange;
use crate::read_seek::ReadSeek;
use crate::record::{Document, MAX_RECORDS, Record, Records};
use crate::stream_reader::{Gap, StreamReader};
use crate::survey::Survey;

/// Reads CSV and TSV files. A file is one part.
pub(crate) struct CsvReader;

impl FormatReader for CsvReader {
    fn lack(&self, input: &Input, source: Box<dyn ReadSeek>) -> io::Result<Option<Lack>> {
        let records = CsvRecords::open(input, source)?;
        let names = &records.names;
        let has_text = names.iter().any(|name| is_whole(&input.fields.text, name));
        let there = names.iter().take(FIELDS_LISTED_MAX).cloned().collect();
        let lack = Lack { wanted: input.fields.text.clone(), there, records: None };
        Ok((!has_text && !names.is_empty()).then_some(lack))
    }

    fn survey(&self, _: &Input, _: Box<dyn ReadSeek>, _: u64) -> io::Result<Survey> {
        Ok(Survey::whole())
    }

    fn read(&self, input: &Input, source: Box<dyn ReadSeek>, _: &PartRange) -> io::Result<Records> {
        Ok(Records::new(CsvRecords::open(input, source)?))
    }
}

fn is_whole(names: &Names, name: &str) -> bool {
    matches!(names.find(name), Some((_, Place::Whole)))
}

/// A reader that fails when one row needs more than a number of bytes.
struct Bounded {
    inner: StreamReader,
    left: u64,
}

impl io::Read for Bounded {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "row too long"));
        }
        let most = out.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.inner.read(&mut out[..most])?;
        self.left -= read as u64;
        Ok(read)
    }
}

/// The rows of a file after the first.
struct CsvRecords {
    reader: ::csv::Reader<Bounded>,
    gap: Gap,
    path: String,
    fields: Fields,
    limits: Limits,
    /// The names in the first row.
    names: Vec<String>,
    row: ByteRecord,
    ordinal: u64,
    /// What is wrong with the first row or with the rest of the file.
    fault: Option<Fault>,
    ended: bool,
}

impl CsvRecords {
    fn open(input: &Input, source: Box<dyn ReadSeek>) -> io::Result<Self> {
        let stream = Stream::open(input, source, Restart::default())?;
        let inner = StreamReader::new(stream);
        let gap = inner.gap();
        let delimiter = if input.format == Format::Tsv { b'\t' } else { b',' };
        let bounded = Bounded { inner, left: input.limits.max_line_bytes };
        let reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(bounded);
        let mut records = Self {
            reader,
            gap,
            path: input.path.clone(),
            fields: input.fields.clone(),
            limits: input.limits.clone(),
            names: Vec::new(),
            row: ByteRecord::new(),
            ordinal: 0,
            fault: None,
            ended: false,
        };
        records.read_names()?;
        Ok(records)
    }

    /// Reads the first row. It may begin with a byte order mark.
    fn read_names(&mut self) -> io::Result<()> {
        if !self.next_row()? {
            return Ok(());
        }
        let names = self.row.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned());
        self.names = names.collect();
        if let Some(first) = self.names.first_mut() {
            *first = first.trim_start_matches('\u{FEFF}').to_owned();
        }
        Ok(())
    }

    /// Reads the next row; false at the end or where the rest is lost.
    fn next_row(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.reader.get_mut().left = self.limits.max_line_bytes;
        let offset = self.reader.position().byte();
        let lost = |reason, detail: String| {
            let ordinal = self.ordinal.min(MAX_RECORDS) as u32;
            Fault { ordinal, offset, length: 0, records: 1, reason, detail }
        };
        match self.reader.read_byte_record(&mut self.row) {
            // Only a row that needed more bytes than there were can have met the gap.
            Ok(true) => match self.gap.take() {
                None => return Ok(true),
                Some(damage) => {
                    let partial = self.row.iter().map(|value| value.len() as u64 + 1).sum();
                    self.fault = Some(damage.fault(self.ordinal as u32, partial));
                }
            },
            Ok(false) => {
                let partial = 0;
                self.fault =
                    self.gap.take().map(|damage| damage.fault(self.ordinal as u32, partial));
            }
            Err(error) => match error.into_kind() {
                ::csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                    let most = self.limits.max_line_bytes;
                    let detail = format!("row of more than {most} bytes, such as an open quote");
                    self.fault = Some(lost(FaultReason::TooLarge, detail));
                }
                ::csv::ErrorKind::Io(error) => return Err(error),
                other => self.fault = Some(lost(FaultReason::BadCsv, short(&format!("{other:?}")))),
            },
        }
        self.ended = true;
        Ok(false)
    }

    fn advance(&mut self) -> io::Result<Option<Record>> {
        if let Some(fault) = self.fault.take() {
            return Ok(Some(Record::Fault(fault)));
        }
        if !self.next_row()? {
            return Ok(self.fault.take().map(Record::Fault));
        }
        if self.ordinal >= MAX_RECORDS {
            return Err(io::Error::other("more than 2^32 - 1 rows in one file"));
        }
        let ordinal = self.ordinal as u32;
        self.ordinal += 1;
        let offset = self.row.position().map_or(0, ::csv::Position::byte);
        Ok(Some(match self.document(ordinal, offset) {
            Ok(document) => Record::Document(document),
            Err((reason, detail)) => {
                let length = self.row.iter().map(|value| value.len() as u64 + 1).sum();
                Record::Fault(Fault { ordinal, offset, length, records: 1, reason, detail })
            }
        }))
    }

    fn document(&self, ordinal: u32, offset: u64) -> Result<Document, Failure> {
        if self.row.len() != self.names.len() {
            let (found, wanted) = (self.row.len(), self.names.len());
            let detail = format!("{found} values, but the first row has {wanted} names");
            return Err((FaultReason::BadCsv, detail));
        }
        let mut repaired = false;
        let mut value = |names: &Names| {
            let found = self.names.iter().zip(&self.row).filter_map(|(name, value)| {
                let (rank, place) = names.find(name)?;
                (place == Place::Whole).then_some((rank, value))
            });
            found.min_by_key(|(rank, _)| *rank).map(|(_, value)| {
                let text = String::from_utf8_lossy(value);
                repaired |= matches!(text, std::borrow::Cow::Owned(_));
                text.into_owned()
            })
        };
        let Fields { text, id, url, date, separator: _ } = &self.fields;
        let text = value(text).ok_or((FaultReason::MissingText, String::new()))?;
        let not_empty = |value: Option<String>| value.filter(|value| !value.is_empty());
        let (id, url, date) = (value(id), not_empty(value(url)), not_empty(value(date)));
        let (text, cleaned) = checked_text(text, &self.limits)?;
        Ok(Document {
            ordinal,
            offset,
            id: not_empty(id).unwrap_or_else(|| format!("{}/{ordinal}", self.path)),
            url,
            date,
            text,
            extra: self.extra(),
            repaired: repaired || cleaned,
        })
    }

    /// The values that are no field of the document, as one JSON object of strings.
    fn extra(&self) -> Option<String> {
        let Fields { text, id, url, date, separator: _ } = &self.fields;
        let is_field = |name: &str| [text, id, url, date].iter().any(|names| is_whole(names, name));
        let mut extra = serde_json::Map::new();
        for (name, value) in self.names.iter().zip(&self.row).filter(|(name, _)| !is_field(name)) {
            extra.insert(name.clone(), String::from_utf8_lossy(value).into());
        }
        (!extra.is_empty()).then(|| serde_json::Value::Object(extra).to_string())
    }
}

impl Iterator for CsvRecords {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}
