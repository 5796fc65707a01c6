//! The operations as compositions of candle's differentiable ones: for any device, and the oracle of the tape.

use std::sync::Arc;

use candle_core::{D, Result, Tensor};

use super::attention::{attend, split};
use super::{HeadShape, Operations, RopeTable, cross_entropy};

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
        let mean = input.sqr()?.mean_keepdim(D::Minus1)?;
        input.broadcast_div(&(mean + eps)?.sqrt()?)?.broadcast_mul(weight)
    }

    fn swiglu(&self, gate: &Tensor, up: &Tensor) -> Result<Tensor> {
        gate.silu()?.mul(up)
    }

    fn add(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        a.add(b)
    }

    fn causal_attention(
        &self,
        [q, k, v]: [&Tensor; 3],
        shape: HeadShape,
        rope: &Arc<RopeTable>,
    ) -> Result<Tensor> {
        let q = rope.rotate(&split(q, shape, shape.heads)?, 0)?;
        let k = rope.rotate(&split(k, shape, shape.kv_heads)?, 0)?;
        attend(&q, &k, &split(v, shape, shape.kv_heads)?, shape)
    }

    fn cross_entropy(
        &self,
        hidden: &Tensor,
        table: &Tensor,
        targets: &[u32],
        scale: f32,
    ) -> Result<Tensor> {
        cross_entropy::composite(hidden, table, targets)?.sum_all()? * f64::from(scale)
    }
}
