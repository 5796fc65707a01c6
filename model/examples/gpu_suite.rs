//! Parity and speed on a GPU: the composite operations there against the fused ones on the CPU, and
//! tokens per second of training steps. On a machine with several GPUs it also trains on all of
//! them.
//!
//! `gpu_suite [DEVICE [PRESET [ROWS [STEPS]]]]`, by default `cuda base 16 20`. The device `cpu`
//! runs the composite operations on the CPU, to try the suite without a GPU. It prints one JSON
//! object per line, and ends with an error if a figure is out of bounds. `benches/gpu/run.sh`
//! builds it and compares it with PyTorch.

#![expect(clippy::print_stdout, reason = "a command-line program")]

mod windows;

use std::time::Instant;

use candle_core::{Device, Tensor};
use model::{
    Activation, Control, Kernels, Lanes, Llama, ModelConfig, NoCheckpoints, Optimizer, Parameters,
    Rows, StepNumbers, TrainConfig, TrainingData, norms, open_device, open_devices, plan, pretrain,
    random_for,
};
use rand_chacha::rand_core::RngCore;
use serde_json::json;

use crate::windows::Windows;

type Failure = Box<dyn std::error::Error>;

/// Peak operations per second of one H100 SXM: dense bfloat16, and plain f32 without TF32 (NVIDIA's
/// data sheet).
const H100_BF16: f64 = 989e12;
const H100_F32: f64 = 67e12;

fn ids(count: usize, vocab_size: usize) -> Vec<u32> {
    let mut random = random_for(5, "gpu suite");
    (0..count).map(|_| random.next_u32() % vocab_size as u32).collect()
}

fn plain() -> ModelConfig {
    ModelConfig {
        vocab_size: 500,
        dim: 96,
        n_layers: 3,
        n_heads: 6,
        n_kv_heads: 2,
        ffn_dim: 160,
        context: 200,
        tie_embeddings: false,
        ..ModelConfig::default()
    }
}

fn shapes() -> Vec<(&'static str, ModelConfig)> {
    vec![
        ("plain", plain()),
        ("tied", ModelConfig { tie_embeddings: true, ..plain() }),
        ("normed heads", ModelConfig { qk_norm: true, head_dim: 24, ..plain() }),
        ("squared relu", ModelConfig { activation: Activation::Relu2, ..plain() }),
        ("capped logits", ModelConfig { logit_softcap: 15.0, ..plain() }),
    ]
}

fn values(tensor: &Tensor) -> Result<Vec<f32>, Failure> {
    Ok(tensor.to_device(&Device::Cpu)?.flatten_all()?.to_vec1()?)
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    let size: f64 = a.iter().map(|x| f64::from(*x).powi(2)).sum();
    let square: f64 = a.iter().zip(b).map(|(x, y)| f64::from(x - y).powi(2)).sum();
    (square / size.max(1e-30)).sqrt()
}

/// The same weights on another device.
fn on(model: &Llama, target: &Device) -> Result<Llama, Failure> {
    let bytes = model.parameters().to_safetensors()?;
    let parameters = Parameters::from_safetensors(model.config(), &bytes, target)?;
    Ok(Llama::new(model.config(), parameters, target)?)
}

/// Compares loss and gradients of every shape, in f32 and with bfloat16 products, on rows with
/// several documents.
fn parity(target: &Device) -> Result<bool, Failure> {
    let mut good = true;
    for (shape, config) in shapes() {
        let model = Llama::init(&config, 3, &Device::Cpu)?;
        let mut rows = Rows::default();
        rows.push(&ids(180, 500), &[40, 41, 120]);
        rows.push(&ids(90, 500), &[]);
        let options = model.loss_options(1.0 / rows.loss_tokens() as f32);
        let (sums, expected) = model.loss_and_gradients(&rows, &options, false)?;
        let other = on(&model, target)?;
        for (kernels, recompute, bound) in [
            (Kernels::Composite, false, 1e-4),
            (Kernels::Composite, true, 1e-4),
            (Kernels::CompositeBf16, false, 3e-2),
        ] {
            let other = other.with_kernels(kernels);
            let (other_sums, found) = other.loss_and_gradients(&rows, &options, recompute)?;
            let mut largest = 0.0_f64;
            for (a, b) in expected.iter().zip(&found) {
                largest = largest.max(distance(&values(a)?, &values(b)?));
            }
            let loss = (sums.nats - other_sums.nats).abs() / sums.nats;
            good &= largest < bound && loss < bound;
            println!(
                "{}",
                json!({ "parity": shape, "kernels": format!("{kernels:?}"), "recompute": recompute,
                        "loss": loss, "largest_gradient_difference": largest, "bound": bound })
            );
        }
    }
    Ok(good)
}

