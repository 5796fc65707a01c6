//! The training loop. A run is a pure function of (model, settings, batches): interruptions do not
//! change its result.

use std::time::Instant;

use candle_core::Device;

use crate::checkpoint::{self, State};
use crate::config::ModelConfig;
use crate::device;
use crate::error::ModelError;
use crate::guard::{Spike, z_score};
use crate::llama::Llama;
use crate::loss::{check_length, check_token_bytes, evaluate};
use crate::ops::{Kernels, LossOptions};
use crate::optimizer::{Optimizer, StepNumbers};
use crate::parallel::rows_per_slice;
use crate::progress::{Control, Progress, StepPoint, TrainSummary, ValidationPoint};
use crate::replicas::{Found, Replica, Replicas};
use crate::rows::Rows;
use crate::settings::TrainConfig;
use crate::source::{Batch, BatchRow, BatchSource, CheckpointStore, StreamId, TokenSource};
use crate::tensors::Precision;

/// What a run trains on and starts from.
#[derive(Clone, Copy)]
pub struct TrainingData<'a> {
    /// The batches.
    pub batches: &'a dyn BatchSource,
    /// The validation split.
    pub validation: &'a dyn TokenSource,
    /// `token_bytes[id]` is the number of bytes that the id stands for, 0 for special ids.
    pub token_bytes: &'a [u32],
    /// A model to start from, such as an imported one; `None` starts from fresh weights. A
    /// checkpoint takes precedence over both.
    pub initial: Option<&'a Llama>,
}

