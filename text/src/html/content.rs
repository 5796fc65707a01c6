//! Selects the blocks of a page that are its main content.
//!
//! There are two stacked logistic regressions. The first one uses the features of a block
//! ([`super::features`]). The second one uses the same features with other weights, and also the
//! results of the first one, the verdicts, for the block's neighbours and for the whole page,
//! because a block between content blocks is rarely boilerplate (stacked sequential learning, Cohen
//! & Carvalho, IJCAI 2005). The weights are listed by name in [`super::weights`].

use super::blocks::Blocks;
use super::features::{Page, Sink};
use super::layout::Layout;
use super::tree::Tree;
use super::weights::{FEATURES, VERDICTS};

/// A block is kept if its probability of being content is at least this.
const MIN_PROBABILITY: f32 = 0.37;

/// The weighted sums of a block's features in both regressions.
#[derive(Debug, Clone, Copy, Default)]
struct Scores {
    first: f32,
    second: f32,
}

/// Sums weighted features.
#[derive(Debug, Default)]
struct Sum {
    scores: Scores,
    at: usize,
}

impl Sink for Sum {
    fn add(&mut self, name: &'static str, value: f32) {
        let (expected, first, second) = FEATURES[self.at];
        debug_assert_eq!(name, expected, "the weights are in the order of the features");
        self.scores.first += first * value;
        self.scores.second += second * value;
        self.at += 1;
    }
}

/// Sums weighted verdicts around a block.
#[derive(Debug)]
struct SecondSum {
    score: f32,
    at: usize,
}

impl Sink for SecondSum {
    fn add(&mut self, name: &'static str, value: f32) {
        let (expected, weight) = VERDICTS[self.at];
        debug_assert_eq!(name, expected, "the weights are in the order of the verdicts");
        self.score += weight * value;
        self.at += 1;
    }
}

/// Whether each block is content.
pub(super) fn choose(tree: &Tree, blocks: &Blocks) -> Vec<bool> {
    let layout = Layout::new(tree, blocks);
    let page = Page::new(tree, blocks, &layout);
    let scores: Vec<Scores> = (0..blocks.blocks.len())
        .map(|index| {
            let mut sum = Sum::default();
            page.describe(index, &mut sum);
            sum.scores
        })
        .collect();
    let verdicts = Verdicts::new(
        scores.iter().map(|scores| probability(scores.first)).collect(),
        layout.measures.iter().map(|measure| measure.width).collect(),
    );
    let second: Vec<f32> = scores
        .iter()
        .enumerate()
        .map(|(index, scores)| {
            let mut sum = SecondSum { score: scores.second, at: 0 };
            verdicts.describe(index, &mut sum);
            probability(sum.score)
        })
        .collect();
    // If no block is probable enough, keep the best one, so that no page with text ends up empty.
    let best = second.iter().copied().fold(0.0, f32::max);
    let minimum = MIN_PROBABILITY.min(best);
    second.iter().map(|probability| *probability >= minimum).collect()
}

fn probability(score: f32) -> f32 {
    1.0 / (1.0 + (-score).exp())
}

/// The verdicts on all blocks of a page, and their sums.
#[derive(Debug)]
pub(super) struct Verdicts {
    probabilities: Vec<f32>,
    widths: Vec<f32>,
    /// Sums of the widths before each block.
    width_sums: Vec<f32>,
    /// Sums of the widths before each block, weighted by the probabilities.
    kept_sums: Vec<f32>,
    /// The best verdict from the first block up to each block.
    best_before: Vec<f32>,
    /// The best verdict from each block to the last one.
    best_after: Vec<f32>,
}

impl Verdicts {
    pub(super) fn new(probabilities: Vec<f32>, widths: Vec<f32>) -> Self {
        let sums = |values: &mut dyn Iterator<Item = f32>| {
            let mut sum = 0.0;
            let running = values.map(|value| {
                sum += value;
                sum
            });
            std::iter::once(0.0).chain(running).collect::<Vec<f32>>()
        };
        let width_sums = sums(&mut widths.iter().copied());
        let kept_sums = sums(&mut widths.iter().zip(&probabilities).map(|(width, p)| width * p));
        let best = |best: &mut f32, probability: &f32| {
            *best = best.max(*probability);
            Some(*best)
        };
        let best_before = probabilities.iter().scan(0.0, best).collect();
        let mut best_after: Vec<f32> = probabilities.iter().rev().scan(0.0, best).collect();
        best_after.reverse();
        Self { probabilities, widths, width_sums, kept_sums, best_before, best_after }
    }

    /// Passes the verdicts around a block to a sink.
    pub(super) fn describe(&self, index: usize, sink: &mut impl Sink) {
        const NEIGHBOURS: [(isize, &str); 6] = [
            (-3, "verdict -3"),
            (-2, "verdict -2"),
            (-1, "verdict -1"),
            (1, "verdict +1"),
            (2, "verdict +2"),
            (3, "verdict +3"),
        ];
        let own = self.probabilities[index];
        let count = self.probabilities.len();
        // Bounds keep the log odds finite.
        let bounded = own.clamp(1e-4, 1.0 - 1e-4);
        sink.add("log odds", (bounded / (1.0 - bounded)).ln());
        sink.add("verdict", own);
        for (offset, name) in NEIGHBOURS {
            let neighbour = index.checked_add_signed(offset);
            let verdict = neighbour.and_then(|at| self.probabilities.get(at));
            // Beyond both ends of the page nothing is content.
            sink.add(name, verdict.copied().unwrap_or(0.0));
        }
        for (reach, name) in [(3, "share kept within 3"), (8, "share kept within 8")] {
            let (start, end) = (index.saturating_sub(reach), (index + reach + 1).min(count));
            let kept = self.kept_sums[end] - self.kept_sums[start] - own * self.widths[index];
            let width = self.width_sums[end] - self.width_sums[start] - self.widths[index];
            sink.add(name, (kept / width.max(1.0)).clamp(0.0, 1.0));
        }
        let (all, kept) = (self.width_sums[count].max(1.0), self.kept_sums[count]);
        let best = self.best_before[count - 1];
        sink.add("best before", self.best_before[index]);
        sink.add("best after", self.best_after[index]);
        sink.add("best of the page", best);
        sink.add("relative to the best", own / best.max(f32::MIN_POSITIVE));
        sink.add("share of the kept so far", self.kept_sums[index + 1] / kept.max(1e-6));
        sink.add("share kept", kept / all);
        sink.add("length kept", (kept.ln_1p() / 10.0).min(1.0));
    }
}
