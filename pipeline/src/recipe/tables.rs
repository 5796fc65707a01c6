//! The tables of a recipe, as users write them or as commands build them.

use std::collections::BTreeMap;

use bytesize::ByteSize;
use model::TrainConfig;
use read::{Fields, TextUnit};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// A whole recipe.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeTables {
    /// Settings of the run itself.
    #[serde(default)]
    pub run: RunTable,
    /// The inputs; at least one.
    #[serde(rename = "source", default)]
    pub sources: Vec<SourceTable>,
    /// The stages, in order.
    #[serde(rename = "stage", default)]
    pub stages: Vec<StageTable>,
    /// The tokenizer to train or use. Without it, the run ends with documents.
    #[serde(skip)]
    pub tokenizer: Option<TokenizerTable>,
    /// The shards to write. A model needs them, so `[pretrain]` writes them in any case.
    pub shards: Option<ShardsTable>,
    /// The model to pretrain.
    #[serde(skip)]
    pub pretrain: Option<PretrainTable>,
}

/// `[run]`: the run directory and resources. Only `seed` and `max_bad_fraction` can change the
/// output.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunTable {
    /// The run directory, relative to the working directory; `runs/<recipe name>` by default.
    pub output: Option<String>,
    /// Seed of all random choices.
    pub seed: u64,
    /// The most memory that buffers, sorting and tables may use together.
    pub memory: ByteSize,
    /// Worker threads; all cores by default.
    pub threads: Option<usize>,
    /// The run stops if a larger fraction of records (0 to 1) is damaged.
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
    /// A path, glob or URL, or a list of these. Paths are relative to the recipe's folder.
    pub path: Paths,
    /// The format, if the file names do not show it: a name of [`read::Format`].
    pub format: Option<String>,
    /// Names of the fields with text, id, URL and date.
    #[serde(default)]
    pub fields: Fields,
    /// What a document of a plain text file is: file, line or paragraph.
    #[serde(default, skip_serializing_if = "is_file")]
    pub documents: TextUnit,
    /// Whether a record with a blank text is kept as a document. Otherwise it is quarantined.
    #[serde(default)]
    pub keep_blank: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_file(unit: &TextUnit) -> bool {
    *unit == TextUnit::File
}

/// One path or several.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Paths {
    /// One path.
    One(String),
    /// Several paths.
    Many(Vec<String>),
}

impl Default for Paths {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Paths {
    /// All paths.
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
    /// The name of a stock stage or of a barrier stage, such as `exact` or `minhash`.
    #[serde(rename = "use")]
    pub uses: Option<String>,
    /// An SQL file, relative to the recipe's folder.
    pub sql: Option<String>,
    /// Its name in the ledger. By default, the name of the stock stage or of the file.
    pub name: Option<String>,
    /// Values of its parameters.
    #[serde(default)]
    pub with: BTreeMap<String, Value>,
}

/// `[tokenizer]`: train a tokenizer on the kept documents, or use a file. The section is the
/// trainer's configuration with a few additional keys.
#[derive(Debug, Clone, Serialize)]
pub struct TokenizerTable {
    /// A `tokenizer.json` to use instead of training one, relative to the recipe's folder.
    pub file: Option<String>,
    /// The trainer's configuration.
    #[serde(flatten)]
    pub train: tokenizer::TrainConfig,
    /// Sizes of smaller vocabularies to cut from the trained one.
    pub also: Vec<usize>,
    /// The column that groups documents. Words are counted per group, for weights and for the
    /// report.
    pub by: String,
    /// Weights of the groups' words. Groups that are not listed have weight 1.
    pub weights: BTreeMap<String, f64>,
    /// Makes the shares of groups more equal: the new share is proportional to
    /// share^(1/temperature).
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

/// `[shards]`: write tokens to shards.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShardsTable {
    /// Tokens per training row.
    pub sequence_length: usize,
    /// The most tokens per shard. A shard holds whole documents, so a longer document has its own
    /// shard.
    pub shard_tokens: u64,
    /// Fraction of the documents that is held out for validation, chosen by the hash of the text.
    pub validation_fraction: f64,
}

impl Default for ShardsTable {
    fn default() -> Self {
        Self { sequence_length: 512, shard_tokens: 100_000_000, validation_fraction: 0.01 }
    }
}

/// `[pretrain]`: the model and its training. The section is the trainer's configuration with a few
/// additional keys.
#[derive(Debug, Clone, Serialize)]
pub struct PretrainTable {
    /// The name of a predefined model shape.
    pub preset: String,
    /// An explicit shape: the keys of MODEL.toml without `vocab_size`, which follows from the
    /// tokenizer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Table>,
    /// The trainer's configuration. Its seed defaults to that of `[run]`.
    #[serde(flatten)]
    pub train: TrainConfig,
    /// The prompt of the sample text in the report.
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
