//! From keys to candidate pairs: documents that share a key are linked in a chain, not pairwise.
//!
//! A key shared by `n` documents gives `n - 1` edges between neighbours in the order of their
//! ordinals. They join the same documents as all `n (n - 1) / 2` pairs would, so even a key of 10^8
//! documents costs linear time. Edges are written to a scratch file, 16 bytes each. Only documents
//! with an edge take part in the later steps: one bit is kept for every document, and nothing else
//! grows with the number of documents.

use store::{Scratch, ScratchReader, ScratchWriter};

use crate::error::Result;
use crate::marks::{Bits, Marks};
use crate::sort::Sorted;

/// Bytes of the document's ordinal at the end of a row.
const ORDINAL_BYTES: usize = 8;

/// Bytes of an edge: the ordinals of its two documents, little-endian.
pub(crate) const EDGE_BYTES: usize = 16;

/// Makes a row for sorting documents by the key of a band: key, then ordinal, both big-endian.
pub fn band_row(key: u64, ordinal: u64) -> [u8; 16] {
    ((u128::from(key) << 64) | u128::from(ordinal)).to_be_bytes()
}

/// Makes a row for sorting documents by a 128-bit hash of their text: key, then ordinal, both
/// big-endian. Among 10^10 different texts, any two share a key with a probability of 10^-19.
pub fn exact_row(key: u128, ordinal: u64) -> [u8; 24] {
    let mut row = [0; 24];
    row[..16].copy_from_slice(&key.to_be_bytes());
    row[16..].copy_from_slice(&ordinal.to_be_bytes());
    row
}

/// The documents that share a key with another document, and the edges between them.
pub struct Candidates {
    marks: Marks,
    edges: ScratchReader,
    n_edges: u64,
}

/// Links documents with equal keys, one sort after another. Bands need not be sorted together,
/// since different bands have no key in common.
pub struct Linker {
    marks: Bits,
    edges: ScratchWriter,
    bytes: Vec<u8>,
}

impl Linker {
    /// Makes a linker for about `documents` documents. `name` is the name of the scratch file for
    /// the edges. Takes one bit of memory per document.
    ///
    /// # Errors
    /// When the scratch file cannot be made.
    pub fn new(scratch: &Scratch, name: &str, documents: u64) -> Result<Self> {
        Ok(Self { marks: Bits::new(documents), edges: scratch.write(name)?, bytes: Vec::new() })
    }

    /// Links neighbours with equal keys among sorted rows. Takes memory for the partitions that are
    /// being read.
    ///
    /// # Errors
    /// When a scratch file cannot be read or written.
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

    /// Ends the linking and returns the edges.
    ///
    /// # Errors
    /// When the scratch file cannot be written.
    pub fn finish(self) -> Result<Candidates> {
        let n_edges = self.edges.bytes() / EDGE_BYTES as u64;
        Ok(Candidates { marks: self.marks.finish(), edges: self.edges.into_reader()?, n_edges })
    }
}

impl Candidates {
    /// Number of edges. An edge that occurs twice within a partition counts once.
    pub fn edges(&self) -> u64 {
        self.n_edges
    }

    /// The documents that have an edge.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    pub(crate) fn into_parts(self) -> (Marks, ScratchReader) {
        (self.marks, self.edges)
    }
}

/// Returns the edges between neighbours with equal keys, ascending and without repetitions.
fn chain_edges<const N: usize>(rows: &[[u8; N]]) -> Vec<(u64, u64)> {
    // A repeated row is one document, not a pair, so equal rows give no edge.
    let neighbours = rows.array_windows::<2>();
    let mut edges: Vec<(u64, u64)> = neighbours
        .filter(|[a, b]| a[..N - ORDINAL_BYTES] == b[..N - ORDINAL_BYTES] && a != b)
        .map(|[a, b]| (ordinal(a), ordinal(b)))
        .collect();
    // Sorted, equal edges are neighbours, and the union-find walks through memory front to back.
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
