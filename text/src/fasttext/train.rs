//! Trains classifiers by stochastic gradient descent (Joulin et al. 2016, "Bag of Tricks for
//! Efficient Text Classification", section 2).
//!
//! One thread, a seed and a fixed order of all sums: the same examples and options give the same
//! model.

use thiserror::Error;

use super::Model;
use super::arguments::{Arguments, Loss, MAX_DIM, MAX_NGRAM};
use super::dictionary::LABEL_PREFIX;
use super::matrix::{DenseMatrix, Matrix};
use super::random::Random;
use super::sgd::{Pass, Trainer};
use super::vocabulary;

/// Added to the seed of the matrices, so that they do not share their numbers with the order of
/// the examples.
const MATRIX_STREAM: u64 = 0x5EED_0FF5_E7A0_0001;

/// A text and what it is labelled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example<'a> {
    /// One or more names, with or without the prefix `__label__`, and without white space.
    pub labels: Vec<&'a str>,
    /// Cut into words at ASCII white space; line ends count as spaces.
    pub text: &'a str,
}

impl<'a> Example<'a> {
    /// An example from a line of fastText's own format: labels with their prefix, then the text.
    pub fn from_line(line: &'a str) -> Self {
        let mut labels = Vec::new();
        let mut text = line.trim_ascii_start();
        while text.starts_with(LABEL_PREFIX) {
            let end = text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len());
            labels.push(&text[..end]);
            text = text[end..].trim_ascii_start();
        }
        Self { labels, text }
    }
}

/// How a model is trained. The defaults are fastText's for supervised models.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainOptions {
    /// Length of the vectors.
    pub dim: usize,
    /// Size of the first steps; it falls to zero in a line.
    pub learning_rate: f32,
    /// How often every example is seen.
    pub epochs: u32,
    /// Rarer words are left out.
    pub min_count: u32,
    /// Rarer labels are left out.
    pub min_label_count: u32,
    /// Longest runs of words that are features, in words; 1 for none but words.
    pub word_ngrams: usize,
    /// Shortest subwords that are features, in characters.
    pub min_subword: usize,
    /// Longest subwords that are features, in characters; 0 for none.
    pub max_subword: usize,
    /// Rows that all subwords and runs of words share by their hashes.
    pub bucket: usize,
    /// The output layer.
    pub loss: Loss,
    /// Labels drawn against each example by [`Loss::NegativeSampling`].
    pub negatives: usize,
    /// Decides the first matrix and the order of the examples.
    pub seed: u64,
    /// Most memory that the matrices may take.
    pub memory_limit_bytes: u64,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            dim: 100,
            learning_rate: 0.1,
            epochs: 5,
            min_count: 1,
            min_label_count: 0,
            word_ngrams: 1,
            min_subword: 0,
            max_subword: 0,
            bucket: 2_000_000,
            loss: Loss::Softmax,
            negatives: 5,
            seed: 0,
            memory_limit_bytes: 4 << 30,
        }
    }
}

/// How far a training is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// From 0 to 1.
    pub done: f32,
    /// Mean loss of the examples since the last report, in nats.
    pub loss: f32,
}

/// Why there is no model.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TrainError {
    /// No example has a label, or none is frequent enough.
    #[error("no example has a label that is frequent enough")]
    NoLabels,
    /// No text has a word, or none is frequent enough.
    #[error("no example has a word that is frequent enough")]
    NoWords,
    /// A label that a file of fastText cannot hold.
    #[error("the label {label:?} is empty or has white space in it")]
    Label {
        /// The label.
        label: String,
    },
    /// An option that no model can have.
    #[error("{option} is {value}, expected {expected}")]
    Option {
        /// Which option.
        option: &'static str,
        /// What it is.
        value: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// The matrices do not fit.
    #[error(
        "the model takes {needed} bytes of memory, the limit is {limit}: \
             lower bucket or dim, or raise min_count"
    )]
    Memory {
        /// Bytes of the matrices.
        needed: u64,
        /// The limit.
        limit: u64,
    },
    /// The steps were so large that the numbers overflowed.
    #[error("the training diverged: lower the learning rate")]
    Diverged,
}

