//! Pretraining: of a run's own shards, and of any folder of shards; what models come to.

mod alone;
mod checkpoints;
mod data;
mod evaluate;
mod export;
mod folder;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use encoder::AnyTokenizer;
use model::{
    Control, GenerateConfig, Llama, Progress, TrainSummary, TrainingData, generate_text,
    pretrain_on, unigram_entropy,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shards::order::{Order, Stage};
use shards::reader::RowReader;
use store::Run;
use store::shards::Split;

pub use alone::{Pretraining, pretrain_shards};
use checkpoints::Checkpoints;
use data::{Batches, Documents};
pub use evaluate::{SourceEvaluation, evaluate_dataset, evaluate_task};
pub use export::{export_gguf, export_hf};
pub use folder::{ModelFolder, load_model_folder};

use crate::dataset::{self, PlanOptions};
use crate::error::{PipelineError, Result};
use crate::observer::{Event, Observer};
use crate::recipe::Recipe;
use crate::table::TableWriter;
use crate::tokens::SHARDS;

/// Tokens of the sample in the report.
const SAMPLE_TOKENS: usize = 96;

/// What pretraining came to; kept in the journal and shown in the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pretrained {
    /// The whole curve.
    pub summary: TrainSummary,
    /// Entropy in nats of the tokens' own frequencies: what a model reaches that only counts.
    pub unigram_entropy: f64,
    /// The prompt and what the model made of it.
    pub sample: String,
}

/// Trains the recipe's model, or goes on with it, and samples from it.
pub(crate) fn pretrain(
    run: &Run,
    recipe: &Recipe,
    tokenizer: &AnyTokenizer,
    observer: &dyn Observer,
) -> Result<Option<Pretrained>> {
    const TASK: &str = "pretrain";
    let Some(table) = &recipe.pretrain else { return Ok(None) };
    if let Some(done) = run.done(TASK) {
        let done = serde_json::from_value(done);
        return done
            .map(Some)
            .map_err(|e| PipelineError::Unbalanced(format!("pretraining in the journal: {e}")));
    }
    let folder = run.path("shards");
    let validation = Documents::open(&folder, Split::Validation)?;
    let context = recipe.shards.sequence_length;
    let config = table.shape(tokenizer.vocab_size(), context).map_err(PipelineError::Empty)?;
    let settings = table.settings(recipe.run.seed);
    let token_bytes: Vec<u32> = token_bytes(tokenizer);
    let options = PlanOptions::of_rows(config.context as u32);
    let path = format!("{SHARDS}/{}", dataset::plan_name(options));
    let reader = plan_in_run(run, &folder, &path, options)?;
    let order = order_of(&reader, settings.seed, settings.batch_size)?;
    let batches = Batches::new(reader, order);
    let data = TrainingData {
        batches: &batches,
        validation: &validation,
        token_bytes: &token_bytes,
        initial: None,
    };
    let mut checkpoints = Checkpoints::new(run, table.checkpoint_every, table.steps);
    let summary = pretrain_on(&config, &settings, data, &mut checkpoints, &mut |progress| {
        tell(observer, progress)
    })?;
    if !summary.finished {
        return Err(PipelineError::Stopped);
    }
    let summary = TrainSummary { resumed_from: None, ..summary };
    let model = checkpoints.load_latest(&table.device)?;
    let train = Documents::open(&folder, Split::Train)?;
    let pretrained = Pretrained {
        unigram_entropy: unigram_entropy(&train, tokenizer.vocab_size()),
        sample: sample(&model, tokenizer, &table.prompt, recipe.run.seed)?,
        summary,
    };
    let files = write_curve(run, &pretrained.summary)?;
    run.complete(TASK, files, json!(pretrained))?;
    Ok(Some(pretrained))
}

/// The rows of a dataset under a plan that the run keeps in `path`.
fn plan_in_run(run: &Run, folder: &Path, path: &str, options: PlanOptions) -> Result<RowReader> {
    const TASK: &str = "plan";
    if run.done(TASK).is_none() {
        let publication = run.publish(path)?;
        let publication = dataset::write_plan(folder, options, publication, &run.path(path))?;
        run.complete(TASK, vec![publication.finish()?], json!(null))?;
    }
    Ok(RowReader::open(folder, &run.path(path))?)
}

/// All rows in batches of `batch_rows`, each once an epoch.
fn order_of(reader: &RowReader, seed: u64, batch_rows: usize) -> Result<Order> {
    let weights = dataset::weights_by_rows(&reader.plan().subject())?;
    let stage = Stage { first_step: 0, batch_rows: batch_rows as u64, weights };
    Ok(reader.order(seed, &[stage], None)?)
}

/// Bytes of text that each id stands for; special tokens stand for none.
pub fn token_bytes(tokenizer: &AnyTokenizer) -> Vec<u32> {
    let bytes = |id| tokenizer.token_bytes(id).map_or(0, |bytes| bytes.len() as u32);
    let special: BTreeSet<u32> = tokenizer.special_tokens().iter().map(|(_, id)| *id).collect();
    (0..tokenizer.vocab_size() as u32)
        .map(|id| if special.contains(&id) { 0 } else { bytes(id) })
        .collect()
}

