//! How well scores and predictions agree with labels that people gave.

/// The share of pairs of a positive and a negative example in which the positive one has the
/// higher score, ties counted half: the area under the ROC curve, from 0 to 1, 0.5 for scores that
/// say nothing (Hanley and McNeil 1982, "The Meaning and Use of the Area under a Receiver
/// Operating Characteristic (ROC) Curve").
///
/// Each item is a score and whether the example is positive. `None` when all examples are of one
/// kind. Scores that are not numbers count as the lowest.
pub fn roc_auc(items: impl IntoIterator<Item = (f64, bool)>) -> Option<f64> {
    let known = |score: f64| if score.is_nan() { f64::NEG_INFINITY } else { score };
    let mut items: Vec<(f64, bool)> =
        items.into_iter().map(|(score, is_positive)| (known(score), is_positive)).collect();
    items.sort_unstable_by(|left, right| left.0.total_cmp(&right.0));
    let (mut wins, mut lower, mut positives) = (0.0, 0.0, 0.0);
    // A zero and a negative zero are one score, which `total_cmp` puts side by side.
    #[expect(clippy::float_cmp, reason = "ties are scores that are the same, not near")]
    for group in items.chunk_by(|left, right| left.0 == right.0) {
        let count = group.len() as f64;
        let here = group.iter().filter(|item| item.1).count() as f64;
        wins += here * (lower + (count - here) / 2.0);
        lower += count - here;
        positives += here;
    }
    let pairs = positives * lower;
    if pairs > 0.0 { Some(wins / pairs) } else { None }
}

/// How often a yes-or-no decision was right and wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Decisions {
    /// Positive and said to be.
    pub true_positives: u64,
    /// Negative but said to be positive.
    pub false_positives: u64,
    /// Negative and said to be.
    pub true_negatives: u64,
    /// Positive but said to be negative.
    pub false_negatives: u64,
}

impl Decisions {
    /// Counts the decisions that say "positive" for scores of at least `threshold`. Each item is a
    /// score and whether the example is positive.
    pub fn at(threshold: f64, items: impl IntoIterator<Item = (f64, bool)>) -> Self {
        let mut decisions = Self::default();
        for (score, is_positive) in items {
            decisions.add(score >= threshold, is_positive);
        }
        decisions
    }

    /// Counts one decision.
    pub fn add(&mut self, is_said: bool, is_positive: bool) {
        let count = match (is_said, is_positive) {
            (true, true) => &mut self.true_positives,
            (true, false) => &mut self.false_positives,
            (false, false) => &mut self.true_negatives,
            (false, true) => &mut self.false_negatives,
        };
        *count += 1;
    }

    /// The share of positive examples among those said to be; `None` when none was.
    pub fn precision(&self) -> Option<f64> {
        share(self.true_positives, self.true_positives + self.false_positives)
    }

    /// The share of the positive examples that were found; `None` when there are none.
    pub fn recall(&self) -> Option<f64> {
        share(self.true_positives, self.true_positives + self.false_negatives)
    }

    /// The harmonic mean of precision and recall; `None` when nothing is or was said to be
    /// positive.
    pub fn f1(&self) -> Option<f64> {
        let wrong = self.false_positives + self.false_negatives;
        share(2 * self.true_positives, 2 * self.true_positives + wrong)
    }

    /// The share of right decisions; `None` when there were none.
    pub fn accuracy(&self) -> Option<f64> {
        let right = self.true_positives + self.true_negatives;
        share(right, right + self.false_positives + self.false_negatives)
    }
}

/// How often each label was taken for each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    label_count: usize,
    /// Truth by prediction, row by row; the last column is for examples without a prediction.
    counts: Vec<u64>,
}

impl Confusion {
    /// An empty table for labels from 0 to below `label_count`.
    pub fn new(label_count: usize) -> Self {
        Self { label_count, counts: vec![0; label_count * (label_count + 1)] }
    }

    /// Counts an example. A truth that is no label of the table is passed over; a prediction that
    /// is none counts as missing.
    pub fn add(&mut self, truth: usize, predicted: Option<usize>) {
        let column = predicted.unwrap_or(self.label_count).min(self.label_count);
        if truth < self.label_count {
            self.counts[truth * (self.label_count + 1) + column] += 1;
        }
    }

