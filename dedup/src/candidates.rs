//! From keys to candidate pairs: documents that share a key are linked by a chain, not pairwise.
//!
//! A key that `n` documents share gives `n - 1` edges between neighbours in the order of their
//! ordinals, which join the same documents as all `n (n - 1) / 2` pairs would; a bucket of 10^8
//! documents stays linear. Edges go to a scratch file, 16 bytes each, and only the documents that
//! have one take part in what follows: a bit for every document, and nothing else in proportion to
//! them.

use store::{Scratch, ScratchReader, ScratchWriter};

use crate::error::Result;
use crate::marks::{Bits, Marks};
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

/// Links documents, sort after sort: bands need not be sorted together, since no key of one is that of
/// another.
pub struct Linker {
    marks: Bits,
    edges: ScratchWriter,
    bytes: Vec<u8>,
}

impl Linker {
    /// Starts with about `documents` documents; `name` is that of the scratch file for the edges.
    /// Memory: a bit a document.
    pub fn new(scratch: &Scratch, name: &str, documents: u64) -> Result<Self> {
        Ok(Self { marks: Bits::new(documents), edges: scratch.write(name)?, bytes: Vec::new() })
    }

    /// Links the neighbours of equal key among `sorted`. Memory: the partitions in flight.
    pub fn add<const N: usize>(&mut self, sorted: &Sorted<N>) -> Result<()> {
        sorted.map_in_order(
            |rows| Ok(chain_edges(rows)),
            |edges| {
                self.bytes.clear();
                for (a, b) in edges {
                    self.marks.set(a);
                    self.marks.set(b);
                    self.bytes.extend(a.to_le_bytes());
                    self.bytes.extend(b.to_le_bytes());
                }
                self.edges.append(&self.bytes)?;
                Ok(())
            },
        )
    }

    /// Ends the linking.
    pub fn finish(self) -> Result<Candidates> {
        let n_edges = self.edges.bytes() / EDGE_BYTES as u64;
        Ok(Candidates { marks: self.marks.finish(), edges: self.edges.into_reader()?, n_edges })
    }
}

impl Candidates {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_a_chain_and_a_repeated_row_no_edge() {
        let rows = [(1, 4), (1, 4), (1, 7), (1, 9), (2, 9), (3, 4), (3, 7)];
        let rows = rows.map(|(key, ordinal)| band_row(key, ordinal));
        assert_eq!(chain_edges(&rows), [(4, 7), (7, 9)]);
        let rows = [exact_row(1, 5), exact_row(1 << 64, 6), exact_row((1 << 64) + 1, 6)];
        assert_eq!(chain_edges(&rows), []);
    }
}
