//! A model of single characters, with nanoGPT's recipe for CPUs: 4 layers, 4 heads, width 128,
//! context 64, batch 12, 2,000 steps, no dropout. On TinyShakespeare nanoGPT reaches a validation
//! loss of 1.88 with it.
//!
//! `cargo run -p gristmill-model --release --example characters -- TEXT_FILE [adamw|muon] [seed]`.
//! The last tenth of the file is the validation split.

#![expect(clippy::print_stdout, reason = "a command-line program")]

mod windows;

use model::{
    CheckpointFiles, CheckpointStore, Control, GenerateConfig, ModelConfig, OptimizerKind,
    Progress, StoreError, TrainConfig, TrainingData, generate, load_model, open_device, pretrain,
    unigram_entropy,
};

use crate::windows::Windows;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keeps the last checkpoint.
#[derive(Default)]
struct Last(Option<(usize, CheckpointFiles)>);

impl CheckpointStore for Last {
    fn save(&mut self, step: usize, files: &[(&str, Vec<u8>)]) -> Result<(), StoreError> {
        let files = files.iter().map(|(name, content)| ((*name).to_owned(), content.clone()));
        self.0 = Some((step, files.collect()));
        Ok(())
    }

    fn latest(&self) -> Result<Option<(usize, CheckpointFiles)>, StoreError> {
        Ok(self.0.clone())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let text = std::fs::read_to_string(arguments.next().ok_or("give a text file")?)?;
    let optimizer = match arguments.next().as_deref() {
        Some("muon") => OptimizerKind::Muon,
        Some("adamw") | None => OptimizerKind::Adamw,
        Some(other) => return Err(format!("{other} is neither adamw nor muon").into()),
    };
    let seed = arguments.next().map_or(Ok(1337), |seed| seed.parse())?;
    let mut characters: Vec<char> = text.chars().collect();
    characters.sort_unstable();
    characters.dedup();
    let id = |c: char| characters.binary_search(&c).map(|index| index as u32);
    let ids: Vec<u32> =
        text.chars().map(id).collect::<Result<_, _>>().map_err(|_| "a character without an id")?;
    let (train, validation) = ids.split_at(ids.len() / 10 * 9);
    let validation = validation.to_vec();
    let config = ModelConfig {
        context: 64,
        n_kv_heads: 4,
        ..ModelConfig::preset("tiny", characters.len())?
    };
    let settings = TrainConfig {
        steps: 2_000,
        batch_size: 12,
        warmup_steps: 100,
        beta2: 0.99,
        optimizer,
        eval_every: 250,
        eval_batches: 0,
        checkpoint_every: 0,
        seed,
        device: "cpu".to_owned(),
        ..TrainConfig::default()
    };
    let bytes: Vec<u32> = characters.iter().map(|c| c.len_utf8() as u32).collect();
    let mut store = Last::default();
    let mut observer = |progress: Progress<'_>| {
        if let Progress::Validation(point) = progress {
            let found = &point.evaluation;
            println!(
                "step {:4}: validation {:.4} nats per character, {:.4} bits per byte",
                point.step, found.nats_per_token, found.bits_per_byte
            );
        }
        Control::Continue
    };
    let batches = Windows { ids: train, context: 64, batch_size: settings.batch_size, seed };
    let data = TrainingData {
        batches: &batches,
        validation: &validation,
        token_bytes: &bytes,
        initial: None,
    };
    let summary = pretrain(&config, &settings, data, &mut store, &mut observer)?;
    println!(
        "{} parameters, seed {seed}; entropy of single characters: {:.4}",
        summary.n_parameters,
        unigram_entropy(&validation, characters.len())?
    );
    let (_, files) = store.0.ok_or("no checkpoint")?;
    let model = load_model(&files, &open_device("cpu")?)?;
    let settings = GenerateConfig { max_tokens: 200, ..GenerateConfig::default() };
    let start = id('\n').map_err(|_| "the text has one line only")?;
    let sample = generate(&model, &[start], &settings, &mut |_| true)?;
    let sample: String = sample.iter().filter_map(|id| characters.get(*id as usize)).collect();
    println!("{sample}");
    Ok(())
}
