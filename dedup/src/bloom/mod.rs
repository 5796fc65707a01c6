//! A Bloom filter: remembers which keys it has seen, for streams of unknown length.
//!
//! A Bloom filter (Bloom 1970) split into blocks of one cache line, 512 bits, so that each key
//! costs a single access to memory (Putze, Sanders and Singler 2007, "Cache-, Hash- and
//! Space-Efficient Bloom Filters", §3). Within its block a key sets one bit in each of 4, 8 or 16
//! lanes of equal width, as the split block filter of Apache Parquet does. With lanes, the rate of
//! false positives can be computed without approximation.
//!
//! Blocks receive unequal numbers of keys, which the textbook formula `(1 - e^(-kn/m))^k` ignores:
//! a filter of the size that the formula gives for 1 false positive in 1000 has 1.6. [`bytes_for`]
//! therefore computes the size from the distribution of block loads.
//!
//! Bits per key when the filter is full: 4.9 for a rate of 1/10, 10.1 for 1/100, 15.7 for 1/1000,
//! 23.0 for 1/10,000 (the textbook values for filters without blocks are 4.8, 9.6, 14.4 and 19.2).
//! An insertion takes 22 ns in a filter of 1 MB and about 100 ns in one of 10 to 200 MB, which is
//! the latency of memory (`examples/bloom_rates`).

mod file;
mod size;
#[cfg(test)]
mod tests;

use crate::mix::mix;
pub use size::{BloomError, bytes_for};
use size::{Layout, rate_at_load};

/// 64-bit words in a block.
const BLOCK_WORDS: usize = 8;

/// Bits in a block.
const BLOCK_BITS: usize = 512;

/// A blocked Bloom filter of 128-bit keys.
///
/// A key that was inserted is always found. A key that was not inserted is found as well with a
/// probability that grows as the filter fills up. At the capacity it is the rate given to
/// [`new`](Self::new); [`expected_false_positive_rate`](Self::expected_false_positive_rate) returns
/// the present one.
///
/// ```
/// # fn main() -> Result<(), dedup::bloom::BloomError> {
/// let mut bloom = dedup::bloom::Bloom::new(1_000, 0.001)?;
/// assert!(!bloom.insert(42), "42 is new");
/// assert!(bloom.insert(42), "42 was seen before");
/// assert_eq!(bloom.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bloom {
    layout: Layout,
    capacity: u64,
    len: u64,
    blocks: Vec<[u64; BLOCK_WORDS]>,
}

impl Bloom {
    /// Makes an empty filter that gives `rate` false positives among new keys once it holds
    /// `capacity` keys.
    ///
    /// # Errors
    /// When the rate is not between 1e-9 and 0.5, or the filter does not fit into memory.
    pub fn new(capacity: u64, rate: f64) -> Result<Self, BloomError> {
        let layout = Layout::new(capacity, rate)?;
        Ok(Self { layout, capacity, len: 0, blocks: size::allocate(layout.blocks)? })
    }

    /// Inserts a key. Returns true if the key was present before, or is a false positive.
    pub fn insert(&mut self, key: u128) -> bool {
        let place = self.place(key);
        let pattern = self.pattern(&place);
        let block = &mut self.blocks[place.block];
        let mut missing = 0;
        for (word, bits) in block.iter_mut().zip(pattern) {
            missing |= bits & !*word;
            *word |= bits;
        }
        self.len += u64::from(missing != 0);
        missing == 0
    }

    /// True if a key was inserted, or is a false positive.
    pub fn contains(&self, key: u128) -> bool {
        let place = self.place(key);
        let block = &self.blocks[place.block];
        self.pattern(&place).iter().zip(block).all(|(bits, word)| bits & !word == 0)
    }

    /// Number of keys that were new when they were inserted. After [`merge`](Self::merge) it is the
    /// sum over both filters, so keys that both hold count twice.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True if no key was inserted.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Size in memory, in bytes.
    pub fn bytes(&self) -> u64 {
        (self.blocks.len() * size_of::<[u64; BLOCK_WORDS]>()) as u64
    }

