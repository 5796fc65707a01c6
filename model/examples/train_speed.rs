//! Training speed in tokens per second, on random tokens.
//!
//! `cargo run -p gristmill-model --release --example train_speed [-- reference|25m|PRESET [steps [muon]]]`;
//! `reference` is the 5.3 M model of the PyTorch baseline. `RAYON_NUM_THREADS` sets the threads.
//! `benches/train_speed.py` compares it with PyTorch.

#![expect(clippy::print_stdout, reason = "a command-line program")]

use model::{
    CheckpointFiles, CheckpointStore, Control, ModelConfig, ModelError, OptimizerKind, Progress,
    StoreError, TrainConfig, pretrain, random,
};
use rand_chacha::rand_core::RngCore;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Forgets every checkpoint.
struct Nowhere;

impl CheckpointStore for Nowhere {
    fn save(&mut self, _: usize, _: &[(&str, Vec<u8>)]) -> Result<(), StoreError> {
        Ok(())
    }

    fn latest(&self) -> Result<Option<(usize, CheckpointFiles)>, StoreError> {
        Ok(None)
    }
}

fn main() -> Result<(), ModelError> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "reference".to_owned());
    let steps = arguments.next().and_then(|steps| steps.parse().ok()).unwrap_or(12);
    let optimizer = match arguments.next().as_deref() {
        Some("muon") => OptimizerKind::Muon,
        _ => OptimizerKind::Adamw,
    };
    let untied = ModelConfig { tie_embeddings: false, ..ModelConfig::preset("tiny", 4096)? };
    let config = match name.as_str() {
        "reference" => ModelConfig { dim: 256, n_heads: 4, n_kv_heads: 4, ffn_dim: 704, ..untied },
        "25m" => ModelConfig {
            dim: 512,
            n_layers: 6,
            n_heads: 8,
            n_kv_heads: 8,
            ffn_dim: 1536,
            ..untied
        },
        preset => ModelConfig::preset(preset, 4096)?,
    };
    let settings = TrainConfig {
        steps,
        eval_batches: 1,
        warmup_steps: 2,
        optimizer,
        device: "cpu".to_owned(),
        ..TrainConfig::default()
    };
    let mut random = random::keyed(1, "train_speed");
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
    let summary =
        pretrain(&config, &settings, &tokens, &tokens, &bytes, &mut Nowhere, &mut observer)?;
    speeds.sort_by(f64::total_cmp);
    let median = speeds.get(speeds.len() / 2).copied().unwrap_or_default();
    println!("{name}: {} parameters, median {median:.0} tokens/s", summary.n_parameters);
    Ok(())
}
