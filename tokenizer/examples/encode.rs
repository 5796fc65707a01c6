//! Measures encoding with a published vocabulary on one thread. The documents are the fields `text`
//! of a file of JSON lines:
//! `cargo run --release -p gristmill-tokenizer --example encode -- FILE ENCODING JSONL_FILE
//! [PASSES [warm] | ids]`
//!
//! FILE is a `.tiktoken` file of the named encoding, or a `tokenizer.json` if ENCODING is `json`.
//! Each pass begins with a new encoder; with `warm`, it keeps the encoder of the pass before. With
//! `ids`, nothing is measured and the ids are written: for each document their number and the ids,
//! each as four bytes, low byte first.
//!
//! Prints the rate of each pass, the number of ids, and a checksum of them (XXH3-64 over the ids as
//! four bytes, low byte first) for comparisons with other tokenizers.

#![expect(clippy::print_stdout, reason = "an example that prints what it measured")]

use std::error::Error;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::sync::LazyLock;
use std::time::Instant;

use serde::Deserialize;
use tokenizer::{Encoder, TiktokenEncoding, Tokenizer};
use xxhash_rust::xxh3::Xxh3;

#[derive(Deserialize)]
struct Document {
    text: String,
}

/// The processor time of this thread in seconds: the first number of its scheduler statistics.
/// Without those, the wall time.
fn thread_seconds() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = statistics.and_then(|line| line.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| START.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

fn write_ids(tokenizer: &Tokenizer, documents: &[Document]) -> Result<(), Box<dyn Error>> {
    let (mut encoder, mut ids) = (Encoder::new(tokenizer), Vec::new());
    let mut out = BufWriter::new(std::io::stdout().lock());
    for document in documents {
        ids.clear();
        encoder.encode(&document.text, &mut ids);
        out.write_all(&u32::try_from(ids.len())?.to_le_bytes())?;
        for id in &ids {
            out.write_all(&id.to_le_bytes())?;
        }
    }
    Ok(out.flush()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [vocabulary, encoding, path, rest @ ..] = &arguments[..] else {
        return Err("usage: encode FILE ENCODING JSONL_FILE [PASSES [warm] | ids]".into());
    };
    let writes_ids = rest.first().is_some_and(|word| word == "ids");
    let passes = rest.first().filter(|_| !writes_ids).map_or(Ok(2), |passes| passes.parse())?;
    let stays_warm = rest.get(1).is_some_and(|word| word == "warm");
    let started = thread_seconds();
    let vocabulary = std::fs::read_to_string(vocabulary)?;
    let tokenizer = if encoding == "json" {
        Tokenizer::from_json(&vocabulary)?
    } else {
        let encoding: TiktokenEncoding = encoding.parse()?;
        Tokenizer::from_tiktoken(&vocabulary, encoding.split(), encoding.special_tokens())?
    };
    let load_seconds = thread_seconds() - started;
    let lines = std::fs::read_to_string(path)?;
    let documents = lines.lines().map(serde_json::from_str);
    let documents: Vec<Document> = documents.collect::<Result<_, _>>()?;
    let megabytes =
        documents.iter().map(|document| document.text.len()).sum::<usize>() as f64 / 1e6;
    if writes_ids {
        return write_ids(&tokenizer, &documents);
    }
    println!("load {load_seconds:.2} s");
    let mut encoder = Encoder::new(&tokenizer);
    let mut ids = Vec::new();
    let mut total = 0;
    for _ in 0..passes {
        let started = thread_seconds();
        if !stays_warm {
            encoder = Encoder::new(&tokenizer);
        }
        total = 0;
        for document in &documents {
            ids.clear();
            encoder.encode(&document.text, &mut ids);
            total += black_box(&ids).len();
        }
        let rate = megabytes / (thread_seconds() - started);
        println!("encode {rate:.1} MB/s");
    }
    let mut checksum = Xxh3::new();
    for document in &documents {
        ids.clear();
        encoder.encode(&document.text, &mut ids);
        ids.iter().for_each(|id| checksum.update(&id.to_le_bytes()));
    }
    println!("{total} ids, checksum {:016x}", checksum.digest());
    Ok(())
}