/// Trains a model on the batches of `data`, from the latest checkpoint of `checkpoints` if there is
/// one.
///
/// On a CPU the result is bit-equal for any number of rayon threads, and however often the run is
/// stopped and resumed. A warm-up longer than the run is cut to the run's length.
///
/// # Errors
/// A setting is not allowed, the validation split is too short, an id is not in the vocabulary, the
/// loss is not finite, a parameter has no gradient in the first step, the checkpoint belongs to
/// another run, or a batch or the store fails.
pub fn pretrain(
    config: &ModelConfig,
    train_config: &TrainConfig,
    data: TrainingData<'_>,
    checkpoints: &mut dyn CheckpointStore,
    observer: &mut dyn FnMut(Progress<'_>) -> Control,
) -> Result<TrainSummary, ModelError> {
    config.validate()?;
    train_config.validate()?;
    // A checkpoint saves the clamped settings, so a resumed run compares them, too.
    let train_config = &train_config.clamped();
    check_token_bytes(data.token_bytes, config.vocab_size)?;
    check_length(data.validation, config.context)?;
    let fresh =
        State::new(config, train_config, [data.batches.id(), StreamId::of(data.validation)]);
    let mut trainer = Trainer::new(fresh, data, checkpoints)?;
    let resumed_from = (trainer.state.step > 0).then_some(trainer.state.step);
    let mut control = match resumed_from {
        Some(step) => observer(Progress::Resumed { step }),
        None => Control::Continue,
    };
    let due = |step: usize, every: usize| {
        step == train_config.steps || (every > 0 && step.is_multiple_of(every))
    };
    while trainer.state.step < train_config.steps && control == Control::Continue {
        control = trainer.step(observer)?;
        let step = trainer.state.step;
        if due(step, train_config.eval_every) {
            let point = trainer.evaluate()?;
            control = control.or(observer(Progress::Validation(&point)));
            trainer.state.curve.validations.push(point);
        }
        if due(step, train_config.checkpoint_every) || control == Control::Stop {
            let (Replica { model, optimizer }, _) = trainer.replicas.first();
            let files = checkpoint::to_files(model, optimizer, &trainer.state)?;
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

/// A run in memory.
struct Trainer<'a> {
    replicas: Replicas,
    data: TrainingData<'a>,
    state: State,
    /// Rows of the batch that go through a model at a time.
    slice_rows: usize,
}

/// The loss and the gradients of one batch.
struct BatchResult {
    /// Mean loss in nats per predicted token.
    loss: f32,
    /// Gradients of the mean loss, including the z-loss.
    found: Found,
    /// The norm of all gradients together.
    norm: f64,
}

impl<'a> Trainer<'a> {
    fn new(
        fresh: State,
        data: TrainingData<'a>,
        checkpoints: &dyn CheckpointStore,
    ) -> Result<Self, ModelError> {
        let devices = device::open_devices(&fresh.train.device)?;
        let on_cpu = devices.iter().any(Device::is_cpu);
        fresh.train.check_precision(on_cpu)?;
        let kernels = |model: Llama| match fresh.train.precision {
            Precision::F32 => model,
            Precision::Bf16 => model.with_kernels(Kernels::CompositeBf16),
        };
        let (replicas, state) = match checkpoints.latest().map_err(ModelError::Store)? {
            None => {
                let settings = fresh.train.optimizer_settings();
                let replicas = Replicas::new(&devices, |device| {
                    let model = match data.initial {
                        Some(initial) => initial.copy_for(&fresh.model, device)?,
                        None => Llama::init(&fresh.model, fresh.train.seed, device)?,
                    };
                    let optimizer = Optimizer::new(model.parameters(), settings)?;
                    Ok(Replica { model: kernels(model), optimizer })
                })?;
                (replicas, fresh)
            }
            Some((_, files)) => {
                let state = checkpoint::load_state(&files)?;
                state.check_same_run(&fresh)?;
                let replicas = Replicas::new(&devices, |device| {
                    let model = checkpoint::load_model(&files, device)?;
                    let optimizer = checkpoint::load_optimizer(&files, &model, &state)?;
                    Ok(Replica { model: kernels(model), optimizer })
                })?;
                (replicas, State { train: fresh.train, ..state })
            }
        };
        let rows = state.train.batch_size;
        let slice_rows = match state.train.micro_batch_size {
            0 if on_cpu => rows_per_slice(rows, state.model.context),
            0 => rows.div_ceil(replicas.len()),
            rows => rows,
        };
        Ok(Self { replicas, data, state, slice_rows })
    }

    /// One step: read the batch, run forward and backward, look for spikes, clip, update.
    fn step(
        &mut self,
        observer: &mut dyn FnMut(Progress<'_>) -> Control,
    ) -> Result<Control, ModelError> {
        let start = Instant::now();
        let index = self.state.step;
        let step = index + 1;
        let Batch { rows, digest } = self.data.batches.batch(index)?;
        let result = self.gradients(&rows)?;
        self.check(step, &result, &rows)?;
        let spikes = self.spikes(step, &result, &rows);
        let rate = self.state.train.rate().at(index);
        let skips = self.state.train.spike_skip && !spikes.is_empty();
        if skips {
            self.state.skipped_steps.push(step);
        } else {
            let clip_norm = self.state.train.clip_norm;
            let clips = clip_norm > 0.0 && result.norm > clip_norm;
            let numbers = StepNumbers {
                update: step - self.state.skipped_steps.len(),
                learning_rate: rate,
                gradient_scale: if clips { clip_norm / result.norm } else { 1.0 },
            };
            self.replicas.step(&result.found, numbers)?;
        }
        self.state.step = step;
        let point = StepPoint {
            step,
            loss: result.loss,
            learning_rate: rate as f32,
            gradient_norm: result.norm as f32,
            batch_digest: format!("{digest:016x}"),
        };
        let mut control = Control::Continue;
        for spike in &spikes {
            control = control.or(observer(Progress::Spike(spike)));
        }
        let tokens: usize = rows.iter().map(|row| row.ids.len().saturating_sub(1)).sum();
        let tokens_per_second = tokens as f64 / start.elapsed().as_secs_f64();
        control = control.or(observer(Progress::Step { point: &point, tokens_per_second }));
        self.state.curve.steps.push(point);
        Ok(control)
    }

    /// The mean loss of the batch over its predicted tokens, and the gradient of each parameter.
    fn gradients(&self, batch: &[BatchRow]) -> Result<BatchResult, ModelError> {
        let document_mask = self.state.train.document_mask;
        let slices: Vec<Rows> =
            batch.chunks(self.slice_rows).map(|rows| to_rows(rows, document_mask)).collect();
        let predicted: usize = slices.iter().map(Rows::loss_tokens).sum();
        let scale = 1.0 / predicted.max(1) as f32;
        let (Replica { model, .. }, _) = self.replicas.first();
        let z_loss = self.state.train.z_loss as f32;
        let options = LossOptions { z_loss, ..model.loss_options(scale) };
        let found = self.replicas.gradients(&slices, &options, self.state.train.recompute)?;
        let norm = found.norms.iter().map(|norm| norm * norm).sum::<f64>().sqrt();
        let loss = (found.sums.nats * f64::from(scale)) as f32;
        Ok(BatchResult { loss, found, norm })
    }

    /// Checks that loss and norm are finite and that in the first step every parameter has a
    /// gradient. A gradient of zeros counts as missing.
    fn check(
        &self,
        step: usize,
        result: &BatchResult,
        batch: &[BatchRow],
    ) -> Result<(), ModelError> {
        if !(result.loss.is_finite() && result.norm.is_finite()) {
            return Err(ModelError::NonFiniteLoss {
                step,
                loss: result.loss,
                gradient_norm: result.norm as f32,
                rows: batch.iter().map(|row| row.row).collect(),
            });
        }
        let (Replica { model, .. }, _) = self.replicas.first();
        let mut named = model.parameters().iter().zip(&result.found.norms);
        match named.find(|(_, norm)| step == 1 && **norm == 0.0) {
            None => Ok(()),
            Some(((name, _), _)) => Err(ModelError::MissingGradient { name: name.to_owned() }),
        }
    }

    /// The measures of this step that are far above those of the steps before it. Steps whose
    /// update was skipped do not count.
    fn spikes(&self, step: usize, result: &BatchResult, batch: &[BatchRow]) -> Vec<Spike> {
        let State { train, curve, skipped_steps, .. } = &self.state;
        let past = || {
            let counted = |point: &&StepPoint| skipped_steps.binary_search(&point.step).is_err();
            curve.steps.iter().filter(counted)
        };
        let measures = [
            ("loss", z_score(past().map(|point| point.loss), result.loss), result.loss),
            (
                "gradient_norm",
                z_score(past().map(|point| point.gradient_norm), result.norm as f32),
                result.norm as f32,
            ),
        ];
        let far = |z_score: f32| {
            train.spike_threshold > 0.0 && f64::from(z_score) > train.spike_threshold
        };
        let spike = |(measure, z_score, value): (&str, Option<f32>, f32)| {
            let z_score = z_score.filter(|z_score| far(*z_score))?;
            Some(Spike {
                step,
                measure: measure.to_owned(),
                value,
                z_score,
                skipped: train.spike_skip,
                rows: batch.iter().map(|row| row.row).collect(),
            })
        };
        measures.into_iter().filter_map(spike).collect()
    }

    fn evaluate(&self) -> Result<ValidationPoint, ModelError> {
        let TrainConfig { eval_batches, batch_size, document_mask, .. } = self.state.train;
        let TrainingData { validation, token_bytes, .. } = self.data;
        let rows = eval_batches * batch_size;
        let (Replica { model, .. }, lanes) = self.replicas.first();
        let evaluation = evaluate(model, validation, token_bytes, rows, document_mask, lanes)?;
        Ok(ValidationPoint { step: self.state.step, evaluation })
    }
}

fn to_rows(batch: &[BatchRow], document_mask: bool) -> Rows {
    let mut rows = Rows::default();
    for row in batch {
        rows.push(&row.ids, if document_mask { &row.boundaries } else { &[] });
    }
    rows
}
