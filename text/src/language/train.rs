//! Trains the embedded model: stochastic gradient descent on examples of text, selection of the
//! n-grams that fit into the model, and rounding of their vectors to four bits per number.
//!
//! 1. The vectors of all n-grams are trained in a large hash table, together with the weights of
//!    the classes, by Adagrad (Duchi et al. 2011) with one learning rate per vector.
//! 2. Several rows share a bucket of the final table. The row with the largest product of its norm
//!    and the square root of its count is kept, as in fastText's pruning (Joulin et al. 2016,
//!    "FastText.zip").
//! 3. Training continues with the kept rows. They are rounded whenever they are read, so that the
//!    weights adapt to it (quantization-aware training with a straight-through estimator).
//!
//! Examples are drawn with equal probabilities, so the share of a language in the examples is its
//! prior. Of each example, a word, a few words or everything is used, because the model must work
//! for texts of all lengths.

use std::collections::BTreeMap;

use thiserror::Error;

use super::grams::Words;
use super::model::{BUCKET_BITS_MAX, DIMENSIONS, EMPTY, FINGERPRINT_BITS, MAGIC, ZERO};
use super::script::Script;

/// How a model is trained.
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// Number of examples drawn before the n-grams are selected.
    pub examples: usize,
    /// Number of examples drawn after that.
    pub examples_after: usize,
    /// Binary logarithm of the number of rows before the selection.
    pub row_bits: u32,
    /// Binary logarithm of the number of buckets of the model; each has 9 bytes.
    pub bucket_bits: u32,
    /// Learning rate of Adagrad at the start; it decreases linearly to zero.
    pub rate: f32,
    /// A language in a script is ignored if it has fewer examples.
    pub examples_min: usize,
}

/// Why a training failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrainError {
    /// The table is too large, or a bucket of it has too few or too many rows.
    #[error(
        "row_bits is {row} and bucket_bits {bucket}, expected bucket_bits of at most 24, and \
         row_bits that are 1 to 7 more"
    )]
    Bits {
        /// The value of `row_bits`.
        row: u32,
        /// The value of `bucket_bits`.
        bucket: u32,
    },
    /// No script has two languages with enough examples.
    #[error("no script has two languages with enough examples, so there is nothing to learn")]
    NothingToLearn,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            examples: 3_000_000,
            examples_after: 1_500_000,
            row_bits: 22,
            bucket_bits: 18,
            rate: 0.1,
            examples_min: 700,
        }
    }
}

/// Trains a model on examples, each of which is a language code and a text, and returns the bytes
/// of its file for [`Detector::from_bytes`](super::Detector::from_bytes). An example belongs to the
/// script of most of its letters. The same examples give the same bytes.
///
/// # Errors
///
/// The options for the size of the tables are out of range, or no script has two languages with
/// enough examples.
pub fn train(examples: &[(&str, &str)], options: &TrainOptions) -> Result<Vec<u8>, TrainError> {
    let (row, bucket) = (options.row_bits, options.bucket_bits);
    let has_fingerprint = |bits| FINGERPRINT_BITS.contains(&bits);
    if bucket > BUCKET_BITS_MAX || !row.checked_sub(bucket).is_some_and(has_fingerprint) {
        return Err(TrainError::Bits { row, bucket });
    }
    let classes = Classes::new(examples, options.examples_min);
    if classes.rivals.iter().all(|rivals| rivals.len() < 2) {
        return Err(TrainError::NothingToLearn);
    }
    let mut trainer = Trainer::new(&classes, options);
    trainer.run(options.examples, options.rate, None);
    let kept = trainer.choose();
    let step = trainer.step(&kept);
    trainer.run(options.examples_after, options.rate / 2.0, Some((&kept, step)));
    Ok(trainer.write(&kept, step))
}

/// The examples of each language in each script.
struct Classes<'a> {
    labels: Vec<(&'a str, Script)>,
    texts: Vec<Vec<&'a str>>,
    /// For each class all classes of the same script, itself included.
    rivals: Vec<Vec<usize>>,
}

