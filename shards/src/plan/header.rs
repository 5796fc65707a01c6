//! The description at the end of a plan.

use serde::{Deserialize, Serialize};
use store::shards::Split;

use super::Statistics;

/// How documents are laid out in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// One after another, cut wherever a row is full: what nanoGPT, Megatron-LM and most trainers
    /// do. Only the last row of a source has padding.
    Concat,
    /// Whole documents in the fullest row that has room, longest first; documents longer than a row
    /// are cut into full rows and a rest. No token is dropped, and a row begins in the middle of a
    /// document only where the document is longer than a row.
    BestFit,
    /// As `BestFit`, but what a document has beyond a row is dropped.
    Truncate,
}

/// One source's part of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanSource {
    /// The source's name, empty when there is only one and it has none.
    pub name: String,
    /// What its rows amount to; the rows of the sources follow each other.
    pub statistics: Statistics,
}

/// What a plan says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanHeader {
    /// Always [`PlanHeader::SCHEMA`].
    pub schema: String,
    /// The id of the dataset that it lays out.
    pub root: String,
    /// Which half.
    pub split: Split,
    /// How.
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

    /// What all sources amount to.
    pub fn statistics(&self) -> Statistics {
        let mut total = Statistics::default();
        self.sources.iter().for_each(|source| total.add(&source.statistics));
        total
    }
}
