//! Which of several equally frequent pairs is merged first. The well-known trainers of byte-level
//! BPE differ only in this and in the order of ids.
//!
//! Keys are stored in the learner's heap. While merges are made, a key may fall but never rise. A
//! key that reaches the top is computed again and goes back if it has fallen. So an order by place
//! in the text is as cheap as one by number, because the first occurrence of a pair only moves
//! forward.

use std::cmp::Reverse;

use super::arena::{Symbol, Words};
use super::pairs::PairEntry;
use super::symbols::Spellings;
use crate::alphabet;
use crate::merges::Pair;

/// An order of equally frequent pairs: the pair with the greatest key is merged first.
pub(crate) trait TieOrder: Default + Send {
    /// The key of a pair. No two pairs have the same key.
    type Key: Ord;

    /// Whether the key of a pair can fall while merges are made.
    const FALLS: bool;

    /// The key of the pair `entry`, which has the index `index`.
    fn key<S: Symbol>(
        &mut self,
        index: u32,
        entry: &PairEntry,
        words: &Words<S>,
        spellings: &Spellings,
    ) -> Self::Key;
}

/// The lowest left id first, then the lowest right id, as in Hugging Face's `BpeTrainer` and
/// rustbpe.
#[derive(Debug, Default)]
pub(crate) struct LowestIds;

impl TieOrder for LowestIds {
    type Key = Reverse<Pair>;
    const FALLS: bool = false;

    #[inline]
    fn key<S: Symbol>(
        &mut self,
        _: u32,
        entry: &PairEntry,
        _: &Words<S>,
        _: &Spellings,
    ) -> Self::Key {
        Reverse(entry.pair)
    }
}

/// The greatest bytes of the left token first, then of the right one, as in the assignment of the
/// course Stanford CS336 and in subword-nmt.
#[derive(Debug, Default)]
pub(crate) struct GreatestBytes;

impl TieOrder for GreatestBytes {
    type Key = (Vec<u8>, Vec<u8>);
    const FALLS: bool = false;

    fn key<S: Symbol>(
        &mut self,
        _: u32,
        entry: &PairEntry,
        _: &Words<S>,
        spellings: &Spellings,
    ) -> Self::Key {
        let bytes = |id| {
            let bytes = alphabet::read(spellings.get(id));
            // Symbols are merged from letters, and all letters are in the byte-level alphabet.
            debug_assert!(bytes.is_some(), "{:?} is not in the alphabet", spellings.get(id));
            bytes.unwrap_or_default()
        };
        (bytes(entry.pair.0), bytes(entry.pair.1))
    }
}

/// The pair that occurs first in the text with the merges made so far, as in minbpe, which counts
/// in a Python dictionary and so in the order of first occurrence. The text is the distinct words
/// in the order in which they were added; a repeated word never makes a pair occur earlier.
#[derive(Debug, Default)]
pub(crate) struct FirstOccurrence {
    /// For each pair, the number of places at the start of its list that do not hold it any more.
    passed: Vec<u32>,
}

impl TieOrder for FirstOccurrence {
    type Key = Reverse<u32>;
    const FALLS: bool = true;

    fn key<S: Symbol>(
        &mut self,
        index: u32,
        entry: &PairEntry,
        words: &Words<S>,
        spellings: &Spellings,
    ) -> Self::Key {
        let index = index as usize;
        if self.passed.len() <= index {
            self.passed.resize(index + 1, 0);
        }
        while let Some(&place) = entry.places.get(self.passed[index] as usize) {
            if words.holds(place, entry.pair, &spellings.lengths) {
                return Reverse(place);
            }
            self.passed[index] += 1;
        }
        Reverse(u32::MAX)
    }
}
