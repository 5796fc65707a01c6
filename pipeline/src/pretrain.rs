//! Pretraining on the run's own shards.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use encoder::AnyTokenizer;
use model::{
    CheckpointFiles, CheckpointStore, Control, GenerateConfig, Llama, ModelConfig, Progress,
    TokenSource, TrainConfig, TrainSummary, generate, load_model, unigram_entropy,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Run;
use store::shards::{Dataset, Split};

use crate::error::{PipelineError, Result};
use crate::observer::{Event, Observer};
use crate::recipe::Recipe;
use crate::table::TableWriter;
use crate::tokens;

/// Batches of validation rows that an evaluation looks at.
const EVAL_BATCHES: usize = 8;

/// Tokens of the sample in the report.
const SAMPLE_TOKENS: usize = 96;

/// Prefix of checkpoint tasks in the journal.
const CHECKPOINT_TASK: &str = "checkpoint/";

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

/// A half of a shard folder as the trainer's source.
struct Tokens(Dataset);

impl TokenSource for Tokens {
    fn n_tokens(&self) -> u64 {
        self.0.n_tokens()
    }

    fn read(&self, start: u64, out: &mut [u32]) {
        self.0.read(start, out);
    }

    fn identity(&self) -> String {
        self.0.manifest().root.clone()
    }
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
    let train = Tokens(Dataset::open(&folder, Split::Train, true)?);
    let validation = Tokens(Dataset::open(&folder, Split::Validation, true)?);
    let mut config = ModelConfig::preset(&table.preset, tokenizer.vocab_size())?;
    config.context = recipe.shards.sequence_length;
    let settings = TrainConfig {
        steps: table.steps,
        batch_size: table.batch_size,
        learning_rate: table.learning_rate,
        warmup_steps: table.warmup_steps.min(table.steps),
        eval_every: table.eval_every,
        eval_batches: EVAL_BATCHES,
        checkpoint_every: table.checkpoint_every,
        seed: recipe.run.seed,
        device: table.device.clone(),
        ..TrainConfig::default()
    };
    let token_bytes: Vec<u32> = token_bytes(tokenizer);
    let mut checkpoints = Checkpoints { run, every: table.checkpoint_every, last: table.steps };
    let summary = model::pretrain(
        &config,
        &settings,
        &train,
        &validation,
        &token_bytes,
        &mut checkpoints,
        &mut |progress| tell(observer, progress),
    )?;
    if !summary.finished {
        return Err(PipelineError::Stopped);
    }
    let summary = TrainSummary { resumed_from: None, ..summary };
    let model = load_latest(&checkpoints, &table.device)?;
    let pretrained = Pretrained {
        unigram_entropy: unigram_entropy(&train, tokenizer.vocab_size()),
        sample: sample(&model, tokenizer, &table.prompt, recipe.run.seed)?,
        summary,
    };
    let files = write_curve(run, &pretrained.summary)?;
    run.complete(TASK, files, json!(pretrained))?;
    Ok(Some(pretrained))
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
    let text = continue_text(model, tokenizer, prompt, &settings, &mut |_| {})?;
    Ok(format!("{prompt}{text}"))
}

/// Continues `prompt`; `each` gets the text as it comes. Ends at the end-of-text token.
pub fn continue_text(
    model: &Llama,
    tokenizer: &AnyTokenizer,
    prompt: &str,
    settings: &GenerateConfig,
    each: &mut dyn FnMut(&str),
) -> Result<String> {
    let mut ids = Vec::new();
    tokenizer.encoder().encode(prompt, &mut ids)?;
    if ids.is_empty() {
        ids.extend(tokenizer.end_of_text());
    }
    let mut text = String::new();
    let mut pending = Vec::new();
    generate(model, &ids, settings, &mut |id| {
        if Some(id) == tokenizer.end_of_text() {
            return false;
        }
        pending.extend_from_slice(&tokenizer.token_bytes(id).unwrap_or_default());
        // A character may need several tokens: what is no whole character yet waits.
        let whole = whole_characters(&pending);
        let piece = String::from_utf8_lossy(&pending[..whole]).into_owned();
        pending.drain(..whole);
        each(&piece);
        text.push_str(&piece);
        true
    })?;
    Ok(text)
}

/// Length of the longest start of `bytes` that does not end inside a UTF-8 character.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    }
}

/// Checkpoints in the run directory, one task each.
struct Checkpoints<'a> {
    run: &'a Run,
    every: usize,
    last: usize,
}

impl CheckpointStore for Checkpoints<'_> {
    fn save(
        &mut self,
        step: usize,
        files: &[(&str, Vec<u8>)],
    ) -> std::result::Result<(), model::StoreError> {
        // A checkpoint made because the run was stopped serves only to go on.
        let regular = step == self.last || (self.every > 0 && step.is_multiple_of(self.every));
        let folder = if regular { "checkpoints" } else { "work/checkpoints" };
        let mut entries = Vec::new();
        for (name, bytes) in files {
            let path = format!("{folder}/step-{step:08}/{name}");
            entries.push(self.run.publish_bytes(&path, bytes)?);
        }
        Ok(self.run.complete(&format!("{CHECKPOINT_TASK}{step:08}"), entries, json!(folder))?)
    }

    fn latest(&self) -> std::result::Result<Option<(usize, CheckpointFiles)>, model::StoreError> {
        let Some(entry) = self.run.last_with_prefix(CHECKPOINT_TASK) else { return Ok(None) };
        let step = entry.task[CHECKPOINT_TASK.len()..].parse()?;
        let mut files = Vec::new();
        for file in &entry.files {
            let name = file.path.rsplit('/').next().unwrap_or_default().to_owned();
            files.push((name, std::fs::read(self.run.path(&file.path))?));
        }
        Ok(Some((step, files)))
    }
}

fn load_latest(checkpoints: &Checkpoints<'_>, device: &str) -> Result<Llama> {
    let latest = checkpoints.latest().map_err(model::ModelError::Store)?;
    let Some((_, files)) = latest else {
        return Err(PipelineError::Empty("the run has no checkpoint".into()));
    };
    Ok(load_model(&files, &model::device::open(device)?)?)
}

/// The model and tokenizer of a finished run.
pub fn load_run_model(root: &Path, device: &str) -> Result<(Llama, AnyTokenizer)> {
    let tokenizer = AnyTokenizer::load(&root.join(tokens::TOKENIZER))?;
    let folder = root.join("checkpoints");
    let failed = |source| PipelineError::Read { path: folder.display().to_string(), source };
    let mut steps = std::fs::read_dir(&folder)
        .map_err(|_| {
            PipelineError::Empty(format!(
                "{} has no model; add `[pretrain]` to its recipe",
                root.display()
            ))
        })?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(failed)?;
    steps.sort();
    let mut files = Vec::new();
    for entry in
        steps.last().map(std::fs::read_dir).transpose().map_err(failed)?.into_iter().flatten()
    {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push((name, std::fs::read(&path).map_err(failed)?));
    }
    Ok((load_model(&files, &model::device::open(device)?)?, tokenizer))
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
