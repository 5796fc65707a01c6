//! How much a shard or a dataset holds, in all and by source.

use serde::{Deserialize, Serialize};

/// Sums over documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Documents.
    pub documents: u64,
    /// Tokens, including end-of-text tokens.
    pub tokens: u64,
    /// Bytes of text (UTF-8) that the tokens stand for.
    pub bytes: u64,
}

impl Counts {
    /// Adds other counts to these. Each field saturates: a forged description may name counts whose
    /// sum does not fit.
    pub fn add(&mut self, other: Self) {
        self.documents = self.documents.saturating_add(other.documents);
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// The part of a shard that comes from one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceCounts {
    /// The source's name, empty when the documents name none.
    pub name: String,
    /// Its documents in the shard.
    pub counts: Counts,
}

/// The part of a whole dataset that comes from one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceTotals {
    /// The source's name, empty when the documents name none.
    pub name: String,
    /// Its documents in the train half.
    pub train: Counts,
    /// Its documents in the validation half.
    pub validation: Counts,
}