    /// The share of new keys that [`contains`](Self::contains) would now report as present. It is
    /// exact, computed from the bits that are set. Reads the whole filter.
    pub fn expected_false_positive_rate(&self) -> f64 {
        let lanes = self.layout.lanes;
        let lane_bits = BLOCK_BITS / lanes;
        // A new key is a false positive if it meets a set bit in every lane of its block.
        let of_block = |block: &[u64; BLOCK_WORDS]| -> f64 {
            let set = |lane: usize| set_bits(block, lane * lane_bits, lane_bits);
            (0..lanes).map(|lane| f64::from(set(lane)) / lane_bits as f64).product()
        };
        self.blocks.iter().map(of_block).sum::<f64>() / self.blocks.len() as f64
    }

    /// The share of new keys that a filter of this size reports as present when it holds `keys`
    /// keys, averaged over all sets of that many keys.
    pub fn false_positive_rate_at(&self, keys: u64) -> f64 {
        rate_at_load(self.layout.lanes, keys as f64 / self.blocks.len() as f64)
    }

    /// Adds all keys of another filter.
    ///
    /// # Errors
    /// When the other filter has another size.
    pub fn merge(&mut self, other: &Self) -> Result<(), BloomError> {
        if self.layout != other.layout {
            return Err(BloomError::Unlike);
        }
        for (word, more) in
            self.blocks.as_flattened_mut().iter_mut().zip(other.blocks.as_flattened())
        {
            *word |= more;
        }
        self.len = self.len.saturating_add(other.len);
        Ok(())
    }

    /// Returns the block of a key and the random bits for its lanes. The key is mixed first, so
    /// keys need not be hashes.
    fn place(&self, key: u128) -> Place {
        let low = mix(key as u64 ^ 0x9E37_79B9_7F4A_7C15);
        let high = mix((key >> 64) as u64 ^ low);
        let block = ((u128::from(high) * self.blocks.len() as u128) >> 64) as usize;
        // The block used up the upper bits of `high`; these bits are independent of them.
        let first = mix(low ^ high.rotate_left(32));
        Place { block, bits: [first, mix(first ^ high)] }
    }

    /// Returns the bits that a key sets in its block: one in each lane.
    fn pattern(&self, place: &Place) -> [u64; BLOCK_WORDS] {
        let mut pattern = [0; BLOCK_WORDS];
        let [first, second] = place.bits;
        match self.layout.lanes {
            // A lane is two words: 7 random bits choose one of its 128.
            4 => {
                for lane in 0..4 {
                    let bit = (first >> (16 * lane)) & 127;
                    pattern[2 * lane + (bit >> 6) as usize] = 1 << (bit & 63);
                }
            }
            8 => {
                for (lane, word) in pattern.iter_mut().enumerate() {
                    *word = 1 << ((first >> (8 * lane)) & 63);
                }
            }
            // Each word holds two lanes of 32 bits.
            _ => {
                for (lane, word) in pattern.iter_mut().enumerate() {
                    let low = (first >> (8 * lane)) & 31;
                    let high = (second >> (8 * lane)) & 31;
                    *word = 1 << low | 1 << (32 + high);
                }
            }
        }
        pattern
    }
}

/// The position of a key's bits.
struct Place {
    block: usize,
    /// Uniform bits from which each lane takes its part.
    bits: [u64; 2],
}

/// Counts the bits that are set in a stretch of a block of half a word, one word or two words.
fn set_bits(block: &[u64; BLOCK_WORDS], start: usize, length: usize) -> u32 {
    match length {
        32 => ((block[start / 64] >> (start % 64)) as u32).count_ones(),
        _ => block[start / 64..(start + length) / 64].iter().map(|word| word.count_ones()).sum(),
    }
}
