//! The settings of a run.

use serde::{Deserialize, Serialize};

use crate::ModelError;
use crate::error::refuse;
use crate::optimizer::{OptimizerKind, OptimizerSettings};
use crate::schedule::{LearningRate, Schedule};
use crate::tensors::Precision;

/// The settings of a run. All keys have defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Optimiser steps.
    pub steps: usize,
    /// Rows of `context` tokens in each step.
    pub batch_size: usize,
    /// Rows that go through the model at a time, on one thread of a CPU; 0 chooses: about 512 tokens on a CPU,
    /// all rows on a GPU. Gradients are added up weighted by predicted tokens, so it changes memory and
    /// rounding only.
    pub micro_batch_size: usize,
    /// The type of matrix products on a GPU; a CPU has f32 only. Weights, moments and gradients are f32
    /// in any case.
    pub precision: Precision,
    /// Which optimiser.
    pub optimizer: OptimizerKind,
    /// Peak of the learning rate.
    pub learning_rate: f64,
    /// The embedding table's learning rate, as a multiple of `learning_rate`.
    pub embedding_rate: f64,
    /// The shape of the learning rate.
    pub schedule: Schedule,
    /// Steps over which the learning rate rises.
    pub warmup_steps: usize,
    /// The learning rate of the last step, as a part of the peak (a tenth: GPT-3, appendix B).
    pub final_fraction: f64,
    /// The part of all steps in which `wsd` decays (a fifth: Hägele et al. 2024, section 4).
    pub decay_fraction: f64,
    /// Decoupled weight decay of matrices other than the embedding table.
    pub weight_decay: f64,
    /// Decay of AdamW's first moment.
    pub beta1: f64,
    /// Decay of AdamW's second moment.
    pub beta2: f64,
    /// Gradients are scaled down to this global norm; 0 leaves them alone.
    pub clip_norm: f64,
    /// Weight of the squared logarithm of the softmax's sum (PaLM: 1e-4); 0 is none.
    pub z_loss: f64,
    /// Whether documents within a row are sequences of their own, where the source knows their boundaries.
    pub document_mask: bool,
    /// Whether layers are computed again in the backward pass instead of kept in memory.
    pub recompute: bool,
    /// Loss or gradient norm this many standard deviations above the last 128 steps is a spike; 0 watches
    /// nothing.
    pub spike_threshold: f64,
    /// Whether a spike's update is left out.
    pub spike_skip: bool,
    /// Steps between evaluations, the last step always included; 0 evaluates at the end only.
    pub eval_every: usize,
    /// Validation rows of an evaluation, in batches of `batch_size`; 0 takes all rows.
    pub eval_batches: usize,
    /// Steps between checkpoints, the last step always included; 0 saves at the end only.
    pub checkpoint_every: usize,
    /// Seed of the initial weights and of the order of the rows.
    pub seed: u64,
    /// `cpu`, `cuda` or `auto`.
    pub device: String,
}

/// The keys that may differ when a run is resumed, because the result does not depend on them.
pub(crate) const FREE_ON_RESUME: [&str; 3] = ["device", "checkpoint_every", "recompute"];

impl Default for TrainConfig {
    /// 300 steps of 16 rows at 1e-3, which suits the smaller presets.
    fn default() -> Self {
        Self {
            steps: 300,
            batch_size: 16,
            micro_batch_size: 0,
            precision: Precision::F32,
            optimizer: OptimizerKind::Adamw,
            learning_rate: 1e-3,
            embedding_rate: 1.0,
            schedule: Schedule::Cosine,
            warmup_steps: 30,
            final_fraction: 0.1,
            decay_fraction: 0.2,
            weight_decay: 0.1,
            beta1: 0.9,
            beta2: 0.95,
            clip_norm: 1.0,
            z_loss: 0.0,
            document_mask: true,
            recompute: false,
            spike_threshold: 6.0,
            spike_skip: false,
            eval_every: 100,
            eval_batches: 4,
            checkpoint_every: 100,
            seed: 17,
            device: "auto".to_owned(),
        }
    }
}

impl TrainConfig {
    /// Checks the values.
    ///
    /// # Errors
    /// The first key that cannot be used, its value, and what would do.
    pub fn validate(&self) -> Result<(), ModelError> {
        let least = [("steps", self.steps), ("batch_size", self.batch_size)];
        if let Some((key, value)) = least.into_iter().find(|(_, value)| *value == 0) {
            return Err(refuse(key, value, "give at least 1"));
        }
        let rate = self.learning_rate;
        if !(rate > 0.0 && rate < 10.0) {
            return Err(refuse("learning_rate", rate, "it must be in (0, 10), usually 1e-3"));
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay * rate < 1.0) {
            let way_out = "it must be at least 0, usually 0.1";
            return Err(refuse("weight_decay", self.weight_decay, way_out));
        }
        let at_least_zero = [
            ("embedding_rate", self.embedding_rate, "usually 1"),
            ("clip_norm", self.clip_norm, "usually 1.0"),
            ("z_loss", self.z_loss, "usually 1e-4, or 0 for none"),
            ("spike_threshold", self.spike_threshold, "usually 6, or 0 for none"),
        ];
        for (key, value, usual) in at_least_zero {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(refuse(key, value, &format!("it must be at least 0, {usual}")));
            }
        }
        let parts = [
            ("final_fraction", self.final_fraction, 1.0, "usually 0.1"),
            ("decay_fraction", self.decay_fraction, 1.0, "usually 0.2"),
            ("beta1", self.beta1, 0.999_999, "usually 0.9"),
            ("beta2", self.beta2, 0.999_999, "usually 0.95"),
        ];
        for (key, value, most, usual) in parts {
            if !(0.0..=most).contains(&value) {
                return Err(refuse(key, value, &format!("it must be in [0, 1], {usual}")));
            }
        }
        Ok(())
    }

    /// The learning rate of every step.
    pub fn rate(&self) -> LearningRate {
        LearningRate {
            schedule: self.schedule,
            steps: self.steps,
            warmup_steps: self.warmup_steps,
            peak: self.learning_rate,
            final_fraction: self.final_fraction,
            decay_fraction: self.decay_fraction,
        }
    }

    /// The settings of the optimiser.
    pub fn optimizer_settings(&self) -> OptimizerSettings {
        OptimizerSettings {
            kind: self.optimizer,
            weight_decay: self.weight_decay,
            betas: (self.beta1, self.beta2),
            embedding_rate: self.embedding_rate,
        }
    }
}
