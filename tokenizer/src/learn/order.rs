//! Which of several equally frequent pairs is merged first: the only thing, besides the order of
//! ids, in which the well-known trainers of byte-level BPE differ.
//!
//! Keys go into the learner's heap and may fall while merges are made, never rise: a key that comes
//! up is computed anew, and goes back where it has fallen. That is what makes an order by place in
//! the text as cheap as one by number, because a pair's first occurrence only ever moves on.

use std::cmp::Reverse;

use super::arena::{Symbol, Words};
use super::pairs::PairEntry;
use super::symbols::Spellings;
use crate::alphabet;
use crate::merges::Pair;

/// An order of equally frequent pairs: of two, the one with the greater key is merged first.
pub(crate) trait TieOrder: Default + Send {
    /// What pairs are compared by; no two pairs have the same.
    type Key: Ord;

    /// Whether the key of a pair can fall while merges are made.
    const FALLS: bool;

    /// The key of the pair `entry`, which is number `index` of all.
    fn key<S: Symbol>(
        &mut self,
        index: u32,
        entry: &PairEntry,
        words: &Words<S>,
        spellings: &Spellings,
    ) -> Self::Key;
}

/// The lowest left id first, then the lowest right id: Hugging Face's `BpeTrainer` and rustbpe.
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

/// The greatest bytes of the left token first, then of the right one: the assignment of the course
/// Stanford CS336 and subword-nmt.
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
        let bytes = |id| alphabet::read(spellings.get(id)).unwrap_or_default();
        (bytes(entry.pair.0), bytes(entry.pair.1))
    }
}

/// The pair that occurs first in the text as it is now merged: minbpe, whose counts are in a Python
/// dictionary that keeps the order in which pairs came. The text is the distinct words in the order
/// in which they were added; repeating a word never makes a pair occur earlier.
#[derive(Debug, Default)]
pub(crate) struct FirstOccurrence {
    /// For each pair, how many places at the start of its list are known not to hold it any more.
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
