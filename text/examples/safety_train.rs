//! Trains the classifier of `text::safety` and evaluates it by cross-validation.
//!
//! `cargo run --release -p gristmill-text --example safety_train -- DATA > WEIGHTS`: DATA is a
//! folder with `safety/davidson.jsonl` (Davidson et al. 2017, MIT license), `safety/surge.jsonl`
//! (Surge AI, MIT license) and `corpus/{mixed,docs}.jsonl.zst`, whose windows without a listed term
//! count as harmless. HateCheck is never used for training. The weights, `text/model/safety.bin`,
//! are written to standard output; they contain no text. Two runs write the same bytes. The areas
//! under the ROC curve are written to standard error.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use text::metrics::roc_auc;
use text::safety::{Features, HASH_BITS, SIGNAL_NAMES, toxicity};

/// Number of passes over the rows.
const EPOCHS: usize = 12;

/// Learning rate (AdaGrad; Duchi et al. 2011).
const STEP: f32 = 0.15;

/// Share by which a weight shrinks at each of its updates.
const DECAY: f32 = 2e-5;

/// Number of folds of the cross-validation.
const FOLDS: usize = 5;

/// Maximum number of harmless windows from each corpus.
const HARMLESS_WINDOWS: usize = 6000;

/// One in this number of texts of each corpus is used; the others are reserved for measurements.
const HARMLESS_STEP: usize = 7;

/// Weight of a row from each source (tweets, comments, harmless windows). The smaller set of the
/// first two has the larger weight.
const WEIGHTS: [f32; 3] = [1.0, 6.0, 0.5];

struct Row {
    features: Features,
    is_toxic: bool,
    source: usize,
    fold: usize,
}

struct Model {
    signals: [f32; SIGNAL_NAMES.len()],
    hashed: Vec<f32>,
}

impl Model {
    fn log_odds(&self, features: &Features) -> f32 {
        let sum = |hashes: &[u32]| {
            let sum: f32 = hashes.iter().map(|hash| self.hashed[*hash as usize]).sum();
            sum / (hashes.len().max(1) as f32).sqrt()
        };
        let signals = features.signals.iter().zip(&self.signals).map(|(a, b)| a * b);
        signals.sum::<f32>() + sum(&features.words) + sum(&features.grams)
    }

    /// Trains a model by stochastic gradient descent on the logistic loss. Without `is_hashed`,
    /// only the signals are used, and the weights of the hashed features stay 0.
    fn train(rows: &[&Row], is_hashed: bool) -> Self {
        let mut model =
            Self { signals: [0.0; SIGNAL_NAMES.len()], hashed: vec![0.0; 1 << HASH_BITS] };
        let mut signal_squares = [1e-3_f32; SIGNAL_NAMES.len()];
        let mut squares = vec![1e-3_f32; 1 << HASH_BITS];
        let share = balance(rows);
        let mut order: Vec<usize> = (0..rows.len()).collect();
        let mut state = 1_u64;
        for _ in 0..EPOCHS {
            shuffle(&mut order, &mut state);
            for row in order.iter().map(|at| rows[*at]) {
                let odds = model.log_odds(&row.features);
                let target = if row.is_toxic { 1.0 } else { 0.0 };
                let error = 1.0 / (1.0 + (-odds).exp()) - target;
                let error = error * share[row.source][usize::from(row.is_toxic)];
                let features = &row.features;
                for (at, value) in features.signals.iter().enumerate() {
                    let gradient = error * value;
                    signal_squares[at] += gradient * gradient;
                    model.signals[at] -= STEP * gradient / signal_squares[at].sqrt();
                }
                for hashes in [&features.words, &features.grams] {
                    if !is_hashed {
                        break;
                    }
                    let gradient = error / (hashes.len().max(1) as f32).sqrt();
                    for hash in hashes.iter().map(|hash| *hash as usize) {
                        squares[hash] += gradient * gradient;
                        let step = STEP * gradient / squares[hash].sqrt();
                        model.hashed[hash] = model.hashed[hash] * (1.0 - DECAY) - step;
                    }
                }
            }
        }
        model
    }

    /// The bytes of the weights: the scale and the signals as floats, then a byte for each hash.
    fn bytes(&self) -> Vec<u8> {
        let largest = self.hashed.iter().fold(0.0_f32, |most, weight| most.max(weight.abs()));
        let scale = largest / 127.0;
        let mut bytes = scale.to_le_bytes().to_vec();
        bytes.extend(self.signals.iter().flat_map(|weight| weight.to_le_bytes()));
        bytes.extend(self.hashed.iter().map(|weight| (weight / scale).round() as i8 as u8));
        bytes
    }
}

