//! Reading the tokens of a step from memory-mapped shards. Each block is checked before its first use.

mod batch;
mod rows;
#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use rows::{RowDocument, RowReader};
