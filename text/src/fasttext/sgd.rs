//! Stochastic gradient descent.

use super::activation::{Sigmoid, softmax};
use super::arguments::{Arguments, Loss};
use super::dictionary::{Dictionary, hash};
use super::error::TrainError;
use super::example::Example;
use super::features::{FeatureScratch, Features};
use super::matrix::DenseMatrix;
use super::random::Random;
use super::tree::Tree;
use super::vocabulary::label_name;

/// How many times a training reports its progress.
const REPORTS: usize = 100;

/// Number of partial sums of a dot product.
const LANES: usize = 16;

/// Lower limit for the probabilities in the reported loss, so that it is finite.
const LOSS_FLOOR: f32 = 1e-5;

/// How far a training is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The share of the steps that are done, from 0 to 1.
    pub done: f32,
    /// Mean loss per example since the last report, in nats.
    pub loss: f32,
}

/// The settings of one run over the examples.
pub(super) struct Pass {
    pub(super) learning_rate: f32,
    pub(super) epochs: u32,
    pub(super) seed: u64,
}

/// A model during its training.
pub(super) struct Trainer<'d> {
    dictionary: &'d Dictionary,
    features: Features,
    pub(super) input: DenseMatrix,
    pub(super) output: DenseMatrix,
    objective: Objective,
    random: Random,
    hidden: Vec<f32>,
    gradient: Vec<f32>,
    scores: Vec<f32>,
}

/// The loss that is minimized, with the data that it needs.
enum Objective {
    Softmax,
    OneVsAll(Sigmoid),
    NegativeSampling {
        sigmoid: Sigmoid,
        /// Running sums of the square roots of the label counts.
        sums: Vec<f64>,
        negatives: usize,
    },
    Tree {
        sigmoid: Sigmoid,
        tree: Tree,
    },
}

impl<'d> Trainer<'d> {
    pub(super) fn new(
        arguments: &Arguments,
        dictionary: &'d Dictionary,
        input: DenseMatrix,
        output: DenseMatrix,
    ) -> Self {
        let sigmoid = Sigmoid::new();
        let counts = dictionary.label_counts();
        let objective = match arguments.loss {
            Loss::Softmax => Objective::Softmax,
            Loss::OneVsAll => Objective::OneVsAll(sigmoid),
            Loss::HierarchicalSoftmax => Objective::Tree { sigmoid, tree: Tree::new(&counts) },
            Loss::NegativeSampling => Objective::NegativeSampling {
                sigmoid,
                negatives: arguments.negatives.max(0) as usize,
                sums: running_sums(&counts),
            },
        };
        Self {
            dictionary,
            features: Features::new(arguments),
            objective,
            random: Random::new(0),
            hidden: vec![0.0; input.columns],
            gradient: vec![0.0; input.columns],
            scores: vec![0.0; output.rows()],
            input,
            output,
        }
    }

    /// Trains on all examples that have at least one known label and one feature.
    pub(super) fn run(
        &mut self,
        examples: &[Example<'_>],
        pass: &Pass,
        mut progress: impl FnMut(Progress),
    ) -> Result<(), TrainError> {
        self.random = Random::new(pass.seed);
        let mut order: Vec<u32> = (0..examples.len() as u32).collect();
        let steps = examples.len() * pass.epochs as usize;
        let mut step = 0;
        let mut report = Report { loss: 0.0, count: 0, next: 1 };
        let mut scratch = FeatureScratch::default();
        let (mut rows, mut labels) = (Vec::new(), Vec::new());
        for _ in 0..pass.epochs {
            let count = order.len();
            self.random.shuffle_first(&mut order, count);
            for &index in &order {
                let example = &examples[index as usize];
                let rate = pass.learning_rate * (1.0 - step as f32 / steps as f32);
                step += 1;
                self.set_labels(example, &mut labels)?;
                rows.clear();
                let text = example.text.as_bytes();
                self.features.visit(text, self.dictionary, &mut scratch, |row| rows.push(row));
                if !labels.is_empty() && !rows.is_empty() {
                    report.loss += f64::from(self.step(&rows, &labels, rate));
                    report.count += 1;
                }
                report.tell(step, steps, &mut progress)?;
            }
        }
        if self.output.values.iter().all(|value| value.is_finite()) {
            Ok(())
        } else {
            Err(TrainError::Diverged)
        }
    }

    fn set_labels(&self, example: &Example<'_>, labels: &mut Vec<usize>) -> Result<(), TrainError> {
        labels.clear();
        for label in &example.labels {
            let name = label_name(label)?;
            let id = self.dictionary.find(hash(&name), &name);
            labels.extend(id.and_then(|id| id.checked_sub(self.dictionary.word_count())));
        }
        Ok(())
    }

    /// Takes a step for one example; returns its loss before the step.
    fn step(&mut self, rows: &[usize], labels: &[usize], rate: f32) -> f32 {
        self.hidden.fill(0.0);
        self.input.add_rows(rows, &mut self.hidden);
        let scale = 1.0 / rows.len() as f32;
        self.hidden.iter_mut().for_each(|value| *value *= scale);
        self.gradient.fill(0.0);
        let loss = self.step_output(labels, rate);
        // The hidden vector is a mean, so each row receives the same share of its gradient.
        self.gradient.iter_mut().for_each(|value| *value *= scale);
        for &row in rows {
            add(self.input.row_mut(row), &self.gradient, 1.0);
        }
        loss
    }

    /// Updates the output layer and computes the gradient of the hidden vector; returns the loss.
    fn step_output(&mut self, labels: &[usize], rate: f32) -> f32 {
        let Self { objective, random, hidden, gradient, scores, output, .. } = self;
        let mut layer = Layer { hidden, gradient, output, rate };
        match objective {
            // Of several labels, all objectives but one-vs-all train a random one, as in fastText.
            Objective::Softmax => {
                let target = labels[random.below(labels.len())];
                layer.softmax(target, scores)
            }
            Objective::OneVsAll(sigmoid) => (0..layer.output.rows())
                .map(|label| layer.decide(label, labels.contains(&label), sigmoid))
                .sum(),
            Objective::NegativeSampling { sigmoid, sums, negatives } => {
                let target = labels[random.below(labels.len())];
                let mut loss = layer.decide(target, true, sigmoid);
                if sums.len() > 1 {
                    for _ in 0..*negatives {
                        let negative = draw_other(target, sums, random);
                        loss += layer.decide(negative, false, sigmoid);
                    }
                }
                loss
            }
            Objective::Tree { sigmoid, tree } => {
                let target = labels[random.below(labels.len())];
                tree.path(target).map(|(row, is_right)| layer.decide(row, is_right, sigmoid)).sum()
            }
        }
    }
}

/// The output layer during a step.
struct Layer<'a> {
    hidden: &'a [f32],
    gradient: &'a mut [f32],
    output: &'a mut DenseMatrix,
    rate: f32,
}

