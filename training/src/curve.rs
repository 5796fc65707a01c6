//! The training curve as tables.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use bug::OrBug as _;
use model::TrainSummary;
use store::{Run, layout};
use tables::TableWriter;

use crate::error::Result;

/// Writes `training.parquet` (one row per step) and `validation.parquet` (one row per evaluation).
pub(crate) fn write_curve(run: &Run, summary: &TrainSummary) -> Result<Vec<store::FileEntry>> {
    let number = |name: &str| Field::new(name, DataType::UInt64, false);
    let real = |name: &str| Field::new(name, DataType::Float32, false);
    let write = |path: &str, fields: Vec<Field>, columns: Vec<ArrayRef>| {
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(schema.clone(), columns).or_bug(path)?;
        let mut table = TableWriter::create(run, path, schema)?;
        table.write(&batch)?;
        Ok::<_, crate::TrainingError>(table.finish()?)
    };
    let steps = &summary.curve.steps;
    let training = write(
        layout::TRAINING,
        vec![
            number("step"),
            real("loss"),
            real("learning_rate"),
            real("gradient_norm"),
            Field::new("batch_digest", DataType::Utf8, false),
        ],
        vec![
            Arc::new(steps.iter().map(|p| p.step as u64).collect::<UInt64Array>()),
            Arc::new(steps.iter().map(|p| p.loss).collect::<Float32Array>()),
            Arc::new(steps.iter().map(|p| p.learning_rate).collect::<Float32Array>()),
            Arc::new(steps.iter().map(|p| p.gradient_norm).collect::<Float32Array>()),
            Arc::new(StringArray::from_iter_values(steps.iter().map(|p| &p.batch_digest))),
        ],
    )?;
    let points = &summary.curve.validations;
    let validation = write(
        layout::VALIDATION,
        vec![number("step"), real("nats_per_token"), real("bits_per_byte"), number("tokens")],
        vec![
            Arc::new(points.iter().map(|p| p.step as u64).collect::<UInt64Array>()),
            Arc::new(points.iter().map(|p| p.evaluation.nats_per_token).collect::<Float32Array>()),
            Arc::new(points.iter().map(|p| p.evaluation.bits_per_byte).collect::<Float32Array>()),
            Arc::new(points.iter().map(|p| p.evaluation.tokens).collect::<UInt64Array>()),
        ],
    )?;
    Ok(vec![training, validation])
}
