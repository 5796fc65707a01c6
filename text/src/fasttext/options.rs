//! The options of a training, and how they are checked.

use super::arguments::{Arguments, Loss, MAX_DIM, MAX_NGRAM};
use super::error::TrainError;

/// How a model is trained. The defaults are fastText's for supervised models.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainOptions {
    /// Dimension of the vectors.
    pub dim: usize,
    /// Learning rate at the start; it decreases linearly to zero.
    pub learning_rate: f32,
    /// How many times each example is seen.
    pub epochs: u32,
    /// Words with a lower count are ignored.
    pub min_count: u32,
    /// Labels with a lower count are ignored.
    pub min_label_count: u32,
    /// Maximum length of word n-grams, in words; 1 for single words only.
    pub word_ngrams: usize,
    /// Minimum length of subwords, in characters.
    pub min_subword: usize,
    /// Maximum length of subwords, in characters; 0 disables subwords.
    pub max_subword: usize,
    /// Number of hash buckets that all subwords and word n-grams share; each has a row in the input
    /// matrix.
    pub bucket: usize,
    /// The loss of the output layer.
    pub loss: Loss,
    /// Number of negative labels per example with [`Loss::NegativeSampling`].
    pub negatives: usize,
    /// Seed of the initial input matrix and of the order of the examples.
    pub seed: u64,
    /// Limit for the size of both matrices together.
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

impl TrainOptions {
    /// The options as a model file stores them.
    ///
    /// # Errors
    ///
    /// An option is out of range.
    pub(super) fn arguments(&self) -> Result<Arguments, TrainError> {
        let count = |option, value: usize| {
            ranged(option, value, 0, i32::MAX as usize, "0 to 2,147,483,647")
        };
        let length = |option, value| ranged(option, value, 0, MAX_NGRAM as usize, "0 to 256");
        let word_ngrams = self.word_ngrams;
        let arguments = Arguments {
            dim: ranged("dim", self.dim, 1, MAX_DIM as usize, "1 to 1,048,576")?,
            // A field of the file that only word vectors use; 5 is fastText's default.
            window: 5,
            epochs: count("epochs", self.epochs as usize)?,
            min_count: count("min_count", self.min_count as usize)?,
            negatives: count("negatives", self.negatives)?,
            word_ngrams: ranged("word_ngrams", word_ngrams, 1, MAX_NGRAM as usize, "1 to 256")?,
            loss: self.loss,
            bucket: count("bucket", self.bucket)?,
            min_subword: length("min_subword", self.min_subword)?,
            max_subword: length("max_subword", self.max_subword)?,
            // Also fields of the file that have no effect here, with fastText's defaults.
            rate_update: 100,
            sampling_threshold: 1e-4,
        };
        let rate = f64::from(self.learning_rate);
        if !(rate > 0.0 && rate.is_finite()) {
            let expected = "a positive number";
            return Err(TrainError::Option { option: "learning_rate", value: rate, expected });
        }
        Ok(arguments)
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
