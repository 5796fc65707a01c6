//! Pretraining on a folder of shards, without a recipe.

use std::path::{Path, PathBuf};

use bug::OrBug as _;
use encoder::AnyTokenizer;
use model::{Llama, ModelConfig, TrainConfig, TrainSummary, TrainingData};
use serde_json::json;
use shards::dataset::{ShardManifest, Split, check_file, read_token_bytes};
use store::layout::TOKENIZER;
use store::{Fingerprint, Logged, Observer, Opened, Run, timed};

use crate::checkpoints::Checkpoints;
use crate::curve::write_curve;
use crate::data::{Batches, Documents};
use crate::dataset::{self, PlanOptions};
use crate::error::{Result, TrainingError};
use crate::folder::load_model_folder;
use crate::progress;
use crate::rows::{order_of, plan_in_run};

/// Keys of [`TrainConfig`] that may change when a run is resumed, as the result is independent of
/// them.
const FREE: [&str; 3] = ["device", "checkpoint_every", "recompute"];

/// The model to train, the data and the output.
#[derive(Debug, Clone)]
pub struct Pretraining {
    /// A folder of shards, or a run directory that has one.
    pub shards: PathBuf,
    /// The shape of the model; its `context` is the length of a row in tokens.
    pub model: ModelConfig,
    /// The settings.
    pub train: TrainConfig,
    /// The folder for checkpoints, curve and tokenizer.
    pub output: PathBuf,
    /// True to resume a run that was stopped.
    pub resume: bool,
    /// The folder of a model to start from.
    pub initial: Option<PathBuf>,
}

/// Trains a model, or resumes its training. Either way the returned curve covers all steps.
///
/// # Errors
/// The output holds another run, or a stopped one without `resume`; the dataset has no held-out
/// documents; the settings are invalid; or `observer` asked to stop.
pub fn pretrain_shards(what: &Pretraining, observer: &dyn Observer) -> Result<TrainSummary> {
    let folder = dataset::folder(&what.shards)?;
    let manifest = ShardManifest::read(&folder)?;
    check(what, &manifest)?;
    let token_bytes = token_bytes(&folder, &manifest, what.model.vocab_size)?;
    let initial =
        what.initial.as_deref().map(|from| initial(from, what, &token_bytes)).transpose()?;
    let run = match Run::open(&what.output, fingerprint(what, &manifest)?, false)? {
        Opened::Open(run) => run,
        Opened::Finished(_) => {
            let message = format!("{} is finished; give another --output", what.output.display());
            return Err(TrainingError::Refused(message));
        }
    };
    let observer = &Logged { run: &run, observer };
    write_tokenizer(&run, &folder, &manifest)?;
    let reader = plan(&run, &folder, what)?;
    let order = order_of(&reader, what.train.seed, what.train.batch_size)?;
    let batches = Batches::new(reader, order);
    let validation = Documents::open(&folder, Split::Validation)?;
    let data = TrainingData {
        batches: &batches,
        validation: &validation,
        token_bytes: &token_bytes,
        initial: initial.as_ref(),
    };
    let mut checkpoints = Checkpoints::new(&run, what.train.checkpoint_every, what.train.steps);
    let summary = timed(observer, "pretrain", ("steps", what.train.steps as u64, 0), || {
        let summary =
            model::pretrain(&what.model, &what.train, data, &mut checkpoints, &mut |progress| {
                progress::report(observer, progress)
            })?;
        if !summary.finished {
            return Err(TrainingError::Stopped);
        }
        let last = summary.curve.validations.last();
        let outcome = last.map(|point| {
            let loss = point.evaluation.nats_per_token;
            format!("validation {loss:.3} nats, {:.3} bits/byte", point.evaluation.bits_per_byte)
        });
        Ok((summary, outcome.unwrap_or_default()))
    })?;
    let files = write_curve(&run, &summary)?;
    run.complete("pretrain", files, json!(null))?;
    run.finish()?;
    Ok(summary)
}

