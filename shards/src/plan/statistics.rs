//! The counts of a packing.

use serde::{Deserialize, Serialize};

/// Rows are counted by their number of segments up to this. The last count is that of this many or
/// more.
const HISTOGRAM_MAX: usize = 64;

/// The counts of a packing. They balance:
/// `placed = tokens + repeated - dropped` and `placed + padding = rows · (sequence_length + 1)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// Documents that are not empty.
    pub documents: u64,
    /// Their tokens.
    pub tokens: u64,
    /// Rows.
    pub rows: u64,
    /// Segments in the rows.
    pub segments: u64,
    /// Documents that lie in more than one row.
    pub fragmented_documents: u64,
    /// Tokens that are in two rows: at the end of one as a label, at the start of the next as an input.
    pub repeated_tokens: u64,
    /// Tokens in no row.
    pub dropped_tokens: u64,
    /// Positions in rows without a token.
    pub padding_tokens: u64,
    /// The largest number of segments in a row.
    pub segments_per_row_max: u64,
    /// Rows by their number of segments: element `n` counts rows with `n` segments. Element
    /// 64 counts rows with 64 or more. Shorter when no row has that many.
    pub rows_by_segments: Vec<u64>,
}

impl Statistics {
    /// The fraction of the rows' positions that hold a token, 0 to 1.
    pub fn utilisation(&self) -> f64 {
        let placed = self.tokens + self.repeated_tokens - self.dropped_tokens;
        placed as f64 / ((placed + self.padding_tokens) as f64).max(1.0)
    }

    /// Counts a row with `segments` segments and `padding` free positions.
    pub(super) fn add_row(&mut self, segments: usize, padding: u32) {
        self.rows += 1;
        self.segments += segments as u64;
        self.padding_tokens += u64::from(padding);
        self.segments_per_row_max = self.segments_per_row_max.max(segments as u64);
        count(&mut self.rows_by_segments, segments.min(HISTOGRAM_MAX), 1);
    }

    /// Adds the counts of another source.
    pub(super) fn add(&mut self, other: &Self) {
        self.documents += other.documents;
        self.tokens += other.tokens;
        self.rows += other.rows;
        self.segments += other.segments;
        self.fragmented_documents += other.fragmented_documents;
        self.repeated_tokens += other.repeated_tokens;
        self.dropped_tokens += other.dropped_tokens;
        self.padding_tokens += other.padding_tokens;
        self.segments_per_row_max = self.segments_per_row_max.max(other.segments_per_row_max);
        for (segments, rows) in other.rows_by_segments.iter().enumerate() {
            count(&mut self.rows_by_segments, segments, *rows);
        }
    }
}

fn count(histogram: &mut Vec<u64>, at: usize, rows: u64) {
    if histogram.len() <= at {
        histogram.resize(at + 1, 0);
    }
    histogram[at] += rows;
}
