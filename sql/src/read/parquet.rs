//! Parquet: one document a row.
//!
//! Other columns go into `extra` if they are flat: numbers and booleans as such, all else as its
//! text. Nested and binary columns are left out. A row group that cannot be decoded costs one
//! fault for its rows not yet read, and the others go on.

use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::RowGroupMetaData;

use super::fault::{Failure, Fault, FaultReason, short};
use super::lines::MAX_RECORDS;
use super::shared_file::SharedFile;
use super::source::ReadSeek;
use super::text::checked_text;
use super::{Document, Fields, Input, Limits, PartRange, Record, Survey};

/// Unpacked bytes of one batch, by the averages that the footer tells.
const BATCH_BYTES: u64 = 8 << 20;
/// The most rows of one batch.
const MAX_BATCH_ROWS: u64 = 1024;

/// The rows of a range of row groups.
pub(super) struct ParquetRecords {
    file: SharedFile,
    path: String,
    fields: Fields,
    limits: Limits,
    metadata: Option<ArrowReaderMetadata>,
    /// A fault of the whole file.
    fault: Option<Fault>,
    groups: Range<usize>,
    group: Option<Group>,
    first_ordinal: u64,
}

/// The row group that is being read.
struct Group {
    number: usize,
    reader: ParquetRecordBatchReader,
    batch: Option<RecordBatch>,
    row: usize,
    /// Numbers of the rows not yet delivered.
    ordinals: Range<u64>,
    place: Place,
}

/// Where a row group is in the file.
#[derive(Clone, Copy)]
struct Place {
    offset: u64,
    length: u64,
}

impl ParquetRecords {
    /// The rows of `range` of the file that `source` is.
    pub(super) fn open(
        input: &Input,
        source: Box<dyn ReadSeek>,
        range: &PartRange,
    ) -> io::Result<Self> {
        let file = SharedFile::new(source)?;
        let mut records = Self {
            path: input.path.clone(),
            fields: input.fields.clone(),
            limits: input.limits.clone(),
            metadata: None,
            fault: None,
            groups: 0..0,
            group: None,
            first_ordinal: 0,
            file,
        };
        match load(&records.file)?.and_then(|metadata| check(&metadata, &input.fields)) {
            Ok(metadata) => {
                let count = metadata.metadata().num_row_groups();
                records.groups = 0..count;
                if let PartRange::RowGroups { start, end, first_ordinal } = *range {
                    records.groups = (start as usize).min(count)..(end as usize).min(count);
                    records.first_ordinal = u64::from(first_ordinal);
                }
                records.metadata = Some(metadata);
            }
            Err((reason, detail)) => {
                let length = records.file.length();
                records.fault = Some(Fault { ordinal: 0, offset: 0, length, reason, detail });
            }
        }
        Ok(records)
    }

    fn advance(&mut self) -> io::Result<Option<Record>> {
        if let Some(fault) = self.fault.take() {
            return Ok(Some(Record::Fault(fault)));
        }
        loop {
            let Some(group) = &mut self.group else {
                match self.open_group() {
                    Ok(true) => continue,
                    Ok(false) => return Ok(None),
                    Err(fault) => return self.file.check().map(|()| Some(Record::Fault(*fault))),
                }
            };
            if let Some(batch) = &group.batch
                && group.row < batch.num_rows()
                && let Some(ordinal) = group.ordinals.next()
            {
                if ordinal >= MAX_RECORDS {
                    return Err(io::Error::other("more than 2^32 - 1 rows in one file"));
                }
                let row = group.row;
                group.row += 1;
                let batch = batch.clone();
                return Ok(Some(self.record(&batch, row, ordinal as u32)));
            }
            group.row = 0;
            let error = match guarded(|| group.reader.next()) {
                Ok(Some(Ok(batch))) => {
                    group.batch = Some(batch);
                    continue;
                }
                Ok(None) if group.ordinals.is_empty() => None,
                Ok(None) => Some("fewer rows than the footer tells".to_owned()),
                Ok(Some(Err(error))) => Some(short(&error)),
                Err(panicked) => Some(panicked),
            };
            self.file.check()?;
            if let (Some(group), Some(error)) = (self.group.take(), error) {
                let Range { start, end } = group.ordinals;
                let fault = group_fault(group.number, start, end - start, group.place, &error);
                return Ok(Some(Record::Fault(fault)));
            }
        }
    }

