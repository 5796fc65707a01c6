//! `gristmill pretrain SHARDS …`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;

use model::{ModelConfig, TrainConfig};
use pipeline::{Event, Observer, PipelineError, Pretraining, load_model_folder};
use serde_json::json;
use store::shards::ShardManifest;

use crate::arguments::PretrainArguments;
use crate::failure::Failure;
use crate::output::{human_bytes, human_count};
use crate::printer::Printer;
use crate::progress::Progress;

pub(crate) fn main(
    arguments: &PretrainArguments,
    threads: Option<usize>,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let what = Pretraining {
        shards: arguments.shards.clone(),
        model: shape(arguments)?,
        train: settings(arguments),
        output: arguments.output.clone(),
        resume: arguments.resume,
        initial: arguments.init.clone(),
    };
    let progress = Timed { progress: Progress::new(printer), seconds: Mutex::new((0, 0.0)) };
    let pool = worker_threads(threads)?;
    let summary = pool.install(|| pipeline::pretrain_shards(&what, &progress))?;
    let (Some(step), Some(last)) = (summary.curve.steps.last(), summary.curve.validations.last())
    else {
        return Ok(ExitCode::SUCCESS);
    };
    let speed = progress.tokens_per_second();
    let plan = model::plan(&what.model, &what.train, 1);
    let flops_per_second = speed * plan.flops_per_token as f64;
    let memory = peak_memory_bytes();
    if printer.json() {
        let object = json!({
            "output": arguments.output,
            "step": summary.step,
            "parameters": summary.n_parameters,
            "training_loss": step.loss,
            "loss": last.evaluation.nats_per_token,
            "bits_per_byte": last.evaluation.bits_per_byte,
            "tokens_per_second": speed,
            "flops_per_second": flops_per_second,
            "peak_memory_bytes": memory,
        });
        printer.object("pretrain", &object);
    } else {
        let parameters = human_count(summary.n_parameters as u64);
        printer.say(format!(
            "  {parameters} parameters, {} tokens/s, {:.1} GFLOP/s, peak memory {} → {}",
            human_count(speed as u64),
            flops_per_second / 1e9,
            memory.map_or_else(|| "not known".into(), human_bytes),
            arguments.output.display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The shape of the model: that of a file, of a preset, or of the model to start from.
fn shape(arguments: &PretrainArguments) -> Result<ModelConfig, Failure> {
    let folder = pipeline::dataset::folder(&arguments.shards)?;
    let vocab_size = ShardManifest::read(&folder)?.vocab_size;
    let mut config = match (&arguments.config, &arguments.preset, &arguments.init) {
        (Some(file), ..) => read_shape(file)?,
        (None, None, Some(init)) => {
            let context = arguments.context.unwrap_or_default();
            load_model_folder(init, context, "cpu")?.model.config().clone()
        }
        (None, preset, _) => {
            let preset = preset.as_deref().unwrap_or("tiny");
            ModelConfig::preset(preset, vocab_size).map_err(PipelineError::from)?
        }
    };
    if let Some(context) = arguments.context {
        config.context = context;
    }
    Ok(config)
}

/// Threads for a model; as many as there are cores where the number is not given.
pub(crate) fn worker_threads(threads: Option<usize>) -> Result<rayon::ThreadPool, Failure> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build();
    pool.map_err(|e| Failure::usage(format!("no worker threads: {e}"), "lower --threads"))
}

/// The shape in a MODEL.toml.
pub(crate) fn read_shape(file: &Path) -> Result<ModelConfig, Failure> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("{name}: {error}"), "name a MODEL.toml"))?;
    toml::from_str(&text).map_err(|error| {
        let help = "it spells vocab_size, dim, layers, heads, kv_heads, ffn_dim, tie_embeddings, \
                    qk_norm, rope_theta, norm_eps";
        Failure::usage(format!("{name}: {}", error.to_string().trim_end()), help)
    })
}

fn settings(arguments: &PretrainArguments) -> TrainConfig {
    let steps = arguments.steps;
    TrainConfig {
        steps,
        batch_size: arguments.batch,
        micro_batch_size: arguments.micro_batch,
        optimizer: arguments.optimizer.into(),
        learning_rate: arguments.lr,
        schedule: arguments.schedule.into(),
        warmup_steps: arguments.warmup.unwrap_or(steps / 10),
        weight_decay: arguments.weight_decay,
        z_loss: arguments.z_loss,
        recompute: arguments.recompute,
        spike_skip: arguments.skip_spikes,
        eval_every: arguments.eval_every,
        eval_batches: arguments.eval_batches,
        checkpoint_every: arguments.checkpoint_every,
        seed: arguments.seed,
        device: arguments.device.clone(),
        ..TrainConfig::default()
    }
}

/// Shows progress and adds up how long steps took.
struct Timed {
    progress: Progress,
    /// Steps, and the sum of seconds a token.
    seconds: Mutex<(u64, f64)>,
}

impl Timed {
    /// Over all steps, which have as many tokens each.
    fn tokens_per_second(&self) -> f64 {
        let (steps, seconds) = *self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        if seconds > 0.0 { steps as f64 / seconds } else { 0.0 }
    }
}

impl Observer for Timed {
    fn event(&self, event: &Event) {
        if let Event::Trained { tokens_per_second, .. } = event {
            let mut sum = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
            sum.0 += 1;
            sum.1 += 1.0 / tokens_per_second.max(1e-9);
        }
        self.progress.event(event);
    }

    fn should_stop(&self) -> bool {
        self.progress.should_stop()
    }
}

/// The most memory that this process has held, where the system tells.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}
