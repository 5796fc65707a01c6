//! What deduplication of so many documents takes: disk, memory, time.
//!
//! Sizes follow from the formats; times were measured (docs/scale.md says how, and on what).

use serde::Serialize;

use super::BarrierStage;
use super::options::Verify;

/// The share of documents that share a key with another: of a crawl that has not been deduplicated.
const CANDIDATE_SHARE: f64 = 0.3;

/// Bytes of `doc_id`, `id`, `size` and `order` of a document in a key file.
const NAME_BYTES: f64 = 80.0;

/// Bytes in memory for each candidate: its place in the union-find, and what is kept of it until the
/// clusters of all stages are one table.
const CANDIDATE_BYTES: f64 = 8.0;
const MEMBER_BYTES: f64 = 60.0;

/// Seconds on two cores for a million rows through sort and edges, and for a million candidates
/// through union-find, gathering and verification by signature.
const SECONDS_PER_MILLION_ROWS: f64 = 0.2;
const SECONDS_PER_MILLION_CANDIDATES: f64 = 5.0;

/// What a stage takes beside reading the documents.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// Documents that enter.
    pub documents: u64,
    /// Bytes on disk at once: keys, and what sorting spills.
    pub disk_bytes: u64,
    /// Bytes in memory: the sort's share of the recipe's memory, and what is kept of candidates.
    pub memory_bytes: u64,
    /// Seconds between two segments.
    pub seconds: f64,
}

/// What `stage` takes for `documents` documents when sorting may take `memory_bytes`; `None` for a
/// stage whose cost depends on the texts.
pub fn cost(stage: &BarrierStage, documents: u64, memory_bytes: u64) -> Option<Cost> {
    let n = documents as f64;
    // Keys a document, bytes of a row in the sort, bytes of keys and sketch in the file.
    let (keys, row_bytes, mut key_bytes, verified) = match stage {
        BarrierStage::Exact(_) => (1.0, 24.0, 16.0, false),
        BarrierStage::MinHash(options) => {
            let config = options.config();
            let (bands, rows) = (config.bands as f64, config.rows as f64);
            let verified = options.verify != Some(Verify::Off);
            (bands, 16.0, bands * (8.0 + rows), verified)
        }
        BarrierStage::Bloom(options) => {
            let bytes = dedup::bloom::bytes_for(options.capacity, options.false_positive_rate);
            return Some(Cost {
                documents,
                disk_bytes: (n * (NAME_BYTES + 16.0)) as u64,
                memory_bytes: bytes.ok()?,
                seconds: n / 1e6 * SECONDS_PER_MILLION_ROWS,
            });
        }
        BarrierStage::Lines(_) | BarrierStage::Substrings(_) => return None,
    };
    let mut minima = 0.0;
    if let BarrierStage::MinHash(options) = stage
        && options.needs_minima()
    {
        minima = n * 8.0 * keys * options.config().rows as f64;
        key_bytes += minima / n.max(1.0);
    }
    let candidates = n * CANDIDATE_SHARE;
    let key_files = n * (NAME_BYTES + key_bytes);
    let bands = super::cluster::bands_at_once(documents, memory_bytes) as f64;
    let rows = n * keys.min(bands) * row_bytes;
    let edges = candidates * keys * 16.0;
    let gathered = candidates * (NAME_BYTES + if verified { key_bytes } else { 0.0 });
    let sorted_in_memory = rows <= memory_bytes as f64;
    // Rows go before candidates are gathered, edges after they are joined.
    let spilled = if sorted_in_memory { 0.0 } else { rows } + edges;
    let memory = minima
        + rows.min(memory_bytes as f64)
        + n / 8.0
        + candidates * (CANDIDATE_BYTES + MEMBER_BYTES);
    let seconds = n * keys / 1e6 * SECONDS_PER_MILLION_ROWS
        + candidates / 1e6 * SECONDS_PER_MILLION_CANDIDATES;
    Some(Cost {
        documents,
        disk_bytes: (key_files + spilled.max(gathered)) as u64,
        memory_bytes: memory as u64,
        seconds,
    })
}
