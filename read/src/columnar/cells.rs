//! Single values of Parquet columns.

use std::borrow::Cow;

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::fault::{Failure, FaultReason, short};

/// A value as text, and whether it had to be repaired.
pub(crate) fn cell_text(column: &dyn Array, row: usize) -> Result<(String, bool), Failure> {
    let bytes = match column.data_type() {
        DataType::Utf8 => return Ok((column.as_string::<i32>().value(row).to_owned(), false)),
        DataType::LargeUtf8 => return Ok((column.as_string::<i64>().value(row).to_owned(), false)),
        DataType::Utf8View => return Ok((column.as_string_view().value(row).to_owned(), false)),
        DataType::Binary => column.as_binary::<i32>().value(row),
        DataType::LargeBinary => column.as_binary::<i64>().value(row),
        DataType::BinaryView => column.as_binary_view().value(row),
        _ => {
            let formatter = ArrayFormatter::try_new(column, &FormatOptions::new());
            let value = formatter.and_then(|formatter| formatter.value(row).try_to_string());
            let value = value.map_err(|error| (FaultReason::BadParquet, short(&error)))?;
            return Ok((value, false));
        }
    };
    let text = String::from_utf8_lossy(bytes);
    let repaired = matches!(text, Cow::Owned(_));
    Ok((text.into_owned(), repaired))
}

/// Length of a text in bytes; 0 for null and for other types.
pub(crate) fn cell_bytes(column: &dyn Array, row: usize) -> u64 {
    if column.is_null(row) {
        return 0;
    }
    match column.data_type() {
        DataType::Utf8View => column.as_string_view().value(row).len() as u64,
        DataType::BinaryView => column.as_binary_view().value(row).len() as u64,
        _ => 0,
    }
}
