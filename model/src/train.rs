//! The training loop: a run is a pure function of (model, settings, tokens), whatever interrupts it.

use std::time::Instant;

use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::checkpoint::{self, State};
use crate::config::refuse;
use crate::loader::Loader;
use crate::loss::{Evaluation, check_length, check_token_bytes, evaluate};
use crate::optimizer::{AdamW, norms, sum_slices};
use crate::parallel::{Lanes, rows_per_slice};
use crate::schedule::learning_rate;
use crate::{CheckpointStore, Llama, ModelConfig, ModelError, TokenSource, device};

/// The settings of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Optimiser steps.
    pub steps: usize,
    /// Rows of `context` tokens in each step.
    pub batch_size: usize,
    /// Peak of the learning rate.
    pub learning_rate: f64,
    /// Steps over which the learning rate rises.
    pub warmup_steps: usize,
    /// Decoupled weight decay of matrices other than the embedding table.
    pub weight_decay: f64,
    /// Gradients are scaled down to this global norm; 0 leaves them alone.
    pub clip_norm: f64,
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

impl Default for TrainConfig {
    /// 300 steps of 16 rows at 1e-3, which suits the smaller presets.
    fn default() -> Self {
        Self {
            steps: 300,
            batch_size: 16,
            learning_rate: 1e-3,
            warmup_steps: 30,
            weight_decay: 0.1,
            clip_norm: 1.0,
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
    /// The first field that cannot be used, its value, and what would do.
    pub fn validate(&self) -> Result<(), ModelError> {
        if self.steps == 0 {
            return Err(refuse("steps", self.steps, "give at least 1"));
        }
        if self.batch_size == 0 {
            return Err(refuse("batch_size", self.batch_size, "give at least 1"));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate < 10.0) {
            return Err(refuse(
                "learning_rate",
                self.learning_rate,
                "it must be in (0, 10), usually 1e-3",
            ));
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay * self.learning_rate < 1.0) {
            return Err(refuse(
                "weight_decay",
                self.weight_decay,
                "it must be at least 0, usually 0.1",
            ));
        }
        if !(self.clip_norm >= 0.0 && self.clip_norm.is_finite()) {
            return Err(refuse("clip_norm", self.clip_norm, "it must be at least 0, usually 1.0"));
        }
        Ok(())
    }
}

/// One optimiser step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepPoint {
    /// The step, counted from 1.
    pub step: usize,
    /// Mean loss of its batch in nats per token, before the update.
    pub loss: f32,
    /// Its learning rate.
    pub learning_rate: f32,
    /// Global gradient norm before clipping.
    pub gradient_norm: f32,
    /// XXH3-64 of the batch's ids as little-endian u32, in hexadecimal: equal digests mean equal data.
    pub batch_digest: String,
}

/// One evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValidationPoint {
    /// The step after which it was made.
    pub step: usize,
    /// The result.
    #[serde(flatten)]
    pub evaluation: Evaluation,
}

/// All points of a run so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// One point for each step.
    pub steps: Vec<StepPoint>,
    /// One point for each evaluation.
    pub validations: Vec<ValidationPoint>,
}

/// What a run tells while it goes on.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// The run goes on after this step of an earlier one.
    Resumed {
        /// Finished steps.
        step: usize,
    },
    /// A step is done.
    Step {
        /// Its numbers.
        point: &'a StepPoint,
        /// Training speed in this step; the only number here that depends on the machine.
        tokens_per_second: f64,
    },
    /// An evaluation is done.
    Validation(&'a ValidationPoint),
    /// A checkpoint is published.
    Checkpoint {
        /// Finished steps.
        step: usize,
    },
}

/// The observer's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Go on.
    Continue,
    /// Save a checkpoint after this step and return.
    Stop,
}

/// How a run ended. Two runs with the same inputs have equal summaries, but for `resumed_from`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainSummary {
    /// Finished steps.
    pub step: usize,
    /// Whether these are all steps of the run; the observer may have stopped it.
    pub finished: bool,
    /// The step of the checkpoint that this call went on from.
    pub resumed_from: Option<usize>,
    /// Trainable parameters.
    pub n_parameters: usize,
    /// All points, those before an interruption included.
    pub curve: Curve,
}