impl<'a> Classes<'a> {
    fn new(examples: &[(&'a str, &'a str)], examples_min: usize) -> Self {
        let mut texts: BTreeMap<(&str, Script), Vec<&str>> = BTreeMap::new();
        let mut totals: BTreeMap<&str, usize> = BTreeMap::new();
        for &(code, text) in examples {
            let mut words = Words::new();
            words.push(text);
            if let Some((script, _)) = words.script() {
                texts.entry((code, script)).or_default().push(text);
                *totals.entry(code).or_default() += 1;
            }
        }
        // A script with under 5 % of a language's examples comes from quotations and the like.
        texts.retain(|(code, _), texts| {
            texts.len() >= examples_min && texts.len() * 20 >= totals[code]
        });
        let labels: Vec<_> = texts.keys().copied().collect();
        let rivals = labels
            .iter()
            .map(|label| (0..labels.len()).filter(|&rival| labels[rival].1 == label.1).collect())
            .collect();
        Self { labels, texts: texts.into_values().collect(), rivals }
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom Number Generators").
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

type Vector = [f32; DIMENSIONS];

/// The weights and the bias of a class.
#[derive(Clone, Copy)]
struct Output {
    weights: Vector,
    bias: f32,
    /// Sum of the squared gradients, for Adagrad.
    squares: f32,
}

struct Trainer<'a> {
    classes: &'a Classes<'a>,
    options: TrainOptions,
    /// The vectors of the n-grams, by hash.
    rows: Vec<Vector>,
    /// For each row the sum of the squared gradients, for Adagrad.
    squares: Vec<f32>,
    /// How often each row was used.
    counts: Vec<u32>,
    outputs: Vec<Output>,
    random: Random,
}

impl<'a> Trainer<'a> {
    fn new(classes: &'a Classes<'a>, options: &TrainOptions) -> Self {
        let mut random = Random(1);
        let mut start = || (random.next() >> 40) as f32 / (1 << 23) as f32 - 1.0;
        let outputs = classes
            .labels
            .iter()
            .map(|_| Output { weights: std::array::from_fn(|_| start()), bias: 0.0, squares: 1e-3 })
            .collect();
        let rows = 1 << options.row_bits;
        Self {
            classes,
            options: options.clone(),
            rows: vec![[0.0; DIMENSIONS]; rows],
            squares: vec![1e-6; rows],
            counts: vec![0; rows],
            outputs,
            random,
        }
    }

    /// Trains on a number of random examples; with `kept`, only with those rows, rounded to a step.
    fn run(&mut self, examples: usize, rate: f32, kept: Option<(&[Option<u32>], f32)>) {
        // A language that is alone in its script is known without a model.
        let contested: Vec<(usize, &str)> = (0..self.classes.labels.len())
            .filter(|&class| self.classes.rivals[class].len() > 1)
            .flat_map(|class| self.classes.texts[class].iter().map(move |&text| (class, text)))
            .collect();
        let shift = 64 - self.options.row_bits;
        let group_bits = self.options.row_bits - self.options.bucket_bits;
        let mut rows = Vec::new();
        for done in 0..examples {
            let (class, text) = contested[self.random.below(contested.len())];
            let mut words = Words::new();
            words.push(part(text, &mut self.random));
            let script = self.classes.labels[class].1;
            rows.clear();
            words.grams(script, |hash| {
                let row = (hash >> shift) as u32;
                if kept.is_none_or(|(kept, _)| kept[(row >> group_bits) as usize] == Some(row)) {
                    rows.push(row);
                }
            });
            let rate = rate * (1.0 - done as f32 / examples as f32);
            self.learn(class, &rows, rate, kept.map(|(_, step)| step));
        }
    }

    /// Takes a gradient step for one example.
    fn learn(&mut self, class: usize, rows: &[u32], rate: f32, step: Option<f32>) {
        if rows.is_empty() {
            return;
        }
        let factor = 1.0 / (rows.len() as f32).sqrt();
        let mut hidden = [0.0; DIMENSIONS];
        for &row in rows {
            let row = &self.rows[row as usize];
            match step {
                Some(step) => add(&mut hidden, &row.map(|value| round(value, step) * step), factor),
                None => add(&mut hidden, row, factor),
            }
        }
        let rivals = &self.classes.rivals[class];
        let mut shares: Vec<f32> =
            rivals.iter().map(|&rival| self.outputs[rival].score(&hidden)).collect();
        softmax(&mut shares);
        let mut gradient = [0.0; DIMENSIONS];
        for (&rival, &share) in rivals.iter().zip(&shares) {
            let error = share - f32::from(rival == class);
            let output = &mut self.outputs[rival];
            add(&mut gradient, &output.weights, error * factor);
            output.learn(&hidden, error, rate);
        }
        // All rows receive the same gradient, also when they are read rounded (straight-through).
        let square = gradient.iter().map(|value| value * value).sum::<f32>() / DIMENSIONS as f32;
        for &row in rows {
            let row = row as usize;
            self.squares[row] += square;
            self.counts[row] += 1;
            add(&mut self.rows[row], &gradient, -rate / self.squares[row].sqrt());
        }
    }

