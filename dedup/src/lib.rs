//! Finds documents that repeat each other, given the keys of all documents.
//!
//! Near-duplicates are found by an external sort of keys, candidate pairs, connected components and
//! verified clusters. There are also repeated lines, repeated passages and a Bloom filter for
//! streams. Nothing here depends on tables or SQL. A pass over the documents makes the keys (see
//! [`text::minhash`]). This crate spills them to a [`store::Scratch`] when they exceed the memory,
//! and returns decisions. No result depends on the order of the input, on the number of threads or
//! on the memory limit.

pub mod bloom;
mod by_part;
pub mod candidates;
pub mod components;
mod cut;
pub mod datatrove;
mod error;
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
