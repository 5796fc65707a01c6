//! Clusters of documents with equal or similar content: what `exact` and `minhash` share.

mod assign;
mod clusters;
pub(super) mod datatrove;
mod decide;
pub(super) mod index;
mod large;
mod link;
mod similarity;
pub(super) mod table;
#[cfg(test)]
mod tests;

pub(super) use assign::{Comparison, Near};
pub(super) use decide::Duplicates;

/// The longest text survives by default: of a page and its stub, the page.
pub(super) const KEEP_LONGEST: &str = "length(text) DESC";
