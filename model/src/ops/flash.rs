//! The fused form of attention: exact, in blocks of queries, without a matrix of all scores.
//!
//! A block of [`BLOCK`] queries sees the keys up to its last position. Its scores are in a buffer
//! of `BLOCK` rows. Only the logarithm of each row's sum is kept, from which the backward pass
//! computes the weights again (Dao et al. 2022, section 3.1 and appendix B). Memory grows with the
//! length of a sequence instead of its square, and keys that no query of a block sees cost nothing.

use std::sync::Arc;

use candle_core::{Result, Tensor, bail};

use super::attention::HeadShape;
use super::kernels::{self, vectorised};
use super::matmul::{ALIGNMENT, Left, Product};
use super::rope::RopeTable;
use super::tape::read;

/// Queries in a block: four tiles of the matrix product.
const BLOCK: usize = 48;

/// The values that the backward pass of one attention needs.
pub(crate) struct Saved {
    shape: HeadShape,
    rope: Arc<RopeTable>,
    /// Rotated, and scaled by 1 / sqrt(width): [tokens · heads · width].
    queries: Vec<f32>,
    /// Rotated: [tokens · kv_heads · width].
    keys: Vec<f32>,
    /// [tokens, kv_heads · width].
    values: Tensor,
    /// ln Σ exp(score) of every query: [heads · tokens].
    log_sums: Vec<f32>,
}

/// Attention of `q` [tokens, heads · width] over `k` and `v` [tokens, kv_heads · width]. The
/// result has the shape of `q`.
pub(crate) fn forward(
    [q, k, v]: [&Tensor; 3],
    shape: &HeadShape,
    rope: &Arc<RopeTable>,
) -> Result<(Tensor, Saved)> {
    let longest = shape.sequences().map(|(_, positions)| positions).max().unwrap_or(0);
    if longest * shape.width / 2 > rope.cos.len() {
        bail!("{longest} positions, but the rotary table is shorter")
    }
    let rotated = |flat: &Tensor, heads: usize, scale: f32| {
        read(flat, |flat| rotate(flat, shape, heads, rope, (0, scale, 1.0)))
    };
    let queries = rotated(q, shape.heads, shape.scale())?;
    let keys = rotated(k, shape.kv_heads, 1.0)?;
    let mut context = vec![0.0; queries.len()];
    let mut log_sums = vec![0.0; shape.heads * q.dim(0)?];
    read(v, |values| {
        for sequence in shape.sequences() {
            for kv_head in 0..shape.kv_heads {
                let mut head = Head::new(shape, sequence, kv_head);
                head.load(&keys, values);
                head.forward(&queries, &mut context, &mut log_sums);
            }
        }
    })?;
    let context = Tensor::from_vec(context, q.shape(), q.device())?;
    let saved = Saved {
        shape: shape.clone(),
        rope: Arc::clone(rope),
        queries,
        keys,
        values: v.clone(),
        log_sums,
    };
    Ok((context, saved))
}

impl Saved {
    /// The gradients of queries, keys and values, from the gradient of the result.
    pub(crate) fn backward(self, gradient: &Tensor) -> Result<[Tensor; 3]> {
        let Self { shape, rope, queries, keys, values, log_sums } = self;
        let mut d_queries = vec![0.0; queries.len()];
        let mut d_keys = vec![0.0; keys.len()];
        let mut d_values = vec![0.0; keys.len()];
        read(&values, |values| {
            read(gradient, |gradient| {
                for sequence in shape.sequences() {
                    for kv_head in 0..shape.kv_heads {
                        let mut head = Head::new(&shape, sequence, kv_head);
                        head.load(&keys, values);
                        head.backward(&queries, gradient, &log_sums, &mut d_queries);
                        head.store(&mut d_keys, &mut d_values);
                    }
                }
            })
        })??;
        let d_queries = rotate(&d_queries, &shape, shape.heads, &rope, (0, shape.scale(), -1.0));
        let d_keys = rotate(&d_keys, &shape, shape.kv_heads, &rope, (0, 1.0, -1.0));
        Ok([
            Tensor::from_vec(d_queries, gradient.shape(), gradient.device())?,
            Tensor::from_vec(d_keys, values.shape(), gradient.device())?,
            Tensor::from_vec(d_values, values.shape(), gradient.device())?,
        ])
    }
}

