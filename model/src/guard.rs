//! The watch over loss and gradient norm: a value far above its recent past is a spike.

use serde::{Deserialize, Serialize};

/// Steps over which mean and deviation are taken (llm.c's window).
const WINDOW: usize = 128;

/// With fewer steps than this, the deviation is too uncertain to judge by.
const FEWEST: usize = 32;

/// A step whose loss or gradient norm was far above those before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spike {
    /// The step, counted from 1.
    pub step: usize,
    /// `loss` or `gradient_norm`.
    pub measure: String,
    /// Its value.
    pub value: f32,
    /// Standard deviations above the mean of the last 128 steps.
    pub z_score: f32,
    /// Whether the update was skipped.
    pub skipped: bool,
    /// The rows of the batch, by their numbers in the source ([`crate::BatchRow::row`]).
    pub rows: Vec<u64>,
}

/// How many standard deviations `value` is above the mean of the last [`WINDOW`] values of `past`;
/// `None` with fewer than [`FEWEST`] values, or if all of them are equal.
pub(crate) fn z_score(past: impl DoubleEndedIterator<Item = f32>, value: f32) -> Option<f32> {
    let recent: Vec<f64> = past.rev().take(WINDOW).map(f64::from).collect();
    if recent.len() < FEWEST {
        return None;
    }
    let count = recent.len() as f64;
    let mean = recent.iter().sum::<f64>() / count;
    let variance = recent.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    (variance > 0.0).then(|| ((f64::from(value) - mean) / variance.sqrt()) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_is_measured_in_deviations_of_the_window() {
        let past = |count: usize| (0..count).map(|i| if i % 2 == 0 { 1.0 } else { 3.0 });
        assert_eq!(z_score(past(FEWEST), 7.0), Some(5.0));
        assert_eq!(z_score(past(FEWEST - 1), 7.0), None);
        let old_noise = std::iter::repeat_n(500.0, 50).chain(past(WINDOW).collect::<Vec<_>>());
        assert_eq!(z_score(old_noise.collect::<Vec<_>>().into_iter(), 7.0), Some(5.0));
        assert_eq!(z_score(std::iter::repeat_n(1.0, 60), 7.0), None);
    }
}
