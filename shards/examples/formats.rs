//! Makes, exports, imports and verifies datasets; `benches/shard_formats.py` drives it.
//!
//! usage: formats make OUTPUT VOCAB_SIZE DOCUMENTS MEAN_TOKENS SHARD_TOKENS SEED
//!        formats export FOLDER FORMAT OUTPUT
//!        formats import FORMAT VOCAB_SIZE END_OF_TEXT OUTPUT FILE…
//!        formats verify FOLDER THREADS
//!        formats upload FOLDER ADDRESS
//!        formats fetch ADDRESS CACHE

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example prints what it did")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use shards::formats::{Import, SHARD_TOKENS_DEFAULT, export, import};
use store::shards::{
    DatasetWriter, Document, RemoteDataset, ShardManifest, Split, StagedFolder, TokenType, upload,
    verify,
};

const END_OF_TEXT: u32 = 0;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    match arguments {
        ["make", output, numbers @ ..] => {
            let numbers = numbers.iter().map(|n| n.parse()).collect::<Result<Vec<u64>, _>>()?;
            let [vocab_size, documents, mean_tokens, shard_tokens, seed] = numbers[..] else {
                return Err("five numbers are needed".into());
            };
            let dataset = Made { vocab_size, documents, mean_tokens, shard_tokens, seed };
            println!("{}", make(Path::new(output), &dataset)?.root);
        }
        ["export", folder, format, output] => {
            let summary = export(Path::new(folder), format.parse()?, Path::new(output), None)?;
            println!("{summary:?} in {:?}", start.elapsed());
        }
        ["import", format, vocab_size, end_of_text, output, files @ ..] => {
            let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
            let what = Import {
                format: format.parse()?,
                files: &files,
                vocab_size: vocab_size.parse()?,
                end_of_text: end_of_text.parse().ok(),
                token_bytes: None,
                tokenizer: None,
                source: "",
                shard_tokens: SHARD_TOKENS_DEFAULT,
            };
            let imported = import(&what, Path::new(output))?;
            let train = imported.manifest.counts(Split::Train);
            println!("{train:?}, {} ends added, in {:?}", imported.tokens_added, start.elapsed());
        }
        ["verify", folder, threads] => {
            let verified = verify(Path::new(folder), threads.parse()?);
            let seconds = start.elapsed().as_secs_f64();
            let gigabytes = verified.bytes as f64 / 1e9;
            verified.findings.iter().for_each(|finding| println!("{finding}"));
            println!("{gigabytes:.3} GB at {:.2} GB/s", gigabytes / seconds);
        }
        ["upload", folder, address] => {
            println!("{:?} in {:?}", upload(Path::new(folder), address, 1)?, start.elapsed());
        }
        ["fetch", address, cache] => {
            let remote = RemoteDataset::open(address, Path::new(cache))?;
            println!("{}", remote.fetch_all()?.display());
        }
        _ => return Err("see the head of the file for the usage".into()),
    }
    Ok(())
}

/// A dataset of random tokens.
struct Made {
    vocab_size: u64,
    documents: u64,
    mean_tokens: u64,
    shard_tokens: u64,
    seed: u64,
}

fn make(output: &Path, made: &Made) -> Result<ShardManifest, Box<dyn Error>> {
    let staged = StagedFolder::create(output)?;
    let vocab_size = usize::try_from(made.vocab_size)?;
    let mut writer = DatasetWriter::new(&staged, "", vocab_size, made.shard_tokens);
    let mut state = made.seed;
    let mut below = move |bound: u64| {
        // Knuth's linear congruential generator (MMIX); its upper bits are the good ones.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    for document in 0..made.documents {
        let n = below(2 * made.mean_tokens);
        let mut tokens: Vec<u32> = (0..n).map(|_| 1 + below(made.vocab_size - 1) as u32).collect();
        tokens.push(END_OF_TEXT);
        let split = if document % 10 == 9 { Split::Validation } else { Split::Train };
        let id = document.to_string();
        writer
            .add(split, &Document { id: &id, source: "random", bytes: 4 * n, tokens: &tokens })?;
    }
    let manifest = ShardManifest {
        schema: ShardManifest::SCHEMA.into(),
        root: String::new(),
        token_type: TokenType::for_vocabulary(vocab_size),
        vocab_size,
        begin_of_text: None,
        end_of_text: Some(END_OF_TEXT),
        tokenizer_blake3: None,
        validation: None,
        sources: Vec::new(),
        files: Vec::new(),
        shards: Vec::new(),
    };
    let (manifest, _) = writer.finish(manifest)?;
    staged.finish()?;
    Ok(manifest)
}