/// Rotates every head of [tokens, heads · width] to its position in its sequence (`direction` 1),
/// or back (-1), and scales it. The first position of a sequence is `start`.
pub(crate) fn rotate(
    flat: &[f32],
    shape: &HeadShape,
    heads: usize,
    rope: &RopeTable,
    (start, scale, direction): (usize, f32, f32),
) -> Vec<f32> {
    let (width, half) = (shape.width, shape.width / 2);
    let mut rotated = vec![0.0; flat.len()];
    for (first, positions) in shape.sequences() {
        for position in 0..positions {
            let token = (first + position) * heads * width..(first + position + 1) * heads * width;
            let cos = &rope.cos[(start + position) * half..][..half];
            let sin = &rope.sin[(start + position) * half..][..half];
            let (from, to) = (&flat[token.clone()], &mut rotated[token]);
            vectorised(|| {
                for (from, to) in from.chunks_exact(width).zip(to.chunks_exact_mut(width)) {
                    let (x, y) = from.split_at(half);
                    let (to_x, to_y) = to.split_at_mut(half);
                    for i in 0..half {
                        let sin = sin[i] * direction;
                        to_x[i] = (x[i] * cos[i] - y[i] * sin) * scale;
                        to_y[i] = (y[i] * cos[i] + x[i] * sin) * scale;
                    }
                }
            });
        }
    }
    rotated
}

/// One key head of one sequence, with buffers for the blocks of its queries. Rows are padded with
/// zeros to a multiple of [`ALIGNMENT`].
struct Head<'a> {
    shape: &'a HeadShape,
    first: usize,
    positions: usize,
    /// Number of the key head.
    index: usize,
    /// Padded width of a head, and padded number of positions.
    padded: (usize, usize),
    /// [positions, width] and its transpose.
    keys: Vec<f32>,
    keys_transposed: Vec<f32>,
    values: Vec<f32>,
    values_transposed: Vec<f32>,
    /// Gradients, [positions, width].
    d_keys: Vec<f32>,
    d_values: Vec<f32>,
    /// Attention weights of a block, [BLOCK, positions].
    weights: Vec<f32>,
    /// Their gradients.
    d_weights: Vec<f32>,
    /// Rows of a block, [BLOCK, width].
    block: Vec<f32>,
    d_block: Vec<f32>,
}

impl<'a> Head<'a> {
    fn new(shape: &'a HeadShape, (first, positions): (usize, usize), index: usize) -> Self {
        let padded =
            (shape.width.next_multiple_of(ALIGNMENT), positions.next_multiple_of(ALIGNMENT));
        let weights = vec![0.0; BLOCK.min(positions) * padded.1];
        Self {
            shape,
            first,
            positions,
            index,
            padded,
            keys: vec![0.0; positions * padded.0],
            keys_transposed: vec![0.0; shape.width * padded.1],
            values: vec![0.0; positions * padded.0],
            values_transposed: Vec::new(),
            d_keys: Vec::new(),
            d_values: Vec::new(),
            weights,
            d_weights: Vec::new(),
            block: vec![0.0; BLOCK * padded.0],
            d_block: Vec::new(),
        }
    }

    /// The range in [tokens, heads · width] of head `head` at `position`, counted from the start
    /// of the sequence.
    fn place(&self, position: usize, head: usize, heads: usize) -> std::ops::Range<usize> {
        let start = ((self.first + position) * heads + head) * self.shape.width;
        start..start + self.shape.width
    }

