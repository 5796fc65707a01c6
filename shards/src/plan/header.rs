//! The header, which lies at the end of a plan.

use crate::dataset::Split;
use serde::{Deserialize, Serialize};

use super::Statistics;

/// How documents are arranged in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// One after another, cut wherever a row is full, as in nanoGPT, Megatron-LM and most trainers.
    /// Only the last row of a source has padding.
    Concat,
    /// Whole documents, longest first, each in the fullest row that can hold it. A document that is
    /// longer than a row is cut into full rows and a rest. No token is dropped, and a row begins in the
    /// middle of a document only when the document is longer than a row.
    BestFit,
    /// As `BestFit`, but tokens of a document beyond one row are dropped.
    Truncate,
}

/// The part of a plan that belongs to one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanSource {
    /// The source's name, empty when there is one source without a name.
    pub name: String,
    /// The counts of its rows. The rows of the sources follow each other.
    pub statistics: Statistics,
}

/// A plan's description of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanHeader {
    /// Always [`PlanHeader::SCHEMA`].
    pub schema: String,
    /// The id of the dataset that it arranges.
    pub root: String,
    /// The half that it arranges.
    pub split: Split,
    /// How documents are arranged.
    pub strategy: Strategy,
    /// Positions to learn from in a row; the row has one token more.
    pub sequence_length: u32,
    /// Its sources, in the order of their rows.
    pub sources: Vec<PlanSource>,
    /// XXH3-64 of the block sums, hexadecimal.
    pub sums: String,
}

impl PlanHeader {
    /// The format's name and version.
    pub const SCHEMA: &str = "gristmill/plan/1";

    /// Tokens of a row.
    pub fn row_tokens(&self) -> u32 {
        self.sequence_length + 1
    }

    /// The counts of all sources together.
    pub fn statistics(&self) -> Statistics {
        let mut total = Statistics::default();
        self.sources.iter().for_each(|source| total.add(&source.statistics));
        total
    }
}