/// Refuses settings that cannot work before anything is written.
fn check(what: &Pretraining, manifest: &ShardManifest) -> Result<()> {
    let refused = |message: String| Err(TrainingError::Refused(message));
    what.model.validate()?;
    what.train.validate()?;
    if what.model.context < 2 {
        return refused(
            "`context` must be at least 2, since each token is predicted from those before it"
                .into(),
        );
    }
    if manifest.tokens(Split::Validation) == 0 {
        return refused(format!(
            "{} has no held-out documents for validation; write shards with `[shards] \
             validation_fraction = 0.01`, or with `gristmill tokenizer encode \
             --validation-fraction 0.01`, or import a file with `val` in its name",
            what.shards.display()
        ));
    }
    if what.model.vocab_size < manifest.vocab_size {
        return refused(format!(
            "the model's `vocab_size` is {}, but the shards have ids up to {}; give at least {}",
            what.model.vocab_size,
            manifest.vocab_size.saturating_sub(1),
            manifest.vocab_size
        ));
    }
    let begun = what.output.join("journal.jsonl").is_file();
    if begun && !what.resume {
        let output = what.output.display();
        return refused(format!(
            "{output} has a run that was stopped; resume it with --resume, or give another --output"
        ));
    }
    Ok(())
}

/// Everything that the bytes of the run depend on.
fn fingerprint(what: &Pretraining, manifest: &ShardManifest) -> Result<Fingerprint> {
    let mut fingerprint = Fingerprint::default();
    fingerprint.set("version", env!("CARGO_PKG_VERSION"));
    fingerprint.set("shards", manifest.root.clone());
    for (table, value) in [("model", json!(what.model)), ("train", json!(what.train))] {
        for (key, value) in value.as_object().or_bug("settings are written as a JSON object")? {
            if !FREE.contains(&key.as_str()) {
                fingerprint.set(format!("{table}.{key}"), value.to_string());
            }
        }
    }
    let initial = what.initial.as_ref().map(|path| path.display().to_string());
    fingerprint.set("initial", initial.unwrap_or_default());
    Ok(fingerprint)
}

/// Copies the tokenizer of the shards beside the model, if the dataset has it.
fn write_tokenizer(run: &Run, folder: &Path, manifest: &ShardManifest) -> Result<()> {
    const TASK: &str = "tokenizer";
    let file = folder.join(TOKENIZER);
    if !file.is_file() || run.done(TASK).is_some() {
        return Ok(());
    }
    check_file(folder, manifest, TOKENIZER)?;
    let json = AnyTokenizer::load(&file)?.to_json();
    if manifest.tokenizer_blake3.as_ref() != Some(&store::digest(json.as_bytes())) {
        // The file is not the tokenizer that encoded the shards.
        return Ok(());
    }
    let file = run.publish_bytes(TOKENIZER, json.as_bytes())?;
    Ok(run.complete(TASK, vec![file], json!(null))?)
}

/// Opens the rows of the run under a packing plan in its folder.
fn plan(run: &Run, folder: &Path, what: &Pretraining) -> Result<shards::reader::RowReader> {
    let options = PlanOptions::of_rows(what.model.context as u32);
    plan_in_run(run, folder, &dataset::plan_name(options), options)
}

/// Bytes of text by id, for bits per byte; 0 for ids that only the model has.
fn token_bytes(folder: &Path, manifest: &ShardManifest, vocab_size: usize) -> Result<Vec<u32>> {
    let table = read_token_bytes(folder, manifest)?.ok_or_else(|| {
        TrainingError::Refused(format!(
            "{} has no table of token bytes; import it with --tokenizer",
            folder.display()
        ))
    })?;
    let mut table: Vec<u32> = table.into_iter().map(u32::from).collect();
    table.resize(vocab_size, 0);
    Ok(table)
}

fn initial(from: &Path, what: &Pretraining, token_bytes: &[u32]) -> Result<Llama> {
    let folder = load_model_folder(from, what.model.context, &what.train.device)?;
    folder.check_tokens(token_bytes, &what.shards)?;
    let model = folder.model;
    let same = |config: &ModelConfig| ModelConfig { context: 0, ..config.clone() };
    if same(model.config()) != same(&what.model) {
        return Err(TrainingError::Refused(format!(
            "the model in {} has another shape than the one to train; omit --config and --preset",
            from.display()
        )));
    }
    Ok(model)
}