    /// Copies keys and values of this head into the buffers.
    fn load(&mut self, keys: &[f32], values: &[f32]) {
        for position in 0..self.positions {
            let place = self.place(position, self.index, self.shape.kv_heads);
            let row = position * self.padded.0..position * self.padded.0 + self.shape.width;
            self.keys[row.clone()].copy_from_slice(&keys[place.clone()]);
            self.values[row].copy_from_slice(&values[place]);
        }
        transpose(&self.keys, self.padded.0, &mut self.keys_transposed, self.padded.1);
    }

    /// First query and number of queries of each block.
    fn blocks(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let positions = self.positions;
        (0..positions).step_by(BLOCK).map(move |start| (start, BLOCK.min(positions - start)))
    }

    /// Fills `weights` with the scores of a block: [rows, seen].
    fn score(&mut self, queries: &[f32], head: usize, (start, rows): (usize, usize)) {
        let row = self.shape.heads * self.shape.width;
        let queries = &queries[self.place(start, head, self.shape.heads).start..];
        let seen = (start + rows).next_multiple_of(ALIGNMENT);
        Product {
            left: Left::Rows(queries, row),
            right: (&self.keys_transposed, self.padded.1),
            out: (&mut self.weights, self.padded.1),
            sizes: (rows, seen, self.shape.width),
            add: false,
        }
        .run();
    }

    /// Computes the attention of all queries that share this key head.
    fn forward(&mut self, queries: &[f32], context: &mut [f32], log_sums: &mut [f32]) {
        let (width, positions) = self.padded;
        let tokens = log_sums.len() / self.shape.heads;
        for head in 0..self.shape.group() {
            let head = self.index * self.shape.group() + head;
            for (start, rows) in self.blocks() {
                self.score(queries, head, (start, rows));
                let log_sums = &mut log_sums[head * tokens + self.first + start..][..rows];
                vectorised(|| {
                    let weights = self.weights.chunks_exact_mut(positions);
                    for (i, (weights, log_sum)) in weights.zip(log_sums).enumerate() {
                        let (seen, hidden) = weights.split_at_mut(start + i + 1);
                        let largest = kernels::max(seen);
                        let sum = kernels::exp_and_sum(seen, largest);
                        *log_sum = sum.ln() + largest;
                        let scale = 1.0 / sum;
                        for weight in seen {
                            *weight *= scale;
                        }
                        hidden.fill(0.0);
                    }
                });
                Product {
                    left: Left::Rows(&self.weights, positions),
                    right: (&self.values, width),
                    out: (&mut self.block, width),
                    sizes: (rows, width, start + rows),
                    add: false,
                }
                .run();
                for (i, row) in self.block.chunks_exact(width).take(rows).enumerate() {
                    let place = self.place(start + i, head, self.shape.heads);
                    context[place].copy_from_slice(&row[..self.shape.width]);
                }
            }
        }
    }

    /// Adds up the gradients of this head's keys and values, and writes those of its queries.
    fn backward(
        &mut self,
        queries: &[f32],
        gradient: &[f32],
        log_sums: &[f32],
        d_queries: &mut [f32],
    ) {
        let (width, positions) = self.padded;
        self.values_transposed = vec![0.0; self.shape.width * positions];
        transpose(&self.values, width, &mut self.values_transposed, positions);
        self.d_keys = vec![0.0; self.keys.len()];
        self.d_values = vec![0.0; self.values.len()];
        self.d_weights = vec![0.0; self.weights.len()];
        self.d_block = vec![0.0; self.block.len()];
        let tokens = log_sums.len() / self.shape.heads;
        for head in 0..self.shape.group() {
            let head = self.index * self.shape.group() + head;
            for (start, rows) in self.blocks() {
                self.score(queries, head, (start, rows));
                self.gradient_of_weights(gradient, head, (start, rows));
                let log_sums = &log_sums[head * tokens + self.first + start..][..rows];
                self.gradient_of_scores(log_sums, start);
                self.gradient_of_rows(queries, head, (start, rows));
                for (i, row) in self.block.chunks_exact(width).take(rows).enumerate() {
                    let place = self.place(start + i, head, self.shape.heads);
                    d_queries[place].copy_from_slice(&row[..self.shape.width]);
                }
            }
        }
    }

