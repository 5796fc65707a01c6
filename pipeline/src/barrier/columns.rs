//! What deduplication tells the stages after it, as columns of the documents.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, UInt32Type};
use arrow::record_batch::RecordBatch;

use super::{BarrierStage, PlannedBarrier};
use crate::error::{PipelineError, Result};

/// Documents as read that this one stands for, itself among them.
pub(super) const CLUSTER_SIZE: &str = "cluster_size";

/// Lines, paragraphs or sentences of the document that others repeat, and their bytes.
pub(super) const REPEATED_LINES: &str = "repeated_lines";
pub(super) const REPEATED_LINE_BYTES: &str = "repeated_line_bytes";

/// Where repeated runs of words stand in the text as it entered the stage: bytes from `start` to
/// before `end`.
pub(super) const REPEATED_SPANS: &str = "repeated_spans";

/// The fields of one such run.
pub(super) fn span_fields() -> Fields {
    let number = |name: &str| Field::new(name, DataType::UInt64, false);
    Fields::from(vec![number("start"), number("end")])
}

/// The columns of documents with `columns` after `stages`.
pub(crate) fn columns_after(columns: &SchemaRef, stages: &[PlannedBarrier]) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = columns.fields().to_vec();
    let mut put = |name: &str, data_type: DataType| {
        fields.retain(|field| field.name() != name);
        fields.push(Arc::new(Field::new(name, data_type, false)));
    };
    for planned in stages {
        match &planned.stage {
            BarrierStage::Exact(_) | BarrierStage::MinHash(_) => {
                put(CLUSTER_SIZE, DataType::UInt32)
            }
            BarrierStage::Bloom(_) => {}
            BarrierStage::Lines(_) => {
                put(REPEATED_LINES, DataType::UInt32);
                put(REPEATED_LINE_BYTES, DataType::UInt64);
            }
            BarrierStage::Substrings(_) => {
                let span = Field::new("item", DataType::Struct(span_fields()), false);
                put(REPEATED_SPANS, DataType::List(Arc::new(span)));
            }
        }
    }
    Arc::new(Schema::new(fields))
}

/// The batch with a column put at its end, in place of one of that name.
pub(super) fn with_column(
    batch: &RecordBatch,
    name: &str,
    column: ArrayRef,
) -> Result<RecordBatch> {
    let kept: Vec<usize> = (0..batch.num_columns())
        .filter(|index| batch.schema_ref().field(*index).name() != name)
        .collect();
    let rest = batch.project(&kept).map_err(arrow_error)?;
    let mut fields: Vec<Arc<Field>> = rest.schema_ref().fields().to_vec();
    fields.push(Arc::new(Field::new(name, column.data_type().clone(), false)));
    let mut columns = rest.columns().to_vec();
    columns.push(column);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(arrow_error)
}

/// How many documents each row stands for so far.
pub(super) fn cluster_sizes(batch: &RecordBatch) -> Vec<u32> {
    let column = batch.column_by_name(CLUSTER_SIZE);
    let sizes: Option<&UInt32Array> = column.and_then(|c| c.as_primitive_opt::<UInt32Type>());
    sizes.map_or_else(|| vec![1; batch.num_rows()], |sizes| sizes.values().to_vec())
}

pub(super) fn arrow_error(error: arrow::error::ArrowError) -> PipelineError {
    PipelineError::Sql(error.into())
}
