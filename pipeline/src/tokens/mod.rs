//! From kept documents to counts, to a tokenizer, and to shards of its tokens.

mod counts;
mod efficiency;
mod encode;
mod in_turn;
mod index;
mod open_shards;
mod planned;
mod shards;
mod stored;
mod train;
mod written;

use tokenizer::TrainConfig;

pub use counts::{CountFile, CountTotals};
pub(crate) use counts::{CountRun, Counting, PartCounts, can_group, merge_counts};
pub use efficiency::{Efficiencies, Efficiency, efficiencies, sizes};
pub(crate) use efficiency::{REPORT, write_efficiencies};
pub(crate) use encode::{Encoding, PartEncoder, encode_part, tokens_task, without};
pub(crate) use shards::write_shards;
pub(crate) use train::train_tables;
pub use train::{Mix, train, train_alone};
pub(crate) use written::FOLDER as SHARDS;

use crate::recipe::TokenizerTable;

/// The tokenizer's file in a run directory.
pub(crate) const TOKENIZER: &str = "tokenizer.json";

/// The file of the tokenizer of `vocab_size` tokens that is cut from the run's.
pub fn smaller_name(vocab_size: usize) -> String {
    format!("tokenizer-{vocab_size}.json")
}

/// The settings of training that a recipe's `[tokenizer]` asks for.
pub(crate) fn train_config(table: &TokenizerTable) -> TrainConfig {
    TrainConfig {
        vocab_size: table.vocab_size,
        split: table.split,
        min_frequency: table.min_frequency,
        max_token_length: table.max_token_length,
        special_tokens: table.special_tokens.clone(),
        profile: table.profile,
    }
}

/// Merges that training makes at most.
pub fn merges(config: &TrainConfig) -> u64 {
    config.vocab_size.saturating_sub(256 + config.special_tokens.len()) as u64
}

/// How much each group counts in training, as a recipe's `[tokenizer]` says.
pub(crate) fn mix(table: &TokenizerTable) -> Mix {
    Mix { weights: table.weights.clone(), temperature: table.temperature }
}
