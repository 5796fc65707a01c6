//! The size that a filter needs.

use std::ops::RangeInclusive;

use super::{BLOCK_BITS, BLOCK_WORDS};

/// The rates of false positives that a filter can have.
const RATES: RangeInclusive<f64> = 1e-9..=0.5;

/// The possible numbers of lanes, which is the number of bits that a key sets. The one that needs
/// the least memory is chosen.
const LANES: [usize; 3] = [4, 8, 16];

/// A load of a block, in keys, at which even four lanes exceed every useful rate.
const LOAD_MAX: f64 = 1_000.0;

/// An error while a filter is made, merged or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BloomError {
    /// A rate that no filter can have.
    #[error(
        "a false-positive rate of {rate} is not possible; give one from {} to {}",
        RATES.start(),
        RATES.end()
    )]
    Rate {
        /// The requested rate.
        rate: f64,
    },
    /// The filter does not fit into memory.
    #[error("a filter of {bytes} bytes does not fit into memory; allow more false positives")]
    Memory {
        /// The size of the filter.
        bytes: u64,
    },
    /// Two filters of different capacity or rate.
    #[error("only filters of the same capacity and false-positive rate can be merged")]
    Unlike,
    /// Bytes that are not a filter, or not a whole one.
    #[error("not a Bloom filter: {reason}")]
    Damaged {
        /// What is wrong.
        reason: &'static str,
    },
}

/// The size of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) lanes: usize,
    pub(super) blocks: u64,
}

impl Layout {
    /// Returns the smallest size for a number of keys and a rate.
    pub(super) fn new(capacity: u64, rate: f64) -> Result<Self, BloomError> {
        if !RATES.contains(&rate) {
            return Err(BloomError::Rate { rate });
        }
        let of_lanes = |lanes| {
            let blocks = capacity.max(1) as f64 / load_for(lanes, rate);
            Self { lanes, blocks: (blocks.ceil() as u64).max(1) }
        };
        let [four, eight, sixteen] = LANES.map(of_lanes);
        // Of equal sizes the one with fewer lanes is kept: it sets fewer bits.
        let smaller = |a: Self, b: Self| if b.blocks < a.blocks { b } else { a };
        Ok(smaller(smaller(four, eight), sixteen))
    }

    /// True if a filter can have this size.
    pub(super) fn is_sound(self) -> bool {
        LANES.contains(&self.lanes) && self.blocks > 0
    }
}

/// Returns the size in bytes of a filter for `capacity` keys and a rate of false positives.
///
/// # Errors
/// When the rate is not between 1e-9 and 0.5.
pub fn bytes_for(capacity: u64, rate: f64) -> Result<u64, BloomError> {
    Ok(Layout::new(capacity, rate)?.blocks.saturating_mul(BLOCK_BITS as u64 / 8))
}

/// Allocates blocks with no bit set. Too large a filter is an error, not an abort.
pub(super) fn allocate(blocks: u64) -> Result<Vec<[u64; BLOCK_WORDS]>, BloomError> {
    let too_large = BloomError::Memory { bytes: blocks.saturating_mul(BLOCK_BITS as u64 / 8) };
    let Ok(blocks) = usize::try_from(blocks) else { return Err(too_large) };
    let mut empty = Vec::new();
    empty.try_reserve_exact(blocks).map_err(|_| too_large)?;
    empty.resize(blocks, [0; BLOCK_WORDS]);
    Ok(empty)
}

/// Returns the largest mean load of a block, in keys, that does not exceed the rate.
fn load_for(lanes: usize, rate: f64) -> f64 {
    let (mut low, mut high) = (0.0, LOAD_MAX);
    // 64 halvings exhaust the digits of a float.
    for _ in 0..64 {
        let middle = f64::midpoint(low, high);
        if rate_at_load(lanes, middle) <= rate {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// Returns the share of false positives when a block holds `load` keys on average.
///
/// Keys fall on blocks at random, so the number `j` of keys in a block has a Poisson distribution.
/// In a lane of `s` bits, none of `j` keys sets a given bit with probability `(1 - 1/s)^j`. Lanes
/// are independent, hence the sum over `j` of `e^-load load^j / j! (1 - (1 - 1/s)^j)^lanes`.
pub(super) fn rate_at_load(lanes: usize, load: f64) -> f64 {
    let unset = 1.0 - lanes as f64 / BLOCK_BITS as f64;
    // Twelve standard deviations cover all but 10^-30 of the distribution.
    let reach = 12.0 * load.sqrt() + 40.0;
    let first = (load - reach).max(0.0).floor();
    let last = (load + reach).ceil();
    let mut rate = 0.0;
    // In logarithms: `e^-load` alone is zero in floats from a load of 745 on.
    let mut log_probability = -load;
    for j in 1..=last as u64 {
        log_probability += (load / j as f64).ln();
        if j as f64 >= first {
            let set = 1.0 - unset.powi(j as i32);
            rate += log_probability.exp() * set.powi(lanes as i32);
        }
    }
    rate
}
