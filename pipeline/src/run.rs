//! A run, from recipe to report.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use encoder::AnyTokenizer;
use rayon::prelude::*;
use serde_json::json;
use store::shards::{ShardManifest, Split};
use store::{FileEntry, Fingerprint, Manifest, Opened, Run};
use tokenizer::Tokenizer;

use crate::dedup::{
    Barrier, Decision, KeyFiles, clusters_path, clusters_schema, decide, known, write_clusters,
};
use crate::error::{PipelineError, Result};
use crate::inputs::Inputs;
use crate::ledger::Ledger;
use crate::observer::{Event, Logged, Observer, timed};
use crate::plan::Plan;
use crate::pretrain::{Pretrained, pretrain};
use crate::recipe::{Recipe, StageKind, TokenizerTable};
use crate::segment::{PartResult, PartTexts, Work, documents_path, key_files, task};
use crate::table::TableWriter;
use crate::tokens::{CountFile, Counting, Encoding, Mix};
use crate::{report, tokens};

/// How to run, apart from what the recipe says of the result.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Remove an older run in the output first.
    pub fresh: bool,
    /// Serve one command whose run directory goes with it: begin anew, and do not wait for the disk.
    pub passing: bool,
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

/// Runs a recipe to its end, or goes on where an earlier start stopped.
pub fn run(recipe: &Recipe, options: &RunOptions, observer: &dyn Observer) -> Result<Summary> {
    let threads = recipe.run.threads.unwrap_or(0);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| PipelineError::Empty(format!("no worker threads: {e}")))?;
    pool.install(|| run_here(recipe, options, observer))
}

fn run_here(recipe: &Recipe, options: &RunOptions, observer: &dyn Observer) -> Result<Summary> {
    let mut plan = Plan::new(recipe)?;
    if let (true, Some(last)) = (options.without_documents, plan.steps.last_mut()) {
        last.stores = false;
    }
    let inputs = Arc::new(Inputs::survey(recipe, !options.passing)?);
    let root = recipe.output();
    let fingerprint = fingerprint(recipe, &plan, &inputs);
    let opened = if options.passing {
        Run::open_passing(&root, fingerprint)?
    } else {
        Run::open(&root, fingerprint, options.fresh)?
    };
    let run = match opened {
        Opened::Open(run) => run,
        Opened::Finished(manifest) => {
            return Ok(Summary {
                root,
                was_finished: true,
                manifest,
                ledger: Ledger::default(),
                vocab_size: None,
                shards: None,
                pretrained: None,
            });
        }
    };
    let logged = Logged { run: &run, observer };
    let counting = recipe.tokenizer.as_ref().filter(|_| plan.tokenizer.is_none());
    let counting =
        counting.map(|table| Counting::new(table, recipe.run.memory.as_u64(), options.passing));
    let tokenizer = plan.tokenizer.as_ref().filter(|_| recipe.wants_shards);
    let mut encoding = tokenizer
        .map(|tokenizer| Encoding::new(tokenizer.clone(), recipe.shards.validation_fraction))
        .transpose()?;
    if let (true, Some(encoding)) = (options.passing, &mut encoding) {
        encoding.write_in_turn(&run, recipe.shards.shard_tokens, recipe.run.memory.as_u64())?;
    }
    let steps = Steps {
        recipe,
        options,
        run: &run,
        plan: &plan,
        inputs,
        observer: &logged,
        counting: counting.as_ref(),
        encoding: encoding.as_ref(),
    };
    let outcome = steps.all();
    if let Err(error) = &outcome {
        run.events().add("failed", json!({ "error": error.to_string() }));
    }
    let (ledger, vocab_size, shards, pretrained) = outcome?;
    run.events().add("finished", json!({}));
    let manifest = run.finish()?;
    Ok(Summary { root, was_finished: false, manifest, ledger, vocab_size, shards, pretrained })
}