    /// Starts reading the next row group, or tells that there is none.
    fn open_group(&mut self) -> Result<bool, Box<Fault>> {
        let (Some(metadata), Some(number)) = (&self.metadata, self.groups.next()) else {
            return Ok(false);
        };
        let row_group = metadata.metadata().row_group(number);
        let rows = row_count(row_group);
        let first = self.first_ordinal;
        self.first_ordinal = first.saturating_add(rows);
        let place = place_of(row_group);
        let bytes = unpacked_bytes(row_group);
        let batch_rows = (BATCH_BYTES / (bytes / rows.max(1)).max(1)).clamp(1, MAX_BATCH_ROWS);
        let built = guarded(|| {
            let (file, metadata) = (self.file.clone(), metadata.clone());
            let mask = flat_columns(&metadata, &self.fields);
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
                .with_row_groups(vec![number])
                .with_projection(mask)
                .with_batch_size(batch_rows as usize)
                .build()
        });
        let error = match built {
            Ok(Ok(reader)) => {
                let ordinals = first..self.first_ordinal;
                self.group = Some(Group { number, reader, batch: None, row: 0, ordinals, place });
                return Ok(true);
            }
            Ok(Err(error)) => short(&error),
            Err(panicked) => panicked,
        };
        Err(Box::new(group_fault(number, first, rows, place, &error)))
    }

    fn record(&self, batch: &RecordBatch, row: usize, ordinal: u32) -> Record {
        match self.document(batch, row, ordinal) {
            Ok(document) => Record::Document(document),
            Err((reason, detail)) => {
                let place = self.group.as_ref().map(|group| group.place);
                let offset = place.map_or(0, |place| place.offset);
                let text = batch.column_by_name(&self.fields.text);
                let length = text.map_or(0, |text| cell_bytes(text, row));
                Record::Fault(Fault { ordinal, offset, length, reason, detail })
            }
        }
    }

    fn document(&self, batch: &RecordBatch, row: usize, ordinal: u32) -> Result<Document, Failure> {
        let cell = |name: &str| {
            let column = batch.column_by_name(name)?;
            (!column.is_null(row)).then(|| cell_text(column, row))
        };
        let text = cell(&self.fields.text).transpose()?;
        let (text, repaired) = text.ok_or((FaultReason::MissingText, String::new()))?;
        let (text, cleaned) = checked_text(text, &self.limits)?;
        let scalar = |name: &str| -> Result<Option<String>, Failure> {
            Ok(cell(name).transpose()?.map(|(value, _)| value))
        };
        Ok(Document {
            ordinal,
            offset: 0,
            id: scalar(&self.fields.id)?.unwrap_or_else(|| format!("{}/{ordinal}", self.path)),
            url: scalar(&self.fields.url)?,
            date: scalar(&self.fields.date)?,
            text,
            extra: self.extra(batch, row)?,
            repaired: repaired || cleaned,
        })
    }

    /// The columns of a row that are no part of a document, as one JSON object.
    fn extra(&self, batch: &RecordBatch, row: usize) -> Result<Option<String>, Failure> {
        let Fields { text, id, url, date } = &self.fields;
        let mut extra = serde_json::Map::new();
        for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            if [text, id, url, date].contains(&field.name()) || column.is_null(row) {
                continue;
            }
            let (value, _) = cell_text(column, row)?;
            let data_type = column.data_type();
            let is_literal = data_type.is_numeric()
                && !matches!(data_type, DataType::Decimal128(..))
                || *data_type == DataType::Boolean;
            let literal = if is_literal { serde_json::from_str(&value).ok() } else { None };
            extra.insert(field.name().clone(), literal.unwrap_or_else(|| value.into()));
        }
        Ok((!extra.is_empty()).then(|| serde_json::Value::Object(extra).to_string()))
    }
}

