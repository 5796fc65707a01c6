//! The output layer: from a hidden vector to the probabilities of the labels.

use super::activation::{LOG_SHIFT, Sigmoid, log, softmax};
use super::arguments::Loss;
use super::best::Best;
use super::matrix::{DenseMatrix, Matrix};
use super::tree::Tree;

/// Labels whose scores are computed together.
const BLOCK: usize = 16;

/// Probabilities below this share of the lowest kept one are skipped without computing their
/// logarithm. The margin is larger than the rounding error of the logarithm.
const CLEARLY_BELOW: f32 = 0.999;

/// The output layer of a model.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Output {
    /// Each label has its own score.
    Flat { activation: Activation, rows: Rows },
    /// The score of a label is the sum of the scores of the decisions on its path in the tree.
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
    /// Blocks of 16 rows, each stored column by column, the last one padded with zeros. This layout
    /// computes 16 dot products at a time, each of them summed from the first column to the last.
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
    // Probabilities below this cannot be among the best; unknown until `best` is full.
    let mut low = f32::NEG_INFINITY;
    for (label, &probability) in probabilities.iter().enumerate() {
        // The condition is negated so that NaN is skipped, too.
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
