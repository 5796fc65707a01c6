//! A model of single characters, by nanoGPT's recipe for CPUs: 4 layers, 4 heads, width 128, context 64, batch
//! 12, 2,000 steps, no dropout. On TinyShakespeare nanoGPT reaches a validation loss of 1.88 with it.
//!
//! `cargo run -p gristmill-model --release --example characters -- TEXT_FILE [adamw|muon] [seed]`. The last tenth
//! of the file is the validation split.

#![expect(clippy::print_stdout, reason = "a command-line program")]

use model::{
    CheckpointFiles, CheckpointStore, Control, GenerateConfig, ModelConfig, OptimizerKind,
    Progress, StoreError, TrainConfig, generate, load_model, pretrain, unigram_entropy,
};

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
        _ => OptimizerKind::Adamw,
    };
    let seed = arguments.next().map_or(Ok(1337), |seed| seed.parse())?;
    let mut characters: Vec<char> = text.chars().collect();
    characters.sort_unstable();
    characters.dedup();
    let id = |c: char| characters.binary_search(&c).unwrap_or(0) as u32;
    let ids: Vec<u32> = text.chars().map(id).collect();
    let (train, validation) = ids.split_at(ids.len() / 10 * 9);
    let (train, validation) = (train.to_vec(), validation.to_vec());
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
                "step {:4}: validation {:.4} nats a character, {:.4} bits a byte",
                point.step, found.nats_per_token, found.bits_per_byte
            );
        }
        Control::Continue
    };
    let summary =
        pretrain(&config, &settings, &train, &validation, &bytes, &mut store, &mut observer)?;
    println!(
        "{} parameters, seed {seed}; characters alone: {:.4}",
        summary.n_parameters,
        unigram_entropy(&validation, characters.len())
    );
    let (_, files) = store.0.ok_or("no checkpoint")?;
    let model = load_model(&files, &model::device::open("cpu")?)?;
    let settings = GenerateConfig { max_tokens: 200, ..GenerateConfig::default() };
    let sample = generate(&model, &[id('\n')], &settings, &mut |_| true)?;
    let sample: String = sample.iter().filter_map(|id| characters.get(*id as usize)).collect();
    println!("{sample}");
    Ok(())
}
