//! The output layer: from a hidden vector to the probabilities of the labels.

use super::arguments::Loss;
use super::best::Best;
use super::matrix::{DenseMatrix, Matrix};
use super::tree::Tree;

/// Steps of the table of the sigmoid, over -8 to 8 (fastText 0.9.2, `SIGMOID_TABLE_SIZE`).
const SIGMOID_STEPS: usize = 512;

/// Where the sigmoid is taken to be 0 and 1.
const SIGMOID_LIMIT: f32 = 8.0;

/// Added to every probability before its logarithm is taken (fastText 0.9.2, `std_log`).
const LOG_SHIFT: f64 = 1e-5;

/// Labels whose scores are computed together.
const BLOCK: usize = 16;

/// Scores clearly under the bar are told without a logarithm: this share of it leaves more room
/// than rounding takes.
const CLEARLY_BELOW: f32 = 0.999;

/// fastText's sigmoid: a step function, since models are trained with it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sigmoid {
    table: Vec<f32>,
}

impl Sigmoid {
    pub(super) fn new() -> Self {
        let value = |step: usize| {
            let x =
                (step * 2 * SIGMOID_LIMIT as usize) as f32 / SIGMOID_STEPS as f32 - SIGMOID_LIMIT;
            (1.0 / (1.0 + f64::from((-x).exp()))) as f32
        };
        Self { table: (0..=SIGMOID_STEPS).map(value).collect() }
    }

    #[inline]
    pub(super) fn at(&self, x: f32) -> f32 {
        if x < -SIGMOID_LIMIT {
            0.0
        } else if x > SIGMOID_LIMIT {
            1.0
        } else {
            let step = (x + SIGMOID_LIMIT) * SIGMOID_STEPS as f32 / SIGMOID_LIMIT / 2.0;
            self.table[step as usize]
        }
    }
}

/// The logarithm that scores are kept in.
#[inline]
pub(super) fn log(probability: f32) -> f32 {
    (f64::from(probability) + LOG_SHIFT).ln() as f32
}

/// Turns scores into a distribution.
pub(super) fn softmax(scores: &mut [f32]) {
    let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in &mut *scores {
        *score = (*score - max).exp();
        sum += *score;
    }
    for score in scores {
        *score /= sum;
    }
}

/// The output layer of a model.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Output {
    /// Every label has a score of its own.
    Flat { activation: Activation, rows: Rows },
    /// A label's score is that of its way through a tree.
    Tree { tree: Tree, matrix: Matrix },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Activation {
    Softmax,
    Sigmoid(Sigmoid),
}

/// The vectors of the labels.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Rows {
    /// Blocks of 16 rows, each block column by column, the last filled up with zeros: 16 dot
    /// products at a time, each added up from the first column to the last.
    Blocks {
        labels: usize,
        columns: usize,
        values: Vec<f32>,
    },
    Matrix(Matrix),
}

impl Output {
    pub(super) fn new(loss: Loss, matrix: Matrix, tree: impl FnOnce() -> Tree) -> Self {
        let activation = match loss {
            Loss::HierarchicalSoftmax => return Self::Tree { tree: tree(), matrix },
            Loss::Softmax => Activation::Softmax,
            Loss::NegativeSampling | Loss::OneVsAll => Activation::Sigmoid(Sigmoid::new()),
        };
        let rows = match matrix {
            Matrix::Dense(matrix) => Rows::blocks(&matrix),
            Matrix::Quantized(_) => Rows::Matrix(matrix),
        };
        Self::Flat { activation, rows }
    }

    /// The vectors of the labels, or of the inner nodes of the tree, row by row.
    pub(super) fn matrix(&self) -> std::borrow::Cow<'_, Matrix> {
        use std::borrow::Cow;
        match self {
            Self::Tree { matrix, .. } | Self::Flat { rows: Rows::Matrix(matrix), .. } => {
                Cow::Borrowed(matrix)
            }
            Self::Flat { rows: Rows::Blocks { labels, columns, values }, .. } => {
                Cow::Owned(Matrix::Dense(dense(*labels, *columns, values)))
            }
        }
    }

    /// Collects in `best` the labels whose probability is at least `threshold`.
    pub(super) fn predict(
        &self,
        hidden: &[f32],
        threshold: f32,
        scores: &mut Vec<f32>,
        best: &mut Best,
        stack: &mut Vec<(u32, f32)>,
    ) {
        match self {
            Self::Tree { tree, matrix } => tree.predict(matrix, hidden, threshold, best, stack),
            Self::Flat { activation, rows } => {
                rows.scores(hidden, scores);
                match activation {
                    Activation::Softmax => softmax(scores),
                    Activation::Sigmoid(sigmoid) => {
                        scores.iter_mut().for_each(|score| *score = sigmoid.at(*score));
                    }
                }
                collect(scores, threshold, best);
            }
        }
    }
}

fn collect(probabilities: &[f32], threshold: f32, best: &mut Best) {
    // No probability has been seen to be too low yet.
    let mut low = f32::NEG_INFINITY;
    for (label, &probability) in probabilities.iter().enumerate() {
        // Written so that a number that is none is passed over.
        if !(probability >= threshold && probability >= low) {
            continue;
        }
        let score = log(probability);
        if best.bar().is_some_and(|bar| score < bar) {
            continue;
        }
        best.push((score, label as u32));
        if let Some(bar) = best.bar() {
            low = (f64::from(bar).exp() - LOG_SHIFT) as f32 * CLEARLY_BELOW - LOG_SHIFT as f32;
        }
    }
}

impl Rows {
    fn blocks(matrix: &DenseMatrix) -> Self {
        let (labels, columns) = (matrix.rows(), matrix.columns);
        let mut values = vec![0.0; labels.div_ceil(BLOCK) * BLOCK * columns];
        for (index, block) in values.chunks_exact_mut(BLOCK * columns).enumerate() {
            for lane in 0..BLOCK.min(labels - index * BLOCK) {
                for (column, value) in matrix.row(index * BLOCK + lane).iter().enumerate() {
                    block[column * BLOCK + lane] = *value;
                }
            }
        }
        Self::Blocks { labels, columns, values }
    }

    fn scores(&self, hidden: &[f32], scores: &mut Vec<f32>) {
        scores.clear();
        match self {
            Self::Matrix(matrix) => {
                scores.extend((0..matrix.rows()).map(|row| matrix.dot_row(row, hidden)));
            }
            Self::Blocks { labels, columns, values } => {
                for block in values.chunks_exact(BLOCK * columns) {
                    let mut sums = [0.0; BLOCK];
                    for (lanes, &value) in block.as_chunks::<BLOCK>().0.iter().zip(hidden) {
                        for (sum, lane) in sums.iter_mut().zip(lanes) {
                            *sum += lane * value;
                        }
                    }
                    scores.extend_from_slice(&sums);
                }
                scores.truncate(*labels);
            }
        }
    }
}

fn dense(labels: usize, columns: usize, values: &[f32]) -> DenseMatrix {
    let mut matrix = DenseMatrix::zeros(labels, columns);
    for (index, block) in values.chunks_exact(BLOCK * columns).enumerate() {
        for lane in 0..BLOCK.min(labels - index * BLOCK) {
            for (column, value) in matrix.row_mut(index * BLOCK + lane).iter_mut().enumerate() {
                *value = block[column * BLOCK + lane];
            }
        }
    }
    matrix
}
