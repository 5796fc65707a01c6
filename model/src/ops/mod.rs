//! The differentiable operations of the decoder.
//!
//! candle's fused `rms_norm`, `softmax_last_dim`, `rope` and `sdpa` return tensors that are cut off
//! from the graph: training continues, but their inputs silently get no gradient. So every
//! operation here exists in two forms behind the trait [`Operations`]:
//!
//! - [`Composite`]: candle's differentiable operations and backward pass. It runs on any device,
//!   and tests compare the other form with it.
//! - [`Tape`]: loops over CPU memory with analytic gradients, several times faster.
//!
//! An operation on a tape runs on one thread. Threads work on different rows of the batch (see
//! [`crate::parallel`]), so no sum depends on the number of threads.

pub(crate) mod attention;
mod composite;
pub(crate) mod cross_entropy;
pub(crate) mod flash;
mod fused;
pub(crate) mod kernels;
pub(crate) mod matmul;
mod rope;
pub(crate) mod tape;
#[cfg(test)]
mod tests;
mod wide;

use std::sync::Arc;

use candle_core::{Result, Tensor};

pub(crate) use attention::HeadShape;
pub(crate) use composite::Composite;
pub use cross_entropy::{LossOptions, LossSums};
pub(crate) use rope::RopeTable;
pub(crate) use tape::Tape;

/// Which form of the operations a model uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernels {
    /// Loops over memory, on a CPU only.
    Fused,
    /// candle's own operations, on any device.
    Composite,
    /// candle's own operations, with matrix products in bfloat16.
    CompositeBf16,
}

impl Kernels {
    /// The fastest form that runs on `device`.
    pub(crate) fn for_device(device: &candle_core::Device) -> Self {
        if device.is_cpu() { Self::Fused } else { Self::Composite }
    }
}

/// The operations of the decoder. A weight is given as its parameter, so that its gradient can be
/// found by the parameter's id.
pub(crate) trait Operations {
    /// A matrix through which gradients can flow back.
    type Value: Clone;

    /// Rows `ids` of `table` [vocab, dim], as [ids, dim].
    fn embed(&self, ids: &[u32], table: &Tensor) -> Result<Self::Value>;

    /// `input` [n, in] times the transpose of `weight` [out, in], as [n, out].
    fn linear(&self, input: &Self::Value, weight: &Tensor) -> Result<Self::Value>;

    /// RMSNorm (Zhang and Sennrich, 2019): `x / sqrt(mean(x²) + eps) · weight`, for each run of
    /// `weight.len()` values of `input` [n, m · weight.len()].
    fn rms_norm(&self, input: &Self::Value, weight: &Tensor, eps: f64) -> Result<Self::Value>;

    /// SwiGLU's gate (Shazeer, 2020): `silu(gate) · up`, element by element.
    fn swiglu(&self, gate: &Self::Value, up: &Self::Value) -> Result<Self::Value>;

    /// `max(up, 0)²` (So et al. 2021), element by element.
    fn relu_squared(&self, up: &Self::Value) -> Result<Self::Value>;

    /// The sum of two values of equal shape.
    fn add(&self, a: &Self::Value, b: &Self::Value) -> Result<Self::Value>;

    /// Causal grouped-query attention with rotary positions, separate for each sequence. Queries
    /// and result are [tokens, heads · width], keys and values are [tokens, kv_heads · width].
    fn attention(
        &self,
        queries_keys_values: [&Self::Value; 3],
        shape: &HeadShape,
        rope: &Arc<RopeTable>,
    ) -> Result<Self::Value>;
}

/// Operations that record what they did, so that gradients can flow back.
pub(crate) trait Differentiable: Operations {
    /// The gradients that a backward pass found.
    type Gradients: Gradients;

    /// Fresh operations that record.
    fn recording() -> Self;

    /// Fresh operations that keep nothing for a backward pass.
    fn inference() -> Self;

    /// `tensor` as a value whose gradient the backward pass gives, and the tensor to look it up by.
    fn leaf(&self, tensor: &Tensor) -> Result<(Tensor, Self::Value)>;

    /// The tensor of a value, outside any graph.
    fn content(value: &Self::Value) -> Tensor;

    /// The gradients of the parameters and leaves that `value` was computed from, if `gradient` is
    /// the gradient of `value`.
    fn backward(self, value: &Self::Value, gradient: &Tensor) -> Result<Self::Gradients>;

    /// The summed loss at `targets` of the logits `hidden` [n, dim] times the transpose of `table`
    /// [vocab, dim], and the gradients of its total with respect to both.
    fn loss_and_gradients(
        hidden: &Tensor,
        table: &Tensor,
        targets: &[u32],
        options: &LossOptions,
    ) -> Result<(LossSums, [Tensor; 2])>;
}

/// Gradients by parameter.
pub(crate) trait Gradients {
    /// Removes and returns the gradient of `parameter`; `None` if the backward pass did not reach
    /// it.
    fn take(&mut self, parameter: &Tensor) -> Option<Tensor>;
}