impl Layer<'_> {
    fn softmax(&mut self, target: usize, scores: &mut [f32]) -> f32 {
        for (label, score) in scores.iter_mut().enumerate() {
            *score = fast_dot(self.output.row(label), self.hidden);
        }
        softmax(scores);
        for (label, &score) in scores.iter().enumerate() {
            let truth = f32::from(u8::from(label == target));
            self.move_row(label, self.rate * (truth - score));
        }
        -scores[target].max(LOSS_FLOOR).ln()
    }

    /// Trains one binary decision; returns its loss.
    fn decide(&mut self, row: usize, truth: bool, sigmoid: &Sigmoid) -> f32 {
        let score = sigmoid.at(fast_dot(self.output.row(row), self.hidden));
        self.move_row(row, self.rate * (f32::from(u8::from(truth)) - score));
        let probability = if truth { score } else { 1.0 - score };
        -probability.max(LOSS_FLOOR).ln()
    }

    fn move_row(&mut self, row: usize, by: f32) {
        let row = self.output.row_mut(row);
        // The gradient needs the weights from before the update.
        for ((gradient, value), hidden) in self.gradient.iter_mut().zip(row).zip(self.hidden) {
            *gradient += by * *value;
            *value += by * hidden;
        }
    }
}

/// Sums the losses between two progress reports.
struct Report {
    loss: f64,
    count: usize,
    next: usize,
}

impl Report {
    fn tell(
        &mut self,
        step: usize,
        steps: usize,
        progress: &mut impl FnMut(Progress),
    ) -> Result<(), TrainError> {
        if (step as u128) * (REPORTS as u128) < (self.next as u128) * (steps as u128) {
            return Ok(());
        }
        if !self.loss.is_finite() {
            return Err(TrainError::Diverged);
        }
        self.next = (step as u128 * REPORTS as u128 / steps as u128) as usize + 1;
        let loss = if self.count == 0 { 0.0 } else { self.loss / self.count as f64 };
        progress(Progress { done: step as f32 / steps as f32, loss: loss as f32 });
        (self.loss, self.count) = (0.0, 0);
        Ok(())
    }
}

fn running_sums(counts: &[i64]) -> Vec<f64> {
    let mut sum = 0.0;
    counts
        .iter()
        .map(|&count| {
            sum += (count as f64).sqrt();
            sum
        })
        .collect()
}

/// Draws a label other than `target`, with probabilities proportional to the square roots of the
/// label counts.
fn draw_other(target: usize, sums: &[f64], random: &mut Random) -> usize {
    let total = sums[sums.len() - 1];
    let before = if target == 0 { 0.0 } else { sums[target - 1] };
    let width = sums[target] - before;
    // A single draw suffices, from the range without the interval of the target.
    let mut place = random.unit() * (total - width);
    if place >= before {
        place += width;
    }
    let label = sums.partition_point(|&sum| sum <= place).min(sums.len() - 1);
    // Rounding can still hit the edge of the target's interval.
    if label == target { (label + 1) % sums.len() } else { label }
}

/// A dot product with sixteen partial sums. This is faster than a single sum, but rounds
/// differently: fine in training, which need not reproduce the C++ tool bit by bit.
fn fast_dot(left: &[f32], right: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    for (l, r) in left.iter().zip(right) {
        for lane in 0..LANES {
            sums[lane] += l[lane] * r[lane];
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(l, r)| l * r).sum();
    sums.iter().sum::<f32>() + rest
}

fn add(values: &mut [f32], other: &[f32], scale: f32) {
    for (value, other) in values.iter_mut().zip(other) {
        *value += scale * other;
    }
}
