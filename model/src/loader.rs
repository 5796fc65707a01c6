//! Which tokens make up batch *k*: a pure function of (tokens, context, batch size, seed, k).
//!
//! Row `i` of a stream is the `context + 1` tokens from `i · context`: rows share one token, so that every
//! token but the first is predicted exactly once per epoch. The order of an epoch is a permutation computed
//! from (seed, epoch), so the state of the loader is the step number alone.

use crate::source::StreamId;
use crate::source::{Batch, BatchRow, BatchSource};
use crate::{ModelError, TokenSource};

/// Rounds of the Feistel network. Four make a pseudo-random permutation of a random round function (Luby and
/// Rackoff, 1988); two more cost nothing here.
const FEISTEL_ROUNDS: u64 = 6;

/// Number of rows that a stream has.
pub fn n_rows(source: &dyn TokenSource, context: usize) -> u64 {
    source.n_tokens().saturating_sub(1) / context as u64
}

/// Reads row `row`: `context + 1` ids, all below `vocab_size`. With `document_mask` it knows where documents
/// begin.
///
/// # Errors
/// An id that does not fit the vocabulary.
pub fn read_row(
    source: &dyn TokenSource,
    row: u64,
    context: usize,
    vocab_size: usize,
    document_mask: bool,
) -> Result<BatchRow, ModelError> {
    let start = row * context as u64;
    let mut ids = vec![0; context + 1];
    source.read(start, &mut ids);
    let boundaries =
        if document_mask { source.boundaries(start, start + ids.len() as u64) } else { Vec::new() };
    let boundaries = boundaries.into_iter().map(|position| (position - start) as usize).collect();
    match ids.iter().position(|&id| id as usize >= vocab_size) {
        None => Ok(BatchRow { ids, boundaries, row }),
        Some(index) => Err(ModelError::TokenOutOfVocabulary {
            id: ids[index],
            position: start + index as u64,
            vocab_size,
        }),
    }
}

/// The training batches of a stream.
#[derive(Clone, Copy)]
pub struct Loader<'a> {
    source: &'a dyn TokenSource,
    context: usize,
    batch_size: usize,
    vocab_size: usize,
    seed: u64,
    document_mask: bool,
    rows: u64,
}

impl<'a> Loader<'a> {
    /// A loader over `source`.
    ///
    /// # Errors
    /// The stream has fewer rows than one batch takes.
    pub fn new(
        source: &'a dyn TokenSource,
        config: &crate::ModelConfig,
        train: &crate::TrainConfig,
    ) -> Result<Self, ModelError> {
        let (batch_size, seed, document_mask) = (train.batch_size, train.seed, train.document_mask);
        let rows = n_rows(source, config.context);
        if batch_size == 0 || rows < batch_size as u64 {
            return Err(ModelError::TooFewTokens {
                split: "training",
                tokens: source.n_tokens(),
                needed: (batch_size.max(1) * config.context + 1) as u64,
                why: format!(
                    "`batch_size` {batch_size} times `context` {}, plus 1",
                    config.context
                ),
            });
        }
        let (context, vocab_size) = (config.context, config.vocab_size);
        Ok(Self { source, context, batch_size, vocab_size, seed, document_mask, rows })
    }

    /// The rows of batch `step` (counted from 0).
    pub fn rows_of(&self, step: usize) -> Vec<u64> {
        let first = step as u64 * self.batch_size as u64;
        let row =
            |sample: u64| permuted(self.seed, sample / self.rows, sample % self.rows, self.rows);
        (first..first + self.batch_size as u64).map(row).collect()
    }
}

impl BatchSource for Loader<'_> {
    /// # Errors
    /// An id that does not fit the vocabulary.
    fn batch(&self, step: usize) -> Result<Batch, ModelError> {
        let read =
            |row| read_row(self.source, row, self.context, self.vocab_size, self.document_mask);
        let rows = self.rows_of(step).into_iter().map(read);
        Ok(Batch::of(rows.collect::<Result<_, _>>()?))
    }

    fn id(&self) -> StreamId {
        StreamId::of(self.source)
    }
}

/// Position `index` of a permutation of `0..count` keyed by (seed, epoch): a Feistel network over the next
/// power of four, walked until it comes back into range (Black and Rogaway, 2002).
pub fn permuted(seed: u64, epoch: u64, index: u64, count: u64) -> u64 {
    let half_bits = (64 - count.saturating_sub(1).leading_zeros()).div_ceil(2).max(1);
    let mask = (1_u64 << half_bits) - 1;
    let key = mix(seed ^ mix(epoch));
    let mut value = index;
    loop {
        let (mut left, mut right) = (value >> half_bits, value & mask);
        for round in 0..FEISTEL_ROUNDS {
            (left, right) = (right, left ^ (mix(key ^ mix((round << 56) ^ right)) & mask));
        }
        value = (left << half_bits) | right;
        if value < count {
            return value;
        }
    }
}

/// The output function of SplitMix64 (Steele, Lea and Flood, 2014).
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_epoch_covers_each_row_exactly_once(seed: u64, epoch in 0_u64..5, count in 1_u64..700) {
            let mut rows: Vec<u64> = (0..count).map(|i| permuted(seed, epoch, i, count)).collect();
            rows.sort_unstable();
            prop_assert_eq!(rows, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn epochs_and_seeds_have_orders_of_their_own() {
        let order = |seed, epoch| (0..64).map(|i| permuted(seed, epoch, i, 64)).collect::<Vec<_>>();
        assert_ne!(order(1, 0), order(1, 1));
        assert_ne!(order(1, 0), order(2, 0));
        assert_ne!(order(1, 0), (0..64).collect::<Vec<_>>());
    }

    #[test]
    fn an_id_outside_the_vocabulary_is_an_error_that_says_where() {
        let error = read_row(&vec![1, 2, 3, 99, 4, 5, 6], 1, 3, 50, true).unwrap_err();
        assert!(
            error.to_string().starts_with("token id 99 at position 3 does not fit `vocab_size` 50")
        );
    }
}
