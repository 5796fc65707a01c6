//! Fast Similarity Sketching (Dahlgaard, Knudsen and Thorup, FOCS 2017).
//!
//! Of t minima each is a bin. Round i throws every shingle into one random bin with the value
//! `i + h`, h a random fraction, and a bin keeps its least value; the rounds end when no bin is
//! empty. Rounds t to 2t, which next to nothing reaches, throw every shingle into bin i - t. Two
//! sets agree in a bin with a chance of exactly their Jaccard similarity, the share of agreeing
//! bins varies no more than with plain MinHash, and it takes O(n + t log t) steps for n shingles
//! instead of n t.

use super::mix::{fold, split_mix};

/// Bits of the fraction in a value; the round is above them.
const FRACTION_BITS: u32 = 48;

/// Bins at most, so that twice as many rounds fit above the fraction.
pub(super) const MAX_BINS: usize = 1 << (64 - FRACTION_BITS - 2);

/// Shingles from which on repeated ones are taken out before the second round, so that a long text
/// that says the same again and again does not take many rounds over all of it.
const DISTINCT_FROM: usize = 4096;

/// An empty bin.
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
    /// Draws the functions for a number of bins from 1 to [`MAX_BINS`].
    pub(super) fn new(bins: usize, seed: u64) -> Self {
        let mut state = seed;
        let mut round =
            |_| Round { key: split_mix(&mut state), multiplier: split_mix(&mut state) | 1 };
        Self { bins, rounds: (0..2 * bins).map(&mut round).collect() }
    }

    /// Puts the least value of each bin into `minima`; without shingles all stay empty. The order
    /// and repetitions of the shingles change nothing.
    pub(super) fn minima(&self, shingles: &mut Vec<u64>, minima: &mut Vec<u64>) {
        minima.clear();
        minima.resize(self.bins, EMPTY);
        if shingles.is_empty() {
            return;
        }
        let (random, fixed) = self.rounds.split_at(self.bins);
        for (index, round) in random.iter().enumerate() {
            throw(shingles, *round, index as u64, minima);
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
                *least = base | shingles.iter().map(fraction).min().unwrap_or_default();
            }
        }
    }
}

/// Throws every shingle into one bin.
fn throw(shingles: &[u64], round: Round, index: u64, minima: &mut [u64]) {
    let bins = minima.len() as u128;
    for shingle in shingles {
        let hash = fold(shingle ^ round.key, round.multiplier);
        // The bin is the integral part of hash * bins / 2^64, the fraction the part behind it.
        let product = u128::from(hash) * bins;
        let value = (index << FRACTION_BITS) | (product as u64 >> (64 - FRACTION_BITS));
        if let Some(least) = minima.get_mut((product >> 64) as usize) {
            *least = value.min(*least);
        }
    }
}
