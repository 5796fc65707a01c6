//! Sets of documents, one bit each.

/// A set of documents to which documents can be added: one bit for each.
#[derive(Debug, Default)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// Makes an empty set with space for about `documents` documents. It grows as needed.
    pub(crate) fn new(documents: u64) -> Self {
        Self(vec![0; documents.div_ceil(64) as usize])
    }

    /// Adds a document.
    pub fn set(&mut self, ordinal: u64) {
        let word = (ordinal / 64) as usize;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (ordinal % 64);
    }

    /// True if the set holds a document.
    #[inline]
    pub fn contains(&self, ordinal: u64) -> bool {
        self.0.get((ordinal / 64) as usize).is_some_and(|word| word >> (ordinal % 64) & 1 == 1)
    }

    /// Makes the set read-only and counts it.
    pub(crate) fn finish(self) -> Marks {
        let mut count = 0;
        let mut before = Vec::with_capacity(self.0.len().div_ceil(BLOCK_WORDS) + 1);
        for block in self.0.chunks(BLOCK_WORDS) {
            before.push(count);
            count += block.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
        }
        Marks { words: self.0, before, count }
    }
}

/// Number of words between two counts of [`Marks`]: one cache line.
const BLOCK_WORDS: usize = 8;

/// A read-only set of documents that numbers its documents without gaps (a bit vector with rank:
/// Jacobson, "Space-efficient static trees and graphs", 1989). It takes 9/8 bits for every document
/// of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    words: Vec<u64>,
    /// The number of marked documents before each block of [`BLOCK_WORDS`] words.
    before: Vec<u64>,
    count: u64,
}

impl Marks {
    /// The number of documents in the set.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns how many documents of the set come before `ordinal`, or `None` if the set does not
    /// hold `ordinal`.
    #[inline]
    pub(crate) fn index(&self, ordinal: u64) -> Option<u64> {
        let word = (ordinal / 64) as usize;
        let bit = 1 << (ordinal % 64);
        let bits = *self.words.get(word)?;
        if bits & bit == 0 {
            return None;
        }
        let block = word / BLOCK_WORDS;
        let in_block: u32 =
            self.words[block * BLOCK_WORDS..word].iter().map(|w| w.count_ones()).sum();
        Some(self.before[block] + u64::from(in_block + (bits & (bit - 1)).count_ones()))
    }

    /// Iterates over the documents of the set, ascending.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.words.iter().enumerate().flat_map(|(i, word)| {
            let mut word = *word;
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros())?;
                word &= word - 1;
                Some(i as u64 * 64 + u64::from(bit))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_index_is_the_place_in_the_order(
            set in prop::collection::btree_set(0u64..3_000, 0..300),
        ) {
            let mut bits = Bits::new(3_000);
            set.iter().for_each(|ordinal| bits.set(*ordinal));
            prop_assert!((0..4_000).all(|o| bits.contains(o) == set.contains(&o)));
            let marks = bits.finish();
            prop_assert_eq!(marks.iter().collect::<BTreeSet<_>>(), set.clone());
            prop_assert_eq!(marks.count(), set.len() as u64);
            for (index, ordinal) in set.iter().enumerate() {
                prop_assert_eq!(marks.index(*ordinal), Some(index as u64));
            }
            prop_assert_eq!((0..4_000).filter(|o| marks.index(*o).is_some()).count(), set.len());
        }
    }
}
