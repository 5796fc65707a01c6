//! Deduplication: keys computed where the text streams by, clusters over the keys of all documents,
//! one survivor a cluster.
//!
//! Text is never compared across documents here: a segment writes each document's keys
//! ([`KeyWriter`]), the barrier joins documents with equal keys ([`cluster()`]), and what comes back
//! is the set of documents to drop.

mod cluster;
mod components;
mod keys;
mod stage;

pub use cluster::{Clustering, cluster};
pub use keys::KeyWriter;
pub use stage::{DedupStage, ExactOn, Method, OptionError};
