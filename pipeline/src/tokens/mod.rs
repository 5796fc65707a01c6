//! From kept documents to word counts, to a tokenizer, and to shards of its tokens.
//!
//! Shards are written in one of two ways. A run that can be resumed stores the tokens of each part
//! and writes shards from them (`stored`). A run that serves one command writes them while parts
//! are encoded (`ordered`). Both cut by [`shards::dataset::ShardCut`] and write the same bytes.

mod count_names;
mod counts;
mod dataset;
mod efficiency;
mod encode;
mod index;
mod ordered;
mod placement;
mod stored;
mod train;

use tokenizer::TrainConfig;

pub use counts::{CountFile, CountTotals};
pub(crate) use counts::{CountRun, Counting, PartCounts, can_group, merge_counts};
pub(crate) use dataset::write_shards;
pub(crate) use efficiency::write_efficiencies;
pub use efficiency::{Efficiencies, Efficiency, efficiencies, sizes};
pub(crate) use encode::{Encoding, PartEncoder, encode_part, tokens_task, without};
pub(crate) use train::train_tables;
pub use train::{Mix, train, train_alone};

use crate::recipe::TokenizerTable;

/// The file of a smaller tokenizer, with `vocab_size` tokens, that is cut from the run's tokenizer.
pub fn smaller_name(vocab_size: usize) -> String {
    format!("tokenizer-{vocab_size}.json")
}

/// The most merges that training can make: each adds a token to the bytes and special tokens.
pub fn merges(config: &TrainConfig) -> u64 {
    config.vocab_size.saturating_sub(256 + config.special_tokens.len()) as u64
}

/// The weights of groups in training, from a recipe's `[tokenizer]`.
pub(crate) fn mix(table: &TokenizerTable) -> Mix {
    Mix { weights: table.weights.clone(), temperature: table.temperature }
}
