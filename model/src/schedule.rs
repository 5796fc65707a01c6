//! The learning rate of each step: linear warm-up, then half a cosine down to a tenth.

/// The learning rate never falls below this part of its peak (GPT-3, appendix B).
pub const FINAL_FRACTION: f64 = 0.1;

/// The learning rate of `step` (counted from 0) in a run of `steps`.
///
/// Rises linearly over `warmup_steps`, reaching `peak` on the last of them, and falls along a cosine to
/// [`FINAL_FRACTION`] of `peak` on the last step.
pub fn learning_rate(step: usize, steps: usize, warmup_steps: usize, peak: f64) -> f64 {
    if step < warmup_steps {
        return peak * (step + 1) as f64 / warmup_steps as f64;
    }
    let span = steps.saturating_sub(warmup_steps + 1).max(1);
    let progress = ((step - warmup_steps) as f64 / span as f64).min(1.0);
    let cosine = f64::midpoint(1.0, (std::f64::consts::PI * progress).cos());
    peak * (FINAL_FRACTION + (1.0 - FINAL_FRACTION) * cosine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_to_the_peak_and_falls_to_a_tenth() {
        let rate = |step| learning_rate(step, 100, 10, 1.0);
        assert!((rate(0) - 0.1).abs() < 1e-12);
        assert!((rate(9) - 1.0).abs() < 1e-12);
        assert!((rate(10) - 1.0).abs() < 1e-12);
        assert!((rate(99) - FINAL_FRACTION).abs() < 1e-12);
        assert!((10..99).all(|step| rate(step + 1) < rate(step)));
    }
}
