//! From kept documents to a tokenizer and to shards of its tokens.

mod encode;
mod shards;
mod train;

use std::path::Path;

use tokenizer::{Tokenizer, TrainConfig};

pub(crate) use encode::{encode_part, tokens_task};
pub(crate) use shards::write_shards;
pub(crate) use train::train_tokenizer;

use crate::error::{PipelineError, Result};
use crate::recipe::TokenizerTable;

/// The tokenizer's file in a run directory.
pub(crate) const TOKENIZER: &str = "tokenizer.json";

/// The settings of training that a recipe's `[tokenizer]` asks for.
pub(crate) fn train_config(table: &TokenizerTable) -> TrainConfig {
    TrainConfig {
        vocab_size: table.vocab_size,
        split: table.split,
        min_frequency: table.min_frequency,
        special_tokens: table.special_tokens.clone(),
        ..TrainConfig::default()
    }
}

/// Reads a tokenizer.json.
pub fn load(path: &Path) -> Result<Tokenizer> {
    let json = std::fs::read_to_string(path)
        .map_err(|source| PipelineError::Read { path: path.display().to_string(), source })?;
    Ok(Tokenizer::from_json(&json)?)
}
