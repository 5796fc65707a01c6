//! The settings of a training run: one type for the recipe, the command line and the checkpoint.

use serde::{Deserialize, Serialize};

use crate::device::check_name;
use crate::error::{ModelError, refuse};
use crate::optimizer::{OptimizerKind, OptimizerSettings};
use crate::schedule::{LearningRate, Schedule};
use crate::tensors::Precision;

/// Most rows in a batch. It keeps products such as rows · context far from overflow.
const BATCH_ROWS_MAX: usize = 1 << 20;

/// Largest decay of a moment. Closer to 1 an f32 average hardly moves, and at 1 not at all.
const BETA_MAX: f64 = 0.999_999;

/// The settings of a training run. Every key has a default.
///
/// The fields are the keys of a recipe's section and, with the flag names below, the flags of a
/// command: the docstrings are the help texts, and [`TrainConfig::default`] gives the defaults of
/// both. `state.json` of a checkpoint holds the same type, so the order of the fields is part of a
/// checkpoint's bytes.
///
/// A table with further keys must take these out before it reads the rest as a `TrainConfig`.
/// serde's `flatten` is no way to do this: serde does not support it for a type that denies unknown
/// fields.
///
/// ```
/// use model::TrainConfig;
///
/// let settings: TrainConfig = serde_json::from_str(r#"{ "steps": 1000, "optimizer": "muon" }"#)?;
/// settings.validate()?;
/// assert_eq!((settings.steps, settings.batch_size), (1000, 8));
///
/// let error = TrainConfig { beta1: 1.5, ..settings }.validate().unwrap_err().to_string();
/// assert_eq!(error, "`beta1` is 1.5: it must be from 0 to 0.999999, usually 0.9");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Optimiser steps.
    #[arg(long, default_value_t = Self::default().steps, value_name = "N")]
    pub steps: usize,
    /// Rows in each step.
    #[arg(long = "batch", default_value_t = Self::default().batch_size, value_name = "B")]
    pub batch_size: usize,
    /// Rows that go through the model at a time; 0 chooses. It changes memory and rounding only.
    //
    // 0 stands for about 512 tokens on a CPU, where a slice runs on one thread, and for all rows
    // on a GPU. The gradients of slices are weighted by their predicted tokens.
    #[arg(
        long = "micro-batch",
        default_value_t = Self::default().micro_batch_size,
        value_name = "N"
    )]
    pub micro_batch_size: usize,
    /// Type of the matrix products on a GPU; a CPU has f32 only. Weights, moments and gradients are
    /// always f32.
    #[arg(long, value_enum, default_value_t = Self::default().precision)]
    pub precision: Precision,
    /// Which optimiser.
    #[arg(long, value_enum, default_value_t = Self::default().optimizer)]
    pub optimizer: OptimizerKind,
    /// Peak of the learning rate.
    #[arg(long = "lr", default_value_t = Self::default().learning_rate, value_name = "X")]
    pub learning_rate: f64,
    /// Learning rate of the embedding table, as a multiple of the others'.
    #[arg(long, default_value_t = Self::default().embedding_rate, value_name = "X")]
    pub embedding_rate: f64,
    /// Shape of the learning rate after the warm-up.
    #[arg(long, value_enum, default_value_t = Self::default().schedule)]
    pub schedule: Schedule,
    /// Steps over which the learning rate rises; at most all steps.
    #[arg(long = "warmup", default_value_t = Self::default().warmup_steps, value_name = "N")]
    pub warmup_steps: usize,
    /// Learning rate of the last step, as a fraction of the peak (a tenth: GPT-3, appendix B).
    #[arg(long, default_value_t = Self::default().final_fraction, value_name = "X")]
    pub final_fraction: f64,
    /// Fraction of the steps in which the schedule wsd decays (a fifth: Hägele et al. 2024,
    /// section 4).
    #[arg(long, default_value_t = Self::default().decay_fraction, value_name = "X")]
    pub decay_fraction: f64,
    /// Decoupled weight decay of all matrices except the embedding table.
    #[arg(long, default_value_t = Self::default().weight_decay, value_name = "X",
          allow_negative_numbers = true)]
    pub weight_decay: f64,
    /// Decay of AdamW's first moment.
    #[arg(long, default_value_t = Self::default().beta1, value_name = "X")]
    pub beta1: f64,
    /// Decay of AdamW's second moment.
    #[arg(long, default_value_t = Self::default().beta2, value_name = "X")]
    pub beta2: f64,
    /// Largest global norm of the gradients, which are scaled down to it; 0 for no limit.
    #[arg(long, default_value_t = Self::default().clip_norm, value_name = "X")]
    pub clip_norm: f64,
    /// Weight of the squared logarithm of the softmax's sum (PaLM: 1e-4); 0 for none.
    #[arg(long, default_value_t = Self::default().z_loss, value_name = "X")]
    pub z_loss: f64,
    /// Whether attention and positions start again at each document of a row.
    #[arg(
        long,
        default_value_t = Self::default().document_mask,
        action = clap::ArgAction::Set,
        value_name = "BOOL"
    )]
    pub document_mask: bool,
    /// Compute the layers again in the backward pass instead of keeping them in memory.
    #[arg(long)]
    pub recompute: bool,
    /// A step is a spike if its loss or gradient norm is this many standard deviations above the
    /// mean of the last 128 steps; 0 for no watch.
    #[arg(long, default_value_t = Self::default().spike_threshold, value_name = "X")]
    pub spike_threshold: f64,
    /// Skip the update of a spike.
    #[arg(long = "skip-spikes")]
    pub spike_skip: bool,
    /// Steps between evaluations, one of which follows the last step; 0 for that one only.
    #[arg(long, default_value_t = Self::default().eval_every, value_name = "N")]
    pub eval_every: usize,
    /// Batches of an evaluation; 0 for all rows of the validation split.
    #[arg(long, default_value_t = Self::default().eval_batches, value_name = "N")]
    pub eval_batches: usize,
    /// Steps between checkpoints, one of which follows the last step; 0 for that one only.
    #[arg(long, default_value_t = Self::default().checkpoint_every, value_name = "N")]
    pub checkpoint_every: usize,
    /// Seed of the initial weights and of the order of the rows.
    #[arg(long, default_value_t = Self::default().seed, value_name = "S")]
    pub seed: u64,
    /// cpu, cuda, auto (CUDA where there is a GPU), or several GPUs as cuda:0,1 or cuda:all.
    #[arg(long, default_value_t = Self::default().device)]
    pub device: String,
}