/// What decides the bytes of a run.
pub fn fingerprint(recipe: &Recipe, plan: &Plan, inputs: &Inputs) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    fingerprint.set("version", env!("CARGO_PKG_VERSION"));
    for (key, value) in recipe.resolved() {
        fingerprint.set(format!("recipe: {key}"), value);
    }
    for (name, digest) in &plan.files {
        fingerprint.set(format!("file: {name}"), digest.clone());
    }
    for file in &inputs.files {
        let name = format!("input: {} {}", file.source, file.file.file.address);
        fingerprint.set(name, format!("{} bytes, {}", file.file.file.bytes, file.identity));
    }
    fingerprint
}

/// The steps of one run.
struct Steps<'a> {
    recipe: &'a Recipe,
    options: &'a RunOptions,
    run: &'a Run,
    plan: &'a Plan,
    inputs: Arc<Inputs>,
    observer: &'a dyn Observer,
    counting: Option<&'a Counting>,
    encoding: Option<&'a Encoding>,
}

type Outcomes = (Ledger, Option<usize>, Option<ShardManifest>, Option<Pretrained>);

impl Steps<'_> {
    fn all(&self) -> Result<Outcomes> {
        self.write_recipe()?;
        let mut ledger = Ledger::default();
        let mut decisions = Vec::new();
        let mut last = Vec::new();
        for step in 0..self.plan.steps.len() {
            if self.options.until == Until::Decided && step + 1 == self.plan.steps.len() {
                self.write_clusters()?;
                return Ok((ledger, None, None, None));
            }
            last = self.segment(step, &decisions)?;
            last.iter().for_each(|part| ledger.merge(&part.ledger));
            decisions = self.dedup(step, &last)?;
        }
        ledger.check()?;
        self.write_clusters()?;
        self.write_ledger(&ledger)?;
        let kept: Vec<usize> = (0..last.len()).filter(|part| last[*part].documents > 0).collect();
        if let (Until::Counted, Some(table)) = (self.options.until, &self.recipe.tokenizer) {
            self.counts(table, last)?;
            return Ok((ledger, None, None, None));
        }
        let tokenizer = self.tokenizer(last)?;
        let vocab_size = tokenizer.as_ref().map(AnyTokenizer::vocab_size);
        let Some(tokenizer) = tokenizer.filter(|_| self.recipe.wants_shards) else {
            self.report(&ledger, None, None)?;
            return Ok((ledger, vocab_size, None, None));
        };
        let shards = self.shards(&kept, &tokenizer)?;
        let pretrained = self.pretrain(&tokenizer)?;
        self.report(&ledger, Some(&shards), pretrained.as_ref())?;
        Ok((ledger, vocab_size, Some(shards), pretrained))
    }

    /// Times a step and tells of its beginning and end.
    fn timed<T>(
        &self,
        step: &str,
        units: (&'static str, u64, u64),
        work: impl FnOnce() -> Result<(T, String)>,
    ) -> Result<T> {
        timed(self.observer, step, units, work)
    }

    fn write_recipe(&self) -> Result<()> {
        const TASK: &str = "recipe";
        if self.run.done(TASK).is_some() {
            return Ok(());
        }
        let mut files =
            vec![self.run.publish_bytes("recipe.toml", self.recipe.resolved_text().as_bytes())?];
        for (index, step) in self.recipe.stages.iter().enumerate() {
            if let StageKind::Sql(stage) = &step.kind {
                let path = format!("stages/{:02}-{}.sql", index + 1, step.name);
                files.push(self.run.publish_bytes(&path, stage.text.sql.as_bytes())?);
            }
        }
        Ok(self.run.complete(TASK, files, json!(null))?)
    }

    fn segment(&self, step: usize, decisions: &[Decision]) -> Result<Vec<PartResult>> {
        let work = self.work();
        let parts = self.inputs.parts.len();
        let done: Vec<Option<PartResult>> = (0..parts)
            .map(|part| self.run.done(&task(step, part)))
            .map(|done| done.and_then(|done| serde_json::from_value(done).ok()))
            .collect();
        let bytes = |part: usize| self.inputs.parts[part].bytes();
        let done_bytes = (0..parts).filter(|part| done[*part].is_some()).map(bytes).sum();
        let name = self.segment_name(step);
        let quota = Mutex::new(Quota::new(self.recipe.run.max_bad_fraction));
        let run_part = |(part, done): (usize, Option<PartResult>)| {
            let result = if let Some(result) = done {
                result
            } else {
                if self.observer.should_stop() {
                    return Err(PipelineError::Stopped);
                }
                let result = work.run_part(step, part, decisions)?;
                self.observer.event(&Event::Advance { units: bytes(part) });
                result
            };
            quota.lock().unwrap_or_else(PoisonError::into_inner).add(&result)?;
            Ok((part, result))
        };
        self.timed(&name, ("bytes", self.inputs.bytes(), done_bytes), || {
            let mut results: Vec<(usize, PartResult)> = if self.in_turn() {
                done.into_iter().enumerate().par_bridge().map(run_part).collect::<Result<_>>()?
            } else {
                // Neighbours on one thread: the reader of a packed file goes on where it was.
                let parts = done.into_par_iter().enumerate().with_max_len(1);
                parts.map(run_part).collect::<Result<_>>()?
            };
            results.sort_by_key(|(part, _)| *part);
            let results: Vec<PartResult> = results.into_iter().map(|(_, result)| result).collect();
            quota.lock().unwrap_or_else(PoisonError::into_inner).check(0)?;
            let documents: u64 = results.iter().map(|part| part.documents).sum();
            Ok((results, format!("{documents} documents")))
        })
    }

    /// True when parts are to be worked on in their order, as well as threads allow.
    fn in_turn(&self) -> bool {
        self.encoding.is_some_and(|encoding| encoding.in_turn().is_some())
    }

    /// What a segment does, in words.
    fn segment_name(&self, step: usize) -> String {
        let plan = &self.plan.steps[step];
        let mut words: Vec<&str> = plan.stages.iter().map(String::as_str).collect();
        if step == 0 {
            words.insert(0, "read");
        } else if words.is_empty() && plan.stores {
            words.push("write documents");
        }
        if step + 1 == self.plan.steps.len() {
            words.extend(self.counting.map(|_| "count words"));
            words.extend(self.encoding.map(|_| "encode"));
        }
        words.join(", ")
    }

    /// Runs the stages over all documents after a segment, whose parts came to `results`.
    fn dedup(&self, step: usize, results: &[PartResult]) -> Result<Vec<Decision>> {
        let parts = self.inputs.parts.len();
        let work = self.work();
        let mut decisions: Vec<Decision> = Vec::new();
        for (index, planned) in self.plan.steps[step].dedup.iter().enumerate() {
            let files = key_files(self.run, step, index, parts);
            let barrier = Barrier {
                run: self.run,
                planned,
                place: (step, index),
                files: KeyFiles::new(files, results.iter().map(|part| part.documents)),
                known: known(planned, self.recipe.folder()).map_err(|unusable| {
                    PipelineError::Empty(format!("{}: {}", unusable.run, unusable.message))
                })?,
                earlier: &decisions,
                // The rest holds the engine, and what is kept of every candidate.
                memory_bytes: self.recipe.run.memory.as_u64() / 2,
                texts: &PartTexts { work: &work, step },
            };
            let decision = self.timed(&planned.name, ("documents", 0, 0), || decide(barrier))?;
            if self.observer.should_stop() {
                return Err(PipelineError::Stopped);
            }
            decisions.push(decision);
        }
        Ok(decisions)
    }

    fn work(&self) -> Work<'_> {
        Work {
            run: self.run,
            plan: self.plan,
            inputs: self.inputs.clone(),
            observer: self.observer,
            counting: self.counting,
            encoding: self.encoding,
        }
    }

    fn write_ledger(&self, ledger: &Ledger) -> Result<()> {
        const TASK: &str = "ledger";
        if self.run.done(TASK).is_some() {
            return Ok(());
        }
        let mut table = TableWriter::create(self.run, "ledger.parquet", Ledger::schema())?;
        table.write(&ledger.batch()?)?;
        Ok(self.run.complete(TASK, vec![table.finish()?], json!(null))?)
    }

    /// Puts the clusters of all stages into one table.
    fn write_clusters(&self) -> Result<()> {
        const TASK: &str = "clusters";
        if self.run.done(TASK).is_some() {
            return Ok(());
        }
        let steps = self.plan.steps.iter().enumerate();
        let pieces: Vec<PathBuf> = steps
            .flat_map(|(step, plan)| {
                let stages = plan.dedup.iter().enumerate();
                let with_clusters = stages.filter(|(_, planned)| planned.stage.has_clusters());
                with_clusters.map(move |(index, _)| self.run.path(&clusters_path(step, index)))
            })
            .collect();
        if pieces.is_empty() {
            return Ok(());
        }
        let mut table = TableWriter::create(self.run, "clusters.parquet", clusters_schema())?;
        write_clusters(&mut table, &pieces)?;
        Ok(self.run.complete(TASK, vec![table.finish()?], json!(null))?)
    }

    fn documents(&self, parts: &[usize]) -> Vec<PathBuf> {
        let last = self.plan.steps.len() - 1;
        parts.iter().map(|part| self.run.path(&documents_path(self.plan, last, *part))).collect()
    }

    /// Trains the tokenizer on what the parts counted, or takes the recipe's; `None` where no tokens are
    /// wanted.
    fn tokenizer(&self, parts: Vec<PartResult>) -> Result<Option<AnyTokenizer>> {
        const TASK: &str = "tokenizer";
        let Some(table) = &self.recipe.tokenizer else { return Ok(None) };
        if let Some(tokenizer) = &self.plan.tokenizer {
            let json = tokenizer.to_json();
            if self.run.done(TASK).is_none() {
                let file = self.run.publish_bytes(tokens::TOKENIZER, json.as_bytes())?;
                self.run.complete(TASK, vec![file], json!(null))?;
            }
            return Ok(Some(tokenizer.clone()));
        }
        let mix = tokens::mix(table);
        // A run that leaves no counts need not write them.
        let whole = self.counting.filter(|_| mix == Mix::default()).and_then(|c| c.whole(&parts));
        let counts = if whole.is_some() { Vec::new() } else { self.counts(table, parts)? };
        if self.run.done(TASK).is_some() {
            return Ok(Some(AnyTokenizer::load(&self.run.path(tokens::TOKENIZER))?));
        }
        let config = tokens::train_config(table);
        let merges = tokens::merges(&config);
        let trained = self.timed("tokenizer", ("merges", merges, 0), || {
            let trained = match whole {
                Some(tables) => tokens::train_tables(tables, &config, self.observer),
                None => tokens::train(&counts, &mix, &config, self.observer)?,
            };
            let files = self.write_tokenizers(&trained, table, &counts)?;
            self.run.complete(TASK, files, json!(null))?;
            let outcome = format!("{} tokens", trained.vocab_size());
            Ok((trained, outcome))
        })?;
        Ok(Some(trained.into()))
    }

    /// One file of counts a group.
    fn counts(&self, table: &TokenizerTable, parts: Vec<PartResult>) -> Result<Vec<CountFile>> {
        let mut runs: Vec<_> = parts.into_iter().flat_map(|part| part.counts).collect();
        if let Some(counting) = self.counting {
            runs.extend(counting.write_kept(self.run)?);
        }
        tokens::merge_counts(self.run, &table.by, runs)
    }

    /// The tokenizer, the smaller ones that are cut from it, and how they encode each group.
    fn write_tokenizers(
        &self,
        tokenizer: &Tokenizer,
        table: &TokenizerTable,
        counts: &[CountFile],
    ) -> Result<Vec<FileEntry>> {
        let json = tokenizer.to_json();
        let mut files = vec![self.run.publish_bytes(tokens::TOKENIZER, json.as_bytes())?];
        for size in &table.also {
            let smaller = tokenizer.cut_to(*size)?.to_json();
            files.push(self.run.publish_bytes(&tokens::smaller_name(*size), smaller.as_bytes())?);
        }
        if self.options.until != Until::Reported {
            return Ok(files);
        }
        let sizes = tokens::sizes(tokenizer, &table.also);
        let found = tokens::efficiencies(tokenizer, counts, &sizes)?;
        files.push(tokens::write_efficiencies(self.run, &found)?);
        Ok(files)
    }

    fn shards(&self, parts: &[usize], tokenizer: &AnyTokenizer) -> Result<ShardManifest> {
        let table = &self.recipe.shards;
        // With a tokenizer that was there before, the documents were encoded as they streamed by.
        let encoding = match self.encoding {
            Some(encoding) => encoding,
            None => &Encoding::new(tokenizer.clone(), table.validation_fraction)?,
        };
        let undone = |part: &usize| {
            self.encoding.is_none() && self.run.done(&tokens::tokens_task(*part)).is_none()
        };
        let done = parts.iter().filter(|part| !undone(part)).count() as u64;
        let name = if self.encoding.is_some() { "shards" } else { "encode" };
        self.timed(name, ("parts", parts.len() as u64, done), || {
            let files = self.documents(parts);
            parts.par_iter().zip(&files).with_max_len(1).try_for_each(|(part, file)| {
                if undone(part) {
                    tokens::encode_part(self.run, encoding, file, *part, self.observer)?;
                    self.observer.event(&Event::Advance { units: 1 });
                }
                Ok::<_, PipelineError>(())
            })?;
            let shards = tokens::write_shards(self.run, table, encoding, parts, self.observer)?;
            let outcome = format!(
                "{} tokens to learn from, {} held out",
                shards.tokens(Split::Train),
                shards.tokens(Split::Validation)
            );
            Ok((shards, outcome))
        })
    }

    fn pretrain(&self, tokenizer: &AnyTokenizer) -> Result<Option<Pretrained>> {
        let Some(table) = &self.recipe.pretrain else { return Ok(None) };
        self.timed("pretrain", ("steps", table.steps as u64, 0), || {
            let pretrained = pretrain(self.run, self.recipe, tokenizer, self.observer)?;
            let outcome = pretrained.as_ref().and_then(|p| p.summary.curve.validations.last());
            let outcome = outcome.map_or_else(String::new, |point| {
                format!("validation loss {:.3}", point.evaluation.nats_per_token)
            });
            Ok((pretrained, outcome))
        })
    }

    fn report(
        &self,
        ledger: &Ledger,
        shards: Option<&ShardManifest>,
        pretrained: Option<&Pretrained>,
    ) -> Result<()> {
        const TASK: &str = "report";
        if self.options.until != Until::Reported || self.run.done(TASK).is_some() {
            return Ok(());
        }
        let html = report::html(&report::Facts {
            recipe: self.recipe,
            root: self.run.root(),
            ledger,
            shards,
            pretrained,
        })?;
        let file = self.run.publish_bytes("report.html", html.as_bytes())?;
        Ok(self.run.complete(TASK, vec![file], json!(null))?)
    }
}

