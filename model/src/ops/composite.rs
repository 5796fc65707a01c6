//! The operations as compositions of candle's differentiable ones: for any device, and the oracle of the tape.

use std::sync::Arc;

use candle_core::backprop::GradStore;
use candle_core::{D, DType, Result, Tensor, Var};

use super::{
    Differentiable, Gradients, HeadShape, LossOptions, LossSums, Operations, RopeTable, attention,
    cross_entropy,
};

/// candle's graph.
#[derive(Clone, Copy, Debug)]
pub struct Composite;

impl Operations for Composite {
    type Value = Tensor;

    fn embed(&self, ids: &[u32], table: &Tensor) -> Result<Tensor> {
        table.index_select(&Tensor::from_slice(ids, ids.len(), table.device())?, 0)
    }

    fn linear(&self, input: &Tensor, weight: &Tensor) -> Result<Tensor> {
        input.matmul(&weight.t()?)
    }

    fn rms_norm(&self, input: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
        let (n, columns) = input.dims2()?;
        let width = weight.elem_count();
        let x = input.reshape((n * columns / width, width))?;
        // Sixteen-bit sums lose too much: the norm itself is computed in f32.
        let half = matches!(x.dtype(), DType::BF16 | DType::F16);
        let wide = if half { x.to_dtype(DType::F32)? } else { x };
        let mean = wide.sqr()?.mean_keepdim(D::Minus1)?;
        let normed = wide.broadcast_div(&(mean + eps)?.sqrt()?)?.to_dtype(input.dtype())?;
        normed.broadcast_mul(weight)?.reshape((n, columns))
    }

    fn swiglu(&self, gate: &Tensor, up: &Tensor) -> Result<Tensor> {
        gate.silu()?.mul(up)
    }

    fn relu_squared(&self, up: &Tensor) -> Result<Tensor> {
        up.relu()?.sqr()
    }

    fn add(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        a.add(b)
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

impl Differentiable for Composite {
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
