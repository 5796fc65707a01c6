//! Trains classifiers by stochastic gradient descent (Joulin et al. 2016, "Bag of Tricks for
//! Efficient Text Classification", section 2).
//!
//! Training uses one thread, a seed and a fixed order of all sums, so that the same examples and
//! options always give the same model.

use super::Model;
use super::error::TrainError;
use super::example::Example;
use super::matrix::{DenseMatrix, Matrix};
use super::options::TrainOptions;
use super::random::Random;
use super::sgd::{Pass, Progress, Trainer};
use super::vocabulary;

/// Added to the seed for the initial matrix, so that it uses other random numbers than the order of
/// the examples.
const MATRIX_STREAM: u64 = 0x5EED_0FF5_E7A0_0001;

impl Model {
    /// Trains a model on all examples that have a label. `progress` is called a hundred times
    /// during the training.
    ///
    /// Each epoch visits the examples in a new random order, so their order in `examples` has
    /// little influence. The result depends only on the arguments.
    ///
    /// ```
    /// use text::fasttext::{Example, Model, TrainOptions};
    ///
    /// let lines = ["__label__sea waves and tide", "__label__bread flour and dough"];
    /// let examples: Vec<Example> = lines.into_iter().map(Example::from_line).collect();
    /// let options = TrainOptions { dim: 4, epochs: 100, ..TrainOptions::default() };
    /// let model = Model::train(&examples, &options, |_| {})?;
    /// let best = model.predict("the tide", 1, 0.0)[0];
    /// assert_eq!(model.label(best.label), "__label__sea");
    /// # Ok::<(), text::fasttext::TrainError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// An option is out of range, a label is invalid, the matrices would need more memory than the
    /// limit, no label or no word is frequent enough, or the training diverges.
    pub fn train(
        examples: &[Example<'_>],
        options: &TrainOptions,
        progress: impl FnMut(Progress),
    ) -> Result<Self, TrainError> {
        let mut arguments = options.arguments()?;
        let dictionary = vocabulary::count(examples, options)?;
        // Without n-grams no text can refer to a bucket, so their rows would be wasted memory.
        if !arguments.has_ngrams() {
            arguments.bucket = 0;
        }
        let rows = dictionary.word_count() + arguments.bucket as usize;
        let all_rows = (rows + dictionary.label_count()) as u64;
        let needed = all_rows * options.dim as u64 * size_of::<f32>() as u64;
        if needed > options.memory_limit_bytes {
            return Err(TrainError::Memory { needed, limit: options.memory_limit_bytes });
        }
        // As in fastText, the input starts uniformly between -1/dim and 1/dim and the output at
        // zero.
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
