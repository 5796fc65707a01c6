//! Plain MinHash: the minimum of each of many linear functions over all shingles.

use super::mersenne_twister::MersenneTwister;
use super::mix::split_mix;

/// Functions that are evaluated together: their coefficients and minima fit into registers.
const LANES: usize = 4;

/// Shingles on which all functions are evaluated before the next block is read: 4 KiB, which stay
/// in the first-level cache.
const BLOCK_SHINGLES: usize = 512;

/// The prime of datatrove's functions.
const MERSENNE_PRIME: u64 = (1 << 61) - 1;

/// The maximum amount by which the remainder of a 64-bit number modulo p exceeds the number's
/// lowest 61 or 32 bits (with wrapping): the number divided by 2^61, at most 7, and 1 where those
/// bits wrap.
const SLACK: u64 = 8;

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

    /// The functions of datatrove: multipliers `randint(1, p, count)` and addends
    /// `randint(0, p, count)` of NumPy's `RandomState(seed)`, with p = 2^61 - 1.
    pub(super) fn datatrove(count: usize, seed: u32) -> Self {
        let mut generator = MersenneTwister::new(seed);
        let multipliers: Vec<u64> =
            (0..count).map(|_| 1 + generator.at_most(MERSENNE_PRIME - 2)).collect();
        let addends: Vec<u64> = (0..count).map(|_| generator.at_most(MERSENNE_PRIME - 1)).collect();
        Self::new(&multipliers, &addends)
    }

    fn new(multipliers: &[u64], addends: &[u64]) -> Self {
        // The last group is filled up with zero functions, whose minima `minima` cuts off.
        let lanes =
            |values: &[u64]| std::array::from_fn(|lane| values.get(lane).copied().unwrap_or(0));
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

    /// Writes the minimum of each `a x + b mod 2^64` into `minima`.
    pub(super) fn minima_of_linear(&self, shingles: &[u64], minima: &mut Vec<u64>) {
        self.minima(shingles, minima, |functions, least, block| {
            for &shingle in block {
                for (lane, least) in least.iter_mut().enumerate() {
                    *least = (*least).min(functions.value(lane, shingle));
                }
            }
        });
    }

    /// Writes the minimum of each `(a x + b mod 2^64) mod p` into `minima`. The products wrap, as
    /// they do in datatrove.
    pub(super) fn minima_of_mersenne(&self, shingles: &[u64], minima: &mut Vec<u64>) {
        self.minima(shingles, minima, |functions, least, block| {
            functions.lower_remainders::<3>(block, least, |value| value % MERSENNE_PRIME);
        });
    }

    /// Like [`Self::minima_of_mersenne`], with the lower 32 bits of each value.
    pub(super) fn minima_of_mersenne_32(&self, shingles: &[u64], minima: &mut Vec<u64>) {
        self.minima(shingles, minima, |functions, least, block| {
            let remainder = |value| (value % MERSENNE_PRIME) & u64::from(u32::MAX);
            functions.lower_remainders::<32>(block, least, remainder);
        });
    }

    /// Writes the minimum of each function into `minima`. `lower` reduces the minima of a group of
    /// functions to the minima of their values on a block of shingles.
    #[inline]
    fn minima(
        &self,
        shingles: &[u64],
        minima: &mut Vec<u64>,
        lower: impl Fn(&Functions, &mut [u64; LANES], &[u64]),
    ) {
        minima.clear();
        minima.resize(self.functions.len() * LANES, u64::MAX);
        for block in shingles.chunks(BLOCK_SHINGLES) {
            for (functions, minima) in self.functions.iter().zip(minima.as_chunks_mut::<LANES>().0)
            {
                let mut least = *minima;
                lower(functions, &mut least, block);
                *minima = least;
            }
        }
        minima.truncate(self.count);
    }
}

impl Functions {
    #[inline]
    fn value(&self, lane: usize, x: u64) -> u64 {
        self.multipliers[lane].wrapping_mul(x).wrapping_add(self.addends[lane])
    }

    /// Reduces each minimum to the smallest remainder modulo p. Only the lowest `64 - SHIFT` bits
    /// of a remainder can be set.
    ///
    /// One comparison rejects nearly all values without a division. Because 2^61 is 1 modulo p, the
    /// remainder exceeds the lowest `64 - SHIFT` bits of the value by at most [`SLACK`], with
    /// wrapping. Multiplying by `a 2^SHIFT` instead of `a` leaves exactly those bits.
    #[inline]
    fn lower_remainders<const SHIFT: u32>(
        &self,
        block: &[u64],
        least: &mut [u64; LANES],
        remainder: impl Fn(u64) -> u64,
    ) {
        let limit = |least: u64| least.saturating_add(SLACK).saturating_mul(1 << SHIFT);
        let shifted = Self {
            multipliers: self.multipliers.map(|multiplier| multiplier << SHIFT),
            addends: self.addends.map(|addend| addend.wrapping_add(SLACK) << SHIFT),
        };
        let mut limits = least.map(limit);
        for &shingle in block {
            for lane in 0..LANES {
                if shifted.value(lane, shingle) <= limits[lane] {
                    least[lane] = least[lane].min(remainder(self.value(lane, shingle)));
                    limits[lane] = limit(least[lane]);
                }
            }
        }
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
