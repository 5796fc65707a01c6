//! Measures splitting, counting, training and encoding on a text file:
//! `cargo run --release -p gristmill-tokenizer --example bench -- TEXT_FILE [VOCAB_SIZE]`.
//!
//! Rates are per second of this thread's processor time on Linux, so that other work on the machine
//! matters little, and per second of wall time on other systems. Training uses all threads.

#![expect(clippy::print_stdout, reason = "an example that prints what it measured")]

use std::error::Error;
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Instant;

use tokenizer::{Encoder, Split, TrainConfig, WordCounts, train};

/// The wall time since the first call, in seconds.
fn clock_seconds() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64()
}

/// The processor time of this thread in seconds: the first number of its scheduler statistics.
/// Without those, the wall time.
fn thread_seconds() -> f64 {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = statistics.and_then(|line| line.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(clock_seconds, |nanoseconds| nanoseconds / 1e9)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: bench TEXT_FILE [VOCAB_SIZE]")?;
    let vocab_size = arguments.next().map_or(Ok(32_768), |size| size.parse())?;
    let text = std::fs::read_to_string(path)?;
    let documents: Vec<&str> = text.split_inclusive('\n').collect();
    let megabytes = text.len() as f64 / 1e6;
    for split in [Split::Gpt2, Split::Gpt4, Split::O200k] {
        let started = thread_seconds();
        let pieces: usize = documents.iter().map(|text| split.pieces(text).count()).sum();
        let rate = megabytes / (thread_seconds() - started);
        println!("{split}: split {rate:.0} MB/s, {pieces} pieces");

        let started = thread_seconds();
        let mut counts = WordCounts::new();
        for document in &documents {
            counts.add_text(split, document);
        }
        let rate = megabytes / (thread_seconds() - started);
        let memory_megabytes = counts.memory_bytes() / 1_000_000;
        println!("{split}: count {rate:.0} MB/s, {} words, {memory_megabytes} MB", counts.len());

        let started = clock_seconds();
        let config = TrainConfig { vocab_size, split, min_frequency: 0, ..TrainConfig::default() };
        let tokenizer = train(&counts, &config, &mut |_, _| {})?;
        println!("{split}: train {:.2} s", clock_seconds() - started);

        let started = thread_seconds();
        let mut encoder = Encoder::new(&tokenizer);
        let (mut ids, mut total) = (Vec::new(), 0);
        for document in &documents {
            ids.clear();
            encoder.encode(document, &mut ids);
            total += black_box(&ids).len();
        }
        let rate = megabytes / (thread_seconds() - started);
        println!("{split}: encode {rate:.0} MB/s, {total} ids");
    }
    Ok(())
}
