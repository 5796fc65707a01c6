//! Trains the weights of `text::quality` and evaluates them by cross-validation.
//!
//! `cargo run --release -p gristmill-text --example quality_train -- DATA`: DATA is a folder with
//! `quality/human-majority.jsonl`, web documents that people would keep (1) or drop (0) as training
//! data, and `quality/human-agreement.jsonl`, those of them on which all judges agreed, which count
//! double. Prints the areas under the ROC curve over held-out folds, those of simple baselines, and
//! the lines of `src/quality/table.rs`.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::Write;

use text::metrics::roc_auc;
use text::quality::{SIGNAL_COUNT, SIGNALS, measure};
use text::signals::Signals;

/// Number of folds of the cross-validation.
const FOLDS: usize = 8;

/// Number of shuffles over which the areas are averaged.
const SHUFFLES: u64 = 5;

/// Strength of the quadratic penalty on the weights, relative to the mean loss of a document.
const PENALTY: f64 = 0.06;

/// Number of steps of gradient descent.
const STEPS: usize = 3000;

/// Learning rate.
const STEP: f64 = 0.3;

/// Values are clipped at this number of standard deviations, as in `text::quality`.
const LARGEST_DEVIATION: f64 = 2.5;

struct Row {
    id: String,
    text: String,
    values: [Option<f32>; SIGNAL_COUNT],
    is_kept: bool,
    is_agreed: bool,
}

struct Model {
    means: [f64; SIGNAL_COUNT],
    deviations: [f64; SIGNAL_COUNT],
    weights: [f64; SIGNAL_COUNT],
    bias: f64,
}

impl Model {
    fn standardised(&self, row: &Row) -> [f64; SIGNAL_COUNT] {
        std::array::from_fn(|at| {
            row.values[at].map_or(0.0, |value| {
                let deviation = (f64::from(value) - self.means[at]) / self.deviations[at];
                deviation.clamp(-LARGEST_DEVIATION, LARGEST_DEVIATION)
            })
        })
    }

    fn odds(&self, values: &[f64; SIGNAL_COUNT]) -> f64 {
        self.bias
            + self.weights.iter().zip(values).map(|(weight, value)| weight * value).sum::<f64>()
    }

    fn train(rows: &[&Row]) -> Self {
        let mut model = Self {
            means: [0.0; SIGNAL_COUNT],
            deviations: [1.0; SIGNAL_COUNT],
            weights: [0.0; SIGNAL_COUNT],
            bias: 0.0,
        };
        for at in 0..SIGNAL_COUNT {
            let values: Vec<f64> =
                rows.iter().filter_map(|row| row.values[at]).map(f64::from).collect();
            let count = values.len().max(1) as f64;
            let mean = values.iter().sum::<f64>() / count;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            (model.means[at], model.deviations[at]) = (mean, variance.sqrt().max(1e-3));
        }
        let inputs: Vec<_> = rows.iter().map(|row| model.standardised(row)).collect();
        let total: f64 = rows.iter().map(|row| weight(row)).sum();
        for _ in 0..STEPS {
            let (mut gradient, mut bias) = (model.weights.map(|weight| PENALTY * weight), 0.0);
            for (row, input) in rows.iter().zip(&inputs) {
                let target = f64::from(u8::from(row.is_kept));
                let error = 1.0 / (1.0 + (-model.odds(input)).exp()) - target;
                let error = error * weight(row) / total;
                bias += error;
                gradient.iter_mut().zip(input).for_each(|(sum, value)| *sum += error * value);
            }
            model.bias -= STEP * bias;
            model
                .weights
                .iter_mut()
                .zip(gradient)
                .for_each(|(weight, slope)| *weight -= STEP * slope);
        }
        model
    }
}

fn weight(row: &Row) -> f64 {
    if row.is_agreed { 2.0 } else { 1.0 }
}

/// The areas under the ROC curve on all rows and on those on which the judges agreed. NaN if all
/// labels are the same.
fn areas(rows: &[Row], scores: &[f64]) -> (f64, f64) {
    let pairs = || rows.iter().zip(scores);
    let area = |items| roc_auc(items).unwrap_or(f64::NAN);
    let all = pairs().map(|(row, score)| (*score, row.is_kept));
    let agreed = pairs().filter(|(row, _)| row.is_agreed);
    let agreed = agreed.map(|(row, score)| (*score, row.is_kept));
    (area(all.collect::<Vec<_>>()), area(agreed.collect()))
}

