//! fastText classifiers: linear models over words, subwords and word n-grams (Joulin et al. 2016,
//! "Bag of Tricks for Efficient Text Classification").
//!
//! Reads and writes fastText's own files: dense (`.bin`) and quantized (`.ftz`), versions 11 and
//! 12, with any of the four losses. Labels and probabilities are those of the C++ tool.

mod activation;
mod arguments;
mod best;
mod codebook;
mod dictionary;
mod error;
mod example;
mod features;
mod matrix;
mod options;
mod output;
mod quantize;
mod random;
mod reader;
mod sgd;
mod train;
mod tree;
mod vocabulary;

use std::borrow::Cow;

pub use arguments::Loss;
pub(crate) use dictionary::LABEL_PREFIX;
pub use error::{ModelError, TrainError};
pub use example::Example;
pub use options::TrainOptions;
pub use quantize::{QuantizeError, QuantizeOptions, Retrain};
pub use sgd::Progress;

use arguments::Arguments;
use best::Best;
use dictionary::Dictionary;
use features::{FeatureScratch, Features};
use matrix::Matrix;
use output::Output;
use reader::{Reader, within};
use tree::Tree;

/// The version of the format in files written by [`Model::to_bytes`].
const VERSION: i32 = 12;

/// Number of rows collected before they are added up: enough to load many rows from memory in
/// parallel, but few enough that a long text needs no more memory than a short one.
const ROWS_AT_ONCE: usize = 1024;

/// A supervised fastText model.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    arguments: Arguments,
    features: Features,
    dictionary: Dictionary,
    input: Matrix,
    output: Output,
}

/// A label and its probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// Index of the label: see [`Model::label`].
    pub label: usize,
    /// From 0 to 1, or slightly above. Like fastText, this adds 0.00001 to the probability of the
    /// output layer (with hierarchical softmax, to that of each decision), so that the probability
    /// of a certain label exceeds 1.
    pub probability: f32,
}

/// Buffers that predictions reuse. Once they have grown, predictions allocate no memory.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    features: FeatureScratch,
    rows: Vec<usize>,
    hidden: Vec<f32>,
    scores: Vec<f32>,
    best: Best,
    stack: Vec<(u32, f32)>,
    predictions: Vec<Prediction>,
}