impl Iterator for ParquetRecords {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// Groups row groups into parts of about `part_bytes` unpacked bytes.
pub(super) fn survey(
    input: &Input,
    source: Box<dyn ReadSeek>,
    part_bytes: u64,
) -> io::Result<Survey> {
    let file = SharedFile::new(source)?;
    let Ok(metadata) = load(&file)?.and_then(|metadata| check(&metadata, &input.fields)) else {
        // Reading says what is wrong.
        return Ok(Survey::whole());
    };
    let mut parts = Vec::new();
    let (mut start, mut first_ordinal) = (0, 0);
    let (mut bytes, mut all_bytes, mut records) = (0u64, 0u64, 0u64);
    let groups = metadata.metadata().row_groups();
    for (number, group) in groups.iter().enumerate() {
        bytes = bytes.saturating_add(unpacked_bytes(group));
        all_bytes = all_bytes.saturating_add(unpacked_bytes(group));
        records = records.saturating_add(row_count(group));
        if bytes >= part_bytes || number + 1 == groups.len() {
            let end = number as u32 + 1;
            parts.push(PartRange::RowGroups { start, end, first_ordinal });
            (start, bytes) = (end, 0);
            first_ordinal = u32::try_from(records).unwrap_or(u32::MAX);
        }
    }
    if parts.is_empty() {
        return Ok(Survey::whole());
    }
    Ok(Survey { parts, records: Some(records), decompressed_bytes: Some(all_bytes) })
}

/// The footer, or what is wrong with it.
fn load(file: &SharedFile) -> io::Result<Result<ArrowReaderMetadata, Failure>> {
    // Types come from the Parquet schema alone, so that a column is one of few Arrow types.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let loaded = guarded(|| ArrowReaderMetadata::load(file, options));
    file.check()?;
    Ok(match loaded {
        Ok(Ok(metadata)) => Ok(metadata),
        Ok(Err(error)) => Err((FaultReason::BadParquet, format!("footer: {}", short(&error)))),
        Err(panicked) => Err((FaultReason::BadParquet, format!("footer: {panicked}"))),
    })
}

/// Whether the file has a column of text.
fn check(metadata: &ArrowReaderMetadata, fields: &Fields) -> Result<ArrowReaderMetadata, Failure> {
    let Ok(field) = metadata.schema().field_with_name(&fields.text) else {
        return Err((FaultReason::MissingText, format!("no column `{}`", short(&fields.text))));
    };
    if !matches!(field.data_type(), DataType::Utf8 | DataType::Binary) {
        let detail = format!("text column of type {}", short(field.data_type()));
        return Err((FaultReason::WrongType, detail));
    }
    Ok(metadata.clone())
}

/// The columns of a document, and the others that are neither nested nor binary.
fn flat_columns(metadata: &ArrowReaderMetadata, fields: &Fields) -> ProjectionMask {
    let Fields { text, id, url, date } = fields;
    let is_wanted = |field: &Field| match field.data_type() {
        DataType::Binary | DataType::FixedSizeBinary(_) => {
            [text, id, url, date].contains(&field.name())
        }
        data_type => !data_type.is_nested(),
    };
    let columns = metadata.schema().fields().iter().enumerate();
    let wanted = columns.filter(|(_, field)| is_wanted(field)).map(|(root, _)| root);
    ProjectionMask::roots(metadata.parquet_schema(), wanted.collect::<Vec<_>>())
}

/// One value as text, and whether it had to be repaired.
fn cell_text(column: &dyn Array, row: usize) -> Result<(String, bool), Failure> {
    let bytes = match column.data_type() {
        DataType::Utf8 => return Ok((column.as_string::<i32>().value(row).to_owned(), false)),
        DataType::Binary => column.as_binary::<i32>().value(row),
        _ => {
            let formatter = ArrayFormatter::try_new(column, &FormatOptions::new());
            let value = formatter.and_then(|formatter| formatter.value(row).try_to_string());
            let value = value.map_err(|error| (FaultReason::BadParquet, short(&error)))?;
            return Ok((value, false));
        }
    };
    let text = String::from_utf8_lossy(bytes);
    let repaired = matches!(text, std::borrow::Cow::Owned(_));
    Ok((text.into_owned(), repaired))
}

/// Bytes that a cell of text takes.
fn cell_bytes(column: &dyn Array, row: usize) -> u64 {
    if column.is_null(row) {
        return 0;
    }
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value_length(row) as u64,
        DataType::Binary => column.as_binary::<i32>().value_length(row) as u64,
        _ => 0,
    }
}

fn group_fault(number: usize, ordinal: u64, rows: u64, place: Place, error: &str) -> Fault {
    let Place { offset, length } = place;
    let ordinal = ordinal.min(MAX_RECORDS) as u32;
    let detail = format!("row group {number}, {rows} rows lost: {error}");
    Fault { ordinal, offset, length, reason: FaultReason::BadParquet, detail }
}

fn row_count(group: &RowGroupMetaData) -> u64 {
    u64::try_from(group.num_rows()).unwrap_or(0)
}

fn unpacked_bytes(group: &RowGroupMetaData) -> u64 {
    u64::try_from(group.total_byte_size()).unwrap_or(0)
}

fn place_of(group: &RowGroupMetaData) -> Place {
    let to_bytes = |value: i64| u64::try_from(value).unwrap_or(0);
    let starts = group.columns().iter().map(|column| {
        let page = column.data_page_offset();
        to_bytes(column.dictionary_page_offset().map_or(page, |dictionary| dictionary.min(page)))
    });
    let lengths = group.columns().iter().map(|column| to_bytes(column.compressed_size()));
    Place { offset: starts.min().unwrap_or(0), length: lengths.fold(0, u64::saturating_add) }
}

/// Runs a piece of the parquet crate. Its decoders check much, but index and slice by numbers from
/// the file, and have panicked on damaged pages; the reader that did is not used again.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| "the decoder panicked".to_owned())
}
