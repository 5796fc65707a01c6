//! fastText classifiers: linear models over words, subwords and word n-grams (Joulin et al. 2016,
//! "Bag of Tricks for Efficient Text Classification").
//!
//! Reads and writes fastText's own files, dense (`.bin`) and quantized (`.ftz`), versions 11 and
//! 12, with any of its four losses, and gives the labels and probabilities that the C++ tool gives.

mod arguments;
mod best;
mod codebook;
mod dictionary;
mod error;
mod features;
mod matrix;
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
pub use dictionary::LABEL_PREFIX;
pub use error::ModelError;
pub use quantize::{QuantizeError, QuantizeOptions, Retrain};
pub use train::{Example, Progress, TrainError, TrainOptions};

use arguments::Arguments;
use best::Best;
use dictionary::Dictionary;
use features::{FeatureScratch, Features};
use matrix::Matrix;
use output::Output;
use reader::{Reader, within};
use tree::Tree;

/// The version of the format that is written.
const VERSION: i32 = 12;

/// Rows that are looked up before they are added: enough to have many on their way from memory at
/// once, and few, so that a long text takes no memory of its own.
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

/// A label and how sure the model is of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// Index of the label: see [`Model::label`].
    pub label: usize,
    /// From 0 to 1. As in fastText, 0.00001 is added to what the output layer says, or to every
    /// decision in a tree of labels, so that a sure label can stand a little above 1.
    pub probability: f32,
}

/// Buffers that predictions reuse. Once they have grown, a prediction allocates nothing.
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
    /// When the bytes are no supervised model of version 11 or 12, or contradict themselves. All
    /// lengths are checked against the bytes that are there before memory is taken for them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let mut reader = Reader::new(bytes);
        let found = reader.i32("the mark of a fastText model")?;
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
        let is_quantized = reader.bool("the mark of a quantized input")?;
        if dictionary.is_pruned() {
            let expected = "1: only quantized models lack buckets";
            within("the mark of a quantized input", offset, is_quantized.into(), 1..=1, expected)?;
        }
        let offset = reader.offset();
        let input = Matrix::read(&mut reader, is_quantized, columns)?;
        check_input_rows(&arguments, &dictionary, &input, offset)?;
        // The mark stands in every file, but says nothing unless the input is quantized too.
        let is_quantized = reader.bool("the mark of a quantized output")? && is_quantized;
        let offset = reader.offset();
        let output = Matrix::read(&mut reader, is_quantized, columns)?;
        let labels = dictionary.label_count() as i64;
        let range = labels..=labels;
        within("the rows of the output", offset, output.rows() as i64, range, "one a label")?;
        Ok(Self::from_parts(arguments, dictionary, input, output))
    }

    fn from_parts(
        arguments: Arguments,
        dictionary: Dictionary,
        input: Matrix,
        output: Matrix,
    ) -> Self {
        let output = Output::new(arguments.loss, output, || Tree::new(&label_counts(&dictionary)));
        Self { features: Features::new(&arguments), arguments, dictionary, input, output }
    }

    /// The model as a file of fastText: `.ftz` if it is quantized, else `.bin`.
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

    /// The labels in the order of their indexes, with their prefix (`__label__en`).
    pub fn labels(&self) -> impl ExactSizeIterator<Item = Cow<'_, str>> {
        (0..self.dictionary.label_count()).map(|index| self.label(index))
    }

    /// The label with this index.
    ///
    /// # Panics
    ///
    /// When there are not so many labels.
    pub fn label(&self, index: usize) -> Cow<'_, str> {
        String::from_utf8_lossy(self.dictionary.label(index).name)
    }

    /// The index of a label, given with its prefix.
    pub fn label_index(&self, label: &str) -> Option<usize> {
        let id = self.dictionary.find(dictionary::hash(label.as_bytes()), label.as_bytes())?;
        id.checked_sub(self.dictionary.word_count())
    }

    /// Columns of the matrices.
    pub fn dim(&self) -> usize {
        self.arguments.dim as usize
    }

    /// Whether the input matrix is quantized.
    pub fn is_quantized(&self) -> bool {
        self.input.is_quantized()
    }

    /// How the output layer makes probabilities.
    pub fn loss(&self) -> Loss {
        self.arguments.loss
    }

    /// The at most `k` labels of a text whose probability is at least `threshold`, best first.
    ///
    /// The text is cut into tokens at ASCII white space, as fastText does; line ends count as
    /// spaces. There is no prediction for a text of which the model knows nothing.
    pub fn predict(&self, text: &str, k: usize, threshold: f32) -> Vec<Prediction> {
        self.predict_with(&mut Scratch::default(), text, k, threshold).to_vec()
    }

    /// As [`Model::predict`], with buffers that are reused.
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

    /// Averages the rows of a text; false if it has none.
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
        let scale = (1.0 / count as f64) as f32;
        hidden.iter_mut().for_each(|value| *value *= scale);
        count > 0
    }
}

fn label_counts(dictionary: &Dictionary) -> Vec<i64> {
    (0..dictionary.label_count()).map(|index| dictionary.label(index).count).collect()
}

/// Every row that a text can lead to must be there.
fn check_input_rows(
    arguments: &Arguments,
    dictionary: &Dictionary,
    input: &Matrix,
    offset: usize,
) -> Result<(), ModelError> {
    let buckets = dictionary.kept_row_end().unwrap_or(if arguments.has_ngrams() {
        arguments.bucket as u64
    } else {
        0
    });
    let needed = (dictionary.word_count() as u64 + buckets) as i64;
    let range = needed..=i64::MAX;
    within("the rows of the input", offset, input.rows() as i64, range, "one a word and bucket")
}

#[cfg(test)]
mod tests;
