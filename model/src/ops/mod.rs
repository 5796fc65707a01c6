//! The differentiable operations of the decoder.
//!
//! candle's fused `rms_norm`, `softmax_last_dim`, `rope` and `sdpa` return tensors that are cut off from the
//! graph: training goes on and their inputs silently get no gradient. So every operation here comes twice
//! behind the trait [`Operations`]:
//!
//! - [`Composite`]: candle's differentiable operations and backward; runs on any device, and is the oracle;
//! - [`Tape`]: loops over CPU memory with analytic backwards, several times faster.
//!
//! An operation on a tape runs on one thread. Threads work on different rows of the batch (see
//! [`crate::parallel`]), so no sum depends on how many of them there are.

pub mod attention;
pub mod composite;
pub mod cross_entropy;
pub mod fused;
pub mod kernels;
pub mod rope;
pub mod tape;

use std::sync::Arc;

use candle_core::{Result, Tensor};

pub use attention::HeadShape;
pub use composite::Composite;
pub use rope::RopeTable;
pub use tape::Tape;

/// Which form of the operations a model uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernels {
    /// [`Tape`], on the CPU only.
    Fused,
    /// [`Composite`].
    Composite,
}

impl Kernels {
    /// The fastest form that runs on `device`.
    pub fn for_device(device: &candle_core::Device) -> Self {
        if device.is_cpu() { Self::Fused } else { Self::Composite }
    }
}

/// The operations that the decoder is made of. Weights are given as the parameters themselves.
pub trait Operations {
    /// A matrix whose gradient can flow back.
    type Value: Clone;

    /// Rows `ids` of `table` [vocab, dim], as [ids, dim].
    fn embed(&self, ids: &[u32], table: &Tensor) -> Result<Self::Value>;

    /// `input` [n, in] times the transpose of `weight` [out, in], as [n, out].
    fn linear(&self, input: &Self::Value, weight: &Tensor) -> Result<Self::Value>;

    /// RMSNorm (Zhang and Sennrich, 2019) of each row: `x / sqrt(mean(x²) + eps) · weight`.
    fn rms_norm(&self, input: &Self::Value, weight: &Tensor, eps: f64) -> Result<Self::Value>;

    /// SwiGLU's gate (Shazeer, 2020): `silu(gate) · up`, element by element.
    fn swiglu(&self, gate: &Self::Value, up: &Self::Value) -> Result<Self::Value>;

    /// The sum of two values of one shape.
    fn add(&self, a: &Self::Value, b: &Self::Value) -> Result<Self::Value>;

    /// Causal grouped-query attention with rotary positions. The queries are [batch · positions, heads · width],
    /// as is the result; keys and values are [batch · positions, kv_heads · width].
    fn causal_attention(
        &self,
        queries_keys_values: [&Self::Value; 3],
        shape: HeadShape,
        rope: &Arc<RopeTable>,
    ) -> Result<Self::Value>;

    /// Sum over the rows of −ln softmax(`hidden` · `table`ᵀ) at the target, times `scale`, as a scalar.
    fn cross_entropy(
        &self,
        hidden: &Self::Value,
        table: &Tensor,
        targets: &[u32],
        scale: f32,
    ) -> Result<Self::Value>;
}
