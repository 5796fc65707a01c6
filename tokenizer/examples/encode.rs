//! Measures encoding with a published vocabulary on one thread; the documents are the fields `text`
//! of a file of JSON lines:
//! `cargo run --release --example encode -- FILE ENCODING JSONL_FILE [PASSES]`, where the vocabulary is a
//! `.tiktoken` file of a named encoding, or a `tokenizer.json` and the encoding is `json`.
//!
//! Prints the rate of each pass, the number of ids, and a checksum of them (FNV-1a over the ids as
//! four bytes, low byte first) that another tokenizer's ids can be compared by.

#![expect(clippy::print_stdout, reason = "an example that prints what it measured")]

use std::error::Error;
use std::time::Instant;

use serde::Deserialize;
use tokenizer::{Encoder, TiktokenEncoding, Tokenizer};

#[derive(Deserialize)]
struct Document {
    text: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [vocabulary, encoding, path, passes @ ..] = &arguments[..] else {
        return Err("usage: encode FILE ENCODING JSONL_FILE [PASSES]".into());
    };
    let passes = passes.first().map_or(Ok(2), |passes| passes.parse())?;
    let started = Instant::now();
    let vocabulary = std::fs::read_to_string(vocabulary)?;
    let tokenizer = if encoding == "json" {
        Tokenizer::from_json(&vocabulary)?
    } else {
        let encoding: TiktokenEncoding = encoding.parse()?;
        Tokenizer::from_tiktoken(&vocabulary, encoding.split(), encoding.special_tokens())?
    };
    println!("load {:.2} s", started.elapsed().as_secs_f64());
    let lines = std::fs::read_to_string(path)?;
    let documents = lines.lines().map(serde_json::from_str);
    let documents: Vec<Document> = documents.collect::<Result<_, _>>()?;
    let megabytes =
        documents.iter().map(|document| document.text.len()).sum::<usize>() as f64 / 1e6;
    let mut encoder = Encoder::new(&tokenizer);
    let mut ids = Vec::new();
    for _ in 0..passes {
        let (mut total, mut checksum) = (0, 0xcbf2_9ce4_8422_2325_u64);
        let mut seconds = 0.0;
        for document in &documents {
            ids.clear();
            let started = Instant::now();
            encoder.encode(&document.text, &mut ids);
            seconds += started.elapsed().as_secs_f64();
            total += ids.len();
            for byte in ids.iter().flat_map(|id| id.to_le_bytes()) {
                checksum = (checksum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
            }
        }
        let rate = megabytes / seconds;
        println!("encode {rate:.1} MB/s, {total} ids, checksum {checksum:016x}");
    }
    Ok(())
}
