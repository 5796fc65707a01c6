//! Clusters of documents with equal or similar content. `exact` and `minhash` share this code.

mod assign;
pub(super) mod datatrove;
mod find;
pub(super) mod index;
mod large;
mod link;
mod members;
mod similarity;
pub(super) mod table;
#[cfg(test)]
mod tests;

pub(super) use assign::{Comparison, Near};
pub(super) use find::Duplicates;

/// By default the longest text survives, so that a full page wins over a truncated copy.
pub(super) const KEEP_LONGEST: &str = "length(text) DESC";
