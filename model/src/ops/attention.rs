//! Causal grouped-query attention with rotary positions (Vaswani et al. 2017; Ainslie et al. 2023).
//!
//! The query heads of one key head stand one after the other, so [batch, heads, positions, width] read as
//! [batch · kv_heads, group · positions, width] multiplies all of them with their key head at once: keys
//! and values are never repeated in memory.

use std::sync::Arc;

use candle_core::{CpuStorage, D, InplaceOp1, InplaceOp2, Layout, Result, Tensor, bail};

use super::kernels;
use super::rope::RopeTable;
use super::tape::read;

/// Sizes of one attention.
#[derive(Clone, Copy, Debug)]
pub struct HeadShape {
    /// Sequences in the batch.
    pub batch: usize,
    /// Positions in each of them.
    pub positions: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Width of one head.
    pub width: usize,
}

impl HeadShape {
    fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// [batch · kv_heads, group · positions, width].
    fn queries(&self) -> (usize, usize, usize) {
        (self.batch * self.kv_heads, self.group() * self.positions, self.width)
    }

    /// [batch · kv_heads, positions, width].
    fn keys(&self) -> (usize, usize, usize) {
        (self.batch * self.kv_heads, self.positions, self.width)
    }

    /// 1 / sqrt(width), the scale of the scores.
    fn scale(&self) -> f32 {
        1.0 / (self.width as f32).sqrt()
    }
}

/// [batch · positions, heads · width] as [batch, heads, positions, width] (composite form).
pub(crate) fn split(flat: &Tensor, shape: HeadShape, heads: usize) -> Result<Tensor> {
    flat.reshape((shape.batch, shape.positions, heads, shape.width))?.transpose(1, 2)?.contiguous()
}

/// Attention over heads whose positions are already rotated (composite form). The queries stand at the last
/// `shape.positions` of the positions that `k` and `v` cover.
pub(crate) fn attend(q: &Tensor, k: &Tensor, v: &Tensor, shape: HeadShape) -> Result<Tensor> {
    let (outer, rows, width) = shape.queries();
    let seen = k.dim(2)?;
    let k = k.reshape((outer, seen, width))?;
    let v = v.reshape((outer, seen, width))?;
    let scores = (q.reshape((outer, rows, width))?.matmul(&k.t()?)? * f64::from(shape.scale()))?;
    let scores = if shape.positions == 1 {
        scores
    } else {
        let first = seen - shape.positions;
        let mask: Vec<f32> = (0..rows)
            .flat_map(|row| {
                let last = first + row % shape.positions;
                (0..seen).map(move |column| if column > last { f32::NEG_INFINITY } else { 0.0 })
            })
            .collect();
        scores.broadcast_add(&Tensor::from_vec(mask, (rows, seen), q.device())?)?
    };
    let largest = scores.max_keepdim(D::Minus1)?.detach();
    let exponentials = scores.broadcast_sub(&largest)?.exp()?;
    let sums = exponentials.sum_keepdim(D::Minus1)?;
    let context = exponentials.broadcast_div(&sums)?.matmul(&v)?;
    context
        .reshape((shape.batch, shape.heads, shape.positions, width))?
        .transpose(1, 2)?
        .reshape((shape.batch * shape.positions, shape.heads * width))
}

/// What the backward of one attention needs.
pub(crate) struct Saved {
    shape: HeadShape,
    rope: Arc<RopeTable>,
    /// Rotated, and scaled by 1 / sqrt(width).
    queries: Tensor,
    /// Rotated.
    keys: Tensor,
    values: Tensor,
    /// The attention weights [batch · kv_heads, group · positions, positions].
    weights: Tensor,
}

/// Attention of `q` [batch · positions, heads · width] over `k` and `v` [batch · positions, kv_heads · width];
/// the result has the shape of `q`.
pub(crate) fn forward(
    [q, k, v]: [&Tensor; 3],
    shape: HeadShape,
    rope: &Arc<RopeTable>,
) -> Result<(Tensor, Saved)> {
    if shape.positions * shape.width / 2 > rope.cos.len() {
        bail!("{} positions, but the rotary table is shorter", shape.positions)
    }
    let device = q.device();
    let queries = split_heads(q, shape, shape.heads, Some((rope, shape.scale())))?;
    let keys = split_heads(k, shape, shape.kv_heads, Some((rope, 1.0)))?;
    let values = split_heads(v, shape, shape.kv_heads, None)?;
    let queries = Tensor::from_vec(queries, shape.queries(), device)?;
    let keys = Tensor::from_vec(keys, shape.keys(), device)?;
    let values = Tensor::from_vec(values, shape.keys(), device)?;
    let weights = queries.matmul(&keys.t()?)?;
    weights.inplace_op1(&CausalSoftmax { positions: shape.positions })?;
    let context = merge_heads(&weights.matmul(&values)?, shape, shape.heads, None)?;
    let context = Tensor::from_vec(context, q.shape(), device)?;
    Ok((context, Saved { shape, rope: Arc::clone(rope), queries, keys, values, weights }))
}

