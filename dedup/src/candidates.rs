//! From keys to candidate pairs: documents that share a key are linked by a chain, not pairwise.
//!
//! A key that `n` documents share gives `n - 1` edges between neighbours in the order of their
//! ordinals, which join the same documents as all `n (n - 1) / 2` pairs would; a bucket of 10^8
//! documents stays linear. Edges go to a scratch file, 16 bytes each, and only the documents that
//! have one take part in what follows: a bit for every document, and nothing else in proportion to
//! them.

use store::{Scratch, ScratchReader};

use crate::error::Result;
use crate::sort::Sorted;

/// Bytes of a document's ordinal at the end of a row.
const ORDINAL_BYTES: usize = 8;

/// Bytes of an edge: two ordinals, little-endian.
pub(crate) const EDGE_BYTES: usize = 16;

/// A row of the sort that brings the documents of a band together: key, then ordinal.
pub fn band_row(key: u64, ordinal: u64) -> [u8; 16] {
    ((u128::from(key) << 64) | u128::from(ordinal)).to_be_bytes()
}

/// A row of the sort that brings equal texts together: a key of 128 bits, then the ordinal. Of 10^10
/// different texts the chance that any two share a key is 10^-19.
pub fn exact_row(key: u128, ordinal: u64) -> [u8; 24] {
    let mut row = [0; 24];
    row[..16].copy_from_slice(&key.to_be_bytes());
    row[16..].copy_from_slice(&ordinal.to_be_bytes());
    row
}

/// The documents that share a key with another, and the edges between them.
pub struct Candidates {
    marks: Marks,
    edges: ScratchReader,
    n_edges: u64,
}

impl Candidates {
    /// Links about `documents` documents by their rows; `name` is that of the scratch file for the
    /// edges. Memory: a bit a document and a sixteenth of that, and the partitions in flight.
    pub fn find<const N: usize>(
        sorted: &Sorted<N>,
        scratch: &Scratch,
        name: &str,
        documents: u64,
    ) -> Result<Self> {
        let mut writer = scratch.write(name)?;
        let mut marks = Bits::new(documents);
        let mut bytes = Vec::new();
        sorted.map_in_order(
            |rows| Ok(chain_edges(rows)),
            |edges| {
                bytes.clear();
                for (a, b) in edges {
                    marks.set(a);
                    marks.set(b);
                    bytes.extend(a.to_le_bytes());
                    bytes.extend(b.to_le_bytes());
                }
                writer.append(&bytes)?;
                Ok(())
            },
        )?;
        let n_edges = writer.bytes() / EDGE_BYTES as u64;
        Ok(Self { marks: marks.finish(), edges: writer.into_reader()?, n_edges })
    }

    /// Edges, after those that repeat within a partition are dropped.
    pub fn edges(&self) -> u64 {
        self.n_edges
    }

    /// The documents with an edge.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    pub(crate) fn into_parts(self) -> (Marks, ScratchReader) {
        (self.marks, self.edges)
    }
}

/// The edges between neighbours of equal key, ascending, each once.
fn chain_edges<const N: usize>(rows: &[[u8; N]]) -> Vec<(u64, u64)> {
    let neighbours = rows.array_windows::<2>();
    let mut edges: Vec<(u64, u64)> = neighbours
        .filter(|[a, b]| a[..N - ORDINAL_BYTES] == b[..N - ORDINAL_BYTES] && a != b)
        .map(|[a, b]| (ordinal(a), ordinal(b)))
        .collect();
    // In order they repeat side by side, and the union-find goes through memory front to back.
    edges.sort_unstable();
    edges.dedup();
    edges
}

fn ordinal<const N: usize>(row: &[u8; N]) -> u64 {
    row[N - ORDINAL_BYTES..].iter().fold(0, |ordinal, byte| (ordinal << 8) | u64::from(*byte))
}

/// Bits over documents that are being set.
struct Bits(Vec<u64>);

impl Bits {
    fn new(documents: u64) -> Self {
        Self(vec![0; documents.div_ceil(64) as usize])
    }

    fn set(&mut self, ordinal: u64) {
        let word = (ordinal / 64) as usize;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (ordinal % 64);
    }

    fn finish(self) -> Marks {
        let mut count = 0;
        let mut before = Vec::with_capacity(self.0.len().div_ceil(BLOCK_WORDS) + 1);
        for block in self.0.chunks(BLOCK_WORDS) {
            before.push(count);
            count += block.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
        }
        Marks { words: self.0, before, count }
    }
}

/// Words between two counts of [`Marks`]: one cache line.
const BLOCK_WORDS: usize = 8;

/// A set of documents in which each has an index without gaps (a bit vector with rank: Jacobson,
/// "Space-efficient static trees and graphs", 1989): 9/8 bits for every document there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    words: Vec<u64>,
    /// Marked documents before each block of [`BLOCK_WORDS`].
    before: Vec<u64>,
    count: u64,
}

impl Marks {
    /// Marked documents.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many marked documents come before `ordinal`, if it is marked itself.
    #[inline]
    pub fn index(&self, ordinal: u64) -> Option<u64> {
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

    /// The marked documents in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
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
        fn an_index_is_the_place_in_the_order(set in prop::collection::btree_set(0u64..3_000, 0..300)) {
            let mut bits = Bits::new(3_000);
            set.iter().for_each(|ordinal| bits.set(*ordinal));
            let marks = bits.finish();
            prop_assert_eq!(marks.iter().collect::<BTreeSet<_>>(), set.clone());
            prop_assert_eq!(marks.count(), set.len() as u64);
            for (index, ordinal) in set.iter().enumerate() {
                prop_assert_eq!(marks.index(*ordinal), Some(index as u64));
            }
            prop_assert_eq!((0..4_000).filter(|o| marks.index(*o).is_some()).count(), set.len());
        }
    }

    #[test]
    fn a_bucket_gives_a_chain_and_a_repeated_row_no_edge() {
        let rows = [(1, 4), (1, 4), (1, 7), (1, 9), (2, 9), (3, 4), (3, 7)];
        let rows = rows.map(|(key, ordinal)| band_row(key, ordinal));
        assert_eq!(chain_edges(&rows), [(4, 7), (7, 9)]);
        let rows = [exact_row(1, 5), exact_row(1 << 64, 6), exact_row((1 << 64) + 1, 6)];
        assert_eq!(chain_edges(&rows), []);
    }
}
