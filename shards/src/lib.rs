//! Which tokens make up which step: packing, order, mixing, readers, and the shard formats of other
//! trainers.
//!
//! A [`plan`] lays the documents of a dataset out in rows of one length, beside the tokens, which
//! are not rewritten; an [`order`] says by arithmetic which row is read at which place of which
//! step; a [`reader`] brings the rows' tokens, checked, from memory-mapped shards.

mod blocks;
pub mod error;
pub mod formats;
mod map;
pub mod order;
pub mod plan;
pub mod reader;

pub use error::{Result, ShardError};
