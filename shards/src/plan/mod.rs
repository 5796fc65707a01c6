//! Packing: arranging documents in rows of equal length, in a file beside the tokens.
//!
//! A plan is computed from the documents' lengths alone, within seconds. So the same shards serve any
//! sequence length.
//!
//! **A row for `S` positions has `S + 1` tokens.** The inputs are its first `S` tokens, the labels
//! its last `S`. Rows of `S` tokens would have only `S - 1` labels each: one label in `S` would be
//! lost or would need a token of the next row. Where a document is cut, the token at the cut is in
//! both rows: at the end of one, as a label only, and at the start of the next, as an input only. So
//! every token of a document except its first is a label exactly once, and no token is dropped. The
//! cost is one position in a row per cut. No label is lost between documents, because the token after
//! a document's end belongs to another document. Trainers that mask by document ignore it, others may
//! use it.

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

pub use build::{Documents, PlanSettings, SourceDocuments, write_plan};
pub use dataset::{plan_dataset, sources_by_document, sources_by_shard, write_dataset_plan};
pub use file::Plan;
pub use header::{PlanHeader, PlanSource, Strategy};
pub use segment::Segment;
pub use statistics::Statistics;

/// The first and the last bytes of a plan.
const MAGIC: &[u8; 8] = b"GRISTPLN";

/// Bytes that one sum covers. A MiB is checked in a tenth of a millisecond.
const BLOCK_BYTES: u64 = 1 << 20;
