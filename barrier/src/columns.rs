//! The columns that barrier stages add to the documents.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema, UInt32Type};
use arrow::record_batch::RecordBatch;

use crate::error::Result;

/// The number of input documents that this one stands for, including itself.
pub(super) const CLUSTER_SIZE: &str = "cluster_size";

/// The batch with a column appended; it replaces a column of the same name.
///
/// # Errors
/// The column has another number of rows than the batch.
pub(super) fn with_column(
    batch: &RecordBatch,
    name: &str,
    column: ArrayRef,
) -> Result<RecordBatch> {
    let kept: Vec<usize> = (0..batch.num_columns())
        .filter(|index| batch.schema_ref().field(*index).name() != name)
        .collect();
    let rest = batch.project(&kept)?;
    let mut fields: Vec<Arc<Field>> = rest.schema_ref().fields().to_vec();
    fields.push(Arc::new(Field::new(name, column.data_type().clone(), false)));
    let mut columns = rest.columns().to_vec();
    columns.push(column);
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// The number of input documents that each row stands for so far.
pub(super) fn cluster_sizes(batch: &RecordBatch) -> Vec<u32> {
    let column = batch.column_by_name(CLUSTER_SIZE);
    let sizes: Option<&UInt32Array> = column.and_then(|c| c.as_primitive_opt::<UInt32Type>());
    sizes.map_or_else(|| vec![1; batch.num_rows()], |sizes| sizes.values().to_vec())
}

/// The column of cluster sizes.
pub(super) fn cluster_size_field() -> Field {
    Field::new(CLUSTER_SIZE, DataType::UInt32, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_replaces_one_of_its_name_and_comes_last() {
        let number = |n: u32| Arc::new(UInt32Array::from(vec![n])) as ArrayRef;
        let first = RecordBatch::try_from_iter([("a", number(1)), ("b", number(2))]).unwrap();
        assert_eq!(cluster_sizes(&first), [1]);
        let second = with_column(&first, "a", number(3)).unwrap();
        let names: Vec<&str> =
            second.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["b", "a"]);
        let third = with_column(&second, CLUSTER_SIZE, number(7)).unwrap();
        assert_eq!((third.num_columns(), cluster_sizes(&third)), (3, vec![7]));
    }
}
