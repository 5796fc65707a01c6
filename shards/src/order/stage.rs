//! Stages: which weights the sources have from which step on.

use serde::{Deserialize, Serialize};

use super::mixture::Mixture;
use crate::{Result, ShardError};

/// A range of steps with the same mixture and batch size. It ends where the next stage begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Its first step; 0 for the first stage.
    pub first_step: u64,
    /// Rows of a global batch, over all ranks.
    pub batch_rows: u64,
    /// The weight of each source, in the plan's order. Only the ratios matter. But when the weights are
    /// the wanted numbers of rows, and the stage has as many samples as their sum, each source gives
    /// exactly its number. [`super::weights_from_fractions`] computes weights from fractions,
    /// [`super::rows_for_tokens`] from budgets.
    pub weights: Vec<u64>,
}

/// The rows that are needed for a budget of `tokens`. A row has `sequence_length` positions to learn
/// from.
pub fn rows_for_tokens(tokens: u64, sequence_length: u32) -> u64 {
    tokens.div_ceil(u64::from(sequence_length.max(1)))
}

/// A stage, and the samples before it.
#[derive(Debug, Clone)]
pub(super) struct Begun {
    pub(super) stage: Stage,
    pub(super) mixture: Mixture,
    /// Samples of all stages before.
    pub(super) first_sample: u64,
    /// The same samples by source.
    pub(super) taken: Vec<u64>,
}

impl Begun {
    /// How many samples each source gives before `sample`, which must not lie before this stage.
    pub(super) fn counts(&self, sample: u64) -> Vec<u64> {
        let counts = self.mixture.counts(sample - self.first_sample);
        counts.iter().zip(&self.taken).map(|(count, taken)| count + taken).collect()
    }

    /// The first sample of `step`, which must not lie before this stage.
    pub(super) fn sample_of(&self, step: u64) -> u64 {
        let steps = step - self.stage.first_step;
        self.first_sample.saturating_add(steps.saturating_mul(self.stage.batch_rows))
    }
}

/// Counts the samples before each stage.
///
/// # Errors
/// [`ShardError::Order`] when the stages do not begin at step 0 and ascend, or one is impossible.
pub(super) fn begin_all(stages: &[Stage], n_sources: usize) -> Result<Vec<Begun>> {
    if stages.first().is_none_or(|stage| stage.first_step != 0)
        || !stages.is_sorted_by(|a, b| a.first_step < b.first_step)
    {
        return Err(ShardError::Order("stages must begin at step 0 and ascend".into()));
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
                "a batch must have 1 to {BATCH_ROWS_MAX} rows, not {}",
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

/// The most rows of a global batch. 2^20 rows of 2,048 tokens are 500 times today's largest batches.
const BATCH_ROWS_MAX: u64 = 1 << 20;
