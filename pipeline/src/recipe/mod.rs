//! The recipe: what a run reads, what it does with the documents and what it makes of them.

mod error;
mod expand;
mod load;
mod pretraining;
mod resolved;

use std::collections::BTreeMap;

use bytesize::ByteSize;
use model::{OptimizerKind, Schedule};
use serde::{Deserialize, Serialize};
use sql::read::Fields;
use toml::{Spanned, Table, Value};

pub use error::RecipeError;
pub use load::{MEMORY_MIN_BYTES, Recipe, Source, SourceFile, SqlStage, StageKind, StageStep};

/// The text of a recipe file, as TOML has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeText {
    /// Where and how to run.
    #[serde(default)]
    pub run: RunTable,
    /// What to read, at least one.
    #[serde(rename = "source", default)]
    pub sources: Vec<Spanned<SourceTable>>,
    /// What to do with the documents, in order.
    #[serde(rename = "stage", default)]
    pub stages: Vec<Spanned<StageTable>>,
    /// The tokenizer to train or to use; without it the run ends with documents.
    pub tokenizer: Option<Spanned<TokenizerTable>>,
    /// The shards to write; a model needs them, so that `[pretrain]` writes them too.
    pub shards: Option<Spanned<ShardsTable>>,
    /// The model to pretrain.
    pub pretrain: Option<Spanned<PretrainTable>>,
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
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SourceTable {
    /// Its name in tables and reports.
    pub name: String,
    /// Path, glob or address, or a list of these; relative to the recipe's folder.
    pub path: Paths,
    /// Format, where the files' names do not tell it: warc, wet, jsonl, parquet or text.
    pub format: Option<Spanned<String>>,
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
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StageTable {
    /// A stock stage by name, or `exact` or `minhash`.
    #[serde(rename = "use")]
    pub uses: Option<Spanned<String>>,
    /// A file of SQL, relative to the recipe's folder.
    pub sql: Option<Spanned<String>>,
    /// Its name in the ledger; the stage's or file's name by default.
    pub name: Option<String>,
    /// Values for its parameters.
    #[serde(default)]
    pub with: BTreeMap<String, Value>,
}

/// `[tokenizer]`: train one on the kept documents, or use a file.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenizerTable {
    /// A tokenizer.json to use instead of training one, relative to the recipe's folder.
    pub file: Option<String>,
    /// Tokens to train, special tokens and the 256 bytes included.
    pub vocab_size: usize,
    /// How text is cut into words: gpt2, gpt4, cl100k_base, o200k or qwen2.
    pub split: tokenizer::Split,
    /// Pairs seen less often are not merged.
    pub min_frequency: u64,
    /// Merges make no token of so many bytes or more.
    pub max_token_length: Option<usize>,
    /// Special tokens; the first ends each document.
    pub special_tokens: Vec<String>,
    /// Whose order of equally frequent pairs and of ids: hf, rustbpe, minbpe or cs336.
    pub profile: tokenizer::Profile,
    /// Smaller vocabularies that are cut from the trained one.
    pub also: Vec<usize>,
    /// The column by whose values words are counted apart, for weights and for the report.
    pub by: String,
    /// How much the words of each group count; groups that are not named have 1.
    pub weights: BTreeMap<String, f64>,
    /// Makes the groups' shares more equal: to the power of 1 over this.
    pub temperature: Option<f64>,
}

impl Default for TokenizerTable {
    fn default() -> Self {
        Self {
            file: None,
            vocab_size: 32_768,
            split: tokenizer::Split::Gpt4,
            min_frequency: 2,
            max_token_length: None,
            special_tokens: vec!["<|endoftext|>".into()],
            profile: tokenizer::Profile::Hf,
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

/// `[pretrain]`: the model and how long to train it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PretrainTable {
    /// Shape of the model, by name.
    pub preset: String,
    /// Shape of the model, spelled out: the keys of MODEL.toml but `vocab_size`, which is the tokenizer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Table>,
    /// Optimiser steps.
    pub steps: usize,
    /// Rows in a batch.
    pub batch_size: usize,
    /// Rows that go through the model at a time; 0 chooses.
    pub micro_batch_size: usize,
    /// `adamw`, or `muon` for the hidden matrices.
    pub optimizer: OptimizerKind,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// The shape of the learning rate: `cosine` or `wsd`.
    pub schedule: Schedule,
    /// Steps over which the learning rate rises.
    pub warmup_steps: usize,
    /// Decoupled decay of matrices.
    pub weight_decay: f64,
    /// Weight of the squared logarithm of the softmax's sum; 0 for none.
    pub z_loss: f64,
    /// Compute layers again in the backward pass instead of keeping them in memory.
    pub recompute: bool,
    /// Leave out the update of a step whose loss or gradient is far off.
    pub spike_skip: bool,
    /// Steps between validations.
    pub eval_every: usize,
    /// Batches of a validation; 0 for all rows.
    pub eval_batches: usize,
    /// Steps between checkpoints.
    pub checkpoint_every: usize,
    /// `cpu`, `cuda`, or `auto` for CUDA where there is one.
    pub device: String,
    /// What the sample in the report begins with.
    pub prompt: String,
}

impl Default for PretrainTable {
    fn default() -> Self {
        Self {
            preset: "tiny".into(),
            model: None,
            steps: 200,
            batch_size: 8,
            micro_batch_size: 0,
            optimizer: OptimizerKind::default(),
            learning_rate: 1e-3,
            schedule: Schedule::default(),
            warmup_steps: 20,
            weight_decay: 0.1,
            z_loss: 0.0,
            recompute: false,
            spike_skip: false,
            eval_every: 50,
            eval_batches: 8,
            checkpoint_every: 50,
            device: "auto".into(),
            prompt: "The".into(),
        }
    }
}
