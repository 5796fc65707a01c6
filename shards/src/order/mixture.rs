//! The source of each sample, by weights and without random numbers.
//!
//! Two sources are mixed by the largest error: the one that is further behind its share gives the
//! next sample. So of the first `i` samples, the first source gives `round(i · w)`. More sources are
//! mixed in pairs: the two lightest are mixed, the mixture counts as one source with the sum of their
//! weights, and so on. This is the tree of Huffman (1952), in which heavy sources have few mixtures
//! above them. In contrast to a schedule that compares all sources at every sample, it has a closed
//! form: the counts at any sample take one division per node. So no state is kept, and any sample can
//! be computed directly. After as many samples as the sum of the weights, each source has given
//! exactly its weight.

use crate::{Result, ShardError};

/// The largest sum of weights; products of two sums fit into 63 bits.
pub const WEIGHT_SUM_MAX: u64 = 1 << 31;

/// The sum to which fractions are scaled.
const SCALE: f64 = (1u64 << 30) as f64;

/// Integer weights for fractions, which need not sum to one. A source with any weight keeps at least
/// 1 in 2^30.
///
/// # Errors
/// [`ShardError::Order`] when a fraction is negative or not finite, or all are zero.
pub fn weights_from_fractions(fractions: &[f64]) -> Result<Vec<u64>> {
    let sum: f64 = fractions.iter().sum();
    if !sum.is_finite() || sum <= 0.0 || fractions.iter().any(|f| *f < 0.0) {
        return Err(ShardError::Order(format!(
            "weights must be zero or more, and not all zero; they are {fractions:?}"
        )));
    }
    let scaled = |fraction: &f64| match *fraction / sum * SCALE {
        0.0 => 0,
        // Rounds half up like the Python reader, which must find the same weights.
        weight => ((weight + 0.5).floor() as u64).max(1),
    };
    Ok(fractions.iter().map(scaled).collect())
}

#[derive(Debug, Clone, Copy)]
enum Child {
    Source(usize),
    Node(usize),
}

/// A mixture of two parts; `left` is the heavier one.
#[derive(Debug, Clone)]
struct Node {
    left: Child,
    right: Child,
    left_weight: u64,
    weight: u64,
}

impl Node {
    /// How many of the first `samples` at this node go left: `round(samples · w)`, halves up.
    fn left_count(&self, samples: u64) -> u64 {
        let (whole, rest) = (samples / self.weight, samples % self.weight);
        whole * self.left_weight + (2 * rest * self.left_weight + self.weight) / (2 * self.weight)
    }
}

/// A mixture of sources by weights.
#[derive(Debug, Clone)]
pub(super) struct Mixture {
    n_sources: usize,
    nodes: Vec<Node>,
    top: Child,
}

impl Mixture {
    /// A mixture in which source `s` has the weight `weights[s]`. A source of weight 0 gives no sample.
    ///
    /// # Errors
    /// [`ShardError::Order`] when all weights are zero or their sum exceeds [`WEIGHT_SUM_MAX`].
    pub(super) fn new(weights: &[u64]) -> Result<Self> {
        let sum = weights.iter().try_fold(0u64, |sum, weight| sum.checked_add(*weight));
        if !sum.is_some_and(|sum| (1..=WEIGHT_SUM_MAX).contains(&sum)) {
            return Err(ShardError::Order(format!(
                "the sum of the weights must be between 1 and {WEIGHT_SUM_MAX}"
            )));
        }
        // Parts of equal weight are taken by age: sources in their order, then mixtures.
        let mut parts: std::collections::BTreeMap<(u64, usize), Child> = weights
            .iter()
            .enumerate()
            .filter(|(_, weight)| **weight > 0)
            .map(|(source, weight)| ((*weight, source), Child::Source(source)))
            .collect();
        let mut nodes = Vec::new();
        let mut top = Child::Source(0);
        while let Some(((light, _), right)) = parts.pop_first() {
            let Some(((heavy, _), left)) = parts.pop_first() else {
                top = right;
                break;
            };
            let node = Child::Node(nodes.len());
            parts.insert((light + heavy, weights.len() + nodes.len()), node);
            nodes.push(Node { left, right, left_weight: heavy, weight: light + heavy });
        }
        Ok(Self { n_sources: weights.len(), nodes, top })
    }

