//! Functions that turn the scores of the output layer into probabilities.

/// Steps of the sigmoid table from -8 to 8 (fastText 0.9.2, `SIGMOID_TABLE_SIZE`).
const SIGMOID_STEPS: usize = 512;

/// The table ends at plus and minus this value; the sigmoid counts as 1 or 0 beyond it.
const SIGMOID_LIMIT: f32 = 8.0;

/// Added to every probability before its logarithm is taken (fastText 0.9.2, `std_log`).
pub(super) const LOG_SHIFT: f64 = 1e-5;

/// fastText's tabulated sigmoid. It is a step function: models are trained with it, so predictions
/// have to use the same steps.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sigmoid {
    table: Vec<f32>,
}

impl Sigmoid {
    pub(super) fn new() -> Self {
        let value = |step: usize| {
            let x =
                (step * 2 * SIGMOID_LIMIT as usize) as f32 / SIGMOID_STEPS as f32 - SIGMOID_LIMIT;
            (1.0 / (1.0 + f64::from((-x).exp()))) as f32
        };
        Self { table: (0..=SIGMOID_STEPS).map(value).collect() }
    }

    #[inline]
    pub(super) fn at(&self, x: f32) -> f32 {
        if x < -SIGMOID_LIMIT {
            0.0
        } else if x > SIGMOID_LIMIT {
            1.0
        } else {
            let step = (x + SIGMOID_LIMIT) * SIGMOID_STEPS as f32 / SIGMOID_LIMIT / 2.0;
            self.table[step as usize]
        }
    }
}

/// fastText's logarithm. Labels are ranked by it, as its rounding makes some of them tie.
#[inline]
pub(super) fn log(probability: f32) -> f32 {
    (f64::from(probability) + LOG_SHIFT).ln() as f32
}

/// Turns scores into a probability distribution.
pub(super) fn softmax(scores: &mut [f32]) {
    let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in &mut *scores {
        *score = (*score - max).exp();
        sum += *score;
    }
    for score in scores {
        *score /= sum;
    }
}
