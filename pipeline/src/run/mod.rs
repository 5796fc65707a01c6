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
use training::Pretrained;

use crate::error::Result;
use crate::inputs::Inputs;
use crate::plan::Plan;
use crate::recipe::Recipe;
use crate::threads::worker_threads;
use crate::tokens::{Counting, Encoding};
pub(crate) use fingerprint::fingerprint;
use steps::Steps;

/// How to run, apart from what the recipe says of the result.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Remove an older run in the output first.
    pub fresh: bool,
    /// A run directory that serves one command and is removed with it. The run starts afresh and does
    /// not wait for the disk.
    pub ephemeral: bool,
    /// Where to stop.
    pub until: Until,
    /// Do not write the documents: only what is made of them is wanted.
    pub without_documents: bool,
}

/// How far a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Until {
    /// Until it is known which documents survive the last stage over all of them; none is written.
    Decided,
    /// Until the words of the kept documents are counted.
    Counted,
    /// Until the documents are written, or the tokens where they are wanted, without a report.
    Written,
    /// To the end.
    #[default]
    Reported,
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The run directory.
    pub root: PathBuf,
    /// The run was finished before, and nothing was done now.
    pub was_finished: bool,
    /// The manifest.
    pub manifest: Manifest,
    /// Documents and bytes by account; empty when the run was finished before.
    pub ledger: Ledger,
    /// Tokens of the tokenizer's vocabulary, if there is one.
    pub vocab_size: Option<usize>,
    /// The shards, if any.
    pub shards: Option<ShardManifest>,
    /// The model, if any.
    pub pretrained: Option<Pretrained>,
}

/// Runs a recipe to its end, or continues where an earlier start stopped.
///
/// # Errors
/// The recipe, an input or the run directory is refused; too many records are damaged; the disk or
/// the network fails; `observer` asks to stop.
pub fn run(recipe: &Recipe, options: &RunOptions, observer: &dyn Observer) -> Result<Summary> {
    worker_threads(recipe.run.threads)?.install(|| run_here(recipe, options, observer))
}

fn run_here(recipe: &Recipe, options: &RunOptions, observer: &dyn Observer) -> Result<Summary> {
    let mut plan = Plan::new(recipe)?;
    if let (true, Some(last)) = (options.without_documents, plan.steps.last_mut()) {
        last.stores = false;
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
        inputs,
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
        ledger: outcomes.ledger,
        vocab_size: outcomes.vocab_size,
        shards: outcomes.shards,
        pretrained: outcomes.pretrained,
    })
}

/// Words are counted where the run trains a tokenizer.
fn counting(recipe: &Recipe, plan: &Plan, options: &RunOptions) -> Option<Counting> {
    let table = recipe.tokenizer.as_ref().filter(|_| plan.tokenizer.is_none())?;
    Some(Counting::new(table, recipe.run.memory.as_u64(), options.ephemeral))
}

/// Documents are encoded as they stream by where the tokenizer is known before the run.
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
            vocab_size: None,
            shards: None,
            pretrained: None,
        }
    }
}
