//! Measures planning, reading and starting:
//! `shards_speed plan LENGTHS [REPEAT]` (a file with a document's tokens on each line),
//! `shards_speed read TOKENS_MILLION`, `shards_speed start SHARDS`; `shards_speed write FOLDER TOKENS_MILLION` writes what
//! `benches/shards_read.py` reads.

#![expect(clippy::print_stdout, reason = "what is measured is what is printed")]

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use shards::dataset::{
    Counts, DatasetWriter, Document, ShardEntry, ShardManifest, SourceCounts, Split, Tokens,
};
use shards::order::Stage;
use shards::plan::{Documents, PlanSettings, SourceDocuments, Strategy, plan_dataset, write_plan};
use shards::reader::{Batch, RowReader};
use store::StagedFolder;

/// Times that everything is read again after the first.
const WARM_PASSES: usize = 9;

/// Times that a dataset is opened.
const STARTS: usize = 21;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["plan", lengths] => plan(lengths, 1),
        ["plan", lengths, repeat] => plan(lengths, repeat.parse()?),
        ["write", data, millions] => write(Path::new(data), millions.parse()?, 50_000),
        ["read", millions] => read(millions.parse()?),
        ["start", shards] => start(shards.parse()?),
        _ => Err("shards_speed plan LENGTHS [REPEAT] | read TOKENS_MILLION | start SHARDS".into()),
    }
}

fn plan(lengths: &str, repeat: usize) -> Outcome {
    let one: Vec<u32> =
        std::fs::read_to_string(lengths)?.lines().map(str::parse).collect::<Result<_, _>>()?;
    let of_shard = |_: usize| Ok(one.clone());
    let n_documents = one.len() as u64;
    let documents = Documents {
        root: "00".repeat(32),
        split: Split::Train,
        shard_documents: vec![n_documents; repeat],
        lengths: &of_shard,
    };
    let all = 0..n_documents * repeat as u64;
    let sources = [SourceDocuments { name: String::new(), spans: vec![all] }];
    for strategy in [Strategy::BestFit, Strategy::Concat, Strategy::Truncate] {
        for sequence_length in [1024, 2048, 8192] {
            let settings = PlanSettings { strategy, ..PlanSettings::new(sequence_length) };
            let start = Instant::now();
            let (bytes, header) =
                write_plan(&documents, &sources, &settings, Vec::new(), Path::new("memory"))?;
            let seconds = start.elapsed().as_secs_f64();
            let s = header.statistics();
            println!(
                "{strategy:?} {sequence_length}: {} documents, {} tokens, {} rows, {} segments, \
                 {} cut, dropped {:.3} %, repeated {:.4} %, padding {:.4} %, utilisation {:.3} %, \
                 at most {} in a row, {} B; {:.3} s = {:.0} M tokens/s",
                s.documents,
                s.tokens,
                s.rows,
                s.segments,
                s.fragmented_documents,
                100.0 * s.dropped_tokens as f64 / s.tokens as f64,
                100.0 * s.repeated_tokens as f64 / s.tokens as f64,
                100.0 * s.padding_tokens as f64 / (s.rows * (sequence_length as u64 + 1)) as f64,
                100.0 * s.utilisation(),
                s.segments_per_row_max,
                bytes.len(),
                seconds,
                s.tokens as f64 / seconds / 1e6,
            );
        }
    }
    Ok(())
}

fn manifest(vocab_size: usize) -> ShardManifest {
    ShardManifest { end_of_text: Some(0), ..ShardManifest::new(vocab_size) }
}

/// A dataset in shards of 16 M tokens, of documents of 1 to 2,000 tokens, and the file `plan` in it.
fn write(data: &Path, millions: u64, vocab_size: usize) -> Outcome {
    let staged = StagedFolder::create(data)?;
    let mut writer = DatasetWriter::new(&staged, vocab_size, 16 << 20);
    let (mut written, mut random) = (0, 1u32);
    let tokens: Vec<u32> = (0..2000u32).map(|i| i * 7919 % vocab_size as u32).collect();
    while written < millions * 1_000_000 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = 1 + (random >> 8) as usize % 2000;
        let tokens = &tokens[..length];
        writer.add(
            Split::Train,
            &Document { id: "", source: "", bytes: 0, tokens: Tokens::Ids(tokens) },
        )?;
        written += length as u64;
    }
    writer.finish(manifest(vocab_size))?;
    staged.finish()?;
    let settings = PlanSettings::new(2048);
    plan_dataset(data, Split::Train, &[], &settings, &data.join("plan"))?;
    Ok(())
}

