//! The numeric loops of the fused operations, written so that the compiler vectorises them and the
//! shapes alone decide the order of every sum.

/// Runs `kernel`, compiled for the widest vector unit of this machine. The result is the same on
/// all machines, because the compiler neither reorders a sum nor fuses a multiplication with an
/// addition.
#[inline]
pub(crate) fn vectorised<R>(kernel: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(kernel)
}

/// Partial sums of a reduction. Their number is fixed, so that the result does not depend on the
/// width of the vector unit.
const LANES: usize = 16;

/// Sum of `term(a, b)` over two slices of equal length, in a fixed order.
#[inline]
pub(crate) fn sum_of(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f32 =
        a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(&x, &y)| term(x, y)).sum();
    let mut lanes = [0.0_f32; LANES];
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            lanes[lane] += term(x[lane], y[lane]);
        }
    }
    lanes.iter().sum::<f32>() + tail
}

/// The largest value; negative infinity if there are no values.
#[inline]
pub(crate) fn max(values: &[f32]) -> f32 {
    let chunks = values.chunks_exact(LANES);
    let tail = chunks.remainder().iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            // Unlike `f32::max` this is one instruction. It drops a NaN, which still reaches the
            // loss through the sum of exponentials.
            lanes[lane] = if chunk[lane] > lanes[lane] { chunk[lane] } else { lanes[lane] };
        }
    }
    lanes.iter().copied().fold(tail, f32::max)
}

/// Replaces every value by `exp(value - shift)` and returns the sum of the results.
#[inline]
pub(crate) fn exp_and_sum(values: &mut [f32], shift: f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let mut chunks = values.chunks_exact_mut(LANES);
    for chunk in &mut chunks {
        for lane in 0..LANES {
            chunk[lane] = exp(chunk[lane] - shift);
            lanes[lane] += chunk[lane];
        }
    }
    let mut tail = 0.0;
    for value in chunks.into_remainder() {
        *value = exp(*value - shift);
        tail += *value;
    }
    lanes.iter().sum::<f32>() + tail
}

/// Replaces every value by `exp(value - shift)`.
#[inline]
pub(crate) fn exp_all(values: &mut [f32], shift: f32) {
    for value in values {
        *value = exp(*value - shift);
    }
}

/// Replaces every value by `c · tanh(value / c)`, with tanh(x) = 1 − 2 / (e^2x + 1).
#[inline]
pub(crate) fn softcap(values: &mut [f32], c: f32) {
    for value in values {
        *value = c * (1.0 - 2.0 / (exp(*value * (2.0 / c)) + 1.0));
    }
}

/// e^x in f32, to within 2 units in the last place; below -87 it is e^-87, above 88 e^88, NaN stays
/// NaN.
///
/// Cody and Waite range reduction with the polynomial of Cephes' `expf` (Moshier). It has no branch
/// and no table, so that loops over it vectorise. Loops over the C library's `expf` do not.
#[inline]
#[expect(clippy::excessive_precision, reason = "the published digits of the coefficients")]
pub(crate) fn exp(x: f32) -> f32 {
    /// 1.5 · 2^23: adding it rounds to an integer, which is then in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * 0.693_359_375 - n * -2.121_944_4e-4;
    let mut polynomial = 1.987_569_15e-4;
    for coefficient in [
        1.398_199_950_7e-3,
        8.333_451_907_3e-3,
        4.166_579_589_4e-2,
        1.666_666_545_9e-1,
        5.000_000_120_1e-1,
    ] {
        polynomial = polynomial * r + coefficient;
    }
    let power = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    (polynomial * r * r + r + 1.0) * f32::from_bits(power)
}

/// The logistic function 1 / (1 + e^-x).
#[inline]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// 1 / sqrt(mean(x²) + eps).
#[inline]
fn inverse_rms(x: &[f32], eps: f32) -> f32 {
    1.0 / (sum_of(x, x, |a, b| a * b) / x.len() as f32 + eps).sqrt()
}

/// RMSNorm of each row of `x`. A row is as long as `w`.
#[inline]
pub(crate) fn rms_norm(x: &[f32], w: &[f32], eps: f32) -> Vec<f32> {
    let mut y = Vec::with_capacity(x.len());
    for row in x.chunks_exact(w.len()) {
        let scale = inverse_rms(row, eps);
        y.extend(row.iter().zip(w).map(|(x, w)| x * scale * w));
    }
    y
}

/// The gradients of `x` and `w`. With r the inverse RMS and x̂ = x·r: dw = Σ dy·x̂ and
/// dx = r·(dy·w − x̂·mean(dy·w·x̂)).
#[inline]
pub(crate) fn rms_norm_backward(
    x: &[f32],
    w: &[f32],
    dy: &[f32],
    eps: f32,
) -> (Vec<f32>, Vec<f32>) {
    let width = w.len();
    let mut dx = Vec::with_capacity(x.len());
    let mut dw = vec![0.0; width];
    let mut weighted = vec![0.0; width];
    for (x, dy) in x.chunks_exact(width).zip(dy.chunks_exact(width)) {
        let r = inverse_rms(x, eps);
        for i in 0..width {
            weighted[i] = dy[i] * w[i];
            dw[i] += dy[i] * x[i] * r;
        }
        let mean = sum_of(&weighted, x, |a, b| a * b) * r * r / width as f32;
        dx.extend(weighted.iter().zip(x).map(|(weighted, x)| r * (weighted - x * mean)));
    }
    (dx, dw)
}

/// `silu(g) · u`.
#[inline]
pub(crate) fn swiglu(g: &[f32], u: &[f32]) -> Vec<f32> {
    g.iter().zip(u).map(|(&g, &u)| g * sigmoid(g) * u).collect()
}

/// The gradients of `g` and `u`. With s the sigmoid of g: du = dy·g·s and dg = dy·u·s·(1 +
/// g·(1 − s)).
#[inline]
pub(crate) fn swiglu_backward(g: &[f32], u: &[f32], dy: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let (mut dg, mut du) = (vec![0.0; g.len()], vec![0.0; g.len()]);
    let inputs = g.iter().zip(u).zip(dy);
    for ((dg, du), ((&g, &u), &dy)) in dg.iter_mut().zip(du.iter_mut()).zip(inputs) {
        let s = sigmoid(g);
        *du = dy * g * s;
        *dg = dy * u * s * (1.0 + g * (1.0 - s));
    }
    (dg, du)
}

/// `max(u, 0)²`.
#[inline]
pub(crate) fn relu_squared(u: &[f32]) -> Vec<f32> {
    u.iter().map(|&u| if u > 0.0 { u * u } else { 0.0 }).collect()
}

/// The gradient of `u`: 2·dy·max(u, 0).
#[inline]
pub(crate) fn relu_squared_backward(u: &[f32], dy: &[f32]) -> Vec<f32> {
    u.iter().zip(dy).map(|(&u, &dy)| if u > 0.0 { 2.0 * u * dy } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_library() {
        for i in -8_700..=8_800 {
            let x = i as f32 / 100.0;
            let relative = f64::from(exp(x)) / f64::from(x).exp() - 1.0;
            assert!(relative.abs() < 2.5e-7, "exp({x}) is off by {relative}");
        }
        assert!(exp(f32::NAN).is_nan());
        assert!(exp(-1e9) < 1e-37);
    }
}
