//! Pretraining of a run's model on the run's own shards.

use encoder::AnyTokenizer;
use model::{ModelConfig, TrainConfig, TrainSummary, TrainingData, unigram_entropy};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shards::dataset::Split;
use store::{Observer, Run, layout};

use crate::checkpoints::Checkpoints;
use crate::curve::write_curve;
use crate::data::{Batches, Documents};
use crate::dataset::{self, PlanOptions};
use crate::error::{Result, TrainingError};
use crate::generate::sample;
use crate::progress;
use crate::rows::{order_of, plan_in_run};
use crate::token_bytes::token_bytes;

/// The model that a run trains.
#[derive(Debug, Clone)]
pub struct RunTraining {
    /// The shape of the model; its `context` is the length of a row in tokens.
    pub model: ModelConfig,
    /// The settings.
    pub train: TrainConfig,
    /// The beginning of the sample in the report.
    pub prompt: String,
}

/// The result of a pretraining; kept in the journal and shown in the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pretrained {
    /// The training curve over all steps.
    pub summary: TrainSummary,
    /// Entropy of the token frequencies in nats: the loss of a model that only counts tokens.
    pub unigram_entropy: f64,
    /// The prompt and the model's continuation.
    pub sample: String,
}

/// Trains the model of `run`, or resumes its training, and samples from it.
///
/// # Errors
/// The shards or the checkpoints cannot be read or written, or `observer` asked to stop.
pub fn pretrain_in_run(
    run: &Run,
    what: &RunTraining,
    tokenizer: &AnyTokenizer,
    observer: &dyn Observer,
) -> Result<Pretrained> {
    const TASK: &str = "pretrain";
    if let Some(done) = run.result(TASK)? {
        return Ok(done);
    }
    let folder = run.path(layout::SHARDS);
    let validation = Documents::open(&folder, Split::Validation)?;
    let token_bytes: Vec<u32> = token_bytes(tokenizer);
    let options = PlanOptions::of_rows(what.model.context as u32);
    let path = format!("{}/{}", layout::SHARDS, dataset::plan_name(options));
    let reader = plan_in_run(run, &folder, &path, options)?;
    let order = order_of(&reader, what.train.seed, what.train.batch_size)?;
    let batches = Batches::new(reader, order);
    let data = TrainingData {
        batches: &batches,
        validation: &validation,
        token_bytes: &token_bytes,
        initial: None,
    };
    let mut checkpoints = Checkpoints::new(run, what.train.checkpoint_every, what.train.steps);
    let summary =
        model::pretrain(&what.model, &what.train, data, &mut checkpoints, &mut |progress| {
            progress::report(observer, progress)
        })?;
    if !summary.finished {
        return Err(TrainingError::Stopped);
    }
    // The step of the resumption depends on this process; the journal must not depend on stops.
    let summary = TrainSummary { resumed_from: None, ..summary };
    let model = checkpoints.load_latest(&what.train.device)?;
    let train = Documents::open(&folder, Split::Train)?;
    let pretrained = Pretrained {
        unigram_entropy: unigram_entropy(&train, tokenizer.vocab_size())?,
        sample: sample(&model, tokenizer, &what.prompt, what.train.seed)?,
        summary,
    };
    let files = write_curve(run, &pretrained.summary)?;
    run.complete(TASK, files, json!(pretrained))?;
    Ok(pretrained)
}
