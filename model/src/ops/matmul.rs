//! Small matrix products in place, for the blocks of attention.
//!
//! Operands may be parts of larger matrices, the left one may be transposed, and the product may be
//! added to the result; nothing is allocated. Every element of the result is one chain of fused
//! multiply-additions over `k` in ascending order, so it does not depend on the vector unit, the
//! block sizes, or the number of threads.

use pulp::{Simd, WithSimd};

/// The columns of a right operand and of a result are a multiple of this: the f32 lanes of the
/// widest vector unit.
pub(crate) const ALIGNMENT: usize = 16;

/// The left operand.
#[derive(Clone, Copy)]
pub(crate) enum Left<'a> {
    /// Element (i, k) is at `i · stride + k`.
    Rows(&'a [f32], usize),
    /// Element (i, k) is at `k · stride + i`.
    Columns(&'a [f32], usize),
}

/// The product `left[m, k] · right[k, n]`, written to `out[m, n]` or added to it. `right` and
/// `out` are row-major with the given strides; `n` must be a multiple of [`ALIGNMENT`], and `k` at
/// least 1.
pub(crate) struct Product<'a> {
    pub(crate) left: Left<'a>,
    pub(crate) right: (&'a [f32], usize),
    pub(crate) out: (&'a mut [f32], usize),
    /// (m, n, k).
    pub(crate) sizes: (usize, usize, usize),
    pub(crate) add: bool,
}

impl Product<'_> {
    /// Computes the product on this thread.
    pub(crate) fn run(self) {
        pulp::Arch::new().dispatch(self);
    }
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "the body must be compiled for the vector unit")]
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        match self.left {
            Left::Rows(left, stride) => self.tiles::<S, false>(simd, left, stride),
            Left::Columns(left, stride) => self.tiles::<S, true>(simd, left, stride),
        }
    }
}

impl Product<'_> {
    /// Covers the result with tiles that fill the registers of the vector unit: 24 of 32 with
    /// AVX-512, 12 of 16 with AVX2.
    #[expect(clippy::inline_always, reason = "the body must be compiled for the vector unit")]
    #[inline(always)]
    fn tiles<S: Simd, const TRANSPOSED: bool>(&mut self, simd: S, left: &[f32], stride: usize) {
        let (m, n, _) = self.sizes;
        let tall = if S::F32_LANES >= 16 { 12 } else { 6 };
        let mut column = 0;
        while column < n {
            let wide = column + 2 * S::F32_LANES <= n;
            let mut row = 0;
            while row < m {
                let part = if TRANSPOSED { &left[row..] } else { &left[row * stride..] };
                let at = (row, column);
                let left = m - row;
                row += match (left, wide) {
                    (12.., true) if tall == 12 => {
                        self.tile::<S, 12, 2, TRANSPOSED>(simd, part, stride, at)
                    }
                    (6.., true) => self.tile::<S, 6, 2, TRANSPOSED>(simd, part, stride, at),
                    (12.., false) => self.tile::<S, 12, 1, TRANSPOSED>(simd, part, stride, at),
                    (1.., true) => self.tile::<S, 1, 2, TRANSPOSED>(simd, part, stride, at),
                    _ => self.tile::<S, 1, 1, TRANSPOSED>(simd, part, stride, at),
                };
            }
            column += if wide { 2 * S::F32_LANES } else { S::F32_LANES };
        }
    }

    /// Computes `M` rows and `V` vectors of columns of the result; returns `M`.
    #[expect(clippy::inline_always, reason = "the body must be compiled for the vector unit")]
    #[inline(always)]
    fn tile<S: Simd, const M: usize, const V: usize, const TRANSPOSED: bool>(
        &mut self,
        simd: S,
        left: &[f32],
        stride: usize,
        (row, column): (usize, usize),
    ) -> usize {
        let (_, _, k) = self.sizes;
        let width = V * S::F32_LANES;
        let right = &self.right.0[column..];
        let mut sums = [[simd.splat_f32s(0.0); V]; M];
        let rows: [&[f32]; M] =
            std::array::from_fn(|i| if TRANSPOSED { left } else { &left[i * stride..][..k] });
        for (step, right) in right.chunks(self.right.1).take(k).enumerate() {
            let (right, _) = S::as_simd_f32s(&right[..width]);
            let right: [S::f32s; V] = std::array::from_fn(|j| right[j]);
            let column: &[f32] = if TRANSPOSED { &left[step * stride..][..M] } else { &[] };
            for i in 0..M {
                let value = if TRANSPOSED { column[i] } else { rows[i][step] };
                let value = simd.splat_f32s(value);
                for j in 0..V {
                    sums[i][j] = simd.mul_add_f32s(value, right[j], sums[i][j]);
                }
            }
        }
        let (out, out_stride) = (&mut *self.out.0, self.out.1);
        for (i, sums) in sums.iter().enumerate() {
            let out = &mut out[(row + i) * out_stride + column..][..width];
            let (out, _) = S::as_mut_simd_f32s(out);
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = if self.add { simd.add_f32s(*out, *sum) } else { *sum };
            }
        }
        M
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::{normals, random_for};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_product_follows_its_definition(
            m in 1_usize..40, blocks in 1_usize..6, k in 1_usize..40, spare in 0_usize..9,
            transposed: bool, add: bool,
        ) {
            let n = blocks * ALIGNMENT;
            let draw = |name: &str, count: usize| normals(&mut random_for(1, name), count, 1.0);
            let stride = if transposed { m + spare } else { k + spare };
            let a = draw("left", stride * if transposed { k } else { m });
            let b = draw("right", (n + spare) * k);
            let before = draw("out", (n + spare) * m);
            let mut out = before.clone();
            let left = if transposed { Left::Columns(&a, stride) } else { Left::Rows(&a, stride) };
            let (right, place) = ((b.as_slice(), n + spare), (out.as_mut_slice(), n + spare));
            Product { left, right, out: place, sizes: (m, n, k), add }.run();
            for i in 0..m {
                for j in 0..n {
                    let sum = (0..k).fold(0.0_f32, |sum, l| {
                        let a = if transposed { a[l * stride + i] } else { a[i * stride + l] };
                        a.mul_add(b[l * (n + spare) + j], sum)
                    });
                    let start = if add { before[i * (n + spare) + j] } else { 0.0 };
                    let found = out[i * (n + spare) + j];
                    prop_assert_eq!(found.to_bits(), (start + sum).to_bits());
                }
            }
        }
    }
}
