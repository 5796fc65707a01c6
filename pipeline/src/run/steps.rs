//! The steps of one run, in order.

use std::path::PathBuf;
use std::sync::Arc;

use barrier::{clusters_path, clusters_schema, write_clusters};
use encoder::AnyTokenizer;
use model::ModelConfig;
use serde_json::json;
use shards::dataset::ShardManifest;
use store::{Observer, Run, layout, timed};
use tables::{Ledger, TableWriter};
use training::{Pretrained, RunTraining, pretrain_in_run};

use super::{RunOptions, Until};
use crate::error::Result;
use crate::inputs::Inputs;
use crate::part::{PartResult, Work};
use crate::plan::Plan;
use crate::reading::Reading;
use crate::recipe::{Recipe, Source, StageKind};
use crate::tokens::{Counting, Encoding};

/// One run, with the state that its steps share.
pub(super) struct Steps<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) options: &'a RunOptions,
    pub(super) run: &'a Run,
    pub(super) plan: &'a Plan,
    pub(super) inputs: Arc<Inputs>,
    pub(super) observer: &'a dyn Observer,
    pub(super) counting: Option<&'a Counting>,
    pub(super) encoding: Option<&'a Encoding>,
}

/// The results of the steps.
#[derive(Default)]
pub(super) struct Outcomes {
    pub(super) ledger: Ledger,
    pub(super) reading: Reading,
    pub(super) vocab_size: Option<usize>,
    pub(super) shards: Option<ShardManifest>,
    pub(super) pretrained: Option<Pretrained>,
}

