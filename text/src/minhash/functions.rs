//! Plain MinHash: the least value of each of many linear functions over all shingles.

use super::mersenne_twister::MersenneTwister;
use super::mix::split_mix;

/// Functions that are computed together: their coefficients and minima fit the registers.
const LANES: usize = 4;

/// Shingles that go through all functions before the next: 4 KiB, so that they stay in the
/// first-level cache.
const BLOCK_SHINGLES: usize = 512;

/// The prime of datatrove's functions.
const MERSENNE_PRIME: u64 = (1 << 61) - 1;

/// The coefficients of `LANES` functions `a x + b`.
#[derive(Debug, Clone, Copy)]
struct Functions {
    multipliers: [u64; LANES],
    addends: [u64; LANES],
}

/// Linear functions of 64-bit numbers.
#[derive(Debug, Clone)]
pub(super) struct LinearFunctions {
    count: usize,
    functions: Vec<Functions>,
}

impl LinearFunctions {
    /// Random odd multipliers and random addends.
    pub(super) fn multiply_shift(count: usize, seed: u64) -> Self {
        let mut state = seed;
        let multipliers: Vec<u64> = (0..count).map(|_| split_mix(&mut state) | 1).collect();
        let addends: Vec<u64> = (0..count).map(|_| split_mix(&mut state)).collect();
        Self::new(&multipliers, &addends)
    }

    /// datatrove's: `randint(1, p, count)` and `randint(0, p, count)` of NumPy's
    /// `RandomState(seed)`, with p = 2^61 - 1.
    pub(super) fn datatrove(count: usize, seed: u32) -> Self {
        let mut generator = MersenneTwister::new(seed);
        let multipliers: Vec<u64> =
            (0..count).map(|_| 1 + generator.at_most(MERSENNE_PRIME - 2)).collect();
        let addends: Vec<u64> = (0..count).map(|_| generator.at_most(MERSENNE_PRIME - 1)).collect();
        Self::new(&multipliers, &addends)
    }

    fn new(multipliers: &[u64], addends: &[u64]) -> Self {
        let lanes = |values: &[u64]| {
            std::array::from_fn(|lane| values.get(lane).copied().unwrap_or_default())
        };
        let functions = multipliers
            .chunks(LANES)
            .zip(addends.chunks(LANES))
            .map(|(multipliers, addends)| Functions {
                multipliers: lanes(multipliers),
                addends: lanes(addends),
            })
            .collect();
        Self { count: multipliers.len(), functions }
    }

    /// The minima of `a x + b mod 2^64`.
    pub(super) fn minima_of_linear(&self, shingles: &[u64], minima: &mut Vec<u64>) {
        self.minima(shingles, minima, u64::min);
    }

    /// The minima of `(a x + b mod 2^64) mod p`, as datatrove computes it, whose products wrap.
    pub(super) fn minima_of_mersenne(&self, shingles: &[u64], minima: &mut Vec<u64>) {
        self.minima(shingles, minima, |least, hash| {
            // 2^61 is 1 modulo p; what is left is p at most once too large, and otherwise wraps.
            let folded = (hash & MERSENNE_PRIME) + (hash >> 61);
            least.min(folded).min(folded.wrapping_sub(MERSENNE_PRIME))
        });
    }

    /// The minima of the lower 32 bits of `(a x + b mod 2^64) mod p`.
    pub(super) fn minima_of_mersenne_32(&self, shingles: &[u64], minima: &mut Vec<u64>) {
        self.minima(shingles, minima, |least, hash| {
            let folded = (hash & MERSENNE_PRIME) + (hash >> 61);
            let remainder = folded.min(folded.wrapping_sub(MERSENNE_PRIME));
            least.min(remainder & u64::from(u32::MAX))
        });
    }

    /// Puts the minimum of each function into `minima`; `lower` makes the next minimum of the last
    /// one and a value of `a x + b mod 2^64`.
    #[inline]
    fn minima(&self, shingles: &[u64], minima: &mut Vec<u64>, lower: impl Fn(u64, u64) -> u64) {
        minima.clear();
        minima.resize(self.functions.len() * LANES, u64::MAX);
        for block in shingles.chunks(BLOCK_SHINGLES) {
            for (functions, minima) in self.functions.iter().zip(minima.as_chunks_mut::<LANES>().0)
            {
                let mut least = *minima;
                for &shingle in block {
                    let coefficients = functions.multipliers.iter().zip(&functions.addends);
                    for (least, (multiplier, addend)) in least.iter_mut().zip(coefficients) {
                        let hash = multiplier.wrapping_mul(shingle).wrapping_add(*addend);
                        *least = lower(*least, hash);
                    }
                }
                *minima = least;
            }
        }
        minima.truncate(self.count);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn minima_are_those_of_the_definition(
            shingles in prop::collection::vec(any::<u64>(), 1..50),
            seed in any::<u32>(),
        ) {
            let functions = LinearFunctions::datatrove(6, seed);
            let mut minima = Vec::new();
            let least = |index: usize, of: fn(u64) -> u64| {
                let group = functions.functions[index / LANES];
                let (a, b) = (group.multipliers[index % LANES], group.addends[index % LANES]);
                shingles.iter().map(|x| of(a.wrapping_mul(*x).wrapping_add(b))).min().unwrap()
            };
            functions.minima_of_linear(&shingles, &mut minima);
            prop_assert_eq!(&minima, &(0..6).map(|i| least(i, |h| h)).collect::<Vec<_>>());
            functions.minima_of_mersenne(&shingles, &mut minima);
            let expected: Vec<u64> = (0..6).map(|i| least(i, |h| h % MERSENNE_PRIME)).collect();
            prop_assert_eq!(&minima, &expected);
            functions.minima_of_mersenne_32(&shingles, &mut minima);
            let low = |h: u64| (h % MERSENNE_PRIME) & 0xFFFF_FFFF;
            prop_assert_eq!(&minima, &(0..6).map(|i| least(i, low)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn remainders_at_the_edges_of_the_prime() {
        let functions = LinearFunctions::new(&[1], &[0]);
        for value in [0, 1, MERSENNE_PRIME - 1, MERSENNE_PRIME, MERSENNE_PRIME + 1, u64::MAX] {
            let mut minima = Vec::new();
            functions.minima_of_mersenne(&[value], &mut minima);
            assert_eq!(minima, [value % MERSENNE_PRIME]);
            functions.minima_of_mersenne_32(&[value], &mut minima);
            assert_eq!(minima, [(value % MERSENNE_PRIME) & 0xFFFF_FFFF]);
        }
    }
}
