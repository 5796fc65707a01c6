//! Who repeats whom, over the keys of all documents: sorted on disk, joined, verified, clustered.
//!
//! Nothing here knows of tables or SQL. Texts come in as keys that a pass over the documents made
//! ([`text::minhash`]), are spilled to a [`store::Scratch`] where memory does not hold them, and
//! leave as decisions. No result depends on the order of input, on threads or on the memory limit.

pub mod bloom;
mod by_part;
pub mod candidates;
pub mod components;
mod cut;
pub mod datatrove;
pub mod error;
pub mod gather;
pub mod leaders;
pub mod lines;
pub mod marks;
mod member;
mod mix;
mod postings;
pub mod sort;
mod spill;
pub mod substrings;

pub use error::{DedupError, Result};
