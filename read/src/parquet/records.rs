//! The rows of a Parquet file as documents.

use std::io;
use std::ops::Range;

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};

use super::footer::read_footer;
use super::row_group::RowGroup;
use super::shared_file::SharedFile;
use crate::columnar::Rows;
use crate::columnar::guarded;
use crate::fault::{Fault, short};
use crate::input::Input;
use crate::part_range::PartRange;
use crate::read_seek::ReadSeek;
use crate::record::{MAX_RECORDS, Record};

/// Decompressed bytes of one batch, according to the averages in the footer.
const BATCH_BYTES: u64 = 8 << 20;

/// Most rows of one batch.
const MAX_BATCH_ROWS: u64 = 1024;

/// A row group of at most this many bytes may be decoded at once, whichever of its rows are long.
const GROUP_BYTES_SMALL: u64 = 64 << 20;

/// Rows of a batch of a larger group. The footer does not tell the length of a row, and a document
/// may be as long as [`Limits::max_document_bytes`].
const ROWS_OF_UNKNOWN_LENGTH: u64 = 4;

/// The rows of a range of row groups.
pub(crate) struct ParquetRecords {
    file: SharedFile,
    rows: Rows,
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
            rows: Rows::of(input),
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
                records.fault =
                    Some(Fault { ordinal: 0, offset: 0, length, records: 1, reason, detail });
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
                return Ok(Some(self.rows.record(&batch, row, ordinal as u32, place.offset)));
            }
            group.row = 0;
            let error = match guarded(|| group.reader.next()) {
                Ok(Some(Ok(batch))) => match guarded(|| self.rows.flat(&batch)) {
                    Ok(Ok(batch)) => {
                        group.batch = Some(batch);
                        continue;
                    }
                    Ok(Err(error)) => Some(short(&error)),
                    Err(panicked) => Some(panicked),
                },
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
        let batch_rows = batch_rows(&group);
        let built = guarded(|| {
            let (file, metadata) = (self.file.clone(), metadata.clone());
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
                .with_row_groups(vec![number])
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
}

/// Rows of a batch. Where the rows of a group could be far longer than its average, they are few.
fn batch_rows(group: &RowGroup) -> u64 {
    if group.decompressed_bytes > GROUP_BYTES_SMALL {
        return ROWS_OF_UNKNOWN_LENGTH;
    }
    let row_bytes = (group.decompressed_bytes / group.rows.max(1)).max(1);
    (BATCH_BYTES / row_bytes).clamp(1, MAX_BATCH_ROWS)
}

impl Iterator for ParquetRecords {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}
