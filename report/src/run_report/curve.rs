//! The training curve, read from the run's tables.

use std::path::Path;

use arrow::array::{AsArray as _, Float32Array, UInt64Array};
use arrow::datatypes::{Float32Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use bug::OrBug as _;
use store::layout;
use tables::read_table;

use crate::error::Result;

/// The training curve as stored in the run's tables.
pub(super) struct Curve {
    /// Each step and the loss of its batch in nats per token.
    pub(super) losses: Vec<(f64, f64)>,
    pub(super) validations: Vec<Validation>,
}

/// An evaluation on the held-out documents.
pub(super) struct Validation {
    pub(super) step: u64,
    pub(super) nats_per_token: f64,
    pub(super) bits_per_byte: f64,
    pub(super) tokens: u64,
}

impl Curve {
    /// Reads the curve of the run in `root`.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut curve = Self { losses: Vec::new(), validations: Vec::new() };
        for batch in read_table(&root.join(layout::TRAINING), None)? {
            let batch = batch?;
            let (steps, losses) = (whole(&batch, "step")?, real(&batch, "loss")?);
            let rows = steps.values().iter().zip(losses.values());
            curve.losses.extend(rows.map(|(step, loss)| (*step as f64, f64::from(*loss))));
        }
        for batch in read_table(&root.join(layout::VALIDATION), None)? {
            let batch = batch?;
            let (steps, tokens) = (whole(&batch, "step")?, whole(&batch, "tokens")?);
            let (nats, bits) = (real(&batch, "nats_per_token")?, real(&batch, "bits_per_byte")?);
            curve.validations.extend((0..batch.num_rows()).map(|row| Validation {
                step: steps.value(row),
                nats_per_token: f64::from(nats.value(row)),
                bits_per_byte: f64::from(bits.value(row)),
                tokens: tokens.value(row),
            }));
        }
        Ok(curve)
    }
}

fn whole<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a UInt64Array> {
    let column = batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<UInt64Type>());
    Ok(column.or_bug("a column of whole numbers in the curve's tables")?)
}

fn real<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Float32Array> {
    let column = batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<Float32Type>());
    Ok(column.or_bug("a column of real numbers in the curve's tables")?)
}
