//! The rows of a Parquet file as documents.

use std::io;
use std::ops::Range;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::DataType;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};

use super::cells::{cell_bytes, cell_text};
use super::footer::{flat_columns, read_footer};
use super::guarded::guarded;
use super::row_group::RowGroup;
use super::shared_file::SharedFile;
use crate::document_text::checked_text;
use crate::fault::{Failure, Fault, FaultReason, short};
use crate::input::{Fields, Input};
use crate::limits::Limits;
use crate::part_range::PartRange;
use crate::read_seek::ReadSeek;
use crate::record::{Document, MAX_RECORDS, Record};

/// Decompressed bytes of one batch, according to the averages in the footer.
const BATCH_BYTES: u64 = 8 << 20;

/// Most rows of one batch.
const MAX_BATCH_ROWS: u64 = 1024;

/// The rows of a range of row groups.
pub(crate) struct ParquetRecords {
    file: SharedFile,
    path: String,
    fields: Fields,
    limits: Limits,
    metadata: Option<ArrowReaderMetadata>,
    /// A fault of the whole file, until it has been delivered.
    fault: Option<Fault>,
    /// Row groups that were not opened yet.
    groups: Range<usize>,
    group: Option<OpenGroup>,
    /// Number of the first row of the next row group.
    first_ordinal: u64,
}

/// The row group that is being read.
struct OpenGroup {
    group: RowGroup,
    reader: ParquetRecordBatchReader,
    batch: Option<RecordBatch>,
    row: usize,
    /// Numbers of the rows not yet delivered.
    ordinals: Range<u64>,
}

impl ParquetRecords {
    /// The rows of `range` of the file in `source`.
    pub(crate) fn open(
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
        match read_footer(&records.file, &input.fields)? {
            Ok(metadata) => {
                let count = metadata.metadata().num_row_groups();
                records.groups = 0..count;
                match *range {
                    PartRange::RowGroups { start, end, first_ordinal } => {
                        records.groups = (start as usize).min(count)..(end as usize).min(count);
                        records.first_ordinal = u64::from(first_ordinal);
                    }
                    PartRange::Whole => {}
                    other => return Err(other.mismatch("Parquet")),
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
                let (row, place) = (group.row, group.group);
                group.row += 1;
                let batch = batch.clone();
                return Ok(Some(self.record(&batch, row, ordinal as u32, place)));
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
                let fault = group.group.fault(start, end - start, &error);
                return Ok(Some(Record::Fault(fault)));
            }
        }
    }

    /// Starts reading the next row group. `false` if there is none.
    fn open_group(&mut self) -> Result<bool, Box<Fault>> {
        let (Some(metadata), Some(number)) = (&self.metadata, self.groups.next()) else {
            return Ok(false);
        };
        let group = RowGroup::new(number, metadata.metadata().row_group(number));
        let first = self.first_ordinal;
        self.first_ordinal = first.saturating_add(group.rows);
        let row_bytes = (group.decompressed_bytes / group.rows.max(1)).max(1);
        let batch_rows = (BATCH_BYTES / row_bytes).clamp(1, MAX_BATCH_ROWS);
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
                self.group = Some(OpenGroup { group, reader, batch: None, row: 0, ordinals });
                return Ok(true);
            }
            Ok(Err(error)) => short(&error),
            Err(panicked) => panicked,
        };
        Err(Box::new(group.fault(first, group.rows, &error)))
    }

    fn record(&self, batch: &RecordBatch, row: usize, ordinal: u32, group: RowGroup) -> Record {
        match self.document(batch, row, ordinal) {
            Ok(document) => Record::Document(document),
            Err((reason, detail)) => {
                let offset = group.offset;
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

    /// The columns of a row that are not fields of a document, as one JSON object.
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
            // NaN and infinity are not JSON, so they are kept as text.
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
