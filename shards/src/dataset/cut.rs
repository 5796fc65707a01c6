//! Where one shard ends and the next begins.

use super::shard_writer::PAYLOAD_BYTES_MAX;
use super::split::Split;
use super::token_type::TokenType;

/// Assigns documents to shards, in the order of the documents. Each half is cut independently.
///
/// A document goes into the last shard of its half, unless it would exceed the limit; then it begins
/// the next shard. So a shard has at most `shard_tokens` tokens, or a single longer document.
#[derive(Debug)]
pub struct ShardCut {
    tokens_max: u64,
    /// The last shard of the train and of the validation half; `None` before the first document.
    last: [Option<LastShard>; 2],
}

/// The last shard of a half; it holds at least one document.
#[derive(Debug, Clone, Copy)]
struct LastShard {
    number: usize,
    n_tokens: u64,
}

impl ShardCut {
    /// Cuts at `shard_tokens`, or earlier where a payload of this type would become too large.
    pub fn new(shard_tokens: u64, token_type: TokenType) -> Self {
        let tokens_max = shard_tokens.min(PAYLOAD_BYTES_MAX / token_type.bytes());
        Self { tokens_max, last: [None, None] }
    }

    /// Assigns the next document of a half; returns the shard's number within the half.
    pub fn assign(&mut self, split: Split, n_tokens: u64) -> usize {
        let last = &mut self.last[split as usize];
        let next = match *last {
            None => LastShard { number: 0, n_tokens },
            Some(shard) if shard.n_tokens.saturating_add(n_tokens) > self.tokens_max => {
                LastShard { number: shard.number + 1, n_tokens }
            }
            Some(shard) => LastShard { n_tokens: shard.n_tokens + n_tokens, ..shard },
        };
        last.insert(next).number
    }
}
