//! `shards.json`: what a folder of shards holds.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::merkle;
use crate::publish::is_good_name;
use crate::{FileEntry, Result, StoreError};

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

    /// Adds ids to a payload, little-endian. They must be of a vocabulary that the type is for.
    pub fn extend(self, payload: &mut Vec<u8>, tokens: &[u32]) {
        let start = payload.len();
        payload.resize(start + tokens.len() * self.bytes() as usize, 0);
        let added = &mut payload[start..];
        match self {
            Self::U16 => {
                for (bytes, id) in added.as_chunks_mut::<2>().0.iter_mut().zip(tokens) {
                    *bytes = (*id as u16).to_le_bytes();
                }
            }
            Self::U32 => {
                for (bytes, id) in added.as_chunks_mut::<4>().0.iter_mut().zip(tokens) {
                    *bytes = id.to_le_bytes();
                }
            }
        }
    }

    /// The greatest id in a payload.
    pub(super) fn greatest(self, payload: &[u8]) -> Option<u32> {
        match self {
            Self::U16 => {
                let ids = payload.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes));
                ids.max().map(u32::from)
            }
            Self::U32 => {
                payload.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).max()
            }
        }
    }
}

/// What documents amount to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Documents.
    pub documents: u64,
    /// Tokens, end-of-text tokens included.
    pub tokens: u64,
    /// Bytes of text (UTF-8) that the tokens stand for.
    pub bytes: u64,
}

impl Counts {
    /// Adds others to these. Counts of a manifest that lies may not fit; they stay at the largest.
    pub fn add(&mut self, other: Self) {
        self.documents = self.documents.saturating_add(other.documents);
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// What one source has in one shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceCounts {
    /// The source's name, empty when the documents name none.
    pub name: String,
    /// What is of it in the shard.
    pub counts: Counts,
}

/// What one source has in the whole dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceTotals {
    /// The source's name, empty when the documents name none.
    pub name: String,
    /// What is of it in the train half.
    pub train: Counts,
    /// What is of it in the validation half.
    pub validation: Counts,
}

/// One shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardEntry {
    /// Name without extension, as `train-00000`.
    pub name: String,
    /// Which half it belongs to.
    pub split: Split,
    /// What it holds.
    pub counts: Counts,
    /// BLAKE3 of the payload, hexadecimal.
    pub blake3: String,
    /// BLAKE3 of the sums, hexadecimal; they hold the digest of each block of payload and index.
    pub sums_blake3: String,
    /// What it holds by source, sorted by name.
    pub sources: Vec<SourceCounts>,
}

/// Which documents are held out: those whose hash is small. Equal texts fall on the same side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationRule {
    /// The 64-bit hash and what it is taken of, as [`ValidationRule::XXH3_TEXT`].
    pub hash: String,
    /// A document is held out when the upper 53 bits of its hash are below this; 2^53 is all. An
    /// integer, since a float need not come back from JSON with the same last bit.
    pub threshold: u64,
}

/// Bits of a hash that decide on which side a document falls: as many as an f64 holds exactly.
const RULE_BITS: u32 = 53;

impl ValidationRule {
    /// XXH3-64 (seed 0) of the document's text.
    pub const XXH3_TEXT: &str = "xxh3_64(text)";

    /// Holds out the part `fraction` (0 to 1) of the documents, by the hash of their texts.
    pub fn new(fraction: f64) -> Self {
        let threshold = (fraction.clamp(0.0, 1.0) * (1u64 << RULE_BITS) as f64).ceil() as u64;
        Self { hash: Self::XXH3_TEXT.into(), threshold }
    }

    /// The part of all documents that is held out.
    pub fn fraction(&self) -> f64 {
        self.threshold as f64 / (1u64 << RULE_BITS) as f64
    }

    /// True when a document with this hash is held out.
    pub fn holds_out(&self, hash: u64) -> bool {
        hash >> (u64::BITS - RULE_BITS) < self.threshold
    }
}

/// The description of a folder of shards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardManifest {
    /// Always [`ShardManifest::SCHEMA`].
    pub schema: String,
    /// The dataset's id: a Merkle root over everything below, hexadecimal. Set by
    /// [`ShardManifest::seal`].
    pub root: String,
    /// Type of the payload.
    pub token_type: TokenType,
    /// Ids are below this.
    pub vocab_size: usize,
    /// The id that begins each document, if one does.
    pub begin_of_text: Option<u32>,
    /// The id that ends each document; none in a dataset that was imported without one.
    pub end_of_text: Option<u32>,
    /// BLAKE3 of the tokenizer file, hexadecimal; none when it is not known.
    pub tokenizer_blake3: Option<String>,
    /// How the validation half was chosen; none when it was not chosen by a rule.
    pub validation: Option<ValidationRule>,
    /// What the dataset holds by source, sorted by name. Set by [`ShardManifest::seal`].
    pub sources: Vec<SourceTotals>,
    /// The dataset's other files (`docs.parquet`, `token_bytes.bin`), by name in the folder.
    pub files: Vec<FileEntry>,
    /// The shards, train before validation, by number.
    pub shards: Vec<ShardEntry>,
}

