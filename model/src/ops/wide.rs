//! The number type of sums that would lose too much precision in 16 bits.

use candle_core::{DType, Result, Tensor};

/// The tensor in f32 if it has 16 bits, else as it is.
pub(crate) fn wide(tensor: &Tensor) -> Result<Tensor> {
    match tensor.dtype() {
        DType::BF16 | DType::F16 => tensor.to_dtype(DType::F32),
        _ => Ok(tensor.clone()),
    }
}
