//! The parts of a run's `recipe.toml` that the report shows. Every default is filled in there.

use std::path::Path;

use serde::Deserialize;

use crate::error::{ReportError, Result};

/// The resolved recipe; keys that the report does not show are ignored.
#[derive(Debug, Default, Deserialize)]
pub(super) struct RunRecipe {
    #[serde(default, rename = "source")]
    pub(super) sources: Vec<Source>,
    #[serde(default, rename = "stage")]
    pub(super) stages: Vec<Stage>,
    pub(super) tokenizer: Option<Tokenizer>,
    #[serde(default)]
    pub(super) shards: Shards,
    pub(super) pretrain: Option<Pretrain>,
    /// The file's text.
    #[serde(skip)]
    pub(super) text: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Source {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Stage {
    pub(super) name: String,
    /// The deduplication stage; `None` for a stage in SQL.
    #[serde(rename = "use")]
    pub(super) uses: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Tokenizer {
    pub(super) file: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Shards {
    #[serde(default)]
    pub(super) sequence_length: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Pretrain {
    pub(super) preset: String,
    pub(super) batch_size: u64,
    /// A shape given explicitly, which replaces the preset.
    pub(super) model: Option<toml::Table>,
}

impl RunRecipe {
    /// Reads the recipe of the run in `root`.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let path = root.join("recipe.toml");
        let failed =
            |message: String| ReportError::Recipe { path: path.display().to_string(), message };
        let text = std::fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
        let recipe: Self = toml::from_str(&text).map_err(|error| failed(error.to_string()))?;
        Ok(Self { text, ..recipe })
    }
}

impl Stage {
    /// The kind of stage in words.
    pub(super) fn kind(&self) -> &str {
        match self.uses.as_deref() {
            None => "SQL",
            Some("exact") => "exact duplicates",
            Some("bloom") => "exact duplicates, by a Bloom filter",
            Some("minhash") => "near duplicates",
            Some("lines") => "repeated lines",
            Some("substrings") => "repeated runs of words",
            Some(other) => other,
        }
    }
}
