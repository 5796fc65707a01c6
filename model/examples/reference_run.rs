//! A short run that another program can repeat in every part: initial weights, batches, losses,
//! logits, greedy text.
//!
//! `cargo run -p gristmill-model --release --example reference_run -- FOLDER [llama|qwen3] [steps]`
//! fills FOLDER. `benches/train_parity.py` runs it and compares with PyTorch and `transformers`.

#![expect(clippy::disallowed_methods, reason = "a program that writes what it measured")]

mod windows;

use std::path::{Path, PathBuf};

use candle_core::Device;
use model::{
    BatchSource, CheckpointFiles, CheckpointStore, Control, GenerateConfig, Llama, ModelConfig,
    Precision, Progress, SpecialIds, StoreError, TrainConfig, TrainingData, from_gguf,
    from_hf_files, generate, load_model, pretrain, random_for, read_hf_folder, to_gguf,
    to_hf_files,
};
use rand_chacha::rand_core::RngCore;
use serde_json::json;

use crate::windows::Windows;

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

fn shape(kind: &str) -> Result<ModelConfig, String> {
    let qwen3 = match kind {
        "llama" => false,
        "qwen3" => true,
        _ => return Err(format!("{kind} is neither llama nor qwen3")),
    };
    Ok(ModelConfig {
        vocab_size: 512,
        dim: 128,
        n_layers: 4,
        n_heads: 8,
        n_kv_heads: 2,
        head_dim: if qwen3 { 32 } else { 0 },
        ffn_dim: 352,
        context: 128,
        tie_embeddings: qwen3,
        qk_norm: qwen3,
        rope_theta: 50_000.0,
        norm_eps: 1e-6,
        ..ModelConfig::default()
    })
}

/// Tokens in which some pairs are far more frequent than others.
fn tokens(count: usize, vocab_size: u32) -> Vec<u32> {
    let mut random = random_for(1, "reference tokens");
    let mut id = 0;
    let mut next = || {
        let draw = random.next_u32();
        id = if draw.is_multiple_of(4) {
            (draw >> 8) % vocab_size
        } else {
            (id * 7 + draw % 3) % vocab_size
        };
        id
    };
    (0..count).map(|_| next()).collect()
}

fn write(folder: &Path, files: &[(&str, Vec<u8>)]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    files.iter().try_for_each(|(name, content)| std::fs::write(folder.join(name), content))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("give a folder")?);
    let kind = arguments.next().unwrap_or_else(|| "llama".to_owned());
    let steps = arguments.next().map_or(Ok(10), |steps| steps.parse())?;
    let (config, device) = (shape(&kind)?, Device::Cpu);
    let settings = TrainConfig {
        steps,
        batch_size: 6,
        learning_rate: 3e-3,
        warmup_steps: 3,
        eval_batches: 1,
        device: "cpu".to_owned(),
        ..TrainConfig::default()
    };
    let tokens = tokens(30_000, config.vocab_size as u32);
    let initial = Llama::init(&config, settings.seed, &device)?;
    write(&folder.join("initial"), &to_hf_files(&initial, SpecialIds::default(), Precision::F32)?)?;
    let (context, batch_size, seed) = (config.context, settings.batch_size, settings.seed);
    let batches = Windows { ids: &tokens, context, batch_size, seed };
    let mut batch_ids = Vec::new();
    for step in 0..steps {
        for row in batches.batch(step)?.rows {
            batch_ids.extend(row.ids.iter().flat_map(|id| id.to_le_bytes()));
        }
    }
    let mut store = Last::default();
    let bytes = vec![1; config.vocab_size];
    let data =
        TrainingData { batches: &batches, validation: &tokens, token_bytes: &bytes, initial: None };
    let go_on = &mut |_: Progress<'_>| Control::Continue;
    let summary = pretrain(&config, &settings, data, &mut store, go_on)?;
    let (_, files) = store.0.ok_or("no checkpoint")?;
    let model = load_model(&files, &device)?;
    write(&folder.join("final"), &to_hf_files(&model, SpecialIds::default(), Precision::F32)?)?;
    let prompt = &tokens[..40];
    let logits = model.logits(prompt, 1)?.flatten_all()?.to_vec1::<f32>()?;
    let greedy = GenerateConfig { max_tokens: 60, temperature: 0.0, ..GenerateConfig::default() };
    let text = generate(&model, prompt, &greedy, &mut |_| true)?;
    // A model must be the same after it was written and read in either format.
    let gguf = to_gguf(&model, "reference", Precision::F32, &[])?;
    let from_hf = from_hf_files(&read_hf_folder(&folder.join("final"))?, 0, &device)?;
    for copy in [from_gguf(&gguf, &device)?, from_hf] {
        let same = copy.config() == model.config()
            && copy.logits(prompt, 1)?.flatten_all()?.to_vec1::<f32>()? == logits;
        if !same {
            return Err("a model differs after it was written and read".into());
        }
    }
    let curve = summary.curve.steps.iter();
    let result = json!({
        "losses": curve.clone().map(|point| point.loss).collect::<Vec<_>>(),
        "gradient_norms": curve.clone().map(|point| point.gradient_norm).collect::<Vec<_>>(),
        "learning_rates": curve.map(|point| point.learning_rate).collect::<Vec<_>>(),
        "batch_size": settings.batch_size,
        "row": config.context + 1,
        "prompt": prompt,
        "greedy": text,
    });
    let logits = logits.iter().flat_map(|logit| logit.to_le_bytes()).collect();
    write(
        &folder,
        &[
            ("batches.u32", batch_ids),
            ("logits.f32", logits),
            ("model.gguf", gguf),
            ("run.json", result.to_string().into_bytes()),
        ],
    )?;
    Ok(())
}
