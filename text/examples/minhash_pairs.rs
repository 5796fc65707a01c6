//! Measures the accuracy of signatures on pairs of documents with known similarity, for each
//! scheme.
//!
//! `cargo run --release -p gristmill-text --example minhash_pairs -- DOCUMENTS PAIRS`: documents
//! are JSON lines with `id` and `text`, possibly zstd-compressed; pairs are JSON lines with `a`,
//! `b` and `jaccard_w5`, the Jaccard similarity of the sets of runs of five words.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use text::minhash::{
    DatatroveHash, MinHashConfig, MinHasher, Scheme, Scratch, Signature, bands_for_threshold,
    estimate_jaccard, jaccard,
};

/// Pairs of at least this similarity should be found.
const THRESHOLD: f64 = 0.8;

/// Pairs whose similarity differs by more than this between two ways of splitting words are
/// printed.
const OUTLIER: f64 = 0.1;

/// The number of times that hash functions are drawn, to average over chance.
const SEEDS: u64 = 10;

const SCHEMES: [(&str, Scheme); 3] = [
    ("fast", Scheme::Fast),
    ("fineweb", Scheme::FineWeb),
    ("datatrove", Scheme::Datatrove { hash: DatatroveHash::Xxhash }),
];

/// Two documents and their similarity.
struct Pair {
    /// The names of both documents.
    name: String,
    /// The index of the first document.
    a: usize,
    /// The index of the second document.
    b: usize,
    jaccard: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(documents), Some(pairs)) = (arguments.next(), arguments.next()) else {
        return Err("the arguments must be a file of documents and a file of pairs".into());
    };
    let (places, texts) = read_documents(&documents)?;
    let pairs = read_pairs(&pairs, &places)?;
    for (name, scheme) in SCHEMES {
        compare(name, scheme, &texts, &pairs);
    }
    Ok(())
}

fn rows(file: &str) -> Result<Vec<serde_json::Value>, Box<dyn Error>> {
    let input = std::fs::File::open(file)?;
    let mut reader: Box<dyn Read> = Box::new(input);
    if Path::new(file).extension().is_some_and(|ending| ending == "zst") {
        reader = Box::new(zstd::Decoder::new(reader)?);
    }
    BufReader::new(reader).lines().map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}

/// The index of each document by its name, and the texts of all documents.
type Documents = (BTreeMap<String, usize>, Vec<String>);

fn read_documents(file: &str) -> Result<Documents, Box<dyn Error>> {
    let (mut places, mut texts) = (BTreeMap::new(), Vec::new());
    for row in rows(file)? {
        let id = row["id"].as_str().ok_or("a document has no id")?;
        places.insert(id.to_owned(), texts.len());
        texts.push(row["text"].as_str().ok_or("a document has no text")?.to_owned());
    }
    Ok((places, texts))
}

fn read_pairs(file: &str, places: &BTreeMap<String, usize>) -> Result<Vec<Pair>, Box<dyn Error>> {
    let mut pairs = Vec::new();
    for row in rows(file)? {
        let place = |key: &str| row[key].as_str().and_then(|id| places.get(id)).copied();
        let similarity = row["jaccard_w5"].as_f64();
        let (Some(a), Some(b), Some(jaccard)) = (place("a"), place("b"), similarity) else {
            return Err(format!("a pair has unknown documents or no similarity: {row}").into());
        };
        let name = format!("{} {}", row["a"], row["b"]);
        pairs.push(Pair { name, a, b, jaccard });
    }
    Ok(pairs)
}

#[expect(clippy::print_stdout, reason = "the result of a measuring program")]
fn compare(name: &str, scheme: Scheme, texts: &[String], pairs: &[Pair]) {
    let mut scratch = Scratch::default();
    let hasher = MinHasher::new(MinHashConfig::new(scheme));
    let sets: Vec<Vec<u64>> = texts
        .iter()
        .map(|text| {
            let mut set = Vec::new();
            hasher.shingles(text, &mut scratch, &mut set);
            set
        })
        .collect();
    let truth: Vec<f64> = pairs.iter().map(|pair| jaccard(&sets[pair.a], &sets[pair.b])).collect();
    let differences: Vec<f64> =
        truth.iter().zip(pairs).map(|(truth, pair)| truth - pair.jaccard).collect();
    let absolute: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
    let outliers = absolute.iter().filter(|difference| **difference > OUTLIER).count();
    println!(
        "{name}: {} pairs, true jaccard - jaccard_w5: mean {:+.4}, mean absolute {:.4}, most {:.3}, \
         above {OUTLIER}: {outliers}",
        pairs.len(),
        mean(&differences),
        mean(&absolute),
        absolute.iter().copied().fold(0.0, f64::max),
    );
    for (pair, truth) in pairs.iter().zip(&truth) {
        if (truth - pair.jaccard).abs() > OUTLIER {
            println!("{name}: {} jaccard_w5 {:.3}, here {truth:.3}", pair.name, pair.jaccard);
        }
    }
    for (bands, rows) in [(14, 8), (16, 8), bands_for_threshold(THRESHOLD, 128)] {
        let (mut errors, mut wanted, mut found, mut false_candidates) = (Vec::new(), 0, 0, 0);
        let mut expected = Vec::new();
        for seed in 1..=SEEDS {
            let config = MinHashConfig { bands, rows, seed, ..MinHashConfig::new(scheme) };
            let hasher = MinHasher::new(config);
            let signatures: Vec<Signature> = texts
                .iter()
                .map(|text| {
                    let mut signature = Signature::default();
                    hasher.sign(text, &mut scratch, &mut signature);
                    signature
                })
                .collect();
            for (pair, truth) in pairs.iter().zip(&truth) {
                let (a, b) = (&signatures[pair.a], &signatures[pair.b]);
                errors.push(estimate_jaccard(&a.sketch, &b.sketch) - truth);
                expected.push(truth * (1.0 - truth) / (bands * rows) as f64);
                let meets = a.keys.iter().zip(&b.keys).any(|(a, b)| a == b);
                wanted += usize::from(pair.jaccard >= THRESHOLD);
                found += usize::from(meets && pair.jaccard >= THRESHOLD);
                false_candidates += usize::from(meets && pair.jaccard < THRESHOLD);
            }
        }
        let bias = mean(&errors);
        let squares: Vec<f64> = errors.iter().map(|error| (error - bias).powi(2)).collect();
        println!(
            "{name} {bands}x{rows}: estimate bias {bias:+.5}, sd {:.4} (binomial {:.4}); recall at \
             jaccard_w5 >= {THRESHOLD}: {found}/{wanted} = {:.5}; false candidates {false_candidates}",
            mean(&squares).sqrt(),
            mean(&expected).sqrt(),
            f64::from(found as u32) / f64::from(wanted as u32),
        );
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
