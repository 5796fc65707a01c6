//! Makes models smaller: rows with short vectors are removed, and the others are replaced by the
//! codes of a product quantizer (Joulin et al. 2016, "FastText.zip: Compressing text classification
//! models", sections 3.1 and 3.2).

use std::borrow::Cow;

use thiserror::Error;

use super::Model;
use super::codebook::{quantize, row_norms};
use super::dictionary::{Dictionary, END_OF_TEXT, Entry, hash};
use super::error::TrainError;
use super::example::Example;
use super::matrix::{DenseMatrix, Matrix};
use super::random::Random;
use super::sgd::{Pass, Progress, Trainer};

/// Columns per part of the output matrix: fastText always uses two.
const OUTPUT_PART: usize = 2;

/// How a model is quantized. The defaults are fastText's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantizeOptions {
    /// Columns per byte: 2 keeps nearly all accuracy, more make the model smaller.
    pub part_columns: usize,
    /// Maximum number of rows to keep, those with the longest vectors; `None` keeps all.
    pub cutoff: Option<usize>,
    /// Whether the length of each vector is stored separately, in one byte.
    pub separate_norms: bool,
    /// Whether the vectors of the labels are quantized, too.
    pub quantize_output: bool,
    /// Seed for the rows from which the centroids are computed, and for the order of the examples
    /// in a further training.
    pub seed: u64,
}

impl Default for QuantizeOptions {
    fn default() -> Self {
        Self {
            part_columns: 2,
            cutoff: None,
            separate_norms: false,
            quantize_output: false,
            seed: 0,
        }
    }
}

/// A further training after rows were removed and before the others are quantized.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retrain<'a> {
    /// The examples that the model was trained on.
    pub examples: &'a [Example<'a>],
    /// Learning rate at the start; it decreases linearly to zero.
    pub learning_rate: f32,
    /// How many times each example is seen.
    pub epochs: u32,
}

/// Why a model was not quantized.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum QuantizeError {
    /// The model is quantized already.
    #[error("the model is quantized already")]
    AlreadyQuantized,
    /// The width of a part is 0 or above the model's dimension.
    #[error("part_columns is {value}, expected 1 to the model's dimension, {dim}")]
    PartColumns {
        /// The value of the option.
        value: usize,
        /// The model's dimension.
        dim: usize,
    },
    /// The codes are too large: a file stores their size in 31 bits.
    #[error("the codes would need {bytes} bytes, the format allows 2,147,483,647: set a cutoff")]
    TooManyCodes {
        /// Rows times parts.
        bytes: u64,
    },
    /// The further training failed.
    #[error("the model could not be trained further")]
    Retrain(#[from] TrainError),
}

impl Model {
    /// Makes the model smaller, for a `.ftz` file. The result depends only on the arguments.
    /// `progress` is called by the further training, if any.
    ///
    /// # Errors
    ///
    /// The model is quantized already, an option is out of range, or the further training fails.
    pub fn quantize(
        &self,
        options: &QuantizeOptions,
        retrain: Option<&Retrain<'_>>,
        progress: impl FnMut(Progress),
    ) -> Result<Self, QuantizeError> {
        let (Matrix::Dense(input), Matrix::Dense(output)) =
            (&self.input, self.output.matrix().into_owned())
        else {
            return Err(QuantizeError::AlreadyQuantized);
        };
        let part = options.part_columns;
        if !(1..=self.dim()).contains(&part) {
            return Err(QuantizeError::PartColumns { value: part, dim: self.dim() });
        }
        let rows = options.cutoff.map_or(input.rows(), |cutoff| cutoff.min(input.rows()));
        let bytes = rows as u64 * self.dim().div_ceil(part) as u64;
        if bytes > i32::MAX as u64 {
            return Err(QuantizeError::TooManyCodes { bytes });
        }
        let mut arguments = self.arguments.clone();
        let (dictionary, mut input) = if rows < input.rows() {
            let (dictionary, input) = prune(&self.dictionary, input, rows);
            (Cow::Owned(dictionary), Cow::Owned(input))
        } else {
            (Cow::Borrowed(&self.dictionary), Cow::Borrowed(input))
        };
        let mut output = output;
        if let Some(retrain) = retrain {
            arguments.epochs = retrain.epochs as i32;
            let mut trainer = Trainer::new(&arguments, &dictionary, input.into_owned(), output);
            let pass = Pass {
                learning_rate: retrain.learning_rate,
                epochs: retrain.epochs,
                seed: options.seed,
            };
            trainer.run(retrain.examples, &pass, progress)?;
            (input, output) = (Cow::Owned(trainer.input), trainer.output);
        }
        let mut random = Random::new(options.seed);
        let input = quantize(&input, part, options.separate_norms, &mut random);
        let output = if options.quantize_output {
            let part = OUTPUT_PART;
            Matrix::Quantized(quantize(&output, part, options.separate_norms, &mut random))
        } else {
            Matrix::Dense(output)
        };
        let dictionary = dictionary.into_owned();
        Ok(Self::from_parts(arguments, dictionary, Matrix::Quantized(input), output))
    }
}

/// Keeps the end-of-text token, which is in every text, and the rows with the longest vectors:
/// `count` rows in total. Words keep their order; buckets are ordered by length.
fn prune(dictionary: &Dictionary, input: &DenseMatrix, count: usize) -> (Dictionary, DenseMatrix) {
    let words = dictionary.word_count();
    let end_of_text = dictionary.find(hash(END_OF_TEXT), END_OF_TEXT);
    let norms = row_norms(input);
    // The index as the last criterion makes the order, and so the file, unique.
    let mut order: Vec<usize> = (0..input.rows()).collect();
    order.sort_unstable_by(|&left, &right| {
        let is_other = |row| Some(row) != end_of_text;
        is_other(left)
            .cmp(&is_other(right))
            .then(norms[right].total_cmp(&norms[left]))
            .then(left.cmp(&right))
    });
    order.truncate(count);
    let (mut kept, buckets): (Vec<usize>, Vec<usize>) =
        order.into_iter().partition(|&row| row < words);
    kept.sort_unstable();
    let entries: Vec<Entry<'_>> = kept.iter().map(|&id| dictionary.entry(id)).collect();
    let labels: Vec<Entry<'_>> =
        (0..dictionary.label_count()).map(|index| dictionary.label(index)).collect();
    let mut pruned =
        Dictionary::new(entries.into_iter(), labels.into_iter(), dictionary.token_count());
    let pairs = buckets.iter().zip(0..).map(|(&row, new)| ((row - words) as u32, new)).collect();
    pruned.set_kept_buckets(pairs);
    let mut matrix = DenseMatrix { columns: input.columns, values: Vec::new() };
    for &row in kept.iter().chain(&buckets) {
        matrix.values.extend_from_slice(input.row(row));
    }
    (pruned, matrix)
}
