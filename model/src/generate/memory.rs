//! Keys and values in CPU memory, laid out for the products of attention, and the attention of new
//! positions over them.

use std::sync::Arc;

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use crate::ops::attention::HeadShape;
use crate::ops::matmul::{ALIGNMENT, Left, Product};
use crate::ops::tape::read;
use crate::ops::{RopeTable, flash, kernels};

/// Positions that a new cache has room for. It doubles when they are used up.
pub(super) const FIRST_POSITIONS: usize = 64;

/// With fewer multiplications than this, one thread is faster than several.
const ONE_THREAD: usize = 1 << 17;

/// Keys (rotated) and values of one key head of one layer.
#[derive(Debug)]
pub(super) struct HeadMemory {
    width: usize,
    seen: usize,
    /// Positions that there is space for, a multiple of [`ALIGNMENT`].
    capacity: usize,
    /// [width, capacity]: the scores of neighbouring positions are computed side by side.
    keys: Vec<f32>,
    /// [positions, width], rows padded to a multiple of [`ALIGNMENT`].
    values: Vec<f32>,
}

impl HeadMemory {
    pub(super) fn new(width: usize) -> Self {
        Self { width, seen: 0, capacity: 0, keys: Vec::new(), values: Vec::new() }
    }

    /// Adds one position.
    fn push(&mut self, key: &[f32], value: &[f32]) {
        if self.seen == self.capacity {
            let capacity = (2 * self.capacity).max(FIRST_POSITIONS);
            let mut keys = vec![0.0; self.width * capacity];
            let rows = self.keys.chunks_exact(self.capacity.max(1));
            for (from, to) in rows.zip(keys.chunks_exact_mut(capacity)) {
                to[..self.seen].copy_from_slice(from);
            }
            (self.keys, self.capacity) = (keys, capacity);
        }
        for (row, key) in self.keys.chunks_exact_mut(self.capacity).zip(key) {
            row[self.seen] = *key;
        }
        self.values.extend_from_slice(value);
        self.seen += 1;
        self.values.resize(self.seen * self.width.next_multiple_of(ALIGNMENT), 0.0);
    }

    /// The attention of `queries` [heads, width], rotated and scaled, over all positions:
    /// [heads, width].
    fn attend(&self, queries: &[f32]) -> Vec<f32> {
        let (heads, width) = (queries.len() / self.width, self.width);
        let padded = width.next_multiple_of(ALIGNMENT);
        let seen = self.seen.next_multiple_of(ALIGNMENT);
        let mut weights = vec![0.0; heads * seen];
        Product {
            left: Left::Rows(queries, width),
            right: (&self.keys, self.capacity),
            out: (&mut weights, seen),
            sizes: (heads, seen, width),
            add: false,
        }
        .run();
        kernels::vectorised(|| {
            for weights in weights.chunks_exact_mut(seen) {
                // The padding beyond `seen` keeps its scores; the next product does not read them.
                let weights = &mut weights[..self.seen];
                let largest = kernels::max(weights);
                let scale = 1.0 / kernels::exp_and_sum(weights, largest);
                for weight in weights {
                    *weight *= scale;
                }
            }
        });
        let mut context = vec![0.0; heads * padded];
        Product {
            left: Left::Rows(&weights, seen),
            right: (&self.values, padded),
            out: (&mut context, padded),
            sizes: (heads, padded, self.seen),
            add: false,
        }
        .run();
        context.chunks_exact(padded).flat_map(|row| &row[..width]).copied().collect()
    }
}

/// Attention of new positions `q` [positions, heads · width] over `memory`, which has one entry
/// per key head and `seen` positions. The keys `k` and values `v` [positions, kv_heads · width] of
/// the new positions are added to it first.
pub(super) fn attention(
    [q, k, v]: [&Tensor; 3],
    shape: &HeadShape,
    (rope, seen): (&Arc<RopeTable>, usize),
    memory: &mut [HeadMemory],
) -> Result<Tensor> {
    let rotated = |flat: &Tensor, heads: usize, scale: f32| {
        read(flat, |flat| flash::rotate(flat, shape, heads, rope, (seen, scale, 1.0)))
    };
    let keys = rotated(k, shape.kv_heads, 1.0)?;
    let row = shape.kv_heads * shape.width;
    let add = |memory: &mut [HeadMemory], position: usize, values: &[f32]| {
        let keys = keys[position * row..].chunks_exact(shape.width);
        let values = values[position * row..].chunks_exact(shape.width);
        for (head, (key, value)) in memory.iter_mut().zip(keys.zip(values)) {
            head.push(key, value);
        }
    };
    let positions = q.dim(0)?;
    if seen == 0 && positions > 1 {
        // A fresh prompt: by blocks of queries, as in training.
        read(v, |values| (0..positions).for_each(|position| add(memory, position, values)))?;
        return Ok(flash::forward([q, k, v], shape, rope)?.0);
    }
    let queries = rotated(q, shape.heads, shape.scale())?;
    let group = shape.group() * shape.width;
    let context = read(v, |values| {
        let mut context = Vec::with_capacity(queries.len());
        for (position, queries) in queries.chunks_exact(shape.heads * shape.width).enumerate() {
            add(memory, position, values);
            let pairs = || memory.iter().zip(queries.chunks_exact(group));
            if queries.len() * (seen + position) < ONE_THREAD {
                context.extend(pairs().flat_map(|(head, queries)| head.attend(queries)));
            } else {
                let heads: Vec<_> = pairs().collect();
                let found = heads.into_par_iter().map(|(head, queries)| head.attend(queries));
                context.extend(found.collect::<Vec<_>>().into_iter().flatten());
            }
        }
        context
    })?;
    Tensor::from_vec(context, q.shape(), q.device())
}