/// Compares the losses of a short run on the CPU, on the device and, for GPUs, on all of them.
fn runs(name: &str) -> Result<bool, Failure> {
    let tokens = ids(20_000, 500);
    let losses = |device: &str| -> Result<Vec<f32>, Failure> {
        let settings = TrainConfig {
            steps: 10,
            batch_size: 7,
            warmup_steps: 2,
            eval_batches: 1,
            device: device.to_owned(),
            ..TrainConfig::default()
        };
        let bytes = vec![1; 500];
        let context = plain().context;
        let batches = Windows { ids: &tokens, context, batch_size: settings.batch_size, seed: 1 };
        let data = TrainingData {
            batches: &batches,
            validation: &tokens,
            token_bytes: &bytes,
            initial: None,
        };
        let go_on = &mut |_: model::Progress<'_>| Control::Continue;
        let summary = pretrain(&plain(), &settings, data, &mut NoCheckpoints, go_on)?;
        Ok(summary.curve.steps.iter().map(|point| point.loss).collect())
    };
    let expected = losses("cpu")?;
    let mut good = true;
    let all = if name.starts_with("cuda") { "cuda:all" } else { name };
    for device in [name, all] {
        let found = losses(device)?;
        let pairs = expected.iter().zip(&found);
        let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        good &= largest < 1e-3;
        let devices = open_devices(device)?.len();
        println!(
            "{}",
            json!({ "run": device, "devices": devices, "steps": found.len(),
                    "largest_difference_of_a_loss": largest, "bound": 1e-3 })
        );
    }
    Ok(good)
}

/// Measures whole training steps in tokens per second: forward, backward, norm, AdamW.
fn speed(
    target: &Device,
    preset: &str,
    (n_rows, steps): (usize, usize),
    (kernels, recompute): (Kernels, bool),
) -> Result<(), Failure> {
    let config = ModelConfig::preset(preset, 50_304)?;
    let model = Llama::init(&config, 1, target)?.with_kernels(kernels);
    let train = TrainConfig { batch_size: n_rows, steps, ..TrainConfig::default() };
    let mut optimizer = Optimizer::new(model.parameters(), train.optimizer_settings())?;
    let lanes = Lanes::for_device(target)?;
    let width = config.context + 1;
    let rows = Rows::of(&ids(n_rows * width, config.vocab_size), n_rows);
    let options = model.loss_options(1.0 / rows.loss_tokens() as f32);
    let mut seconds = Vec::new();
    for step in 1..=steps + 2 {
        let start = Instant::now();
        let (_, gradients) = model.loss_and_gradients(&rows, &options, recompute)?;
        let norm = norms(&gradients)?.iter().map(|norm| norm * norm).sum::<f64>().sqrt();
        let numbers =
            StepNumbers { update: step, learning_rate: 1e-4, gradient_scale: 1.0 / norm.max(1.0) };
        optimizer.step(model.parameters(), &gradients, numbers, &lanes)?;
        target.synchronize()?;
        // The first two steps compile kernels and fill pools.
        if step > 2 {
            seconds.push(start.elapsed().as_secs_f64());
        }
    }
    seconds.sort_by(f64::total_cmp);
    let median = *seconds.get(seconds.len() / 2).ok_or("give at least one step")?;
    let tokens_per_second = (n_rows * config.context) as f64 / median;
    let plan = plan(&config, &train, 1);
    let peak = if kernels == Kernels::CompositeBf16 { H100_BF16 } else { H100_F32 };
    println!(
        "{}",
        json!({ "speed": preset, "kernels": format!("{kernels:?}"), "recompute": recompute,
                "rows": n_rows, "context": config.context, "parameters": plan.parameters,
                "tokens_per_second": tokens_per_second.round(),
                "mfu_of_an_h100": plan.mfu(tokens_per_second, peak) })
    );
    Ok(())
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |index: usize, default: &str| {
        arguments.get(index).cloned().unwrap_or_else(|| default.to_owned())
    };
    let name = argument(0, "cuda");
    let target = open_device(&name)?;
    let good = parity(&target)? & runs(&name)?;
    let preset = argument(1, "base");
    let sizes = (argument(2, "16").parse()?, argument(3, "20").parse()?);
    for kernels in [Kernels::Composite, Kernels::CompositeBf16] {
        for recompute in [false, true] {
            if let Err(error) = speed(&target, &preset, sizes, (kernels, recompute)) {
                // A variant that does not fit into memory must not hide the others. CUDA's message
                // has a backtrace after its first line.
                let error = error.to_string();
                println!(
                    "{}",
                    json!({ "speed": preset, "kernels": format!("{kernels:?}"),
                            "recompute": recompute, "error": error.lines().next() })
                );
            }
        }
    }
    if good { Ok(()) } else { Err("a difference is out of bounds".into()) }
}
