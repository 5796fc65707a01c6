//! The type in which sums are taken that would suffer in 16 bits.

use candle_core::{DType, Result, Tensor};

/// The tensor in f32, if it has 16 bits.
pub(crate) fn wide(tensor: &Tensor) -> Result<Tensor> {
    match tensor.dtype() {
        DType::BF16 | DType::F16 => tensor.to_dtype(DType::F32),
        _ => Ok(tensor.clone()),
    }
}
