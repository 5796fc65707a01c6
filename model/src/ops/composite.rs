//! The operations as compositions of candle's differentiable ones. They run on any device, and
//! tests compare the tape with them.

use std::sync::Arc;

use candle_core::backprop::GradStore;
use candle_core::{D, DType, Result, Tensor, Var};

use super::wide::wide;
use super::{
    Differentiable, Gradients, HeadShape, LossOptions, LossSums, Operations, RopeTable, attention,
    cross_entropy,
};

/// candle's graph. With `BF16`, matrix products and the values between them are in bfloat16. Sums
/// that would lose too much precision (norms, softmax, loss), the residual stream, the parameters
/// and their gradients stay in f32.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Composite<const BF16: bool = false>;

impl<const BF16: bool> Composite<BF16> {
    /// The tensor in the type of matrix products.
    fn working(tensor: &Tensor) -> Result<Tensor> {
        if BF16 { tensor.to_dtype(DType::BF16) } else { Ok(tensor.clone()) }
    }
}

impl<const BF16: bool> Operations for Composite<BF16> {
    type Value = Tensor;

    fn embed(&self, ids: &[u32], table: &Tensor) -> Result<Tensor> {
        table.index_select(&Tensor::from_slice(ids, ids.len(), table.device())?, 0)
    }

    fn linear(&self, input: &Tensor, weight: &Tensor) -> Result<Tensor> {
        Self::working(input)?.matmul(&Self::working(weight)?.t()?)
    }

    fn rms_norm(&self, input: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
        let (n, columns) = input.dims2()?;
        let width = weight.elem_count();
        let x = wide(&input.reshape((n * columns / width, width))?)?;
        let mean = x.sqr()?.mean_keepdim(D::Minus1)?;
        let normed = x.broadcast_div(&(mean + eps)?.sqrt()?)?.broadcast_mul(weight)?;
        Self::working(&normed.reshape((n, columns))?)
    }

    fn swiglu(&self, gate: &Tensor, up: &Tensor) -> Result<Tensor> {
        gate.silu()?.mul(up)
    }

    fn relu_squared(&self, up: &Tensor) -> Result<Tensor> {
        up.relu()?.sqr()
    }

    fn add(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        a.add(&b.to_dtype(a.dtype())?)
    }

    fn attention(
        &self,
        inputs: [&Tensor; 3],
        shape: &HeadShape,
        rope: &Arc<RopeTable>,
    ) -> Result<Tensor> {
        attention::composite(inputs, shape, rope)
    }
}

impl<const BF16: bool> Differentiable for Composite<BF16> {
    type Gradients = GradStore;

    fn recording() -> Self {
        Self
    }

    fn inference() -> Self {
        Self
    }

    fn leaf(&self, tensor: &Tensor) -> Result<(Tensor, Tensor)> {
        let leaf = Var::from_tensor(tensor)?.into_inner();
        Ok((leaf.clone(), leaf))
    }

    fn content(value: &Tensor) -> Tensor {
        value.detach()
    }

    fn backward(self, value: &Tensor, gradient: &Tensor) -> Result<GradStore> {
        // The gradient of Σ value · gradient with respect to `value` is `gradient`.
        (value * gradient.detach())?.sum_all()?.backward()
    }

    fn loss_and_gradients(
        hidden: &Tensor,
        table: &Tensor,
        targets: &[u32],
        options: &LossOptions,
    ) -> Result<(LossSums, [Tensor; 2])> {
        cross_entropy::composite_gradients(hidden, table, targets, options)
    }
}

impl Gradients for GradStore {
    fn take(&mut self, parameter: &Tensor) -> Option<Tensor> {
        self.remove(parameter)
    }
}
