//! Measures splitting, counting, training and encoding on a text file:
//! `cargo run --release --example bench -- TEXT_FILE [VOCAB_SIZE]`.
//!
//! Rates are per second of this thread's processor time where Linux tells it, so that other work on
//! the machine counts little; `encode_batch` uses all threads and is per second by the clock.

#![expect(clippy::print_stdout, reason = "an example that prints what it measured")]

use std::error::Error;
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Instant;

use tokenizer::{Encoder, Split, TrainConfig, WordCounts, train};

/// The time on the clock since the first call, in seconds.
fn clock_seconds() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64()
}

/// The time this thread has run, in seconds: the first number of its scheduler statistics.
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

        let started = thread_seconds();
        let config = TrainConfig { vocab_size, split, ..TrainConfig::default() };
        let tokenizer = train(&counts, &config, &mut |_, _| {});
        println!("{split}: train {:.2} s", thread_seconds() - started);

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

        let started = clock_seconds();
        black_box(tokenizer.encode_batch(&documents));
        let rate = megabytes / (clock_seconds() - started);
        println!("{split}: encode_batch {rate:.0} MB/s by the clock");
    }
    Ok(())
}