/// Rows of 2,048 in shuffled order.
fn read(millions: u64) -> Outcome {
    let folder = tempfile::tempdir()?;
    for vocab_size in [50_000, 100_000] {
        let data = folder.path().join(vocab_size.to_string());
        write(&data, millions, vocab_size)?;
        let plan = data.join("plan");
        let reader = RowReader::open(&data, &plan)?;
        let rows = reader.plan().n_rows();
        let stage = Stage { first_step: 0, batch_rows: 256, weights: vec![1] };
        let order = reader.order(1, &[stage], Some(rows))?;
        let mut batch = Batch::default();
        // Other work on the machine only ever makes a pass slower, so the best of several counts.
        let mut warm_seconds = f64::INFINITY;
        for pass in 0..=WARM_PASSES {
            let start = Instant::now();
            for step in 0.. {
                let rows = order.rows(step);
                if rows.is_empty() {
                    break;
                }
                reader.read_into(&rows, &mut batch)?;
                black_box(&batch);
            }
            let seconds = start.elapsed().as_secs_f64();
            let speed = |seconds: f64| (rows * 2049) as f64 / seconds / 1e6;
            let token_type = reader.manifest().token_type;
            match pass {
                0 => println!("{token_type:?}: {rows} rows of 2,048"),
                _ => warm_seconds = warm_seconds.min(seconds),
            }
            if pass == 0 || pass == WARM_PASSES {
                let (kind, seconds) = if pass == 0 {
                    ("first, with checks", seconds)
                } else {
                    ("warm", warm_seconds)
                };
                println!("  {kind}: {:.0} M tokens/s", speed(seconds));
            }
        }
        let stage = Stage { first_step: 0, batch_rows: 256, weights: vec![1] };
        let order = reader.order(1, &[stage], None)?;
        for step in [0, 1 << 40] {
            let start = Instant::now();
            let n_rows = black_box(order.rows(step)).len();
            let seconds = start.elapsed().as_secs_f64();
            println!("order of {n_rows} rows at step {step}: {:.1} µs", seconds * 1e6);
        }
    }
    Ok(())
}

/// The start with a manifest of many shards, to the first row.
fn start(n_shards: usize) -> Outcome {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let staged = StagedFolder::create(&data)?;
    let mut writer = DatasetWriter::new(&staged, 50_000, 4000);
    let tokens = vec![1u32; 4000];
    let document = Document { id: "", source: "web", bytes: 9, tokens: Tokens::Ids(&tokens) };
    writer.add(Split::Train, &document)?;
    writer.finish(manifest(50_000))?;
    staged.finish()?;
    let mut manifest = ShardManifest::read(&data)?;
    let first = manifest.shards[0].clone();
    let counts = Counts { documents: 1, tokens: 4000, bytes: 9 };
    manifest.shards = (0..n_shards)
        .map(|number| ShardEntry {
            name: format!("train-{number:05}"),
            counts,
            sources: vec![SourceCounts { name: "web".into(), counts }],
            ..first.clone()
        })
        .collect();
    for entry in &manifest.shards[1..] {
        for (from, to) in first.files().iter().zip(entry.files()) {
            std::fs::hard_link(data.join(from), data.join(to))?;
        }
    }
    let manifest = manifest.seal();
    let path = data.join(ShardManifest::FILE);
    store::write_file(&path, &manifest.to_json()?)?;
    let plan = folder.path().join("plan");
    let start = Instant::now();
    plan_dataset(&data, Split::Train, &[], &PlanSettings::new(2048), &plan)?;
    println!("planning {n_shards} shards: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let start = Instant::now();
        let reader = RowReader::open(&data, &plan)?;
        let opened = start.elapsed();
        let rows = [0, reader.plan().n_rows() / 2, reader.plan().n_rows() - 1];
        let batch = reader.read(&rows)?;
        black_box(batch.digest());
        starts.push((opened.as_secs_f64() * 1e3, start.elapsed().as_secs_f64() * 1e3));
    }
    starts.sort_by(|a, b| a.1.total_cmp(&b.1));
    for (what, (opened, read)) in [("best", starts[0]), ("median", starts[STARTS / 2])] {
        println!(
            "{n_shards} shards, {what} of {STARTS}: open {opened:.1} ms, with three rows {read:.1} ms"
        );
    }
    Ok(())
}