    /// The row that each bucket keeps.
    fn choose(&self) -> Vec<Option<u32>> {
        // A bucket is a range of rows, because it is selected by the highest bits of the hash.
        let group = 1 << (self.options.row_bits - self.options.bucket_bits);
        let weight = |row: usize| {
            let norm = self.rows[row].iter().map(|value| value * value).sum::<f32>().sqrt();
            norm * (self.counts[row] as f32).sqrt()
        };
        (0..self.rows.len())
            .step_by(group)
            .map(|start| {
                let best = (start..start + group)
                    .max_by(|&a, &b| weight(a).total_cmp(&weight(b)))
                    .filter(|&row| self.counts[row] > 0)?;
                Some(best as u32)
            })
            .collect()
    }

    /// The step of the rounding: 7 steps are 2.5 times the root mean square of the kept numbers.
    /// Larger numbers are clipped.
    fn step(&self, kept: &[Option<u32>]) -> f32 {
        let values = || kept.iter().flatten().flat_map(|&row| self.rows[row as usize]);
        let total: f64 = values().map(|value| f64::from(value * value)).sum();
        ((total / values().count().max(1) as f64).sqrt() * 2.5 / 7.0) as f32
    }

    /// The bytes of the file, whose format is described in `model.rs`.
    fn write(&self, kept: &[Option<u32>], step: f32) -> Vec<u8> {
        let mut labels = String::new();
        for (code, script) in &self.classes.labels {
            labels.extend([code, " ", script.code(), "\n"]);
        }
        let fingerprint_bits = self.options.row_bits - self.options.bucket_bits;
        let mut bytes = MAGIC.to_vec();
        let numbers = [
            self.options.bucket_bits,
            fingerprint_bits,
            self.outputs.len() as u32,
            labels.len() as u32,
            step.to_bits(),
        ];
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(labels.as_bytes());
        for output in &self.outputs {
            let numbers = output.weights.iter().chain([&output.bias]);
            bytes.extend(numbers.flat_map(|number| number.to_le_bytes()));
        }
        for row in kept {
            let Some(row) = row else {
                bytes.extend([EMPTY; 1 + DIMENSIONS / 2]);
                continue;
            };
            bytes.push((row & ((1 << fingerprint_bits) - 1)) as u8);
            let nibbles = self.rows[*row as usize].map(|value| round(value, step) as i32 + ZERO);
            let (low, high) = nibbles.split_at(DIMENSIONS / 2);
            bytes.extend(low.iter().zip(high).map(|(low, high)| (low | high << 4) as u8));
        }
        bytes
    }
}

impl Output {
    fn score(&self, hidden: &Vector) -> f32 {
        self.bias + self.weights.iter().zip(hidden).map(|(a, b)| a * b).sum::<f32>()
    }

    fn learn(&mut self, hidden: &Vector, error: f32, rate: f32) {
        let norm = hidden.iter().map(|value| value * value).sum::<f32>();
        self.squares += error * error * (norm / DIMENSIONS as f32 + 1e-6);
        let rate = rate * error / self.squares.sqrt();
        add(&mut self.weights, hidden, -rate);
        self.bias -= rate;
    }
}

/// Adds a multiple of a vector to another.
fn add(sum: &mut Vector, vector: &Vector, factor: f32) {
    for (sum, value) in sum.iter_mut().zip(vector) {
        *sum += value * factor;
    }
}

/// A value as a number of steps: the nearest integer, clipped to -8 to 7.
fn round(value: f32, step: f32) -> f32 {
    (value / step).round_ties_even().clamp(-8.0, 7.0)
}

fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::MIN, f32::max);
    for score in &mut *scores {
        *score = (*score - largest).exp();
    }
    let total: f32 = scores.iter().sum();
    for score in scores {
        *score /= total;
    }
}

/// A random part of a text: one word, two words, three to eight words or everything, with equal
/// probabilities.
fn part<'a>(text: &'a str, random: &mut Random) -> &'a str {
    let words = match random.below(8) {
        0 | 1 => 1,
        2 | 3 => 2,
        4 | 5 => 3 + random.below(6),
        _ => return text,
    };
    let mut starts: Vec<usize> = text
        .split(' ')
        .scan(0, |start, word| {
            let this = *start;
            *start += word.len() + 1;
            Some(this)
        })
        .collect();
    starts.push(text.len() + 1);
    let count = starts.len() - 1;
    let first = random.below(count.saturating_sub(words - 1));
    let mut end = (first + words).min(count);
    // A very short part carries little information, so add the next word.
    while end < count && starts[end] - starts[first] < 5 {
        end += 1;
    }
    &text[starts[first]..starts[end] - 1]
}