/// Trains a model, from the latest checkpoint of `checkpoints` if there is one.
///
/// `token_bytes[id]` is the number of bytes that the id stands for, 0 for special ids. On the CPU the result is
/// bit-equal for any number of rayon threads and however often the run is stopped and taken up again.
///
/// # Errors
/// Settings that cannot be used, splits that are too short, ids outside the vocabulary, a loss that is not
/// finite, a parameter without gradient in the first step, a checkpoint of another run, a failing store.
pub fn pretrain(
    config: &ModelConfig,
    train_config: &TrainConfig,
    train: &dyn TokenSource,
    validation: &dyn TokenSource,
    token_bytes: &[u32],
    checkpoints: &mut dyn CheckpointStore,
    observer: &mut dyn FnMut(Progress<'_>) -> Control,
) -> Result<TrainSummary, ModelError> {
    config.validate()?;
    train_config.validate()?;
    check_token_bytes(token_bytes, config.vocab_size)?;
    check_length(validation, config.context)?;
    let fresh = State::new(config, train_config, [train, validation]);
    let mut trainer = Trainer::new(fresh, train, checkpoints)?;
    let resumed_from = (trainer.state.step > 0).then_some(trainer.state.step);
    let mut control = match resumed_from {
        Some(step) => observer(Progress::Resumed { step }),
        None => Control::Continue,
    };
    let due = |step: usize, every: usize| {
        step == train_config.steps || (every > 0 && step.is_multiple_of(every))
    };
    while trainer.state.step < train_config.steps && control == Control::Continue {
        let start = Instant::now();
        let point = trainer.step()?;
        let step = point.step;
        let tokens = train_config.batch_size * config.context;
        let tokens_per_second = tokens as f64 / start.elapsed().as_secs_f64();
        control = observer(Progress::Step { point: &point, tokens_per_second });
        trainer.state.curve.steps.push(point);
        if due(step, train_config.eval_every) {
            let rows = train_config.eval_batches * train_config.batch_size;
            let evaluation =
                evaluate(&trainer.model, validation, token_bytes, rows, &trainer.lanes)?;
            let point = ValidationPoint { step, evaluation };
            control = control.or(observer(Progress::Validation(&point)));
            trainer.state.curve.validations.push(point);
        }
        if due(step, train_config.checkpoint_every) || control == Control::Stop {
            let files = checkpoint::to_files(&trainer.model, &trainer.optimizer, &trainer.state)?;
            checkpoints.save(step, &files).map_err(ModelError::Store)?;
            control = control.or(observer(Progress::Checkpoint { step }));
        }
    }
    Ok(TrainSummary {
        step: trainer.state.step,
        finished: trainer.state.step == train_config.steps,
        resumed_from,
        n_parameters: config.n_parameters(),
        curve: trainer.state.curve,
    })
}

impl Control {
    /// Stop, if either says so.
    fn or(self, other: Self) -> Self {
        if self == Self::Stop { self } else { other }
    }
}

/// A run in memory.
struct Trainer<'a> {
    model: Llama,
    optimizer: AdamW,
    loader: Loader<'a>,
    lanes: Lanes,
    state: State,
    /// Rows of the batch that one lane works on at a time.
    slice_rows: usize,
}

impl<'a> Trainer<'a> {
    fn new(
        fresh: State,
        train: &'a dyn TokenSource,
        checkpoints: &dyn CheckpointStore,
    ) -> Result<Self, ModelError> {
        let device = device::open(&fresh.train.device)?;
        let loader = Loader::new(train, &fresh.model, fresh.train.batch_size, fresh.train.seed)?;
        let batch_size = fresh.train.batch_size;
        let slice_rows = if device.is_cpu() {
            rows_per_slice(batch_size, fresh.model.n_parameters())
        } else {
            batch_size
        };
        let lanes = Lanes::for_device(&device)?;
        let (model, optimizer, state) = match checkpoints.latest().map_err(ModelError::Store)? {
            None => {
                let model = Llama::init(&fresh.model, fresh.train.seed, &device)?;
                let optimizer = AdamW::new(model.parameters(), fresh.train.weight_decay)?;
                (model, optimizer, fresh)
            }
            Some((_, files)) => {
                let state = checkpoint::load_state(&files)?;
                state.check_same_run(&fresh)?;
                let model = checkpoint::load_model(&files, &device)?;
                let optimizer = checkpoint::load_optimizer(&files, &model, &state)?;
                (model, optimizer, State { train: fresh.train, ..state })
            }
        };
        Ok(Self { model, optimizer, loader, lanes, state, slice_rows })
    }

    /// One step: batch, forward, backward, clip, update.
    fn step(&mut self) -> Result<StepPoint, ModelError> {
        let settings = &self.state.train;
        let index = self.state.step;
        let batch = self.loader.batch(index)?;
        let (loss, gradients) = self.gradients(&batch)?;
        let norms = norms(&gradients)?;
        let gradient_norm = norms.iter().map(|norm| norm * norm).sum::<f64>().sqrt();
        let step = index + 1;
        if !(loss.is_finite() && gradient_norm.is_finite()) {
            return Err(ModelError::NonFiniteLoss {
                step,
                loss,
                gradient_norm: gradient_norm as f32,
            });
        }
        if index == 0 {
            self.check_presence(&norms)?;
        }
        let rate =
            learning_rate(index, settings.steps, settings.warmup_steps, settings.learning_rate);
        let clips = settings.clip_norm > 0.0 && gradient_norm > settings.clip_norm;
        let scale = if clips { settings.clip_norm / gradient_norm } else { 1.0 };
        self.optimizer.step(self.model.parameters(), &gradients, step, rate, scale)?;
        self.state.step = step;
        let bytes: Vec<u8> = batch.iter().flat_map(|id| id.to_le_bytes()).collect();
        Ok(StepPoint {
            step,
            loss,
            learning_rate: rate as f32,
            gradient_norm: gradient_norm as f32,
            batch_digest: format!("{:016x}", xxh3_64(&bytes)),
        })
    }

    /// The mean loss of the batch, and its gradient for each parameter.
    fn gradients(&self, batch: &[u32]) -> Result<(f32, Vec<Tensor>), ModelError> {
        let width = self.state.model.context + 1;
        let scale = 1.0 / (self.state.train.batch_size * self.state.model.context) as f32;
        let slices: Vec<&[u32]> = batch.chunks(self.slice_rows * width).collect();
        let results = self
            .lanes
            .map(&slices, |ids| self.model.loss_and_gradients(ids, ids.len() / width, scale));
        let mut loss = 0.0;
        let mut gradients = Vec::with_capacity(results.len());
        for result in results {
            let (slice_loss, slice_gradients) = result?;
            loss += slice_loss;
            gradients.push(slice_gradients);
        }
        Ok((loss, sum_slices(&gradients)?))
    }

    /// A parameter whose gradient is all zeros is as bad as one without.
    fn check_presence(&self, norms: &[f64]) -> Result<(), ModelError> {
        match self.model.parameters().iter().zip(norms).find(|(_, norm)| **norm == 0.0) {
            None => Ok(()),
            Some(((name, _), _)) => Err(ModelError::MissingGradient { name: name.to_owned() }),
        }
    }
}