impl ShardManifest {
    /// The format's name and version.
    pub const SCHEMA: &str = "gristmill/shards/2";
    /// The file's name in the folder.
    pub const FILE: &str = "shards.json";
    /// The tokenizer's file in the folder, where it is known.
    pub const TOKENIZER: &str = "tokenizer.json";

    /// Fills in what follows from the rest: the sources' totals and the root. Of the other files
    /// only the names are kept, since a dataset's folder may lie anywhere.
    #[must_use]
    pub fn seal(mut self) -> Self {
        for file in &mut self.files {
            file.path = file.path.rsplit('/').next().unwrap_or_default().into();
        }
        self.sources = self.totals();
        self.root = merkle::root(&self);
        self
    }

    /// Reads and checks the description of the dataset in `folder`.
    ///
    /// Fails with [`StoreError::Input`] when there is none, and with [`StoreError::Unreadable`] when
    /// it is of another format, names files that cannot be a shard's, or does not have the root that
    /// its content gives.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(Self::FILE);
        let bytes = std::fs::read(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => StoreError::Input {
                address: folder.display().to_string(),
                message: format!("no dataset is there, for it has no {}", Self::FILE),
            },
            _ => StoreError::io(&path, "read", error),
        })?;
        Self::parse(&bytes).map_err(|message| StoreError::Unreadable { path, message })
    }

    /// As [`ShardManifest::read`], from the file's bytes; the error says what is wrong.
    pub(crate) fn parse(bytes: &[u8]) -> std::result::Result<Self, String> {
        /// What every version has, so that another one is named as such.
        #[derive(Deserialize)]
        struct Version {
            schema: String,
        }
        let other = |schema: &str| format!("its format is `{schema}`, not `{}`", Self::SCHEMA);
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| {
            let version: Option<Version> = serde_json::from_slice(bytes).ok();
            let version = version.filter(|version| version.schema != Self::SCHEMA);
            version.map_or(error.to_string(), |version| other(&version.schema))
        })?;
        if manifest.schema != Self::SCHEMA {
            return Err(other(&manifest.schema));
        }
        let shards = manifest.shards.iter().map(|shard| &shard.name);
        let files = manifest.files.iter().map(|file| &file.path);
        if let Some(name) =
            shards.chain(files).find(|name| !is_good_name(name) || name.contains('/'))
        {
            return Err(format!("`{name}` is no name of a file in it"));
        }
        if merkle::root(&manifest) != manifest.root {
            return Err("its content does not have the root that it names; it was altered".into());
        }
        // They follow from what the root covers.
        if manifest.totals() != manifest.sources {
            return Err("its totals by source are not those of its shards; it was altered".into());
        }
        Ok(manifest)
    }

    /// The file's content.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|e| StoreError::Unreadable {
            path: Self::FILE.into(),
            message: e.to_string(),
        })?;
        json.push(b'\n');
        Ok(json)
    }

    /// What one half holds.
    pub fn counts(&self, split: Split) -> Counts {
        let mut counts = Counts::default();
        self.shards.iter().filter(|s| s.split == split).for_each(|s| counts.add(s.counts));
        counts
    }

    /// Tokens of one half.
    pub fn tokens(&self, split: Split) -> u64 {
        self.counts(split).tokens
    }

    /// Documents of one half.
    pub fn documents(&self, split: Split) -> u64 {
        self.counts(split).documents
    }

    /// The shards of one half, in order.
    pub fn shards_of(&self, split: Split) -> impl Iterator<Item = &ShardEntry> {
        self.shards.iter().filter(move |shard| shard.split == split)
    }

    pub(crate) fn totals(&self) -> Vec<SourceTotals> {
        let mut totals: BTreeMap<&str, [Counts; 2]> = BTreeMap::new();
        for shard in &self.shards {
            for source in &shard.sources {
                let halves = totals.entry(&source.name).or_default();
                halves[usize::from(shard.split == Split::Validation)].add(source.counts);
            }
        }
        let total = |(name, [train, validation]): (&str, [Counts; 2])| SourceTotals {
            name: name.into(),
            train,
            validation,
        };
        totals.into_iter().map(total).collect()
    }
}