impl Saved {
    /// The gradients of queries, keys and values.
    pub(crate) fn backward(self, gradient: &Tensor) -> Result<[Tensor; 3]> {
        let Self { shape, rope, queries, keys, values, weights } = self;
        let device = gradient.device();
        let d_context = split_heads(gradient, shape, shape.heads, None)?;
        let d_context = Tensor::from_vec(d_context, shape.queries(), device)?;
        let d_values = weights.t()?.matmul(&d_context)?;
        let d_scores = d_context.matmul(&values.t()?)?;
        d_scores.inplace_op2(&weights, &SoftmaxBackward { positions: shape.positions })?;
        let d_queries = d_scores.matmul(&keys)?;
        let d_keys = d_scores.t()?.matmul(&queries)?;
        let n = shape.batch * shape.positions;
        let (q_width, kv_width) = (shape.heads * shape.width, shape.kv_heads * shape.width);
        let dq = merge_heads(&d_queries, shape, shape.heads, Some((&rope, shape.scale())))?;
        let dk = merge_heads(&d_keys, shape, shape.kv_heads, Some((&rope, 1.0)))?;
        let dv = merge_heads(&d_values, shape, shape.kv_heads, None)?;
        Ok([
            Tensor::from_vec(dq, (n, q_width), device)?,
            Tensor::from_vec(dk, (n, kv_width), device)?,
            Tensor::from_vec(dv, (n, kv_width), device)?,
        ])
    }
}

/// Brings [batch · positions, heads · width] into [batch, heads, positions, width], on the way rotating each
/// head to its position and scaling it.
fn split_heads(
    flat: &Tensor,
    shape: HeadShape,
    heads: usize,
    rotation: Option<(&Arc<RopeTable>, f32)>,
) -> Result<Vec<f32>> {
    let (width, half) = (shape.width, shape.width / 2);
    read(flat, |flat| {
        let mut split = Vec::with_capacity(flat.len());
        for sequence in flat.chunks_exact(shape.positions * heads * width) {
            for head in 0..heads {
                for position in 0..shape.positions {
                    let x = &sequence[(position * heads + head) * width..][..width];
                    let Some((rope, scale)) = rotation else {
                        split.extend_from_slice(x);
                        continue;
                    };
                    let (first, second) = x.split_at(half);
                    let cos = &rope.cos[position * half..][..half];
                    let sin = &rope.sin[position * half..][..half];
                    split.extend(
                        (0..half).map(|i| (first[i] * cos[i] - second[i] * sin[i]) * scale),
                    );
                    split.extend(
                        (0..half).map(|i| (second[i] * cos[i] + first[i] * sin[i]) * scale),
                    );
                }
            }
        }
        split
    })
}

/// The transpose of [`split_heads`]: back to [batch · positions, heads · width], rotated the other way.
fn merge_heads(
    split: &Tensor,
    shape: HeadShape,
    heads: usize,
    rotation: Option<(&Arc<RopeTable>, f32)>,
) -> Result<Vec<f32>> {
    let (width, half) = (shape.width, shape.width / 2);
    read(split, |split| {
        let mut flat = Vec::with_capacity(split.len());
        for sequence in split.chunks_exact(shape.positions * heads * width) {
            for position in 0..shape.positions {
                for head in 0..heads {
                    let x = &sequence[(head * shape.positions + position) * width..][..width];
                    let Some((rope, scale)) = rotation else {
                        flat.extend_from_slice(x);
                        continue;
                    };
                    let (first, second) = x.split_at(half);
                    let cos = &rope.cos[position * half..][..half];
                    let sin = &rope.sin[position * half..][..half];
                    flat.extend(
                        (0..half).map(|i| (first[i] * cos[i] + second[i] * sin[i]) * scale),
                    );
                    flat.extend(
                        (0..half).map(|i| (second[i] * cos[i] - first[i] * sin[i]) * scale),
                    );
                }
            }
        }
        flat
    })
}

/// Turns rows of scores into attention weights: row `r` stands at position `r % positions`, sees the columns
/// up to it, and gets zeros after it.
struct CausalSoftmax {
    positions: usize,
}

impl InplaceOp1 for CausalSoftmax {
    fn name(&self) -> &'static str {
        "causal_softmax"
    }

    fn cpu_fwd(&self, scores: &mut CpuStorage, _: &Layout) -> Result<()> {
        let CpuStorage::F32(scores) = scores else { bail!("causal_softmax needs f32") };
        kernels::vectorised(|| {
            for (row, scores) in scores.chunks_exact_mut(self.positions).enumerate() {
                let (seen, hidden) = scores.split_at_mut(row % self.positions + 1);
                let inverse = 1.0 / kernels::exp_and_sum(seen, kernels::max(seen));
                for weight in seen {
                    *weight *= inverse;
                }
                hidden.fill(0.0);
            }
        });
        Ok(())
    }
}

/// Turns the gradient of attention weights p into that of the scores: ds = p·(dp − Σ dp·p).
struct SoftmaxBackward {
    positions: usize,
}

impl InplaceOp2 for SoftmaxBackward {
    fn name(&self) -> &'static str {
        "softmax_backward"
    }

    fn cpu_fwd(
        &self,
        gradients: &mut CpuStorage,
        _: &Layout,
        weights: &CpuStorage,
        _: &Layout,
    ) -> Result<()> {
        let (CpuStorage::F32(gradients), CpuStorage::F32(weights)) = (gradients, weights) else {
            bail!("softmax_backward needs f32")
        };
        let rows =
            gradients.chunks_exact_mut(self.positions).zip(weights.chunks_exact(self.positions));
        kernels::vectorised(|| {
            for (row, (gradients, weights)) in rows.enumerate() {
                let (seen, hidden) = gradients.split_at_mut(row % self.positions + 1);
                let weights = &weights[..seen.len()];
                let mean = kernels::sum_of(seen, weights, |a, b| a * b);
                for (gradient, weight) in seen.iter_mut().zip(weights) {
                    *gradient = weight * (*gradient - mean);
                }
                hidden.fill(0.0);
            }
        });
        Ok(())
    }
}
