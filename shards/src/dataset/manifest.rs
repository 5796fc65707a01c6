//! `shards.json`: the description of a dataset.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};
use store::{FileEntry, Publish, StoreError, is_good_name};

use super::counts::{Counts, SourceCounts, SourceTotals};
use super::merkle::{Leaf, tree};
use super::split::{Split, ValidationRule};
use super::token_type::TokenType;
use crate::{Result, ShardError};

/// One shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardEntry {
    /// Name without extension, as `train-00000`.
    pub name: String,
    /// The half that it belongs to.
    pub split: Split,
    /// Its documents, tokens and bytes of text.
    pub counts: Counts,
    /// BLAKE3 of the payload, hexadecimal.
    pub blake3: String,
    /// BLAKE3 of the sums, hexadecimal. The sums hold the digest of each block of payload and index.
    pub sums_blake3: String,
    /// The same counts by source, sorted by name.
    pub sources: Vec<SourceCounts>,
}

/// Extensions of a shard's files: payload, index and sums.
const EXTENSIONS: [&str; 3] = ["bin", "idx", "sums"];

impl ShardEntry {
    /// The names of its files: payload, index and sums.
    pub fn files(&self) -> [String; 3] {
        EXTENSIONS.map(|extension| format!("{}.{extension}", self.name))
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
    /// How the payloads store ids.
    pub token_type: TokenType,
    /// Ids are below this.
    pub vocab_size: usize,
    /// The id that begins each document, if one does.
    pub begin_of_text: Option<u32>,
    /// The id that ends each document; `None` when the dataset was imported without one.
    pub end_of_text: Option<u32>,
    /// BLAKE3 of the tokenizer file, hexadecimal; `None` when it is unknown.
    pub tokenizer_blake3: Option<String>,
    /// How the validation half was chosen; `None` when no rule chose it.
    pub validation: Option<ValidationRule>,
    /// Documents, tokens and bytes by source, sorted by name. Set by [`ShardManifest::seal`].
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

    /// The description of a dataset without shards and other files; only the vocabulary is known.
    pub fn new(vocab_size: usize) -> Self {
        Self {
            schema: Self::SCHEMA.into(),
            root: String::new(),
            token_type: TokenType::for_vocabulary(vocab_size),
            vocab_size,
            begin_of_text: None,
            end_of_text: None,
            tokenizer_blake3: None,
            validation: None,
            sources: Vec::new(),
            files: Vec::new(),
            shards: Vec::new(),
        }
    }

    /// Sets the fields that are computed from the others: the sources' totals and the root. The
    /// paths of the other files are reduced to their names, since a dataset's folder can be moved.
    #[must_use]
    pub fn seal(mut self) -> Self {
        for file in &mut self.files {
            if let Some((_, name)) = file.path.rsplit_once('/') {
                file.path = name.into();
            }
        }
        self.sources = self.totals();
        self.root = root(&self);
        self
    }

    /// Seals the description and publishes it in the folder of the dataset, after all other files.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn publish(self, folder: &dyn Publish) -> Result<(Self, FileEntry)> {
        let manifest = self.seal();
        let file = folder.publish_bytes(Self::FILE, &manifest.to_json()?)?;
        Ok((manifest, file))
    }

