//! Causal grouped-query attention with rotary positions (Vaswani et al. 2017; Ainslie et al. 2023): its sizes,
//! and its composite form. The fused form is [`super::flash`].

use std::sync::Arc;

use candle_core::{D, Result, Tensor};

use super::rope::RopeTable;

/// Sizes of one attention over tokens that stand one after the other, sequence after sequence.
#[derive(Clone, Debug)]
pub struct HeadShape {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Width of one head.
    pub width: usize,
    /// Where each sequence ends among the tokens, ascending; the last one is the number of tokens. A token
    /// attends to its own sequence only, and positions count from its beginning.
    pub ends: Arc<[usize]>,
}

impl HeadShape {
    /// Query heads of one key head.
    pub fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// 1 / sqrt(width), the scale of the scores.
    pub fn scale(&self) -> f32 {
        1.0 / (self.width as f32).sqrt()
    }

    /// First token and number of positions of each sequence.
    pub fn sequences(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let starts = std::iter::once(&0).chain(self.ends.iter());
        starts.zip(self.ends.iter()).map(|(&start, &end)| (start, end - start))
    }
}

/// [positions, heads · width] as [heads, positions, width].
pub(crate) fn split(flat: &Tensor, heads: usize) -> Result<Tensor> {
    let (positions, width) = flat.dims2()?;
    flat.reshape((positions, heads, width / heads))?.transpose(0, 1)?.contiguous()
}

/// Attention over heads whose positions are already rotated: `q` [heads, positions, width] over `k` and `v`
/// [kv_heads, seen, width], of which the queries stand at the last positions. The result is
/// [positions, heads · width].
///
/// The query heads of one key head stand one after the other, so `q` read as [kv_heads, group · positions,
/// width] multiplies all of them with their key head at once: keys and values are never repeated in memory.
pub(crate) fn attend(q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
    let (heads, positions, width) = q.dims3()?;
    let (kv_heads, seen, _) = k.dims3()?;
    let rows = heads / kv_heads * positions;
    let scale = 1.0 / (width as f64).sqrt();
    let scores = (q.reshape((kv_heads, rows, width))?.matmul(&k.t()?)? * scale)?;
    let scores = if positions == 1 {
        scores
    } else {
        let first = seen - positions;
        let mask: Vec<f32> = (0..rows)
            .flat_map(|row| {
                let last = first + row % positions;
                (0..seen).map(move |column| if column > last { f32::NEG_INFINITY } else { 0.0 })
            })
            .collect();
        let mask = Tensor::from_vec(mask, (rows, seen), q.device())?.to_dtype(q.dtype())?;
        scores.broadcast_add(&mask)?
    };
    let largest = scores.max_keepdim(D::Minus1)?.detach();
    let exponentials = scores.broadcast_sub(&largest)?.exp()?;
    let sums = exponentials.sum_keepdim(D::Minus1)?;
    let context = exponentials.broadcast_div(&sums)?.matmul(v)?;
    context
        .reshape((heads, positions, width))?
        .transpose(0, 1)?
        .contiguous()?
        .reshape((positions, heads * width))
}

/// Attention of `q` [tokens, heads · width] over `k` and `v` [tokens, kv_heads · width], sequence by sequence, in
/// candle's graph.
pub(crate) fn composite(
    [q, k, v]: [&Tensor; 3],
    shape: &HeadShape,
    rope: &RopeTable,
) -> Result<Tensor> {
    let contexts = shape.sequences().map(|(start, positions)| {
        let part = |flat: &Tensor, heads| split(&flat.narrow(0, start, positions)?, heads);
        let q = rope.rotate(&part(q, shape.heads)?, 0)?;
        let k = rope.rotate(&part(k, shape.kv_heads)?, 0)?;
        attend(&q, &k, &part(v, shape.kv_heads)?)
    });
    match contexts.collect::<Result<Vec<_>>>()?.as_slice() {
        [one] => Ok(one.clone()),
        many => Tensor::cat(many, 0),
    }
}
