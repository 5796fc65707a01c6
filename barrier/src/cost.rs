//! The cost of a barrier stage in disk, memory and time.
//!
//! Sizes follow from the formats. Times were measured; docs/scale.md describes the method and the
//! machine.

use serde::Serialize;

/// The fraction of documents that share a key with another one, in a crawl before deduplication.
const CANDIDATE_SHARE: f64 = 0.3;

/// Bytes of `doc_id`, `id`, `size` and `order` of a document in a key file.
const NAME_BYTES: f64 = 80.0;

/// Bytes in memory for each candidate: its place in the union-find, and its cluster membership
/// until the clusters of all stages are merged into one table.
const CANDIDATE_BYTES: f64 = 8.0;
const MEMBER_BYTES: f64 = 60.0;

/// Seconds on two cores: to sort a million rows and link them, and to take a million candidates
/// through union-find, gathering and verification by signature.
pub(super) const SECONDS_PER_MILLION_ROWS: f64 = 0.2;
const SECONDS_PER_MILLION_CANDIDATES: f64 = 5.0;

/// What a stage needs in addition to reading the documents.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// Documents that enter the stage.
    pub documents: u64,
    /// Peak bytes on disk: key files and spilled sort data.
    pub disk_bytes: u64,
    /// Bytes in memory: the sort's share of the recipe's memory, and the data of candidates.
    pub memory_bytes: u64,
    /// Seconds that the stage runs between two segments.
    pub seconds: f64,
}

/// Bytes of the key files of `documents` documents with `key_bytes` of keys each.
pub(super) fn key_file_bytes(documents: f64, key_bytes: f64) -> f64 {
    documents * (NAME_BYTES + key_bytes)
}

/// The parameters that determine the cost of a stage that compares pairs of documents.
pub(super) struct PairCost {
    /// Keys per document.
    pub(super) keys: f64,
    /// Bytes of a row in the sort.
    pub(super) row_bytes: f64,
    /// Bytes of all keys of a document in the key file.
    pub(super) key_bytes: f64,
    /// Bytes of minima per document that are held in memory.
    pub(super) minima_bytes: f64,
    /// Whether the keys of candidates are gathered to verify them.
    pub(super) gathers_keys: bool,
}

impl PairCost {
    /// The cost for `documents` documents when sorting may take `memory_bytes`.
    pub(super) fn of(&self, documents: u64, memory_bytes: u64) -> Cost {
        let n = documents as f64;
        let candidates = n * CANDIDATE_SHARE;
        let key_files = key_file_bytes(n, self.key_bytes);
        let bands = bands_at_once(documents, memory_bytes) as f64;
        let rows = n * self.keys.min(bands) * self.row_bytes;
        let edges = candidates * self.keys * 16.0;
        let gathered_keys = if self.gathers_keys { self.key_bytes } else { 0.0 };
        let gathered = candidates * (NAME_BYTES + gathered_keys);
        let sorted_in_memory = rows <= memory_bytes as f64;
        // Rows are deleted before candidates are gathered, and edges once they are joined. So the
        // peak is the larger of the two phases, not their sum.
        let spilled = if sorted_in_memory { 0.0 } else { rows } + edges;
        let memory = n * self.minima_bytes
            + rows.min(memory_bytes as f64)
            + n / 8.0
            + candidates * (CANDIDATE_BYTES + MEMBER_BYTES);
        let seconds = n * self.keys / 1e6 * SECONDS_PER_MILLION_ROWS
            + candidates / 1e6 * SECONDS_PER_MILLION_CANDIDATES;
        Cost {
            documents,
            disk_bytes: (key_files + spilled.max(gathered)) as u64,
            memory_bytes: memory as u64,
            seconds,
        }
    }
}

/// The most bytes of rows that are sorted together. Reusing this much memory for the next bands is
/// faster than allocating more.
const ROWS_BYTES_MAX: u64 = 256 << 20;

/// Bytes of a band's row.
const BAND_ROW_BYTES: u64 = 16;

/// How many bands are sorted together.
pub(super) fn bands_at_once(documents: u64, memory_bytes: u64) -> usize {
    let bytes = ROWS_BYTES_MAX.min(memory_bytes / 2);
    (bytes / (documents * BAND_ROW_BYTES).max(1)).max(1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(documents: u64, memory_bytes: u64) -> Cost {
        let pairs = PairCost {
            keys: 20.0,
            row_bytes: 16.0,
            key_bytes: 280.0,
            minima_bytes: 0.0,
            gathers_keys: true,
        };
        pairs.of(documents, memory_bytes)
    }

    #[test]
    fn more_documents_cost_more() {
        for documents in [1, 1_000, 1_000_000, 1_000_000_000] {
            let (less, more) = (cost(documents, 1 << 30), cost(documents * 10, 1 << 30));
            assert!(less.disk_bytes < more.disk_bytes && less.seconds < more.seconds);
            assert!(less.memory_bytes < more.memory_bytes);
        }
    }

    #[test]
    fn sorting_keeps_to_its_memory() {
        for documents in [0, 1, 1_000_000, u64::from(u32::MAX)] {
            let bands = bands_at_once(documents, 1 << 28) as u64;
            assert!(bands >= 1);
            let bytes = bands * documents * BAND_ROW_BYTES;
            assert!(bands == 1 || bytes <= 1 << 27, "{documents} documents, {bands} bands");
        }
    }
}