    /// Fills `d_block` with the gradient of a block's result, and `d_weights` with that of its
    /// weights.
    fn gradient_of_weights(
        &mut self,
        gradient: &[f32],
        head: usize,
        (start, rows): (usize, usize),
    ) {
        for i in 0..rows {
            let place = self.place(start + i, head, self.shape.heads);
            let row = &mut self.d_block[i * self.padded.0..][..self.shape.width];
            row.copy_from_slice(&gradient[place]);
        }
        Product {
            left: Left::Rows(&self.d_block, self.padded.0),
            right: (&self.values_transposed, self.padded.1),
            out: (&mut self.d_weights, self.padded.1),
            sizes: (rows, (start + rows).next_multiple_of(ALIGNMENT), self.shape.width),
            add: false,
        }
        .run();
    }

    /// Replaces scores by weights p, and the gradients dp of weights by those of scores,
    /// p · (dp − Σ dp·p).
    fn gradient_of_scores(&mut self, log_sums: &[f32], start: usize) {
        let positions = self.padded.1;
        vectorised(|| {
            let rows = self.weights.chunks_exact_mut(positions);
            let rows = rows.zip(self.d_weights.chunks_exact_mut(positions)).zip(log_sums);
            for (i, ((weights, gradients), log_sum)) in rows.enumerate() {
                let (seen, hidden) = weights.split_at_mut(start + i + 1);
                let (gradients, hidden_gradients) = gradients.split_at_mut(seen.len());
                hidden.fill(0.0);
                hidden_gradients.fill(0.0);
                kernels::exp_all(seen, *log_sum);
                let mean = kernels::sum_of(seen, gradients, |p, dp| p * dp);
                for (gradient, weight) in gradients.iter_mut().zip(seen) {
                    *gradient = *weight * (*gradient - mean);
                }
            }
        });
    }

    /// Adds a block's part to `d_keys` and `d_values`, and fills `block` with the gradient of its
    /// queries.
    fn gradient_of_rows(&mut self, queries: &[f32], head: usize, (start, rows): (usize, usize)) {
        let (width, positions) = self.padded;
        let seen = start + rows;
        Product {
            left: Left::Columns(&self.weights, positions),
            right: (&self.d_block, width),
            out: (&mut self.d_values, width),
            sizes: (seen, width, rows),
            add: true,
        }
        .run();
        for i in 0..rows {
            let place = self.place(start + i, head, self.shape.heads);
            self.block[i * width..][..self.shape.width].copy_from_slice(&queries[place]);
        }
        Product {
            left: Left::Columns(&self.d_weights, positions),
            right: (&self.block, width),
            out: (&mut self.d_keys, width),
            sizes: (seen, width, rows),
            add: true,
        }
        .run();
        Product {
            left: Left::Rows(&self.d_weights, positions),
            right: (&self.keys, width),
            out: (&mut self.block, width),
            sizes: (rows, width, seen),
            add: false,
        }
        .run();
    }

    /// Writes the gradients of this head's keys and values.
    fn store(&self, d_keys: &mut [f32], d_values: &mut [f32]) {
        for position in 0..self.positions {
            let place = self.place(position, self.index, self.shape.kv_heads);
            let row = position * self.padded.0..position * self.padded.0 + self.shape.width;
            d_keys[place.clone()].copy_from_slice(&self.d_keys[row.clone()]);
            d_values[place].copy_from_slice(&self.d_values[row]);
        }
    }
}

/// Writes the rows of `from` as columns of `to`. The number of rows of `to` decides how many
/// elements of each row are taken.
fn transpose(from: &[f32], from_stride: usize, to: &mut [f32], to_stride: usize) {
    for (row, to) in to.chunks_exact_mut(to_stride).enumerate() {
        for (to, from) in to.iter_mut().zip(from.chunks_exact(from_stride)) {
            *to = from[row];
        }
    }
}
