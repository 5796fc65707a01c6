//! Measures how the time of training and encoding grows with the length of a text that is one word:
//! `cargo run --release -p gristmill-tokenizer --example doubling -- [FILE ENCODING]...`
//!
//! Prints the milliseconds of processor time at doubling lengths, the best of several rounds, and
//! the factors between them; linear time has the factor 2. The encoders are one trained on the same
//! kind of text, and those of the `.tiktoken` files in the arguments.

#![expect(clippy::print_stdout, reason = "an example that prints what it measured")]

use std::error::Error;
use std::sync::LazyLock;
use std::time::Instant;

use tokenizer::{
    Split, TiktokenEncoding, Tokenizer, TokenizerError, TrainConfig, WordCounts, train,
};

/// How often each length is measured.
const ROUNDS: usize = 3;

/// The shortest measurement, in seconds. Shorter work is repeated.
const LEAST_SECONDS: f64 = 0.1;

/// How often the length doubles.
const DOUBLINGS: usize = 4;

/// A kind of text: its name, the first length, and a function that makes a text of a length.
type Kind = (&'static str, usize, fn(usize) -> String);

const KINDS: [Kind; 5] = [
    ("one letter, to 2 million", 125_000, |length| "a".repeat(length)),
    ("one emoji, to 200,000", 12_500, |length| "🦀".repeat(length)),
    ("letters without a space, to 2 MB", 125_000, |length| letters(length, 26)),
    ("two letters without a space, to 2 MB", 125_000, |length| letters(length, 2)),
    ("one space, to 2 million", 125_000, |length| " ".repeat(length)),
];

/// Pseudo-random letters, from the linear congruential generator of Numerical Recipes.
fn letters(length: usize, kinds: u32) -> String {
    let mut state = 1_u32;
    let mut letter = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + ((state >> 16) % kinds) as u8)
    };
    (0..length).map(|_| letter()).collect()
}

/// The processor time of this thread in seconds: the first number of its scheduler statistics.
/// Without those, the wall time.
fn thread_seconds() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = statistics.and_then(|line| line.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| START.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

fn trained(text: &str) -> Result<Tokenizer, TokenizerError> {
    let mut counts = WordCounts::new();
    counts.add_text(Split::Gpt4, text);
    let config = TrainConfig { vocab_size: 1000, min_frequency: 0, ..TrainConfig::default() };
    train(&counts, &config, &mut |_, _| {})
}

/// The seconds that `work` takes, measured over enough repeats.
fn measured(work: &dyn Fn() -> Result<(), TokenizerError>) -> Result<f64, TokenizerError> {
    let started = thread_seconds();
    let mut repeats = 0_u32;
    loop {
        work()?;
        repeats += 1;
        let seconds = thread_seconds() - started;
        if seconds > LEAST_SECONDS {
            return Ok(seconds / f64::from(repeats));
        }
    }
}

fn print_times(
    name: &str,
    first: usize,
    text: fn(usize) -> String,
    work: impl Fn(&str) -> Result<(), TokenizerError>,
) -> Result<(), TokenizerError> {
    let mut seconds = Vec::new();
    for doubling in 0..=DOUBLINGS {
        let text = text(first << doubling);
        let mut best = f64::INFINITY;
        for _ in 0..ROUNDS {
            best = best.min(measured(&|| work(&text))?);
        }
        seconds.push(best);
    }
    let times: Vec<String> =
        seconds.iter().map(|seconds| format!("{:.2}", seconds * 1e3)).collect();
    let factors = seconds.windows(2).map(|pair| format!("{:.2}", pair[1] / pair[0]));
    println!("{name}: {} ms, factors {}", times.join(" "), factors.collect::<Vec<_>>().join(" "));
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    // Training works on rayon's threads. With this thread as the only one, its time is measured.
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut published = Vec::new();
    for pair in arguments.chunks_exact(2) {
        let encoding: TiktokenEncoding = pair[1].parse()?;
        let ranks = std::fs::read_to_string(&pair[0])?;
        let (split, special) = (encoding.split(), encoding.special_tokens());
        published.push((&pair[1], Tokenizer::from_tiktoken(&ranks, split, special)?));
    }
    for (name, first, text) in KINDS {
        print_times(&format!("train, {name}"), first, text, |text| trained(text).map(|_| ()))?;
        let own = trained(&text(first))?;
        let encode = |tokenizer: &Tokenizer, text: &str| {
            tokenizer.encode(text, &mut Vec::new());
            Ok(())
        };
        print_times(&format!("encode, {name}"), first, text, |text| encode(&own, text))?;
        for (encoding, tokenizer) in &published {
            let name = format!("encode with {encoding}, {name}");
            print_times(&name, first, text, |text| encode(tokenizer, text))?;
        }
    }
    Ok(())
}
