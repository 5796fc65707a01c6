//! Stages: from which step on the sources are mixed with which weights.

use serde::{Deserialize, Serialize};

use super::Mixture;
use crate::{Result, ShardError};

/// A stretch of steps with one mixture and one batch size; it lasts until the next stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Its first step; 0 for the first stage.
    pub first_step: u64,
    /// Rows of a global batch, over all ranks.
    pub batch_rows: u64,
    /// The weight of each source, in the plan's order. Only their ratios count, but when they are
    /// the very numbers of rows wanted, and the stage has as many samples as they sum to, each
    /// source gives exactly that number ([`super::weights_from_fractions`] makes them from
    /// fractions, [`super::rows_for_tokens`] from budgets).
    pub weights: Vec<u64>,
}

/// Rows that hold a budget of `tokens` at least: a row has `sequence_length` positions to learn
/// from.
pub fn rows_for_tokens(tokens: u64, sequence_length: u32) -> u64 {
    tokens.div_ceil(u64::from(sequence_length.max(1)))
}

/// A stage, and what was taken before it.
#[derive(Debug, Clone)]
pub(super) struct Begun {
    pub(super) stage: Stage,
    pub(super) mixture: Mixture,
    /// Samples of all stages before.
    pub(super) first_sample: u64,
    /// The same by source.
    pub(super) taken: Vec<u64>,
}

impl Begun {
    /// How many samples each source has given before `sample`, which is not before this stage.
    pub(super) fn counts(&self, sample: u64) -> Vec<u64> {
        let counts = self.mixture.counts(sample - self.first_sample);
        counts.iter().zip(&self.taken).map(|(count, taken)| count + taken).collect()
    }

    /// The first sample of `step`, which is not before this stage.
    pub(super) fn sample_of(&self, step: u64) -> u64 {
        let steps = step - self.stage.first_step;
        self.first_sample.saturating_add(steps.saturating_mul(self.stage.batch_rows))
    }
}

/// Counts what is taken before each stage.
///
/// Fails with [`ShardError::Order`] when the stages do not begin at 0 and ascend, or one cannot be
/// carried out.
pub(super) fn begin_all(stages: &[Stage], n_sources: usize) -> Result<Vec<Begun>> {
    if stages.first().is_none_or(|stage| stage.first_step != 0)
        || !stages.is_sorted_by(|a, b| a.first_step < b.first_step)
    {
        return Err(ShardError::Order("stages begin at step 0 and ascend".into()));
    }
    let mut begun: Vec<Begun> = Vec::new();
    for stage in stages {
        if stage.weights.len() != n_sources {
            return Err(ShardError::Order(format!(
                "the stage at step {} has {} weights, the plan has {n_sources} sources",
                stage.first_step,
                stage.weights.len()
            )));
        }
        if stage.batch_rows == 0 || stage.batch_rows > BATCH_ROWS_MAX {
            return Err(ShardError::Order(format!(
                "a batch has 1 to {BATCH_ROWS_MAX} rows, not {}",
                stage.batch_rows
            )));
        }
        let (first_sample, taken) = match begun.last() {
            None => (0, vec![0; n_sources]),
            Some(before) => {
                let sample = before.sample_of(stage.first_step);
                (sample, before.counts(sample))
            }
        };
        let mixture = Mixture::new(&stage.weights)?;
        begun.push(Begun { stage: stage.clone(), mixture, first_sample, taken });
    }
    Ok(begun)
}

/// Rows of a global batch at most: 2^20 rows of 2,048 tokens are 500 times the batches that are
/// trained with today.
pub const BATCH_ROWS_MAX: u64 = 1 << 20;
