//! Reading: the tokens of a step, from memory-mapped shards, each block checked before its first
//! use.

mod batch;
mod prefetch;
mod rows;
#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use prefetch::{BATCHES_AHEAD, Batches, Rank};
pub use rows::{RowDocument, RowReader};
