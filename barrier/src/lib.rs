//! Barrier stages: stages that need all documents at once. All of them deduplicate, by keys that are
//! computed while the documents stream by.
//!
//! A segment writes each document's keys ([`KeyWriter`]). Between two segments, a stage decides
//! from the keys of all documents. It reads texts again only if a similarity estimate is too close
//! to the threshold. The next segment applies the [`Decision`] to its documents.

mod bloom;
mod columns;
mod cost;
mod decision;
mod duplicates;
mod error;
mod exact;
mod input;
mod keys;
mod kinds;
mod known;
mod lines;
mod minhash;
mod option;
mod rewrite;
mod stage;
mod substrings;

pub use cost::Cost;
pub use decision::{Decision, PartDecision};
pub use duplicates::table::{
    path as clusters_path, schema as clusters_schema, write_merged as write_clusters,
};
pub use error::{BarrierError, Result};
pub use input::{BarrierInput, Texts};
pub use keys::{KeyFiles, KeyLayout, KeyMaker, KeyWriter, Keys};
pub use kinds::{kinds, load};
pub use known::{Known, Unusable};
pub use option::{OptionError, Options};
pub use stage::{BarrierStage, PlannedBarrier};
