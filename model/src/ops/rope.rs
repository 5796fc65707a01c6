//! Rotary position embedding (Su et al., 2021) in Hugging Face's `rotate_half` layout: component
//! `i` of a head is paired with component `i + head_dim / 2`.

use candle_core::{D, Device, Result, Tensor};

use crate::config::ModelConfig;

/// Cosines and sines of every (position, pair).
#[derive(Clone, Debug)]
pub(crate) struct RopeTable {
    /// [positions, head_dim / 2], row-major.
    pub(crate) cos: Vec<f32>,
    /// [positions, head_dim / 2], row-major.
    pub(crate) sin: Vec<f32>,
    cos_tensor: Tensor,
    sin_tensor: Tensor,
}

impl RopeTable {
    /// The table for the positions `0..config.context`. Angles are computed in f64, because at long
    /// contexts f32 has too few digits for them.
    ///
    /// # Errors
    /// Memory runs out.
    pub(crate) fn new(config: &ModelConfig, device: &Device) -> Result<Self> {
        let half = config.head_dim() / 2;
        let mut cos = Vec::with_capacity(config.context * half);
        let mut sin = Vec::with_capacity(config.context * half);
        for position in 0..config.context {
            for pair in 0..half {
                let exponent = 2.0 * pair as f64 / config.head_dim() as f64;
                let angle = position as f64 / config.rope_theta.powf(exponent);
                cos.push(angle.cos() as f32);
                sin.push(angle.sin() as f32);
            }
        }
        let cos_tensor = Tensor::from_slice(&cos, (config.context, half), device)?;
        let sin_tensor = Tensor::from_slice(&sin, (config.context, half), device)?;
        Ok(Self { cos, sin, cos_tensor, sin_tensor })
    }

    /// Rotates `heads` [.., positions, head_dim], whose first position is `start`, with candle's
    /// differentiable operations.
    pub(crate) fn rotate(&self, heads: &Tensor, start: usize) -> Result<Tensor> {
        let (positions, half) = (heads.dim(D::Minus2)?, heads.dim(D::Minus1)? / 2);
        let part = |table: &Tensor| table.narrow(0, start, positions)?.to_dtype(heads.dtype());
        let (cos, sin) = (part(&self.cos_tensor)?, part(&self.sin_tensor)?);
        let first = heads.narrow(D::Minus1, 0, half)?;
        let second = heads.narrow(D::Minus1, half, half)?;
        let rotated_first = (first.broadcast_mul(&cos)? - second.broadcast_mul(&sin)?)?;
        let rotated_second = (second.broadcast_mul(&cos)? + first.broadcast_mul(&sin)?)?;
        Tensor::cat(&[rotated_first, rotated_second], D::Minus1)
    }
}