impl Steps<'_> {
    /// Runs all steps that are not done yet, up to the step where the options end the run.
    ///
    /// # Errors
    /// A step fails, or the observer asked to stop.
    pub(super) fn all(&self) -> Result<Outcomes> {
        self.write_recipe()?;
        let mut outcomes = Outcomes::default();
        let Some(last) = self.segments(&mut outcomes)? else {
            self.write_clusters()?;
            return Ok(outcomes);
        };
        outcomes.ledger.check()?;
        self.write_clusters()?;
        self.write_ledger(&outcomes.ledger)?;
        let kept: Vec<usize> = (0..last.len()).filter(|part| last[*part].documents > 0).collect();
        if let (Until::Counted, Some(table)) = (self.options.until, &self.recipe.tokenizer) {
            self.counts(table, last)?;
            return Ok(outcomes);
        }
        let mut trained = None;
        if let Some(tokenizer) = self.tokenizer(last)? {
            outcomes.vocab_size = Some(tokenizer.vocab_size());
            if self.recipe.wants_shards {
                outcomes.shards = Some(self.shards(&kept, &tokenizer)?);
                trained = self.pretrain(&tokenizer)?;
            }
        }
        self.report(trained.as_ref())?;
        outcomes.pretrained = trained.map(|(_, pretrained)| pretrained);
        Ok(outcomes)
    }

    /// Runs segments and barrier stages alternately. Returns the results of the last segment's
    /// parts, or `None` if the run ends before that segment.
    fn segments(&self, outcomes: &mut Outcomes) -> Result<Option<Vec<PartResult>>> {
        let mut decisions = Vec::new();
        let mut last = Vec::new();
        for step in 0..self.plan.steps.len() {
            if self.options.until == Until::Decided && step + 1 == self.plan.steps.len() {
                return Ok(None);
            }
            last = self.segment(step, &decisions)?;
            for part in &last {
                outcomes.ledger.merge(&part.ledger);
                outcomes.reading.merge(&part.reading);
            }
            decisions = self.barriers(step, &last)?;
        }
        Ok(Some(last))
    }

    /// Runs `work`, and sends an event when it begins and when it ends.
    ///
    /// # Errors
    /// `work` fails.
    pub(super) fn timed<T>(
        &self,
        step: &str,
        units: (&'static str, u64, u64),
        work: impl FnOnce() -> Result<(T, String)>,
    ) -> Result<T> {
        timed(self.observer, step, units, work)
    }

    pub(super) fn work(&self) -> Work<'_> {
        Work {
            run: self.run,
            plan: self.plan,
            inputs: self.inputs.clone(),
            observer: self.observer,
            counting: self.counting,
            encoding: self.encoding,
        }
    }

    fn write_recipe(&self) -> Result<()> {
        const TASK: &str = "recipe";
        if self.run.done(TASK).is_some() {
            return Ok(());
        }
        let text = self.recipe.resolved_text()?;
        let mut files = vec![self.run.publish_bytes("recipe.toml", text.as_bytes())?];
        for (index, step) in self.recipe.stages.iter().enumerate() {
            if let StageKind::Sql(stage) = &step.kind {
                let path = format!("stages/{:02}-{}.sql", index + 1, step.name);
                files.push(self.run.publish_bytes(&path, stage.text.sql.as_bytes())?);
            }
        }
        Ok(self.run.complete(TASK, files, json!(null))?)
    }

    fn write_ledger(&self, ledger: &Ledger) -> Result<()> {
        const TASK: &str = "ledger";
        if self.run.done(TASK).is_some() {
            return Ok(());
        }
        let mut table = TableWriter::create(self.run, layout::LEDGER, Ledger::schema())?;
        table.write(&ledger.batch()?)?;
        Ok(self.run.complete(TASK, vec![table.finish()?], json!(null))?)
    }

    /// Merges the clusters of all stages into one table.
    fn write_clusters(&self) -> Result<()> {
        const TASK: &str = "clusters";
        if self.run.done(TASK).is_some() {
            return Ok(());
        }
        let mut pieces: Vec<PathBuf> = Vec::new();
        for (step, planned) in self.plan.steps.iter().enumerate() {
            for (index, barrier) in planned.barriers.iter().enumerate() {
                if barrier.stage.has_clusters() {
                    pieces.push(self.run.path(&clusters_path(step, index)));
                }
            }
        }
        if pieces.is_empty() {
            return Ok(());
        }
        let mut table = TableWriter::create(self.run, "clusters.parquet", clusters_schema())?;
        write_clusters(&mut table, &pieces)?;
        Ok(self.run.complete(TASK, vec![table.finish()?], json!(null))?)
    }

    /// Trains the recipe's model. Returns its shape, too.
    fn pretrain(&self, tokenizer: &AnyTokenizer) -> Result<Option<(ModelConfig, Pretrained)>> {
        let Some(table) = &self.recipe.pretrain else { return Ok(None) };
        let what = RunTraining {
            model: self.recipe.model_shape(table, tokenizer.vocab_size())?,
            train: table.train.clone(),
            prompt: table.prompt.clone(),
        };
        self.timed("pretrain", ("steps", what.train.steps as u64, 0), || {
            let pretrained = pretrain_in_run(self.run, &what, tokenizer, self.observer)?;
            let last = pretrained.summary.curve.validations.last();
            let outcome = last.map_or_else(String::new, |point| {
                format!("validation loss {:.3}", point.evaluation.nats_per_token)
            });
            Ok((Some((what.model.clone(), pretrained)), outcome))
        })
    }

    fn report(&self, trained: Option<&(ModelConfig, Pretrained)>) -> Result<()> {
        const TASK: &str = "report";
        if self.options.until != Until::Reported || self.run.done(TASK).is_some() {
            return Ok(());
        }
        let html = report::html(&report::RunFiles {
            name: &self.recipe.name,
            root: self.run.root(),
            sources: self.recipe.sources.iter().map(source_files).collect(),
            trained: trained.map(|(shape, model)| trained_facts(shape, model)),
        })?;
        let file = self.run.publish_bytes("report.html", html.as_bytes())?;
        Ok(self.run.complete(TASK, vec![file], json!(null))?)
    }
}

fn source_files(source: &Source) -> report::SourceFiles<'_> {
    let files = source.files.iter().map(|file| (file.file.address.as_str(), file.file.bytes));
    report::SourceFiles { name: &source.name, files: files.collect() }
}

fn trained_facts<'a>(shape: &ModelConfig, model: &'a Pretrained) -> report::Trained<'a> {
    report::Trained {
        shape: format!(
            "{} layers, width {}, {} heads, {} of them for keys and values",
            shape.n_layers, shape.dim, shape.n_heads, shape.n_kv_heads
        ),
        n_parameters: model.summary.n_parameters as u64,
        steps: model.summary.step as u64,
        unigram_entropy: model.unigram_entropy,
        sample: &model.sample,
    }
}
