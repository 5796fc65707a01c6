//! `shards.json`: what a folder of shards holds.

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
}

/// How a token id is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenType {
    /// Two bytes, little-endian.
    U16,
    /// Four bytes, little-endian.
    U32,
}

impl TokenType {
    /// The smallest type that holds every id of a vocabulary of `vocab_size`.
    pub fn for_vocabulary(vocab_size: usize) -> Self {
        if vocab_size <= 1 << 16 { Self::U16 } else { Self::U32 }
    }

    /// Bytes of one token.
    pub fn bytes(self) -> u64 {
        match self {
            Self::U16 => 2,
            Self::U32 => 4,
        }
    }
}

/// One shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardEntry {
    /// Name without extension, as `train-00000`.
    pub name: String,
    /// Which half it belongs to.
    pub split: Split,
    /// Documents.
    pub documents: u64,
    /// Tokens, end-of-text tokens included.
    pub tokens: u64,
    /// BLAKE3 of the payload, hexadecimal.
    pub blake3: String,
}

/// The description of a folder of shards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardManifest {
    /// Always [`ShardManifest::SCHEMA`].
    pub schema: String,
    /// Type of the payload.
    pub token_type: TokenType,
    /// Ids are below this.
    pub vocab_size: usize,
    /// The id that ends each document.
    pub end_of_text: u32,
    /// BLAKE3 of the tokenizer file, hexadecimal.
    pub tokenizer_blake3: String,
    /// The shards, train before validation, by number.
    pub shards: Vec<ShardEntry>,
}

impl ShardManifest {
    /// The format's name and version.
    pub const SCHEMA: &str = "gristmill/shards/1";
    /// The file's name in the folder.
    pub const FILE: &str = "shards.json";

    /// Tokens of one half.
    pub fn tokens(&self, split: Split) -> u64 {
        self.shards.iter().filter(|s| s.split == split).map(|s| s.tokens).sum()
    }

    /// Documents of one half.
    pub fn documents(&self, split: Split) -> u64 {
        self.shards.iter().filter(|s| s.split == split).map(|s| s.documents).sum()
    }
}
