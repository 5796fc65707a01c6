//! A filter that remembers which keys were there, for streams that have no end.
//!
//! A Bloom filter (Bloom 1970) in blocks of one cache line of 512 bits, so that a key costs one
//! access to memory (Putze, Sanders and Singler 2007, "Cache-, Hash- and Space-Efficient Bloom
//! Filters", §3). Within its block a key sets one bit in each of 4, 8 or 16 lanes of equal width, as
//! the split block filter of Apache Parquet does. Lanes make the rate of false positives computable
//! without approximation: see [`rate_at_load`].
//!
//! Blocks take unequal numbers of keys, which the textbook formula `(1 - e^(-kn/m))^k` ignores: a
//! filter of the size that it gives for 1 false positive in 1000 has 1.6. [`bytes_for`] computes the
//! size from the distribution of loads.
//!
//! Bits a key, at full fill: 4.9 for a rate of 1/10, 10.1 for 1/100, 15.7 for 1/1000, 23.0 for
//! 1/10,000 (the textbook's, of filters without blocks: 4.8, 9.6, 14.4, 19.2). An insertion takes
//! 22 ns in a filter of 1 MB and about 100 ns in one of 10 to 200 MB, which is the way to memory
//! (`examples/bloom_rates`).

mod file;
mod size;
#[cfg(test)]
mod tests;

use crate::mix::mix;
pub use size::{BloomError, RATES, bytes_for};
use size::{Layout, rate_at_load};

/// Words of 64 bits in a block.
const BLOCK_WORDS: usize = 8;

/// Bits of a block.
const BLOCK_BITS: usize = 512;

/// A blocked Bloom filter of 128-bit keys.
///
/// A key that was inserted is always found. One that was not is found too with a probability that
/// grows with the fill: [`expected_false_positive_rate`](Self::expected_false_positive_rate) says
/// how far it is, and at the capacity it is what [`new`](Self::new) was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bloom {
    layout: Layout,
    capacity: u64,
    len: u64,
    blocks: Vec<[u64; BLOCK_WORDS]>,
}

impl Bloom {
    /// An empty filter that has `rate` false positives among new keys once it holds `capacity` keys.
    ///
    /// # Errors
    /// When the rate is not within [`RATES`], or the memory cannot be had.
    pub fn new(capacity: u64, rate: f64) -> Result<Self, BloomError> {
        let layout = Layout::new(capacity, rate)?;
        Ok(Self { layout, capacity, len: 0, blocks: size::allocate(layout.blocks)? })
    }

    /// Adds a key; says whether it was there, or seems to have been.
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

    /// Whether a key was inserted, or seems to have been.
    pub fn contains(&self, key: u128) -> bool {
        let place = self.place(key);
        let block = &self.blocks[place.block];
        self.pattern(&place).iter().zip(block).all(|(bits, word)| bits & !word == 0)
    }

    /// Keys that were not there when they were inserted; after [`merge`](Self::merge) the sum of
    /// both filters, in which what they share counts twice.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether no key was inserted.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Keys for which the filter was made.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Whether it holds the keys for which it was made; with more, the rate of false positives grows
    /// beyond the one that was asked for.
    pub fn is_full(&self) -> bool {
        self.len >= self.capacity
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> u64 {
        (self.blocks.len() * size_of::<[u64; BLOCK_WORDS]>()) as u64
    }

    /// The share of new keys that [`contains`](Self::contains) would now call old: exact, from the
    /// bits that are set. Reads the whole filter.
    pub fn expected_false_positive_rate(&self) -> f64 {
        let lanes = self.layout.lanes;
        let lane_bits = BLOCK_BITS / lanes;
        let of_block = |block: &[u64; BLOCK_WORDS]| -> f64 {
            let set = |lane: usize| set_bits(block, lane * lane_bits, lane_bits);
            (0..lanes).map(|lane| f64::from(set(lane)) / lane_bits as f64).product()
        };
        self.blocks.iter().map(of_block).sum::<f64>() / self.blocks.len() as f64
    }

    /// The share of new keys that a filter of this size calls old when it holds `keys`, on average
    /// over all sets of keys.
    pub fn false_positive_rate_at(&self, keys: u64) -> f64 {
        rate_at_load(self.layout.lanes, keys as f64 / self.blocks.len() as f64)
    }

    /// Adds all keys of another filter.
    ///
    /// # Errors
    /// When the other has another size.
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

    /// Where a key belongs. The key is mixed first, so that keys which are no hashes do as well.
    fn place(&self, key: u128) -> Place {
        let low = mix(key as u64 ^ 0x9E37_79B9_7F4A_7C15);
        let high = mix((key >> 64) as u64 ^ low);
        let block = ((u128::from(high) * self.blocks.len() as u128) >> 64) as usize;
        // The block used up the upper bits of `high`; these are independent of them.
        let first = mix(low ^ high.rotate_left(32));
        Place { block, bits: [first, mix(first ^ high)] }
    }

    /// One bit in each lane.
    fn pattern(&self, place: &Place) -> [u64; BLOCK_WORDS] {
        let mut pattern = [0; BLOCK_WORDS];
        let [first, second] = place.bits;
        match self.layout.lanes {
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

/// Where a key's bits are.
struct Place {
    block: usize,
    /// Uniform bits, of which the lanes take their own.
    bits: [u64; 2],
}

/// The bits set in a stretch of a block; it is half a word, a word or two words.
fn set_bits(block: &[u64; BLOCK_WORDS], start: usize, length: usize) -> u32 {
    match length {
        32 => ((block[start / 64] >> (start % 64)) as u32).count_ones(),
        _ => block[start / 64..(start + length) / 64].iter().map(|word| word.count_ones()).sum(),
    }
}
