//! Measures training as a whole, from a compressed file of JSON lines with a field `text` to the
//! tokenizer: reading, parsing, splitting, counting, learning.
//! `cargo run --release --example train -- JSONL_ZST_FILE SPLIT VOCAB_SIZE THREADS [MEMORY_BYTES RUN_DIRECTORY]`
//!
//! With a memory limit, counting puts sorted runs aside in the directory and the trainer reads their
//! merger. Prints the times by the clock, the peak of resident memory and a checksum of the merges
//! (the XXH3-64 of `merges.txt`).

#![expect(clippy::print_stdout, reason = "an example that prints what it measured")]

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::Deserialize;
use tokenizer::{
    BoundedCounts, CountsReader, MergedCounts, Split, TrainConfig, Trainer, WordCounts, train,
};

/// Bytes of lines that a thread gets at a time.
const BLOCK_BYTES: usize = 1 << 20;

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    text: std::borrow::Cow<'a, str>,
}

/// Sends blocks of whole lines of the decompressed file.
fn read_blocks(path: &Path, send: impl Fn(Vec<u8>) -> bool) -> Result<(), Failure> {
    let mut input = zstd::Decoder::with_buffer(BufReader::new(File::open(path)?))?;
    let mut rest = Vec::new();
    loop {
        let mut block = std::mem::take(&mut rest);
        if input.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut block)? == 0 {
            send(block);
            return Ok(());
        }
        if let Some(end) = block.iter().rposition(|&byte| byte == b'\n') {
            rest = block.split_off(end + 1);
        } else {
            rest = std::mem::take(&mut block);
        }
        if !send(block) {
            return Ok(());
        }
    }
}

/// Calls `visit` for the texts of the blocks that come.
fn visit_texts(
    blocks: &Mutex<Receiver<Vec<u8>>>,
    mut visit: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    loop {
        let received = blocks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(block) = received else { return Ok(()) };
        for line in block.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let document: Document = serde_json::from_slice(line)?;
            visit(&document.text)?;
        }
    }
}

/// Runs `work` on each of `threads` threads, with the number of the thread.
fn on_blocks<T: Send>(
    path: &Path,
    threads: usize,
    work: impl Fn(usize, &Mutex<Receiver<Vec<u8>>>) -> Result<T, Failure> + Sync,
) -> Result<Vec<T>, Failure> {
    let (sender, receiver) = sync_channel(threads * 2);
    let receiver = Mutex::new(receiver);
    std::thread::scope(|scope| {
        let (work, receiver) = (&work, &receiver);
        let workers: Vec<_> =
            (0..threads).map(|number| scope.spawn(move || work(number, receiver))).collect();
        read_blocks(path, |block| sender.send(block).is_ok())?;
        drop(sender);
        let join = |worker: std::thread::ScopedJoinHandle<'_, Result<T, Failure>>| {
            worker.join().map_err(|_| "a thread panicked")?
        };
        workers.into_iter().map(join).collect()
    })
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, split, vocab_size, threads, memory @ ..] = &arguments[..] else {
        return Err(
            "usage: train JSONL_ZST_FILE SPLIT VOCAB_SIZE THREADS [MEMORY_BYTES RUN_DIRECTORY]"
                .into(),
        );
    };
    let (path, split): (&Path, Split) = (path.as_ref(), split.parse()?);
    let threads: usize = threads.parse()?;
    let config = TrainConfig { vocab_size: vocab_size.parse()?, split, ..TrainConfig::default() };
    config.validate()?;
    let started = Instant::now();
    let tokenizer = if let [limit, directory] = memory {
        let limit = limit.parse::<usize>()? / threads;
        let runs = count_runs(path, split, threads, limit, directory.as_ref())?;
        println!("count {:.2} s, {} runs", started.elapsed().as_secs_f64(), runs.len());
        let open = |run: &PathBuf| Ok::<_, Failure>((CountsReader::new(File::open(run)?)?, 1));
        let mut merged = MergedCounts::new(runs.iter().map(open).collect::<Result<_, _>>()?)?;
        let mut trainer = Trainer::new(&config);
        while let Some((word, count)) = merged.next_word()? {
            trainer.add_word(word, count);
        }
        println!("merge {:.2} s", started.elapsed().as_secs_f64());
        trainer.train(&mut |_, _| {})
    } else {
        let tables = on_blocks(path, threads, |_, blocks| {
            let mut counts = WordCounts::new();
            visit_texts(blocks, |text| {
                counts.add_text(split, text);
                Ok(())
            })?;
            Ok(counts)
        })?;
        let mut tables = tables.into_iter();
        let mut counts = tables.next().unwrap_or_default();
        tables.for_each(|table| counts.merge(&table));
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "count {seconds:.2} s, {} words, {} MB",
            counts.len(),
            counts.memory_bytes() >> 20
        );
        train(&counts, &config, &mut |_, _| {})
    };
    println!("total {:.2} s", started.elapsed().as_secs_f64());
    let checksum = xxhash_rust::xxh3::xxh3_64(tokenizer.to_merges_txt().as_bytes());
    println!("{} tokens, checksum {checksum:016x}", tokenizer.vocab_size());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    Ok(())
}

/// Counts within a memory limit for each thread; returns the runs.
fn count_runs(
    path: &Path,
    split: Split,
    threads: usize,
    limit_bytes: usize,
    directory: &Path,
) -> Result<Vec<PathBuf>, Failure> {
    let name = |thread, run| directory.join(format!("{thread}-{run}.counts"));
    let counts = on_blocks(path, threads, |thread, blocks| {
        #[expect(clippy::disallowed_methods, reason = "an example has no `store`")]
        let open = |run| File::create(name(thread, run));
        let mut counts = BoundedCounts::new(split, limit_bytes, open);
        visit_texts(blocks, |text| Ok(counts.add_text(text)?))?;
        Ok(counts.finish()?)
    })?;
    let runs = counts.into_iter().enumerate();
    Ok(runs.flat_map(|(thread, count)| (0..count).map(move |run| name(thread, run))).collect())
}