impl Model {
    /// Reads a model from the bytes of a `.bin` or `.ftz` file.
    ///
    /// # Errors
    ///
    /// The bytes are not a supervised model of version 11 or 12, or contradict themselves. Every
    /// length is checked against the remaining bytes before memory is allocated for it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let mut reader = Reader::new(bytes);
        let found = reader.i32("the magic number")?;
        if found != error::MAGIC {
            return Err(ModelError::Magic { found });
        }
        let version = reader.i32("the version")?;
        if !matches!(version, 11 | VERSION) {
            return Err(ModelError::Version { version });
        }
        let arguments = Arguments::read(&mut reader, version)?;
        let dictionary = Dictionary::read(&mut reader)?;
        let columns = arguments.dim as usize;
        let offset = reader.offset();
        let is_quantized = reader.bool("the flag for a quantized input")?;
        if dictionary.is_pruned() {
            let expected = "1, because only quantized models are pruned";
            within("the flag for a quantized input", offset, is_quantized.into(), 1..=1, expected)?;
        }
        let offset = reader.offset();
        let input = Matrix::read(&mut reader, is_quantized, columns)?;
        check_input_rows(&arguments, &dictionary, &input, offset)?;
        // Every file has this flag, but it has no effect unless the input is quantized, too.
        let is_quantized = reader.bool("the flag for a quantized output")? && is_quantized;
        let offset = reader.offset();
        let output = Matrix::read(&mut reader, is_quantized, columns)?;
        // The tree of hierarchical softmax has one inner node less than labels, but fastText stores
        // a row for each label in any case.
        let labels = dictionary.label_count() as i64;
        let range = labels..=labels;
        let rows = output.rows() as i64;
        within("the number of output rows", offset, rows, range, "one per label")?;
        Ok(Self::from_parts(arguments, dictionary, input, output))
    }

    fn from_parts(
        arguments: Arguments,
        dictionary: Dictionary,
        input: Matrix,
        output: Matrix,
    ) -> Self {
        let output = Output::new(arguments.loss, output, || Tree::new(&dictionary.label_counts()));
        Self { features: Features::new(&arguments), arguments, dictionary, input, output }
    }

    /// The model in fastText's file format: `.ftz` if it is quantized, else `.bin`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&error::MAGIC.to_le_bytes());
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        self.arguments.write(&mut bytes);
        self.dictionary.write(&mut bytes);
        bytes.push(self.input.is_quantized().into());
        self.input.write(&mut bytes);
        let output = self.output.matrix();
        bytes.push(output.is_quantized().into());
        output.write(&mut bytes);
        bytes
    }

    /// All labels in the order of their indexes, with their prefix (`__label__en`).
    pub fn labels(&self) -> impl ExactSizeIterator<Item = Cow<'_, str>> {
        (0..self.dictionary.label_count()).map(|index| self.label(index))
    }

    /// The label with this index, with its prefix.
    ///
    /// # Panics
    ///
    /// The index is not below the number of labels.
    pub fn label(&self, index: usize) -> Cow<'_, str> {
        String::from_utf8_lossy(self.dictionary.label(index).name)
    }

    /// The index of a label, which must have its prefix.
    pub fn label_index(&self, label: &str) -> Option<usize> {
        let id = self.dictionary.find(dictionary::hash(label.as_bytes()), label.as_bytes())?;
        id.checked_sub(self.dictionary.word_count())
    }

    /// Dimension of the vectors: columns of both matrices.
    fn dim(&self) -> usize {
        self.arguments.dim as usize
    }

    /// The `k` most probable labels of a text, best first, without those whose probability is below
    /// `threshold`.
    ///
    /// Like in fastText, the text is split into tokens at ASCII white space, and line ends count as
    /// spaces. There is no prediction for a text without a word or n-gram that the model knows.
    pub fn predict(&self, text: &str, k: usize, threshold: f32) -> Vec<Prediction> {
        self.predict_with(&mut Scratch::default(), text, k, threshold).to_vec()
    }

    /// Like [`Model::predict`], but reuses buffers.
    pub fn predict_with<'s>(
        &self,
        scratch: &'s mut Scratch,
        text: &str,
        k: usize,
        threshold: f32,
    ) -> &'s [Prediction] {
        scratch.predictions.clear();
        if k == 0 || !self.set_hidden(scratch, text) {
            return &scratch.predictions;
        }
        let Scratch { hidden, scores, best, stack, predictions, .. } = scratch;
        best.reset(k);
        self.output.predict(hidden, threshold, scores, best, stack);
        predictions.extend(
            best.sort().iter().map(|&(score, label)| Prediction {
                label: label as usize,
                probability: score.exp(),
            }),
        );
        predictions
    }

    /// Sets the hidden vector to the mean of the text's input rows; returns false if it has none.
    fn set_hidden(&self, scratch: &mut Scratch, text: &str) -> bool {
        let Scratch { features, rows, hidden, .. } = scratch;
        hidden.clear();
        hidden.resize(self.dim(), 0.0);
        rows.clear();
        let mut count = 0;
        self.features.visit(text.as_bytes(), &self.dictionary, features, |row| {
            rows.push(row);
            if rows.len() == ROWS_AT_ONCE {
                self.input.add_rows(rows, hidden);
                count += rows.len();
                rows.clear();
            }
        });
        self.input.add_rows(rows, hidden);
        count += rows.len();
        // Like fastText, compute the factor in double precision and multiply by it: a division
        // would change the last bits.
        let scale = (1.0 / count as f64) as f32;
        hidden.iter_mut().for_each(|value| *value *= scale);
        count > 0
    }
}

/// Checks that the input matrix has every row that a text can refer to.
fn check_input_rows(
    arguments: &Arguments,
    dictionary: &Dictionary,
    input: &Matrix,
    offset: usize,
) -> Result<(), ModelError> {
    let buckets = match dictionary.kept_row_end() {
        Some(end) => end,
        None if arguments.has_ngrams() => arguments.bucket as u64,
        None => 0,
    };
    let needed = (dictionary.word_count() as u64 + buckets) as i64;
    let range = needed..=i64::MAX;
    let rows = input.rows() as i64;
    within("the number of input rows", offset, rows, range, "one per word and bucket")
}

#[cfg(test)]
mod tests;
