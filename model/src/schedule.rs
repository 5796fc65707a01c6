//! The learning rate of each step: a linear warm-up, then a cosine, or a plateau that ends with a
//! decay.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The shape of the learning rate after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Half a cosine from the peak to the final fraction (GPT-3, appendix B).
    #[default]
    Cosine,
    /// The peak, then a decay by `1 − √progress` to the final fraction in the last part of the
    /// run (warm-up, stable, decay: Hägele et al. 2024, section 3).
    Wsd,
}

/// Everything that the learning rate depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LearningRate {
    /// The shape after the warm-up.
    pub(crate) schedule: Schedule,
    /// Steps of the run.
    pub(crate) steps: usize,
    /// Steps over which the rate rises linearly; it reaches `peak` on the last of them.
    pub(crate) warmup_steps: usize,
    /// The highest rate.
    pub(crate) peak: f64,
    /// The rate of the last step, as a fraction of `peak`.
    pub(crate) final_fraction: f64,
    /// The fraction of the steps in which [`Schedule::Wsd`] decays.
    pub(crate) decay_fraction: f64,
}

impl LearningRate {
    /// The rate of `step`, counted from 0.
    pub(crate) fn at(&self, step: usize) -> f64 {
        if step < self.warmup_steps {
            return self.peak * (step + 1) as f64 / self.warmup_steps as f64;
        }
        let (first, fall): (usize, fn(f64) -> f64) = match self.schedule {
            Schedule::Cosine => {
                (self.warmup_steps, |x| f64::midpoint(1.0, (std::f64::consts::PI * x).cos()))
            }
            Schedule::Wsd => {
                let decay = (self.steps as f64 * self.decay_fraction).round() as usize;
                let first = self.steps.saturating_sub(decay.max(1)).max(self.warmup_steps);
                (first, |x| 1.0 - x.sqrt())
            }
        };
        let last = self.steps.saturating_sub(1);
        let progress = match (step.checked_sub(first), last.saturating_sub(first)) {
            (None, _) => 0.0,
            // A fall of one step: Wsd ends at the final fraction, a cosine has not begun to fall.
            (Some(_), 0) => f64::from(u8::from(self.schedule == Schedule::Wsd)),
            (Some(done), span) => (done as f64 / span as f64).min(1.0),
        };
        self.peak * (self.final_fraction + (1.0 - self.final_fraction) * fall(progress))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(schedule: Schedule) -> LearningRate {
        LearningRate {
            schedule,
            steps: 100,
            warmup_steps: 10,
            peak: 1.0,
            final_fraction: 0.1,
            decay_fraction: 0.2,
        }
    }

    #[test]
    fn both_rise_to_the_peak_and_fall_to_a_tenth() {
        for schedule in [Schedule::Cosine, Schedule::Wsd] {
            let rate = rate(schedule);
            assert!((rate.at(0) - 0.1).abs() < 1e-12);
            assert!((rate.at(9) - 1.0).abs() < 1e-12 && (rate.at(10) - 1.0).abs() < 1e-12);
            assert!((rate.at(99) - 0.1).abs() < 1e-12);
            assert!((10..99).all(|step| rate.at(step + 1) <= rate.at(step)));
        }
        assert!((rate(Schedule::Wsd).at(80) - 1.0).abs() < 1e-12);
        assert!(rate(Schedule::Wsd).at(81) < 0.9);
        assert!(rate(Schedule::Cosine).at(54) < 0.6);
    }
}
