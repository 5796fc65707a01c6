//! The tables of a recipe as people write them, and as one-line commands build them.

use std::collections::BTreeMap;

use bytesize::ByteSize;
use model::TrainConfig;
use read::Fields;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// A whole recipe.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeTables {
    /// Where and how to run.
    #[serde(default)]
    pub run: RunTable,
    /// What to read, at least one.
    #[serde(rename = "source", default)]
    pub sources: Vec<SourceTable>,
    /// What to do with the documents, in order.
    #[serde(rename = "stage", default)]
    pub stages: Vec<StageTable>,
    /// The tokenizer to train or to use; without it the run ends with documents.
    #[serde(skip)]
    pub tokenizer: Option<TokenizerTable>,
    /// The shards to write; a model needs them, so `[pretrain]` writes them too.
    pub shards: Option<ShardsTable>,
    /// The model to pretrain.
    #[serde(skip)]
    pub pretrain: Option<PretrainTable>,
}

/// `[run]`: where the run goes and what it may use. Only `seed` and `max_bad_fraction` can change
/// what comes out.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunTable {
    /// The run directory, relative to the working directory; `runs/<recipe name>` by default.
    pub output: Option<String>,
    /// Seed of everything that involves chance.
    pub seed: u64,
    /// Memory that buffers, sorting and tables may take together.
    pub memory: ByteSize,
    /// Worker threads; all cores by default.
    pub threads: Option<usize>,
    /// Share of damaged records above which the run stops (0 to 1).
    pub max_bad_fraction: f64,
}

impl Default for RunTable {
    fn default() -> Self {
        Self {
            output: None,
            seed: 0,
            memory: ByteSize::gib(4),
            threads: None,
            max_bad_fraction: 0.05,
        }
    }
}

/// `[[source]]`: files that hold documents.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SourceTable {
    /// Its name in tables and reports.
    pub name: String,
    /// Path, glob or address, or a list of these; relative to the recipe's folder.
    pub path: Paths,
    /// Format, where the files' names do not tell it: warc, wet, jsonl, parquet or text.
    pub format: Option<String>,
    /// Names of the fields that hold text, id, url and date.
    #[serde(default)]
    pub fields: Fields,
    /// Whether a record with a blank text is a document; else it is quarantined.
    #[serde(default)]
    pub keep_blank: bool,
}

/// One path or several.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Paths {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Default for Paths {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Paths {
    /// All of them.
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Many(paths) => paths,
        }
    }
}

/// `[[stage]]`: one step over the documents.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StageTable {
    /// A stock stage by name, or `exact` or `minhash`.
    #[serde(rename = "use")]
    pub uses: Option<String>,
    /// A file of SQL, relative to the recipe's folder.
    pub sql: Option<String>,
    /// Its name in the ledger; the stage's or file's name by default.
    pub name: Option<String>,
    /// Values for its parameters.
    #[serde(default)]
    pub with: BTreeMap<String, Value>,
}

/// `[tokenizer]`: train a tokenizer on the kept documents, or use a file. The section is the
/// trainer's own configuration with a few keys more.
#[derive(Debug, Clone, Serialize)]
pub struct TokenizerTable {
    /// A tokenizer.json to use instead of training one, relative to the recipe's folder.
    pub file: Option<String>,
    /// The trainer's configuration.
    #[serde(flatten)]
    pub train: tokenizer::TrainConfig,
    /// Smaller vocabularies that are cut from the trained one.
    pub also: Vec<usize>,
    /// The column by whose values words are counted apart, for weights and for the report.
    pub by: String,
    /// How much the words of each group count; groups that are not named have weight 1.
    pub weights: BTreeMap<String, f64>,
    /// Makes the groups' shares more equal: each is raised to the power of 1 over this.
    pub temperature: Option<f64>,
}

impl Default for TokenizerTable {
    fn default() -> Self {
        Self {
            file: None,
            train: tokenizer::TrainConfig::default(),
            also: Vec::new(),
            by: "source".into(),
            weights: BTreeMap::new(),
            temperature: None,
        }
    }
}

/// `[shards]`: write tokens, and how.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShardsTable {
    /// Tokens of one training row.
    pub sequence_length: usize,
    /// Tokens of one shard; a shard holds whole documents.
    pub shard_tokens: u64,
    /// Share of the documents held out for validation, chosen by the hash of their text.
    pub validation_fraction: f64,
}

impl Default for ShardsTable {
    fn default() -> Self {
        Self { sequence_length: 512, shard_tokens: 100_000_000, validation_fraction: 0.01 }
    }
}

/// `[pretrain]`: the model and how it is trained. The section is the trainer's own configuration with
/// a few keys more.
#[derive(Debug, Clone, Serialize)]
pub struct PretrainTable {
    /// The name of the model's shape.
    pub preset: String,
    /// A shape that is spelled out: the keys of MODEL.toml without `vocab_size`, which is the
    /// tokenizer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Table>,
    /// The trainer's configuration. Its seed is that of `[run]` unless the section has one.
    #[serde(flatten)]
    pub train: TrainConfig,
    /// The beginning of the sample in the report.
    pub prompt: String,
}

impl Default for PretrainTable {
    fn default() -> Self {
        Self {
            preset: "tiny".into(),
            model: None,
            train: TrainConfig::default(),
            prompt: "The".into(),
        }
    }
}