    /// The source of a sample, and how many earlier samples are from that source.
    pub(super) fn get(&self, mut sample: u64) -> (usize, u64) {
        let mut part = self.top;
        loop {
            match part {
                Child::Source(source) => return (source, sample),
                Child::Node(node) => {
                    let node = &self.nodes[node];
                    let before = node.left_count(sample);
                    let goes_left = node.left_count(sample + 1) > before;
                    sample = if goes_left { before } else { sample - before };
                    part = if goes_left { node.left } else { node.right };
                }
            }
        }
    }

    /// How many of the first `samples` each source gives.
    pub(super) fn counts(&self, samples: u64) -> Vec<u64> {
        let mut counts = vec![0; self.n_sources];
        let mut open = vec![(self.top, samples)];
        while let Some((part, samples)) = open.pop() {
            match part {
                Child::Source(source) => counts[source] = samples,
                Child::Node(node) => {
                    let node = &self.nodes[node];
                    let left = node.left_count(samples);
                    open.push((node.left, left));
                    open.push((node.right, samples - left));
                }
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_sources_take_turns_by_the_largest_error() {
        let mixture = Mixture::new(&[1, 3]).unwrap();
        let sources: Vec<usize> = (0..8).map(|sample| mixture.get(sample).0).collect();
        assert_eq!(sources, [1, 1, 0, 1, 1, 1, 0, 1]);
    }

    #[test]
    fn weights_that_cannot_be() {
        assert!(Mixture::new(&[0, 0]).is_err());
        assert!(Mixture::new(&[]).is_err());
        assert!(Mixture::new(&[u64::MAX, 2]).is_err());
        assert!(weights_from_fractions(&[0.5, -0.1]).is_err());
        assert!(weights_from_fractions(&[f64::NAN]).is_err());
        let weights = weights_from_fractions(&[0.75, 0.25, 0.0, 1e-15]).unwrap();
        assert_eq!(weights, [805_306_368, 268_435_456, 0, 1]);
    }

    proptest! {
        /// The counts are those of walking through the samples. Each source stays near its share at every
        /// sample and has exactly its share after a whole round.
        #[test]
        fn counts_follow_the_weights(weights in prop::collection::vec(0u64..60, 1..12)) {
            prop_assume!(weights.iter().sum::<u64>() > 0);
            let sum: u64 = weights.iter().sum();
            let mixture = Mixture::new(&weights).unwrap();
            let mut counts = vec![0; weights.len()];
            for sample in 0..2 * sum {
                prop_assert_eq!(&mixture.counts(sample), &counts);
                let (source, before) = mixture.get(sample);
                prop_assert_eq!(before, counts[source]);
                counts[source] += 1;
                for (count, weight) in counts.iter().zip(&weights) {
                    let share = (sample + 1) as f64 * *weight as f64 / sum as f64;
                    prop_assert!((*count as f64 - share).abs() < 2.0);
                }
            }
            let twice: Vec<u64> = weights.iter().map(|w| 2 * w).collect();
            prop_assert_eq!(counts, twice);
        }

        /// Late samples and large weights do not overflow.
        #[test]
        fn far_samples(sample in 0u64..1 << 50, a in 1u64..1 << 30, b in 1u64..1 << 30) {
            let mixture = Mixture::new(&[a, b]).unwrap();
            let counts = mixture.counts(sample);
            prop_assert_eq!(counts[0] + counts[1], sample);
            let exact = (u128::from(sample) * u128::from(a) / u128::from(a + b)) as u64;
            prop_assert!(counts[0].abs_diff(exact) <= 1);
        }
    }
}
