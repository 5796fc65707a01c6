//! What the footer says about a row group.

use parquet::file::metadata::RowGroupMetaData;

use crate::fault::{Fault, FaultReason};
use crate::record::MAX_RECORDS;

/// What the footer says about a row group. A damaged footer may hold negative numbers, which count
/// as 0.
#[derive(Clone, Copy)]
pub(crate) struct RowGroup {
    /// Index in the file.
    pub(crate) number: usize,
    /// Number of rows.
    pub(crate) rows: u64,
    /// Length of the data before compression, in bytes.
    pub(crate) decompressed_bytes: u64,
    /// Offset of the first page in the file.
    pub(crate) offset: u64,
    /// Length of the pages in the file, in bytes.
    pub(crate) length: u64,
}

impl RowGroup {
    /// The row group of this number and metadata.
    pub(crate) fn new(number: usize, group: &RowGroupMetaData) -> Self {
        let starts = group.columns().iter().map(|column| {
            let page = column.data_page_offset();
            let dictionary = column.dictionary_page_offset();
            not_negative(dictionary.map_or(page, |dictionary| dictionary.min(page)))
        });
        let lengths = group.columns().iter().map(|column| not_negative(column.compressed_size()));
        Self {
            number,
            rows: not_negative(group.num_rows()),
            decompressed_bytes: not_negative(group.total_byte_size()),
            // A group may have no columns.
            offset: starts.min().unwrap_or(0),
            length: lengths.fold(0, u64::saturating_add),
        }
    }

    /// The fault of losing `rows` rows, the first of which has the number `ordinal`.
    pub(crate) fn fault(&self, ordinal: u64, rows: u64, error: &str) -> Fault {
        let ordinal = ordinal.min(MAX_RECORDS) as u32;
        let detail = format!("row group {}, {rows} rows lost: {error}", self.number);
        let (offset, length) = (self.offset, self.length);
        let records = rows.max(1);
        Fault { ordinal, offset, length, records, reason: FaultReason::BadParquet, detail }
    }
}

fn not_negative(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
