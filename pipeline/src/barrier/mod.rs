//! Deduplication: keys computed where the text streams by, decisions over the keys of all documents.
//!
//! A segment writes each document's keys ([`KeyWriter`]). Between segments a stage over all documents
//! looks at them alone ([`decide`]), and back at texts only where an estimate leaves doubt. What
//! comes out is a [`Decision`], which the next segment carries out on the documents as they pass.

mod barrier;
mod cluster;
mod clusters;
mod columns;
mod cost;
mod datatrove;
mod decide;
mod decision;
mod keys;
mod known;
mod large;
mod option_error;
mod options;
mod repeated;
mod seen;
mod stage;
mod texts;

pub(crate) use barrier::Barrier;
pub(crate) use clusters::{schema as clusters_schema, write_merged as write_clusters};
pub(crate) use columns::columns_after;
pub use cost::{Cost, cost};
pub(crate) use decide::{clusters_path, decide};
pub(crate) use decision::{Decision, PartDecision};
pub(crate) use keys::{KeyFiles, KeyWriter};
pub(crate) use known::known;
pub use option_error::OptionError;
pub use options::{
    BloomOptions, ExactOptions, LineOptions, LineUnit, MinHashOptions, Preset, SubstringOptions,
    Verify,
};
pub use stage::BarrierStage;
pub(crate) use texts::Texts;

pub use crate::plan::PlannedBarrier;