/// Holds the share of damaged records to the recipe's limit.
struct Quota {
    limit: f64,
    read: u64,
    bad: u64,
    examples: Vec<String>,
}

/// Records before the share means anything while the run is going on.
const QUOTA_RECORDS_MIN: u64 = 1000;

/// Damaged records that are always accepted: in a handful of records one is no share.
const QUOTA_BAD_FREE: u64 = 10;

impl Quota {
    fn new(limit: f64) -> Self {
        Self { limit, read: 0, bad: 0, examples: Vec::new() }
    }

    fn add(&mut self, part: &PartResult) -> Result<()> {
        self.read += part.read;
        self.bad += part.bad;
        self.examples.extend(part.examples.iter().cloned());
        self.examples.truncate(3);
        self.check(QUOTA_RECORDS_MIN)
    }

    fn check(&self, records_min: u64) -> Result<()> {
        let share = self.bad as f64 / self.read.max(1) as f64;
        if self.read < records_min || self.bad <= QUOTA_BAD_FREE || share <= self.limit {
            return Ok(());
        }
        Err(PipelineError::TooMuchBadData {
            bad: self.bad,
            read: self.read,
            percent: share * 100.0,
            limit_percent: self.limit * 100.0,
            reasons: self.examples.join("; "),
        })
    }
}
