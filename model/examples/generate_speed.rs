//! Time to the first token, and tokens per second, of generation from a model in Hugging Face's
//! layout.
//!
//! `cargo run -p gristmill-model --release --example generate_speed -- FOLDER [prompt ids [new ids
//! [rounds]]]`, by default 512, 128 and 3. `RAYON_NUM_THREADS` sets the number of threads.
//! `benches/generate_speed.py` compares it with `transformers`.

#![expect(clippy::print_stdout, reason = "a command-line program")]

use std::path::PathBuf;

use candle_core::Device;
use model::{GenerateConfig, from_hf_files, generate_timed, random_for, read_hf_folder};
use rand_chacha::rand_core::RngCore;
use serde_json::json;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("give a folder")?);
    let mut number = |default| arguments.next().map_or(Ok(default), |number| number.parse());
    let (prompt, max_tokens, rounds) = (number(512)?, number(128)?, number(3)?);
    let model = from_hf_files(&read_hf_folder(&folder)?, 0, &Device::Cpu)?;
    let mut random = random_for(1, "generate_speed");
    let vocab_size = model.config().vocab_size as u32;
    let prompt: Vec<u32> = (0..prompt).map(|_| random.next_u32() % vocab_size).collect();
    let settings = GenerateConfig { max_tokens, temperature: 0.0, ..GenerateConfig::default() };
    for _ in 0..rounds {
        let found = generate_timed(&model, &prompt, &settings, &mut |_| true)?;
        // Every new token reads all parameters, except the rows of an untied embedding table.
        let config = model.config();
        let table = if config.tie_embeddings { 0 } else { config.vocab_size * config.dim };
        let bytes = 4 * (config.n_parameters() - table);
        let result = json!({
            "prompt": prompt,
            "seconds_to_first_token": found.seconds_to_first_token,
            "tokens_per_second": found.tokens_per_second,
            "gigabytes_per_second": found.tokens_per_second * bytes as f64 / 1e9,
            "ids": found.ids,
        });
        println!("{result}");
    }
    Ok(())
}
