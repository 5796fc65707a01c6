//! The operations on the tape: each is a loop over memory with an analytic backward pass.

use std::sync::Arc;

use candle_core::{Result, Tensor};

use super::kernels::vectorised;
use super::tape::{self, Contribution, Tape, Value, add, read};
use super::{
    Differentiable, HeadShape, LossOptions, LossSums, Operations, RopeTable, cross_entropy, flash,
    kernels,
};

impl Operations for Tape {
    type Value = Value;

    fn embed(&self, ids: &[u32], table: &Tensor) -> Result<Value> {
        let table = self.parameter(table);
        let (n_rows, width) = table.tensor.dims2()?;
        let rows = read(&table.tensor, |table| {
            ids.iter().flat_map(|&id| &table[id as usize * width..][..width]).copied().collect()
        })?;
        let rows = Tensor::from_vec::<_, f32>(rows, (ids.len(), width), table.tensor.device())?;
        let ids = ids.to_vec();
        Ok(self.record(rows, &[&table], move |gradient| {
            Ok(vec![Contribution::Rows { ids, rows: gradient.clone(), n_rows }])
        }))
    }

    fn linear(&self, input: &Value, weight: &Tensor) -> Result<Value> {
        let weight = self.parameter(weight);
        let (x, w) = (input.tensor.clone(), weight.tensor.clone());
        let product = x.matmul(&w.t()?)?;
        Ok(self.record(product, &[input, &weight], move |gradient| {
            Ok(dense([gradient.matmul(&w)?, gradient.t()?.matmul(&x)?]))
        }))
    }

    fn rms_norm(&self, input: &Value, weight: &Tensor, eps: f64) -> Result<Value> {
        let weight = self.parameter(weight);
        let (x, w, eps) = (input.tensor.clone(), weight.tensor.clone(), eps as f32);
        let normed = read(&x, |x| read(&w, |w| vectorised(|| kernels::rms_norm(x, w, eps))))??;
        let normed = Tensor::from_vec(normed, x.shape(), x.device())?;
        Ok(self.record(normed, &[input, &weight], move |gradient| {
            let (dx, dw) = read(&x, |x| {
                read(&w, |w| {
                    read(gradient, |dy| vectorised(|| kernels::rms_norm_backward(x, w, dy, eps)))
                })
            })???;
            Ok(dense([
                Tensor::from_vec(dx, x.shape(), x.device())?,
                Tensor::from_vec(dw, w.shape(), w.device())?,
            ]))
        }))
    }

    fn swiglu(&self, gate: &Value, up: &Value) -> Result<Value> {
        let (g, u) = (gate.tensor.clone(), up.tensor.clone());
        let gated = read(&g, |g| read(&u, |u| vectorised(|| kernels::swiglu(g, u))))??;
        let gated = Tensor::from_vec(gated, g.shape(), g.device())?;
        Ok(self.record(gated, &[gate, up], move |gradient| {
            let (dg, du) = read(&g, |g| {
                read(&u, |u| read(gradient, |dy| vectorised(|| kernels::swiglu_backward(g, u, dy))))
            })???;
            Ok(dense([
                Tensor::from_vec(dg, g.shape(), g.device())?,
                Tensor::from_vec(du, u.shape(), u.device())?,
            ]))
        }))
    }

    fn relu_squared(&self, up: &Value) -> Result<Value> {
        let u = up.tensor.clone();
        let squares = read(&u, |u| vectorised(|| kernels::relu_squared(u)))?;
        let squares = Tensor::from_vec(squares, u.shape(), u.device())?;
        Ok(self.record(squares, &[up], move |gradient| {
            let du = read(&u, |u| {
                read(gradient, |dy| vectorised(|| kernels::relu_squared_backward(u, dy)))
            })??;
            Ok(dense([Tensor::from_vec(du, u.shape(), u.device())?]))
        }))
    }

    fn add(&self, a: &Value, b: &Value) -> Result<Value> {
        let sum = add(&a.tensor, &b.tensor)?;
        Ok(self.record(sum, &[a, b], |gradient| Ok(dense([gradient.clone(), gradient.clone()]))))
    }

    fn attention(
        &self,
        inputs: [&Value; 3],
        shape: &HeadShape,
        rope: &Arc<RopeTable>,
    ) -> Result<Value> {
        let tensors = inputs.map(|input| &input.tensor);
        let (context, saved) = flash::forward(tensors, shape, rope)?;
        Ok(self.record(context, &inputs, move |gradient| Ok(dense(saved.backward(gradient)?))))
    }
}

impl Differentiable for Tape {
    type Gradients = tape::Gradients;

    fn recording() -> Self {
        Self::recording()
    }

    fn inference() -> Self {
        Self::inference()
    }

    fn leaf(&self, tensor: &Tensor) -> Result<(Tensor, Value)> {
        Ok((tensor.clone(), self.parameter(tensor)))
    }

    fn content(value: &Value) -> Tensor {
        value.tensor.clone()
    }

    fn backward(self, value: &Value, gradient: &Tensor) -> Result<tape::Gradients> {
        self.backward(value, gradient)
    }

    fn loss_and_gradients(
        hidden: &Tensor,
        table: &Tensor,
        targets: &[u32],
        options: &LossOptions,
    ) -> Result<(LossSums, [Tensor; 2])> {
        cross_entropy::fused_gradients(hidden, &table.detach(), targets, options)
    }
}

fn dense<const N: usize>(gradients: [Tensor; N]) -> Vec<Contribution> {
    gradients.into_iter().map(Contribution::Dense).collect()
}