impl Model {
    /// Trains a model on all examples that have a label, and reports to `progress` a hundred times
    /// on the way.
    ///
    /// The examples are seen in a new random order in every epoch, so the order in which they are
    /// given matters little. The result depends on the arguments alone.
    ///
    /// # Errors
    ///
    /// When an option or label is out of range, the matrices would take more memory than the
    /// limit, there is nothing to learn, or the steps are too large.
    pub fn train(
        examples: &[Example<'_>],
        options: &TrainOptions,
        progress: impl FnMut(Progress),
    ) -> Result<Self, TrainError> {
        let mut arguments = options.arguments()?;
        let dictionary = vocabulary::count(examples, options)?;
        if !arguments.has_ngrams() {
            arguments.bucket = 0;
        }
        let rows = dictionary.word_count() + arguments.bucket as usize;
        let all_rows = (rows + dictionary.label_count()) as u64;
        let needed = all_rows * options.dim as u64 * size_of::<f32>() as u64;
        if needed > options.memory_limit_bytes {
            return Err(TrainError::Memory { needed, limit: options.memory_limit_bytes });
        }
        let mut input = DenseMatrix::zeros(rows, options.dim);
        let mut random = Random::new(options.seed.wrapping_add(MATRIX_STREAM));
        let range = 1.0 / options.dim as f64;
        for value in &mut input.values {
            *value = ((random.unit() * 2.0 - 1.0) * range) as f32;
        }
        let output = DenseMatrix::zeros(dictionary.label_count(), options.dim);
        let mut trainer = Trainer::new(&arguments, &dictionary, input, output);
        let pass = Pass {
            learning_rate: options.learning_rate,
            epochs: options.epochs,
            seed: options.seed,
        };
        trainer.run(examples, &pass, progress)?;
        let Trainer { input, output, .. } = trainer;
        Ok(Self::from_parts(arguments, dictionary, Matrix::Dense(input), Matrix::Dense(output)))
    }
}

impl TrainOptions {
    fn arguments(&self) -> Result<Arguments, TrainError> {
        let max_bucket = i32::MAX as usize;
        Ok(Arguments {
            dim: ranged("dim", self.dim, 1, MAX_DIM as usize, "1 to 1,048,576")?,
            // The file has a field for it, but only word vectors use it; 5 is fastText's default.
            window: 5,
            epochs: ranged("epochs", self.epochs as usize, 0, max_bucket, "0 to 2^31")?,
            min_count: ranged("min_count", self.min_count as usize, 0, max_bucket, "0 to 2^31")?,
            negatives: ranged("negatives", self.negatives, 0, max_bucket, "0 to 2^31")?,
            word_ngrams: ranged(
                "word_ngrams",
                self.word_ngrams,
                1,
                MAX_NGRAM as usize,
                "1 to 256",
            )?,
            loss: self.loss,
            bucket: ranged("bucket", self.bucket, 0, max_bucket, "0 to 2^31")?,
            min_subword: ranged(
                "min_subword",
                self.min_subword,
                0,
                MAX_NGRAM as usize,
                "0 to 256",
            )?,
            max_subword: ranged(
                "max_subword",
                self.max_subword,
                0,
                MAX_NGRAM as usize,
                "0 to 256",
            )?,
            // Also fields of the file without a meaning here, with fastText's defaults.
            rate_update: 100,
            sampling_threshold: 1e-4,
        })
        .and_then(|arguments| {
            let rate = f64::from(self.learning_rate);
            if rate > 0.0 && rate.is_finite() {
                return Ok(arguments);
            }
            let expected = "a positive number";
            Err(TrainError::Option { option: "learning_rate", value: rate, expected })
        })
    }
}

fn ranged(
    option: &'static str,
    value: usize,
    least: usize,
    most: usize,
    expected: &'static str,
) -> Result<i32, TrainError> {
    if (least..=most).contains(&value) {
        return Ok(value as i32);
    }
    Err(TrainError::Option { option, value: value as f64, expected })
}