fn read(data: &str) -> Result<Vec<Row>, Box<dyn Error>> {
    let rows = |name: &str| -> Result<Vec<serde_json::Value>, Box<dyn Error>> {
        let file = std::fs::File::open(format!("{data}/quality/{name}.jsonl"))?;
        let text = std::io::read_to_string(file)?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    };
    let agreed: BTreeSet<String> =
        rows("human-agreement")?.iter().map(|row| row["id"].to_string()).collect();
    let rows = rows("human-majority")?.into_iter().map(|row| {
        let text = row["text"].as_str().ok_or("a document has no `text`")?.to_owned();
        Ok(Row {
            values: measure(&text),
            text,
            is_kept: row["label"] == 1,
            is_agreed: agreed.contains(&row["id"].to_string()),
            id: row["id"].to_string(),
        })
    });
    rows.collect()
}

/// The fold of a row, from a hash of its id and of the number of the shuffle.
fn fold(row: &Row, shuffle: u64) -> usize {
    let bytes = row.id.bytes().chain([shuffle as u8]);
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 40) as usize % FOLDS
}

fn cross_validate(rows: &[Row]) -> (f64, f64) {
    let mut sum = (0.0, 0.0);
    for shuffle in 0..SHUFFLES {
        let mut scores = vec![0.0; rows.len()];
        for held_out in 0..FOLDS {
            let training: Vec<&Row> =
                rows.iter().filter(|row| fold(row, shuffle) != held_out).collect();
            let model = Model::train(&training);
            for (row, score) in rows.iter().zip(&mut scores) {
                if fold(row, shuffle) == held_out {
                    *score = model.odds(&model.standardised(row));
                }
            }
        }
        let (all, agreed) = areas(rows, &scores);
        sum = (sum.0 + all, sum.1 + agreed);
    }
    (sum.0 / SHUFFLES as f64, sum.1 / SHUFFLES as f64)
}

/// How many rules a text passes: those of FineWeb (Penedo et al. 2024, §3.5), and those of Gopher
/// for length and stop words (Rae et al. 2021, appendix A1.1).
fn rules(text: &str) -> f64 {
    let Signals {
        words,
        terminal_punctuation_line_fraction,
        duplicate_line_char_fraction,
        new_line_word_ratio,
        mean_word_length,
        stop_words,
        ..
    } = text::signals::measure(text, text::words::Segmenter::Unicode);
    let passed = [
        terminal_punctuation_line_fraction > 0.12,
        duplicate_line_char_fraction < 0.1,
        new_line_word_ratio < 0.3,
        words >= 50,
        (3.0..=10.0).contains(&mean_word_length),
        stop_words >= 2,
    ];
    passed.iter().filter(|passed| **passed).count() as f64
}

fn main() -> Result<(), Box<dyn Error>> {
    let data = std::env::args().nth(1).ok_or("the first argument must be the data folder")?;
    let rows = read(&data)?;
    let mut out = std::io::stdout().lock();
    let mut report = |name: &str, (all, agreed): (f64, f64)| {
        writeln!(out, "{name}: majority {all:.4}, agreement {agreed:.4}")
    };
    let scored =
        |score: &dyn Fn(&Row) -> f64| areas(&rows, &rows.iter().map(score).collect::<Vec<_>>());
    report("length alone", scored(&|row| row.text.len() as f64))?;
    report("all rules passed", scored(&|row| f64::from(u8::from(rules(&row.text) >= 6.0))))?;
    report("rules passed", scored(&|row| rules(&row.text)))?;
    report("held-out folds", cross_validate(&rows))?;
    let model = Model::train(&rows.iter().collect::<Vec<_>>());
    report("fit", scored(&|row| model.odds(&model.standardised(row))))?;
    report("as shipped", scored(&|row| f64::from(text::quality::score(&row.text))))?;
    writeln!(out, "pub(super) const BIAS: f32 = {:.4};", model.bias)?;
    for (at, signal) in SIGNALS.iter().enumerate() {
        let (mean, deviation) = (model.means[at], model.deviations[at]);
        let weight = model.weights[at];
        writeln!(out, "    signal({:?}, {mean:.4}, {deviation:.4}, {weight:.4}),", signal.name)?;
    }
    Ok(())
}
