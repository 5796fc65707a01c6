//! A run, from recipe to report.

mod fingerprint;
mod quota;
mod segments;
mod steps;
mod tokens;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use shards::dataset::ShardManifest;
use store::{Logged, Manifest, Observer, Opened, Run};
use tables::Ledger;
use training::{Pretrained, TrainingError};

use crate::error::Result;
use crate::inputs::Inputs;
use crate::plan::Plan;
use crate::reading::ReadReport;
use crate::recipe::Recipe;
use crate::threads::worker_threads;
use crate::tokens::{Counting, Encoding};
pub(crate) use fingerprint::fingerprint;
use steps::Steps;

/// Options of a run that do not change its results.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Whether to remove an older run in the output directory first.
    pub fresh: bool,
    /// Whether the run directory is temporary: it serves one command, which removes it at the end.
    /// Such a run is never resumed, so it does not wait until files are safely on disk.
    pub ephemeral: bool,
    /// Where the run ends.
    pub until: Until,
    /// Whether to skip writing documents, because only tokens or counts are wanted.
    pub without_documents: bool,
}

/// How far a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Until {
    /// Until the last barrier stage has decided which documents survive. No documents are written.
    Decided,
    /// Until the words of the kept documents are counted.
    Counted,
    /// Until the documents, or the tokens if they are wanted, are written. There is no report.
    Written,
    /// To the end.
    #[default]
    Reported,
}

/// The result of a run.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The run directory.
    pub root: PathBuf,
    /// True if the run was already finished, so that there was nothing to do.
    pub was_finished: bool,
    /// The manifest.
    pub manifest: Manifest,
    /// Documents and bytes by source and outcome. Empty if the run was already finished.
    pub ledger: Ledger,
    /// What reading found and lost. Empty if the run was already finished.
    pub read: ReadReport,
    /// Vocabulary size of the tokenizer in tokens, if there is one.
    pub vocab_size: Option<usize>,
    /// The shards, if any.
    pub shards: Option<ShardManifest>,
    /// The model, if any.
    pub pretrained: Option<Pretrained>,
}

/// Runs a recipe to its end, or continues where it was interrupted.
///
/// # Errors
/// The recipe, an input or the run directory cannot be used; too many records are damaged; the disk
/// or the network fails; or `observer` asked to stop.
pub fn run(recipe: &Recipe, options: &RunOptions, observer: &dyn Observer) -> Result<Summary> {
    worker_threads(recipe.run.threads)?.install(|| run_here(recipe, options, observer))
}

fn run_here(recipe: &Recipe, options: &RunOptions, observer: &dyn Observer) -> Result<Summary> {
    let mut plan = Plan::new(recipe)?;
    if let (true, Some(last)) = (options.without_documents, plan.steps.last_mut()) {
        last.stores = false;
    }
    if let (Until::Reported, Some(pretrain)) = (options.until, &recipe.pretrain) {
        // A device that is not there would otherwise be noticed after days of other work.
        model::open_devices(&pretrain.train.device).map_err(TrainingError::from)?;
    }
    let inputs = Arc::new(Inputs::survey(recipe, !options.ephemeral)?);
    let root = recipe.output();
    let fingerprint = fingerprint(recipe, &plan, &inputs)?;
    let opened = if options.ephemeral {
        Run::open_ephemeral(&root, fingerprint)?
    } else {
        Run::open(&root, fingerprint, options.fresh)?
    };
    let run = match opened {
        Opened::Open(run) => run,
        Opened::Finished(manifest) => return Ok(Summary::finished_before(root, manifest)),
    };
    let counting = counting(recipe, &plan, options);
    let encoding = encoding(recipe, &plan, options, &run)?;
    let steps = Steps {
        recipe,
        options,
        run: &run,
        plan: &plan,
        inputs: inputs.clone(),
        observer: &Logged { run: &run, observer },
        counting: counting.as_ref(),
        encoding: encoding.as_ref(),
    };
    let outcomes = steps.all().inspect_err(|error| {
        run.events().add("failed", json!({ "error": error.to_string() }));
    })?;
    run.events().add("finished", json!({}));
    Ok(Summary {
        root,
        was_finished: false,
        manifest: run.finish()?,
        read: outcomes.reading.report(&inputs)?,
        ledger: outcomes.ledger,
        vocab_size: outcomes.vocab_size,
        shards: outcomes.shards,
        pretrained: outcomes.pretrained,
    })
}

/// Prepares word counts if the run trains a tokenizer.
fn counting(recipe: &Recipe, plan: &Plan, options: &RunOptions) -> Option<Counting> {
    let table = recipe.tokenizer.as_ref().filter(|_| plan.tokenizer.is_none())?;
    Some(Counting::new(table, recipe.run.memory.as_u64(), options.ephemeral))
}

/// Prepares encoding if the tokenizer is known before the run. Documents are then encoded as they
/// leave the last segment, instead of in another pass.
fn encoding(
    recipe: &Recipe,
    plan: &Plan,
    options: &RunOptions,
    run: &Run,
) -> Result<Option<Encoding>> {
    let Some(tokenizer) = plan.tokenizer.as_ref().filter(|_| recipe.wants_shards) else {
        return Ok(None);
    };
    let mut encoding = Encoding::new(tokenizer.clone(), recipe.shards.validation_fraction)?;
    if options.ephemeral {
        encoding.write_in_order(run, recipe.shards.shard_tokens, recipe.run.memory.as_u64())?;
    }
    Ok(Some(encoding))
}

impl Summary {
    fn finished_before(root: PathBuf, manifest: Manifest) -> Self {
        Self {
            root,
            was_finished: true,
            manifest,
            ledger: Ledger::default(),
            read: ReadReport::default(),
            vocab_size: None,
            shards: None,
            pretrained: None,
        }
    }
}
