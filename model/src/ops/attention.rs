//! Causal grouped-query attention with rotary positions (Vaswani et al. 2017; Ainslie et al. 2023):
//! its sizes, and its composite form. The fused form is in `flash`.

use std::sync::Arc;

use candle_core::{D, Result, Tensor};

use super::rope::RopeTable;
use super::wide::wide;

/// Sizes of one attention over tokens that lie one after the other, sequence after sequence.
#[derive(Clone, Debug)]
pub(crate) struct HeadShape {
    /// Query heads.
    pub(crate) heads: usize,
    /// Key and value heads.
    pub(crate) kv_heads: usize,
    /// Width of one head.
    pub(crate) width: usize,
    /// Where each sequence ends among the tokens, ascending; the last end is the number of tokens.
    /// A token attends only to its own sequence, and positions count from the start of the
    /// sequence.
    pub(crate) ends: Arc<[usize]>,
}

impl HeadShape {
    /// Query heads that share one key head.
    pub(crate) fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// 1 / sqrt(width), the scale of the scores.
    pub(crate) fn scale(&self) -> f32 {
        1.0 / (self.width as f32).sqrt()
    }

    /// First token and number of positions of each sequence.
    pub(crate) fn sequences(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let starts = std::iter::once(&0).chain(self.ends.iter());
        starts.zip(self.ends.iter()).map(|(&start, &end)| (start, end - start))
    }
}

/// [batch · positions, heads · width] as [batch · heads, positions, width].
pub(crate) fn split(flat: &Tensor, batch: usize, heads: usize) -> Result<Tensor> {
    let (rows, width) = flat.dims2()?;
    let (positions, width) = (rows / batch, width / heads);
    let split = flat.reshape((batch, positions, heads, width))?.transpose(1, 2)?;
    split.contiguous()?.reshape((batch * heads, positions, width))
}

/// The inverse of [`split`].
pub(crate) fn merge(split: &Tensor, batch: usize) -> Result<Tensor> {
    let (heads, positions, width) = split.dims3()?;
    let heads = heads / batch;
    let flat = split.reshape((batch, heads, positions, width))?.transpose(1, 2)?;
    flat.contiguous()?.reshape((batch * positions, heads * width))
}

/// Attention over heads whose positions are already rotated: `q` [heads, positions, width] over `k`
/// and `v` [kv_heads, seen, width]. The queries have the last of the `seen` positions. The result
/// has the shape of `q`. The heads of a batch follow each other.
///
/// The query heads of one key head follow each other, too. So `q`, reshaped to
/// [kv_heads, group · positions, width], multiplies all of them with their key head at once, and
/// keys and values are never repeated in memory.
pub(crate) fn attend(q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
    let (heads, positions, width) = q.dims3()?;
    let (kv_heads, seen, _) = k.dims3()?;
    let rows = heads / kv_heads * positions;
    let scale = 1.0 / (width as f64).sqrt();
    let scores = (wide(&q.reshape((kv_heads, rows, width))?.matmul(&k.t()?)?)? * scale)?;
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
        let mask = Tensor::from_vec(mask, (rows, seen), q.device())?.to_dtype(scores.dtype())?;
        scores.broadcast_add(&mask)?
    };
    let largest = scores.max_keepdim(D::Minus1)?.detach();
    let exponentials = scores.broadcast_sub(&largest)?.exp()?;
    let sums = exponentials.sum_keepdim(D::Minus1)?;
    let weights = exponentials.broadcast_div(&sums)?.to_dtype(v.dtype())?;
    weights.matmul(v)?.reshape((heads, positions, width))
}

/// Attention of `q` [tokens, heads · width] over `k` and `v` [tokens, kv_heads · width] in
/// candle's graph: all sequences at once if they have equal lengths, else one by one. It makes a
/// matrix of all scores.
pub(crate) fn composite(
    [q, k, v]: [&Tensor; 3],
    shape: &HeadShape,
    rope: &RopeTable,
) -> Result<Tensor> {
    let sequences: Vec<(usize, usize)> = shape.sequences().collect();
    let equal = sequences.windows(2).all(|pair| pair[0].1 == pair[1].1);
    let part = |start: usize, rows: usize, batch: usize| {
        let split =
            |flat: &Tensor, heads| split(&flat.narrow(0, start, rows)?.contiguous()?, batch, heads);
        let rotated = |flat: &Tensor, heads| {
            let heads = split(flat, heads)?;
            rope.rotate(&wide(&heads)?, 0)?.to_dtype(heads.dtype())
        };
        let (q, k) = (rotated(q, shape.heads)?, rotated(k, shape.kv_heads)?);
        merge(&attend(&q, &k, &split(v, shape.kv_heads)?)?, batch)
    };
    if equal {
        return part(0, q.dim(0)?, sequences.len().max(1));
    }
    let contexts = sequences.into_iter().map(|(start, positions)| part(start, positions, 1));
    Tensor::cat(&contexts.collect::<Result<Vec<_>>>()?, 0)
}