/// The keys that may differ when a run is resumed, because the result does not depend on them.
pub(crate) const FREE_ON_RESUME: [&str; 3] = ["device", "checkpoint_every", "recompute"];

impl Default for TrainConfig {
    /// 200 steps of 8 rows at 1e-3, which suits the smaller presets.
    fn default() -> Self {
        Self {
            steps: 200,
            batch_size: 8,
            micro_batch_size: 0,
            precision: Precision::F32,
            optimizer: OptimizerKind::Adamw,
            learning_rate: 1e-3,
            embedding_rate: 1.0,
            schedule: Schedule::Cosine,
            warmup_steps: 20,
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
            eval_every: 50,
            eval_batches: 8,
            checkpoint_every: 50,
            seed: 0,
            device: "auto".to_owned(),
        }
    }
}

impl TrainConfig {
    /// Checks that every value is allowed. It opens no device and reads nothing, so it can run
    /// before any work.
    ///
    /// A warm-up longer than the run is allowed: [`crate::pretrain`] cuts it to the run's length.
    ///
    /// # Errors
    /// The first field whose value is not allowed, with that value and the allowed ones.
    pub fn validate(&self) -> Result<(), ModelError> {
        if self.steps == 0 {
            return Err(refuse("steps", self.steps, "give at least 1"));
        }
        if !(1..=BATCH_ROWS_MAX).contains(&self.batch_size) {
            let way_out = format!("give 1 to {BATCH_ROWS_MAX}");
            return Err(refuse("batch_size", self.batch_size, &way_out));
        }
        let rate = self.learning_rate;
        if !(rate > 0.0 && rate < 10.0) {
            let way_out = "it must be above 0 and below 10, usually 1e-3";
            return Err(refuse("learning_rate", rate, way_out));
        }
        // A step multiplies matrices by 1 − rate · decay, which must not change their sign.
        if !(self.weight_decay >= 0.0 && self.weight_decay * rate < 1.0) {
            let way_out = "it must be at least 0, and below 1 when multiplied by \
                           `learning_rate`; usually 0.1";
            return Err(refuse("weight_decay", self.weight_decay, way_out));
        }
        let at_least_zero = [
            ("embedding_rate", self.embedding_rate, "usually 1"),
            ("clip_norm", self.clip_norm, "usually 1.0, or 0 for no limit"),
            ("z_loss", self.z_loss, "usually 1e-4, or 0 for none"),
            ("spike_threshold", self.spike_threshold, "usually 6, or 0 for no watch"),
        ];
        for (key, value, usual) in at_least_zero {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(refuse(key, value, &format!("it must be at least 0, {usual}")));
            }
        }
        let fractions = [
            ("final_fraction", self.final_fraction, 1.0, "usually 0.1"),
            ("decay_fraction", self.decay_fraction, 1.0, "usually 0.2"),
            ("beta1", self.beta1, BETA_MAX, "usually 0.9"),
            ("beta2", self.beta2, BETA_MAX, "usually 0.95"),
        ];
        for (key, value, most, usual) in fractions {
            if !(0.0..=most).contains(&value) {
                return Err(refuse(key, value, &format!("it must be from 0 to {most}, {usual}")));
            }
        }
        check_name(&self.device)?;
        self.check_precision(self.device == "cpu")
    }

    /// Checks that the precision is one that the device has.
    pub(crate) fn check_precision(&self, on_cpu: bool) -> Result<(), ModelError> {
        if self.precision == Precision::Bf16 && on_cpu {
            let way_out = "on a CPU give \"f32\", or train on a GPU with `device = \"cuda\"`";
            return Err(refuse("precision", "\"bf16\"", way_out));
        }
        Ok(())
    }

    /// The settings that a run uses and saves: a warm-up ends with the run at the latest.
    pub(crate) fn clamped(&self) -> Self {
        Self { warmup_steps: self.warmup_steps.min(self.steps), ..self.clone() }
    }

    /// The learning rate of every step.
    pub(crate) fn rate(&self) -> LearningRate {
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        train: TrainConfig,
    }

    fn flags(arguments: &str) -> TrainConfig {
        let arguments = std::iter::once("pretrain").chain(arguments.split_whitespace());
        Flags::try_parse_from(arguments).unwrap().train
    }

    #[test]
    fn flags_and_tables_have_the_same_defaults() {
        let defaults = TrainConfig::default();
        defaults.validate().unwrap();
        assert_eq!(flags(""), defaults);
        assert_eq!(serde_json::from_str::<TrainConfig>("{}").unwrap(), defaults);
    }

    #[test]
    fn flags_set_fields() {
        let found = flags(
            "--steps 7 --batch 3 --micro-batch 2 --optimizer muon --lr 0.5 --schedule wsd \
             --warmup 4 --recompute --skip-spikes --document-mask false --precision bf16 \
             --device cuda:0,1",
        );
        let expected = TrainConfig {
            steps: 7,
            batch_size: 3,
            micro_batch_size: 2,
            optimizer: OptimizerKind::Muon,
            learning_rate: 0.5,
            schedule: Schedule::Wsd,
            warmup_steps: 4,
            recompute: true,
            spike_skip: true,
            document_mask: false,
            precision: Precision::Bf16,
            device: "cuda:0,1".into(),
            ..TrainConfig::default()
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn the_saved_form_keeps_its_bytes() {
        let json = serde_json::to_string(&TrainConfig::default()).unwrap();
        let expected = concat!(
            r#"{"steps":200,"batch_size":8,"micro_batch_size":0,"precision":"f32","#,
            r#""optimizer":"adamw","learning_rate":0.001,"embedding_rate":1.0,"#,
            r#""schedule":"cosine","warmup_steps":20,"final_fraction":0.1,"decay_fraction":0.2,"#,
            r#""weight_decay":0.1,"beta1":0.9,"beta2":0.95,"clip_norm":1.0,"z_loss":0.0,"#,
            r#""document_mask":true,"recompute":false,"spike_threshold":6.0,"spike_skip":false,"#,
            r#""eval_every":50,"eval_batches":8,"checkpoint_every":50,"seed":0,"device":"auto"}"#,
        );
        assert_eq!(json, expected);
        let error = serde_json::from_str::<TrainConfig>(r#"{"stepz":1}"#).unwrap_err().to_string();
        assert!(error.contains("unknown field `stepz`, expected one of `steps`"), "{error}");
    }

    #[test]
    fn a_value_that_is_not_allowed_is_named_with_those_that_are() {
        let base = TrainConfig::default;
        let cases = [
            (TrainConfig { steps: 0, ..base() }, "`steps` is 0: give at least 1"),
            (TrainConfig { batch_size: 1 << 21, ..base() }, "`batch_size` is 2097152: give 1 to"),
            (TrainConfig { learning_rate: f64::NAN, ..base() }, "`learning_rate` is NaN: it must"),
            (TrainConfig { weight_decay: -0.1, ..base() }, "`weight_decay` is -0.1: it must be at"),
            (TrainConfig { weight_decay: 1e4, ..base() }, "below 1 when multiplied by"),
            (TrainConfig { clip_norm: -1.0, ..base() }, "`clip_norm` is -1: it must be at least 0"),
            (TrainConfig { beta2: 1.0, ..base() }, "`beta2` is 1: it must be from 0 to 0.999999"),
            (TrainConfig { final_fraction: 1.1, ..base() }, "`final_fraction` is 1.1"),
            (TrainConfig { device: "gpu".into(), ..base() }, "`device` is \"gpu\": give \"cpu\""),
            (
                TrainConfig { device: "cpu".into(), precision: Precision::Bf16, ..base() },
                "`precision` is \"bf16\": on a CPU give \"f32\"",
            ),
        ];
        for (config, expected) in cases {
            let error = config.validate().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_warm_up_ends_with_the_run() {
        let config = TrainConfig { steps: 5, ..TrainConfig::default() };
        assert_eq!((config.clamped().warmup_steps, config.warmup_steps), (5, 20));
    }
}
