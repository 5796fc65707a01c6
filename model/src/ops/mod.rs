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
pub(crate) mod flash;
pub mod fused;
pub mod kernels;
pub(crate) mod matmul;
pub mod rope;
pub mod tape;
mod wide;

use std::sync::Arc;

use candle_core::{Result, Tensor};

pub use attention::HeadShape;
pub use composite::Composite;
pub use cross_entropy::{LossOptions, LossSums};
pub use rope::RopeTable;
pub use tape::Tape;

/// Which form of the operations a model uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernels {
    /// [`Tape`], on the CPU only.
    Fused,
    /// [`Composite`].
    Composite,
    /// [`Composite`] with matrix products in bfloat16.
    CompositeBf16,
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

    /// RMSNorm (Zhang and Sennrich, 2019) of each run of `weight.len()` values of `input` [n, m · weight.len()]:
    /// `x / sqrt(mean(x²) + eps) · weight`.
    fn rms_norm(&self, input: &Self::Value, weight: &Tensor, eps: f64) -> Result<Self::Value>;

    /// SwiGLU's gate (Shazeer, 2020): `silu(gate) · up`, element by element.
    fn swiglu(&self, gate: &Self::Value, up: &Self::Value) -> Result<Self::Value>;

    /// `max(up, 0)²` (So et al. 2021), element by element.
    fn relu_squared(&self, up: &Self::Value) -> Result<Self::Value>;

    /// The sum of two values of one shape.
    fn add(&self, a: &Self::Value, b: &Self::Value) -> Result<Self::Value>;

    /// Causal grouped-query attention with rotary positions, sequence by sequence. The queries are
    /// [tokens, heads · width], as is the result; keys and values are [tokens, kv_heads · width].
    fn attention(
        &self,
        queries_keys_values: [&Self::Value; 3],
        shape: &HeadShape,
        rope: &Arc<RopeTable>,
    ) -> Result<Self::Value>;
}

/// Operations that remember what they did, so that gradients can flow back.
pub trait Differentiable: Operations {
    /// The gradients that a backward pass reached.
    type Gradients: Gradients;

    /// Fresh operations that remember.
    fn recording() -> Self;

    /// Fresh operations that forget at once what a backward pass would need.
    fn inference() -> Self;

    /// `tensor` as a value whose gradient can be asked for.
    fn leaf(&self, tensor: &Tensor) -> Result<(Tensor, Self::Value)>;

    /// The content of a value, outside any graph.
    fn content(value: &Self::Value) -> Tensor;

    /// The gradients of the parameters and leaves that `value` was computed from, where its own gradient is
    /// `gradient`.
    fn backward(self, value: &Self::Value, gradient: &Tensor) -> Result<Self::Gradients>;

    /// The summed loss of `hidden` [n, dim] times the transpose of `table` [vocab, dim] at `targets`, and the
    /// gradients of its total with respect to both.
    fn loss_and_gradients(
        hidden: &Tensor,
        table: &Tensor,
        targets: &[u32],
        options: &LossOptions,
    ) -> Result<(LossSums, [Tensor; 2])>;
}

/// Gradients by parameter.
pub trait Gradients {
    /// Takes the gradient of `parameter` out.
    fn take(&mut self, parameter: &Tensor) -> Option<Tensor>;
}
