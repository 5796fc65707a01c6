//! Packing: how documents are laid out in rows of one length, beside the tokens.
//!
//! A plan is made from the documents' lengths alone, in seconds, so that any sequence length can be
//! trained on from the same shards.
//!
//! **A row for `S` positions has `S + 1` tokens.** The inputs are its first `S` tokens, the labels
//! its last `S`. Rows of `S` tokens would give only `S - 1` labels each, so that one label in `S`
//! is lost, or would need a token of the next row. Where a document is cut, the token at the cut
//! stands in both rows: at the end of one, as a label only, and at the start of the next, as an
//! input only. So every token of a document but its first is a label exactly once, and no token is
//! dropped; the price is one place in a row for each cut. Across documents there is no label to
//! lose: what follows a document's end is another document, which trainers that mask by document
//! leave out, and others may keep.

mod best_fit;
mod build;
mod concat;
mod dataset;
mod file;
mod header;
mod segment;
mod space;
mod statistics;
#[cfg(test)]
mod tests;
mod writer;

pub use build::{
    Documents, GROUP_DOCUMENTS, PlanSettings, ROWS_MAX, SEQUENCE_LENGTH_MAX, SourceDocuments,
    write_plan,
};
pub use dataset::{plan_dataset, sources_by_document, sources_by_shard, write_dataset_plan};
pub use file::Plan;
pub use header::{PlanHeader, PlanSource, Strategy};
pub use segment::{SEGMENT_BYTES, Segment};
pub use statistics::{HISTOGRAM_MAX, Statistics};

/// What a plan begins and ends with.
const MAGIC: &[u8; 8] = b"GRISTPLN";

/// Bytes that one sum covers: a MiB is checked in a tenth of a millisecond.
const BLOCK_BYTES: u64 = 1 << 20;
