//! Tensors as the bytes of a `.safetensors` file.

use std::borrow::Cow;
use std::cell::RefCell;

use candle_core::{DType, Tensor};
use clap::ValueEnum;
use safetensors::tensor::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};

use crate::ModelError;

/// The number type of weights in an export, or of matrix products in training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits, as the weights are trained.
    #[default]
    F32,
    /// bfloat16: the upper 16 bits, rounded to the nearest.
    Bf16,
}

/// Serialises tensors as f32; the same tensors give the same bytes.
pub(crate) fn write_tensors<'a>(
    file: &'static str,
    tensors: impl Iterator<Item = (String, &'a Tensor)>,
) -> Result<Vec<u8>, ModelError> {
    write_tensors_as(file, tensors, Precision::F32)
}

/// Serialises tensors; the same tensors give the same bytes. The metadata say `pt`, because older
/// versions of `transformers` do not read a file without it.
pub(crate) fn write_tensors_as<'a>(
    file: &'static str,
    tensors: impl Iterator<Item = (String, &'a Tensor)>,
    precision: Precision,
) -> Result<Vec<u8>, ModelError> {
    let failure = RefCell::new(None);
    let contents =
        tensors.map(|(name, tensor)| (name, Content { tensor, precision, failure: &failure }));
    let metadata = [("format".to_owned(), "pt".to_owned())].into_iter().collect();
    let bytes = safetensors::serialize(contents, Some(metadata)).map_err(|error| {
        ModelError::BadCheckpoint { file: file.to_owned(), reason: error.to_string() }
    });
    match failure.into_inner() {
        Some(error) => Err(ModelError::Candle(error)),
        None => bytes,
    }
}

/// A tensor whose bytes are made when they are written, so that at most one tensor is in memory
/// twice.
struct Content<'a> {
    tensor: &'a Tensor,
    precision: Precision,
    /// The first failure to read a tensor, which [`View::data`] cannot return.
    failure: &'a RefCell<Option<candle_core::Error>>,
}

impl View for Content<'_> {
    fn dtype(&self) -> Dtype {
        match self.precision {
            Precision::F32 => Dtype::F32,
            Precision::Bf16 => Dtype::BF16,
        }
    }

    fn shape(&self) -> &[usize] {
        self.tensor.dims()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let values = self.tensor.to_dtype(DType::F32).and_then(|tensor| tensor.flatten_all());
        match values.and_then(|values| values.to_vec1::<f32>()) {
            Ok(values) if self.precision == Precision::F32 => {
                values.iter().flat_map(|value| value.to_le_bytes()).collect()
            }
            Ok(values) => values.iter().flat_map(|value| upper_half(*value)).collect(),
            Err(error) => {
                self.failure.borrow_mut().get_or_insert(error);
                Cow::Borrowed(&[])
            }
        }
    }

    fn data_len(&self) -> usize {
        let bytes = match self.precision {
            Precision::F32 => 4,
            Precision::Bf16 => 2,
        };
        self.tensor.elem_count() * bytes
    }
}

/// The bfloat16 nearest to `value`, ties to even, as little-endian bytes.
fn upper_half(value: f32) -> [u8; 2] {
    let bits = value.to_bits();
    // Rounding a NaN up could carry into its sign.
    let round = if value.is_nan() { 0 } else { 0x7fff + ((bits >> 16) & 1) };
    ((bits.wrapping_add(round) >> 16) as u16).to_le_bytes()
}

/// Reads f32 tensors of known names and shapes, in the order of `wanted`.
pub(crate) fn read_tensors<'a>(
    file: &'static str,
    bytes: &[u8],
    wanted: impl Iterator<Item = (&'a str, &'a [usize])>,
) -> Result<Vec<Vec<f32>>, ModelError> {
    let bad = |reason: String| ModelError::BadCheckpoint { file: file.to_owned(), reason };
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| bad(error.to_string()))?;
    let mut values = Vec::new();
    for (name, shape) in wanted {
        let view = tensors.tensor(name).map_err(|error| bad(error.to_string()))?;
        if view.dtype() != Dtype::F32 || view.shape() != shape {
            let (dtype, found) = (view.dtype(), view.shape());
            return Err(bad(format!("`{name}` is {dtype:?} {found:?}, not F32 {shape:?}")));
        }
        let numbers = view.data().chunks_exact(size_of::<f32>());
        values.push(numbers.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect());
    }
    Ok(values)
}
