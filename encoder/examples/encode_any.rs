//! Encodes the fields `text` of a file of JSON lines with a tokenizer from any kind of file:
//! `cargo run --release -p gristmill-encoder --example encode_any -- TOKENIZER JSONL_FILE [ids]`
//!
//! Prints the kind of the tokenizer, the rate in wall time, the number of ids and a checksum of
//! them (XXH3-64 over the ids as four bytes, low byte first). With `ids`, it prints only the ids of
//! each text as a line of JSON.

#![expect(clippy::print_stdout, reason = "an example that prints what it measured")]

use std::error::Error;
use std::time::Instant;

use encoder::AnyTokenizer;
use xxhash_rust::xxh3::Xxh3;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [tokenizer, path, rest @ ..] = &arguments[..] else {
        return Err("usage: encode_any TOKENIZER JSONL_FILE [ids]".into());
    };
    let tokenizer = AnyTokenizer::load(tokenizer.as_ref())?;
    let print_ids = rest.first().is_some_and(|word| word == "ids");
    let lines = std::fs::read_to_string(path)?;
    let mut texts = Vec::new();
    for line in lines.lines() {
        let document: serde_json::Value = serde_json::from_str(line)?;
        texts.push(document["text"].as_str().ok_or("a line without text")?.to_owned());
    }
    let megabytes = texts.iter().map(String::len).sum::<usize>() as f64 / 1e6;
    let (mut encoder, mut ids) = (tokenizer.encoder(), Vec::new());
    let (mut checksum, mut total) = (Xxh3::new(), 0);
    let started = Instant::now();
    for text in &texts {
        ids.clear();
        encoder.encode(text, &mut ids)?;
        if print_ids {
            println!("{}", serde_json::to_string(&ids)?);
        }
        total += ids.len();
        ids.iter().for_each(|id| checksum.update(&id.to_le_bytes()));
    }
    if !print_ids {
        let rate = megabytes / started.elapsed().as_secs_f64();
        let (kind, checksum) = (tokenizer.kind(), checksum.digest());
        println!("{kind}: encode {rate:.1} MB/s, {total} ids, checksum {checksum:016x}");
    }
    Ok(())
}
