//! The columns that every batch of documents has.

use crate::error::SqlError;
use crate::{DOC_ID, TEXT};
use arrow::array::{AsArray as _, LargeStringArray, StringArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, UInt64Type};
use arrow::record_batch::RecordBatch;
use bug::OrBug as _;

/// The ids of documents.
///
/// # Errors
/// It is a bug if the column is missing.
pub fn doc_ids(batch: &RecordBatch) -> Result<&UInt64Array, SqlError> {
    let column = batch.column_by_name(DOC_ID);
    let ids = column.and_then(|column| column.as_primitive_opt::<UInt64Type>());
    Ok(ids.or_bug("documents have the column doc_id")?)
}

/// The texts of documents. They are cast, because a stage may have changed the string type.
///
/// # Errors
/// The column is missing (a bug) or is not a string column.
pub fn texts(batch: &RecordBatch) -> Result<LargeStringArray, SqlError> {
    let column = batch.column_by_name(TEXT).or_bug("documents have the column text")?;
    Ok(cast(column, &DataType::LargeUtf8)?.as_string::<i64>().clone())
}

/// The sources of documents, before any stage.
///
/// # Errors
/// It is a bug if the column is missing.
pub fn sources(batch: &RecordBatch) -> Result<&StringArray, SqlError> {
    let column = batch.column_by_name("source").and_then(|c| c.as_string_opt::<i32>());
    Ok(column.or_bug("documents as read have the column source")?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array};

    use super::*;

    fn batch(name: &str, column: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter([(name, column)]).unwrap()
    }

    #[test]
    fn texts_of_any_type_are_read() {
        for column in [
            Arc::new(StringArray::from(vec![Some("a"), None])) as ArrayRef,
            Arc::new(LargeStringArray::from(vec![Some("a"), None])),
            Arc::new(arrow::array::StringViewArray::from(vec![Some("a"), None])),
        ] {
            let texts = texts(&batch(TEXT, column)).unwrap();
            assert_eq!(texts.iter().collect::<Vec<_>>(), [Some("a"), None]);
        }
    }

    #[test]
    fn a_missing_id_is_a_bug_and_not_a_zero() {
        let numbers = || Arc::new(Int32Array::from(vec![1])) as ArrayRef;
        for wrong in [batch("other", numbers()), batch(DOC_ID, numbers())] {
            assert!(bug::is_bug(&doc_ids(&wrong).unwrap_err()));
        }
        assert!(bug::is_bug(&texts(&batch("other", numbers())).unwrap_err()));
        assert!(bug::is_bug(&sources(&batch("source", numbers())).unwrap_err()));
    }
}
