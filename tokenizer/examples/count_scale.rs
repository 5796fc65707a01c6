//! Counting and training on as much text as wanted, out of one compressed file of JSON lines with a
//! field `text`, within a memory limit: `cargo run --release --example count_scale -- JSONL_ZST_FILE SPLIT
//! MEGABYTES MEMORY_BYTES RUN_DIRECTORY VOCAB_SIZE`. A limit of 0 is none; a vocabulary of 0 trains none.
//!
//! The file is read again and again. From the second time on, one word in three hundred is replaced by one
//! that is made up from the number of the pass and its place, so that new words keep coming. One thread.
//!
//! Prints the seconds that the thread ran (by the clock where Linux does not tell), how many words there are, a checksum of words and counts (XXH3-64),
//! the same of the merges, and the peak of resident memory.

#![expect(clippy::print_stdout, reason = "an example that prints what it measured")]

use std::borrow::Cow;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Instant;

use serde::Deserialize;
use tokenizer::{
    BoundedCounts, CountsReader, MergedCounts, Split, TrainConfig, Trainer, WordCounts,
};
use xxhash_rust::xxh3::Xxh3;

/// One word in so many is made up.
const WORDS_PER_NEW_WORD: usize = 300;

/// Letters of a word that is made up.
const NEW_WORD_LETTERS: usize = 8;

type Failure = Box<dyn Error>;

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
}

/// The time this thread has run, in seconds, where Linux tells it (the first number of its scheduler
/// statistics), so that other work on the machine counts little; else the time on the clock.
fn thread_seconds() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = statistics.and_then(|line| line.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| START.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

/// Calls `visit` for texts out of the file, changed from the second pass on, of so many bytes together.
fn visit_texts(
    path: &Path,
    bytes: u64,
    mut visit: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut left, mut line, mut changed) = (bytes, String::new(), String::new());
    for pass in 0_u64.. {
        let mut input =
            BufReader::new(zstd::Decoder::with_buffer(BufReader::new(File::open(path)?))?);
        let mut words = 0;
        loop {
            line.clear();
            if input.read_line(&mut line)? == 0 {
                break;
            }
            let document: Document = serde_json::from_str(&line)?;
            let text: &str = if pass == 0 {
                &document.text
            } else {
                changed.clear();
                change(&document.text, pass, &mut words, &mut changed);
                &changed
            };
            visit(text)?;
            left = left.saturating_sub(text.len() as u64);
            if left == 0 {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Appends `text` with some of its words replaced.
fn change(text: &str, pass: u64, words: &mut usize, out: &mut String) {
    for word in text.split_inclusive(' ') {
        *words += 1;
        if !words.is_multiple_of(WORDS_PER_NEW_WORD) {
            out.push_str(word);
            continue;
        }
        let mut place = [0; 16];
        place[..8].copy_from_slice(&pass.to_le_bytes());
        place[8..].copy_from_slice(&(*words as u64).to_le_bytes());
        let mut random = xxhash_rust::xxh3::xxh3_64(&place);
        for _ in 0..NEW_WORD_LETTERS {
            out.push(char::from(b'a' + (random % 26) as u8));
            random /= 26;
        }
        out.push(' ');
    }
}

/// Prints what was counted.
#[derive(Default)]
struct Digest {
    words: u64,
    occurrences: u64,
    hash: Xxh3,
}

impl Digest {
    fn add(&mut self, word: &[u8], count: u64) {
        self.words += 1;
        self.occurrences += count;
        self.hash.update(word);
        self.hash.update(&count.to_le_bytes());
    }
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, split, megabytes, limit, directory, vocab_size] = &arguments[..] else {
        return Err(
            "usage: count_scale JSONL_ZST_FILE SPLIT MEGABYTES MEMORY_BYTES RUN_DIRECTORY \
                    VOCAB_SIZE"
                .into(),
        );
    };
    let (path, split): (&Path, Split) = (path.as_ref(), split.parse()?);
    let (bytes, limit) = (megabytes.parse::<u64>()? * 1_000_000, limit.parse::<usize>()?);
    let vocab_size: usize = vocab_size.parse()?;
    let config = TrainConfig { vocab_size, split, ..TrainConfig::default() };
    let mut trainer = Trainer::new(&config);
    let mut digest = Digest::default();
    let mut take = |word: &[u8], count| {
        digest.add(word, count);
        if vocab_size > 0 {
            trainer.add_word(word, count);
        }
    };
    let started = thread_seconds();
    if limit == 0 {
        let mut counts = WordCounts::new();
        visit_texts(path, bytes, |text| {
            counts.add_text(split, text);
            Ok(())
        })?;
        println!("count {:.1} s, {} MiB", thread_seconds() - started, counts.memory_bytes() >> 20);
        counts.iter_sorted().for_each(|(word, count)| take(&word, count));
    } else {
        let name = |run| PathBuf::from(directory).join(format!("{run}.counts"));
        #[expect(clippy::disallowed_methods, reason = "an example has no `store`")]
        let mut counts = BoundedCounts::new(split, limit, |run| File::create(name(run)));
        visit_texts(path, bytes, |text| Ok(counts.add_text(text)?))?;
        let runs = counts.finish()?;
        println!("count {:.1} s, {runs} runs", thread_seconds() - started);
        let open = |run| Ok::<_, Failure>((CountsReader::new(File::open(name(run))?)?, 1));
        let mut merged = MergedCounts::new((0..runs).map(open).collect::<Result<_, _>>()?)?;
        while let Some((word, count)) = merged.next_word()? {
            take(word, count);
        }
    }
    let (words, occurrences, hash) = (digest.words, digest.occurrences, digest.hash.digest());
    let seconds = thread_seconds() - started;
    println!("merge {seconds:.1} s, {words} words, {occurrences} pieces, checksum {hash:016x}");
    print_peak();
    if vocab_size > 0 {
        let tokenizer = trainer.train(&mut |_, _| {});
        let checksum = xxhash_rust::xxh3::xxh3_64(tokenizer.to_merges_txt().as_bytes());
        println!("train {:.1} s, merges {checksum:016x}", thread_seconds() - started);
        print_peak();
    }
    Ok(())
}

/// Prints the peak of resident memory, where Linux tells it.
fn print_peak() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
}