    /// How many examples of `truth` were predicted as `predicted`, or not at all.
    pub fn count(&self, truth: usize, predicted: Option<usize>) -> u64 {
        let column = predicted.unwrap_or(self.label_count);
        self.row(truth).get(column).copied().unwrap_or(0)
    }

    fn row(&self, truth: usize) -> &[u64] {
        self.counts.chunks_exact(self.label_count + 1).nth(truth).unwrap_or(&[])
    }

    /// The share of examples with the right prediction; `None` when there are none.
    pub fn accuracy(&self) -> Option<f64> {
        let right = (0..self.label_count).map(|label| self.count(label, Some(label))).sum();
        share(right, self.counts.iter().sum())
    }

    /// The decisions between a label and all others: its precision, recall and F1. Its recall is
    /// the accuracy on the examples of the label.
    pub fn decisions(&self, label: usize) -> Decisions {
        let all: u64 = self.counts.iter().sum();
        let of_label: u64 = self.row(label).iter().sum();
        let said: u64 = (0..self.label_count).map(|truth| self.count(truth, Some(label))).sum();
        let right = self.count(label, Some(label));
        Decisions {
            true_positives: right,
            false_positives: said - right,
            false_negatives: of_label - right,
            true_negatives: all + right - said - of_label,
        }
    }

    /// The mean accuracy on the examples of each label, over the labels that have any.
    pub fn mean_label_accuracy(&self) -> Option<f64> {
        mean((0..self.label_count).filter_map(|label| self.decisions(label).recall()))
    }

    /// The mean F1 of the labels that occur or were predicted.
    pub fn mean_f1(&self) -> Option<f64> {
        mean((0..self.label_count).filter_map(|label| self.decisions(label).f1()))
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    if whole == 0 { None } else { Some(part as f64 / whole as f64) }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { None } else { Some(sum / f64::from(count)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ties_count_half() {
        assert_eq!(roc_auc([(1.0, true), (1.0, false)]), Some(0.5));
        assert_eq!(roc_auc([(0.0, true), (-0.0, false)]), Some(0.5));
        assert_eq!(roc_auc([(f64::NAN, true), (0.0, false)]), Some(0.0));
        assert_eq!(roc_auc([(1.0, true)]), None);
    }

    #[test]
    fn decisions_at_a_threshold() {
        let items = [(0.9, true), (0.5, false), (0.4, true), (0.1, false), (0.1, false)];
        let decisions = Decisions::at(0.5, items);
        assert_eq!(decisions.precision(), Some(0.5));
        assert_eq!(decisions.recall(), Some(0.5));
        assert_eq!(decisions.f1(), Some(0.5));
        assert_eq!(decisions.accuracy(), Some(0.6));
        assert_eq!(Decisions::default().f1(), None);
    }

    #[test]
    fn missing_predictions_are_wrong() {
        let mut confusion = Confusion::new(2);
        for (truth, predicted) in [(0, Some(0)), (0, None), (1, Some(0)), (1, Some(1)), (7, None)] {
            confusion.add(truth, predicted);
        }
        assert_eq!(confusion.accuracy(), Some(0.5));
        assert_eq!(confusion.decisions(0).precision(), Some(0.5));
        assert_eq!(confusion.decisions(1).precision(), Some(1.0));
        assert_eq!(confusion.mean_label_accuracy(), Some(0.5));
        assert_eq!(confusion.count(0, None), 1);
    }

    proptest! {
        #[test]
        fn auc_is_the_share_of_won_pairs(
            items in prop::collection::vec((0u8..6, any::<bool>()), 0..40)
        ) {
            let (mut wins, mut pairs) = (0.0, 0.0);
            for (high, _) in items.iter().filter(|item| item.1) {
                for (low, _) in items.iter().filter(|item| !item.1) {
                    pairs += 1.0;
                    wins += match high.cmp(low) {
                        std::cmp::Ordering::Less => 0.0,
                        std::cmp::Ordering::Equal => 0.5,
                        std::cmp::Ordering::Greater => 1.0,
                    };
                }
            }
            let expected = (pairs > 0.0).then(|| wins / pairs);
            let found = roc_auc(items.iter().map(|item| (f64::from(item.0), item.1)));
            let is_near = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() < 1e-12,
                (found, expected) => found == expected,
            };
            prop_assert!(is_near);
        }
    }
}
