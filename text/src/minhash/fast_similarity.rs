//! Fast Similarity Sketching (Dahlgaard, Knudsen and Thorup, FOCS 2017).
//!
//! Each of the t minima is a bin. Round i puts every shingle into one random bin, with the value
//! `i + h` where h is a random fraction, and each bin keeps its smallest value. The rounds end when
//! no bin is empty. Rounds t to 2t, which are almost never reached, put every shingle into bin
//! `i - t`. Two sets agree in a bin with a probability of exactly their Jaccard similarity. The
//! variance of the share of agreeing bins is no larger than with plain MinHash. For n shingles this
//! takes O(n + t log t) steps instead of n t.

use super::mix::{fold, split_mix};

/// Bits of a value's fraction. The number of the round is stored in the bits above.
const FRACTION_BITS: u32 = 48;

/// The largest fraction.
const MAX_FRACTION: u64 = (1 << FRACTION_BITS) - 1;

/// The maximum number of bins: twice as many rounds must fit into the bits above the fraction.
pub(super) const MAX_BINS: usize = 1 << (64 - FRACTION_BITS - 2);

/// If a text has more shingles than this, repeated ones are removed before the second round. A long
/// text that repeats a few phrases fills few bins and needs many rounds.
const DISTINCT_FROM: usize = 4096;

/// The value of an empty bin.
const EMPTY: u64 = u64::MAX;

/// The random functions of the rounds.
#[derive(Debug, Clone)]
pub(super) struct FastSimilarity {
    bins: usize,
    rounds: Vec<Round>,
}

/// The function of one round.
#[derive(Debug, Clone, Copy)]
struct Round {
    key: u64,
    multiplier: u64,
}

impl FastSimilarity {
    /// Draws the functions for 1 to [`MAX_BINS`] bins.
    pub(super) fn new(bins: usize, seed: u64) -> Self {
        let mut state = seed;
        let mut round =
            |_| Round { key: split_mix(&mut state), multiplier: split_mix(&mut state) | 1 };
        Self { bins, rounds: (0..2 * bins).map(&mut round).collect() }
    }

    /// Writes the smallest value of each bin into `minima`. Without shingles all bins stay empty.
    /// The order and repetitions of the shingles do not matter.
    pub(super) fn minima(&self, shingles: &mut Vec<u64>, minima: &mut Vec<u64>) {
        minima.clear();
        minima.resize(self.bins, EMPTY);
        if shingles.is_empty() {
            return;
        }
        let (random, fixed) = self.rounds.split_at(self.bins);
        for (index, round) in random.iter().enumerate() {
            fill_bins(shingles, *round, index as u64, minima);
            if !minima.contains(&EMPTY) {
                return;
            }
            if index == 0 && shingles.len() > DISTINCT_FROM {
                shingles.sort_unstable();
                shingles.dedup();
            }
        }
        for (index, (round, least)) in fixed.iter().zip(minima).enumerate() {
            let base = ((self.bins + index) as u64) << FRACTION_BITS;
            let fraction = |x: &u64| fold(x ^ round.key, round.multiplier) >> (64 - FRACTION_BITS);
            if *least == EMPTY {
                *least = base | shingles.iter().map(fraction).fold(MAX_FRACTION, u64::min);
            }
        }
    }
}

/// Puts every shingle into one bin: the round with the number `index`.
fn fill_bins(shingles: &[u64], round: Round, index: u64, minima: &mut [u64]) {
    let bins = minima.len() as u128;
    for shingle in shingles {
        let hash = fold(shingle ^ round.key, round.multiplier);
        // The bin is the integer part of hash * bins / 2^64, and the fraction is the rest.
        let product = u128::from(hash) * bins;
        let value = (index << FRACTION_BITS) | (product as u64 >> (64 - FRACTION_BITS));
        let least = &mut minima[(product >> 64) as usize];
        *least = value.min(*least);
    }
}