/// The weight of a row by its source and label. The two labels of a source have the same total
/// weight.
fn balance(rows: &[&Row]) -> [[f32; 2]; 3] {
    let mut counts = [[0_usize; 2]; 3];
    rows.iter().for_each(|row| counts[row.source][usize::from(row.is_toxic)] += 1);
    std::array::from_fn(|source| {
        let total: usize = counts[source].iter().sum();
        counts[source].map(|count| {
            let is_one_sided = counts[source].contains(&0);
            let share = total as f32 / (2 * count.max(1)) as f32;
            WEIGHTS[source] * if is_one_sided { 1.0 } else { share }
        })
    })
}

fn shuffle(order: &mut [usize], state: &mut u64) {
    for at in (1..order.len()).rev() {
        *state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(at, (*state >> 33) as usize % (at + 1));
    }
}

/// The area under the ROC curve; NaN if all labels are the same.
fn area(scored: &[(f32, bool)]) -> f64 {
    let items = scored.iter().map(|(score, is_toxic)| (f64::from(*score), *is_toxic));
    roc_auc(items).unwrap_or(f64::NAN)
}

fn lines(path: &str) -> Result<Vec<serde_json::Value>, Box<dyn Error>> {
    let file = std::fs::File::open(path)?;
    let reader: Box<dyn Read> = if Path::new(path).extension().is_some_and(|ending| ending == "zst")
    {
        Box::new(zstd::Decoder::new(file)?)
    } else {
        Box::new(file)
    };
    let rows = BufReader::new(reader).lines();
    rows.map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}

fn read(data: &str) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = Vec::new();
    for (source, name) in ["davidson", "surge"].iter().enumerate() {
        for (at, row) in lines(&format!("{data}/safety/{name}.jsonl"))?.iter().enumerate() {
            let is_toxic = matches!(row["label"].as_str(), Some("offensive" | "hate" | "Toxic"));
            let text = row["text"].as_str().ok_or("a document has no `text`")?;
            let features = text::safety::features(text);
            rows.extend(features.into_iter().map(|features| Row {
                features,
                is_toxic,
                source,
                fold: at * 7 % FOLDS,
            }));
        }
    }
    for name in ["mixed", "docs"] {
        read_harmless(&format!("{data}/corpus/{name}.jsonl.zst"), &mut rows)?;
    }
    Ok(rows)
}

/// Adds windows without a listed term as harmless ones, from every seventh English text and fewer
/// of the others.
fn read_harmless(path: &str, rows: &mut Vec<Row>) -> Result<(), Box<dyn Error>> {
    let mut kept = 0;
    for (at, row) in lines(path)?.iter().enumerate().step_by(HARMLESS_STEP) {
        let text = row["text"].as_str().ok_or("a document has no `text`")?;
        let is_other = row["lang"].as_str().is_none_or(|language| !language.starts_with("en"));
        if is_other && at % (6 * HARMLESS_STEP) != 0 {
            continue;
        }
        for features in text::safety::features(text).into_iter().take(2) {
            let has_listed = features.signals[1..4].iter().any(|signal| *signal > 0.0);
            if !has_listed && !features.words.is_empty() && kept < HARMLESS_WINDOWS {
                kept += 1;
                rows.push(Row { features, is_toxic: false, source: 2, fold: at % FOLDS });
            }
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let data = std::env::args().nth(1).ok_or("the first argument must be the data folder")?;
    let rows = read(&data)?;
    let mut out = std::io::stderr().lock();
    let score = |model: &Model, source: usize, fold: Option<usize>| -> Vec<(f32, bool)> {
        let chosen = rows
            .iter()
            .filter(|row| (row.source == source) && fold.is_none_or(|fold| row.fold == fold));
        chosen
            .map(|row| (toxicity(model.log_odds(&row.features), &row.features), row.is_toxic))
            .collect()
    };
    for (name, is_hashed) in [("signals alone", false), ("with hashed words", true)] {
        let mut held_out = [Vec::new(), Vec::new()];
        for fold in 0..FOLDS {
            let training: Vec<&Row> = rows.iter().filter(|row| row.fold != fold).collect();
            let model = Model::train(&training, is_hashed);
            for (source, scored) in held_out.iter_mut().enumerate() {
                scored.extend(score(&model, source, Some(fold)));
            }
        }
        let areas = held_out.map(|scored| area(&scored));
        writeln!(out, "{name}, held-out folds: davidson {:.4}, surge {:.4}", areas[0], areas[1])?;
    }
    for (source, names) in [["surge", "davidson"], ["davidson", "surge"]].iter().enumerate() {
        let training: Vec<&Row> = rows.iter().filter(|row| row.source != source).collect();
        let scored = score(&Model::train(&training, true), source, None);
        writeln!(out, "trained on {} alone, {}: {:.4}", names[0], names[1], area(&scored))?;
    }
    let model = Model::train(&rows.iter().collect::<Vec<_>>(), true);
    for (name, weight) in SIGNAL_NAMES.iter().zip(&model.signals) {
        writeln!(out, "{name}: {weight:.3}")?;
    }
    std::io::stdout().lock().write_all(&model.bytes())?;
    Ok(())
}