    /// Reads and checks the description of the dataset in `folder`.
    ///
    /// # Errors
    /// [`StoreError::Input`] when there is none. [`ShardError::Unreadable`] when its format is
    /// another one, it names files outside the folder, or its root is not that of its content.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(Self::FILE);
        let bytes = std::fs::read(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => StoreError::Input {
                address: folder.display().to_string(),
                message: format!("there is no dataset: {} is missing", Self::FILE),
            }
            .into(),
            _ => ShardError::from(StoreError::io(&path, "read", error)),
        })?;
        Self::parse(&bytes).map_err(|message| ShardError::Unreadable { path, message })
    }

    /// Checks a description's bytes as [`ShardManifest::read`] does.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn parse(bytes: &[u8]) -> std::result::Result<Self, String> {
        /// The field that every version has. It tells a file of another version from a damaged one.
        #[derive(Deserialize)]
        struct Version {
            schema: String,
        }
        let other = |schema: &str| format!("its format is `{schema}`, not `{}`", Self::SCHEMA);
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| {
            match serde_json::from_slice::<Version>(bytes) {
                Ok(version) if version.schema != Self::SCHEMA => other(&version.schema),
                _ => error.to_string(),
            }
        })?;
        if manifest.schema != Self::SCHEMA {
            return Err(other(&manifest.schema));
        }
        let shards = manifest.shards.iter().map(|shard| &shard.name);
        let files = manifest.files.iter().map(|file| &file.path);
        if let Some(name) =
            shards.chain(files).find(|name| !is_good_name(name) || name.contains('/'))
        {
            return Err(format!("`{name}` cannot be the name of one of its files"));
        }
        if root(&manifest) != manifest.root {
            return Err("its root is not that of its content; it was altered".into());
        }
        // The root covers the shards' own counts but not these totals, which repeat them.
        if manifest.totals() != manifest.sources {
            return Err("its totals by source are not those of its shards; it was altered".into());
        }
        Ok(manifest)
    }

    /// The file's content.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|e| ShardError::Unreadable {
            path: Self::FILE.into(),
            message: e.to_string(),
        })?;
        json.push(b'\n');
        Ok(json)
    }

    /// Documents, tokens and bytes of text of one half.
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

    /// The sums over all shards by source, sorted by name.
    fn totals(&self) -> Vec<SourceTotals> {
        let mut totals: BTreeMap<&str, [Counts; 2]> = BTreeMap::new();
        for shard in &self.shards {
            for source in &shard.sources {
                let halves = totals.entry(&source.name).or_default();
                halves[shard.split as usize].add(source.counts);
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

/// The root of a description. The fields `root` and `sources` do not enter it, since both are
/// computed from the others.
///
/// Leaf 0 holds the facts about the dataset. The other files follow, then the shards in order.
fn root(manifest: &ShardManifest) -> String {
    let mut leaves = vec![facts_leaf(manifest)];
    leaves.extend(manifest.files.iter().map(file_leaf));
    leaves.extend(manifest.shards.iter().map(shard_leaf));
    blake3::Hash::from_bytes(tree(&leaves)).to_hex().to_string()
}

fn facts_leaf(manifest: &ShardManifest) -> [u8; 32] {
    let type_name = match manifest.token_type {
        TokenType::U16 => "u16",
        TokenType::U32 => "u32",
    };
    let id = |leaf: Leaf, id: u32| leaf.number(u64::from(id));
    Leaf::new("dataset")
        .text(&manifest.schema)
        .text(type_name)
        .number(manifest.vocab_size as u64)
        .optional(manifest.begin_of_text, id)
        .optional(manifest.end_of_text, id)
        .optional(manifest.tokenizer_blake3.as_deref(), Leaf::text)
        .optional(manifest.validation.as_ref(), |leaf, rule| {
            leaf.text(&rule.hash).number(rule.threshold)
        })
        .hash()
}

fn file_leaf(file: &FileEntry) -> [u8; 32] {
    Leaf::new("file")
        .text(&file.path)
        .number(file.bytes)
        .text(&file.blake3)
        .number(file.chunk_bytes)
        .text(&file.chunks)
        .hash()
}

fn shard_leaf(shard: &ShardEntry) -> [u8; 32] {
    let leaf = Leaf::new("shard")
        .text(&shard.name)
        .text(shard.split.as_str())
        .counts(shard.counts)
        .text(&shard.blake3)
        .text(&shard.sums_blake3)
        .number(shard.sources.len() as u64);
    let source = |leaf: Leaf, source: &SourceCounts| leaf.text(&source.name).counts(source.counts);
    shard.sources.iter().fold(leaf, source).hash()
}
