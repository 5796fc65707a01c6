//! Training speed in tokens per second, on random tokens.
//!
//! `cargo run -p gristmill-model --release --example train_speed [-- SHAPE [steps
//! [muon|recompute]]]`, where SHAPE is `reference` (the 5.3 M model of the PyTorch baseline),
//! `25m`, a preset with 4,096 ids, or `vocabulary,dim,layers,heads,ffn,context,batch`, untied like
//! the first two. `RAYON_NUM_THREADS` sets the number of threads. `benches/train_speed.py` compares
//! it with PyTorch.

#![expect(clippy::print_stdout, reason = "a command-line program")]

mod windows;

use model::{
    Control, ModelConfig, NoCheckpoints, OptimizerKind, Progress, TrainConfig, TrainingData, plan,
    pretrain, random_for,
};
use rand_chacha::rand_core::RngCore;

use crate::windows::Windows;

type Failure = Box<dyn std::error::Error>;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The model and the rows of a batch.
fn shape(name: &str) -> Result<(ModelConfig, usize), Failure> {
    let numbers = match name {
        "reference" => [4096, 256, 4, 4, 704, 256, 16],
        "25m" => [4096, 512, 6, 8, 1536, 256, 16],
        _ if name.contains(',') => {
            let numbers: Vec<usize> = name.split(',').map(str::parse).collect::<Result<_, _>>()?;
            let expected = "give vocabulary,dim,layers,heads,ffn,context,batch";
            numbers.try_into().map_err(|_| expected)?
        }
        _ => return Ok((ModelConfig::preset(name, 4096)?, 16)),
    };
    let [vocab_size, dim, n_layers, n_heads, ffn_dim, context, batch_size] = numbers;
    let config = ModelConfig {
        vocab_size,
        dim,
        n_layers,
        n_heads,
        n_kv_heads: n_heads,
        ffn_dim,
        context,
        tie_embeddings: false,
        ..ModelConfig::default()
    };
    Ok((config, batch_size))
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "reference".to_owned());
    let steps = arguments.next().map_or(Ok(12), |steps| steps.parse())?;
    let option = arguments.next();
    let option = option.as_deref().unwrap_or("adamw");
    if !["adamw", "muon", "recompute"].contains(&option) {
        return Err(format!("{option} is neither muon nor recompute").into());
    }
    let (config, batch_size) = shape(&name)?;
    let settings = TrainConfig {
        steps,
        batch_size,
        eval_batches: 1,
        warmup_steps: 2,
        optimizer: if option == "muon" { OptimizerKind::Muon } else { OptimizerKind::Adamw },
        recompute: option == "recompute",
        device: "cpu".to_owned(),
        ..TrainConfig::default()
    };
    let plan = plan(&config, &settings, rayon::current_num_threads());
    let mut random = random_for(1, "train_speed");
    let tokens: Vec<u32> =
        (0..2_000_000).map(|_| random.next_u32() % config.vocab_size as u32).collect();
    let mut speeds = Vec::new();
    let mut observer = |progress: Progress<'_>| {
        if let Progress::Step { point, tokens_per_second } = progress {
            println!(
                "step {:3} loss {} gradient norm {} {tokens_per_second:.0} tokens/s",
                point.step, point.loss, point.gradient_norm
            );
            speeds.push(tokens_per_second);
        }
        Control::Continue
    };
    let bytes = vec![1; config.vocab_size];
    let batches = Windows { ids: &tokens, context: config.context, batch_size, seed: 1 };
    let data =
        TrainingData { batches: &batches, validation: &tokens, token_bytes: &bytes, initial: None };
    let summary = pretrain(&config, &settings, data, &mut NoCheckpoints, &mut observer)?;
    speeds.sort_by(f64::total_cmp);
    let median = speeds.get(speeds.len() / 2).ok_or("give at least one step")?;
    println!(
        "{name}: {} parameters, planned peak {:.0} MB, median {median:.0} tokens/s",
        summary.n_parameters,
        plan.memory.training as f64 / f64::from(1 << 20)
    );
    Ok(())
}
