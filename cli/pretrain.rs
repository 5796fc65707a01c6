//! `gristmill pretrain SHARDS …`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use model::ModelConfig;
use serde_json::json;
use shards::dataset::ShardManifest;
use store::{Event, Observer};
use training::{Pretraining, load_model_folder};

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
        train: arguments.train.clone(),
        output: arguments.output.clone(),
        resume: arguments.resume,
        initial: arguments.init.clone(),
    };
    let progress = Timed { progress: Progress::new(printer), seconds: Mutex::new((0, 0.0)) };
    let pool = pipeline::worker_threads(threads)?;
    let summary = pool.install(|| training::pretrain_shards(&what, &progress))?;
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
            memory.map_or_else(|| "unknown".into(), human_bytes),
            arguments.output.display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The model's shape: from a file, from the initial model, or from a preset.
fn shape(arguments: &PretrainArguments) -> Result<ModelConfig, Failure> {
    let folder = training::dataset::folder(&arguments.shards)?;
    let vocab_size = ShardManifest::read(&folder)?.vocab_size;
    let mut config = match (&arguments.config, &arguments.preset, &arguments.init) {
        (Some(file), ..) => read_shape(file)?,
        (None, None, Some(init)) => {
            // 0 means the model's own context length.
            let context = arguments.context.unwrap_or(0);
            load_model_folder(init, context, "cpu")?.model.config().clone()
        }
        (None, preset, _) => {
            let preset = preset.as_deref().unwrap_or("tiny");
            ModelConfig::preset(preset, vocab_size)?
        }
    };
    if let Some(context) = arguments.context {
        config.context = context;
    }
    Ok(config)
}

/// Reads a model's shape from a MODEL.toml.
pub(crate) fn read_shape(file: &Path) -> Result<ModelConfig, Failure> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!("{name}: {error}"), "give a TOML file with the model's shape")
    })?;
    toml::from_str(&text).map_err(|error| {
        let help = "its keys are vocab_size, dim, layers, heads, kv_heads, ffn_dim, \
                    tie_embeddings, qk_norm, rope_theta, norm_eps";
        Failure::usage(format!("{name}: {}", error.to_string().trim_end()), help)
    })
}

/// Shows progress and measures the speed.
struct Timed {
    progress: Progress,
    /// Steps, and the sum of their seconds per token.
    seconds: Mutex<(u64, f64)>,
}

impl Timed {
    /// The mean speed. All steps have the same number of tokens, so the harmonic mean is exact.
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

/// The peak memory of this process; `None` where the system does not report it.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}
