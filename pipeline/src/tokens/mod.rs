//! From kept documents to a tokenizer and to shards of its tokens.

mod encode;
mod files;
mod shards;
mod train;

use tokenizer::TrainConfig;

pub(crate) use encode::{encode_part, tokens_task};
pub use files::{TokenizerFile, files, load};
pub(crate) use shards::write_shards;
pub(crate) use train::train_tokenizer;

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