/// As [`token_bytes`], as a dataset holds it.
pub fn token_bytes_table(tokenizer: &AnyTokenizer) -> Vec<u16> {
    let most = u32::from(u16::MAX);
    token_bytes(tokenizer).into_iter().map(|bytes| bytes.min(most) as u16).collect()
}

fn tell(observer: &dyn Observer, progress: Progress<'_>) -> Control {
    match progress {
        Progress::Step { point, tokens_per_second } => {
            observer.event(&Event::Trained {
                step: point.step,
                loss: f64::from(point.loss),
                tokens_per_second,
            });
            observer.event(&Event::Advance { units: 1 });
        }
        Progress::Validation(point) => observer.event(&Event::Validated {
            step: point.step,
            loss: f64::from(point.evaluation.nats_per_token),
            bits_per_byte: f64::from(point.evaluation.bits_per_byte),
        }),
        Progress::Resumed { step } => observer.event(&Event::Advance { units: step as u64 }),
        Progress::Spike(spike) => observer.event(&Event::Spiked {
            step: spike.step,
            measure: spike.measure.clone(),
            z_score: spike.z_score,
            rows: spike.rows.clone(),
        }),
        // A checkpoint says nothing that its task does not, nor does what is not known here.
        _ => {}
    }
    if observer.should_stop() { Control::Stop } else { Control::Continue }
}

fn sample(model: &Llama, tokenizer: &AnyTokenizer, prompt: &str, seed: u64) -> Result<String> {
    let settings = GenerateConfig { max_tokens: SAMPLE_TOKENS, seed, ..GenerateConfig::default() };
    let text = continue_text(model, tokenizer, prompt, &settings, &[], &mut |_| true)?;
    Ok(format!("{prompt}{}", text.text))
}

/// Continues `prompt`; `each` gets the text as it comes and says whether to go on. Ends at the end-of-text
/// token or before one of `stops`.
pub fn continue_text(
    model: &Llama,
    tokenizer: &AnyTokenizer,
    prompt: &str,
    settings: &GenerateConfig,
    stops: &[String],
    each: &mut dyn FnMut(&str) -> bool,
) -> Result<model::generate::Text> {
    let mut ids = Vec::new();
    tokenizer.encoder().encode(prompt, &mut ids)?;
    if ids.is_empty() {
        ids.extend(tokenizer.end_of_text());
    }
    let bytes_of = |id| tokenizer.token_bytes(id).unwrap_or_default().into_owned();
    let ends = (&bytes_of as &dyn Fn(u32) -> Vec<u8>, tokenizer.end_of_text());
    Ok(generate_text(model, &ids, settings, ends, stops, each)?)
}

/// `training.parquet` (a row a step) and `validation.parquet` (a row an evaluation).
fn write_curve(run: &Run, summary: &TrainSummary) -> Result<Vec<store::FileEntry>> {
    let number = |name: &str| Field::new(name, DataType::UInt64, false);
    let real = |name: &str| Field::new(name, DataType::Float32, false);
    let write = |path: &str, fields: Vec<Field>, columns: Vec<ArrayRef>| {
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(schema.clone(), columns)
            .map_err(|e| PipelineError::Sql(e.into()))?;
        let mut table = TableWriter::create(run, path, schema)?;
        table.write(&batch)?;
        table.finish()
    };
    let steps = &summary.curve.steps;
    let training = write(
        "training.parquet",
        vec![
            number("step"),
            real("loss"),
            real("learning_rate"),
            real("gradient_norm"),
            Field::new("batch_digest", DataType::Utf8, false),
        ],
        vec![
            Arc::new(steps.iter().map(|p| p.step as u64).collect::<UInt64Array>()),
            Arc::new(steps.iter().map(|p| p.loss).collect::<Float32Array>()),
            Arc::new(steps.iter().map(|p| p.learning_rate).collect::<Float32Array>()),
            Arc::new(steps.iter().map(|p| p.gradient_norm).collect::<Float32Array>()),
            Arc::new(StringArray::from_iter_values(steps.iter().map(|p| &p.batch_digest))),
        ],
    )?;
    let points = &summary.curve.validations;
    let validation = write(
        "validation.parquet",
        vec![number("step"), real("nats_per_token"), real("bits_per_byte"), number("tokens")],
        vec![
            Arc::new(points.iter().map(|p| p.step as u64).collect::<UInt64Array>()),
            Arc::new(points.iter().map(|p| p.evaluation.nats_per_token).collect::<Float32Array>()),
            Arc::new(points.iter().map(|p| p.evaluation.bits_per_byte).collect::<Float32Array>()),
            Arc::new(points.iter().map(|p| p.evaluation.tokens).collect::<UInt64Array>()),
        ],
    )?;
    Ok(vec![training, validation])
}
