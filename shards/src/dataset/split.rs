//! The two halves of a dataset, and the rule that divides documents between them.

use serde::{Deserialize, Serialize};

/// The two halves of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Tokens to learn from.
    Train,
    /// Tokens held out, to measure on.
    Validation,
}

impl Split {
    /// The name in file names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
        }
    }

    /// The name of one of its shards, without extension.
    pub fn shard_name(self, number: usize) -> String {
        format!("{}-{number:05}", self.as_str())
    }
}

/// Which documents are held out: those with a small hash. Equal texts fall into the same half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationRule {
    /// The 64-bit hash and its input, as [`ValidationRule::XXH3_TEXT`].
    pub hash: String,
    /// A document is held out when the upper 53 bits of its hash are below this; 2^53 holds out all.
    /// An integer, because a float may return from JSON with another last bit.
    pub threshold: u64,
}

/// Bits of a hash that decide the half: as many as an f64 represents exactly.
const RULE_BITS: u32 = 53;

impl ValidationRule {
    /// XXH3-64 (seed 0) of the document's text.
    pub const XXH3_TEXT: &str = "xxh3_64(text)";

    /// Holds out the fraction `fraction` (0 to 1) of the documents, by the hash of their texts.
    pub fn new(fraction: f64) -> Self {
        let threshold = (fraction.clamp(0.0, 1.0) * (1u64 << RULE_BITS) as f64).ceil() as u64;
        Self { hash: Self::XXH3_TEXT.into(), threshold }
    }

    /// The fraction of all documents that is held out.
    pub fn fraction(&self) -> f64 {
        self.threshold as f64 / (1u64 << RULE_BITS) as f64
    }

    /// True when a document with this hash is held out.
    pub fn holds_out(&self, hash: u64) -> bool {
        hash >> (u64::BITS - RULE_BITS) < self.threshold
    }
}
