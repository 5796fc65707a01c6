//! What makes records of lines: objects of JSONL, or lines of text.

use crate::record::Record;

/// Makes a record of a line.
pub(crate) trait LineMaker: Send {
    /// The record of line number `ordinal`, which starts at `offset`.
    fn record(&self, line: &[u8], ordinal: u32, offset: u64) -> Record;
}
