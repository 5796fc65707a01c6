//! Datasets of tokens, and which of their tokens make up which training step.
//!
//! A [`dataset`] is a folder of shards that other trainers read as they are; [`formats`] converts
//! datasets to and from the others. A [`plan`] arranges the documents in rows of equal length; it is
//! a file beside the tokens, which are not rewritten. An [`order`] computes which row is read at which
//! position of which step. A [`reader`] reads the rows' tokens from memory-mapped shards and checks
//! them.

mod blocks;
pub mod dataset;
pub mod error;
pub mod formats;
mod map;
pub mod order;
pub mod plan;
pub mod reader;

pub use error::{Result, ShardError};
