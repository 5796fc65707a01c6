//! Where one shard ends and the next begins.

use super::writer::PAYLOAD_BYTES_MAX;
use super::{Split, TokenType};

/// Deals documents, which come in their order, to the shards of their halves.
///
/// Each half is cut for itself. A shard has so many tokens at most, or one longer document.
#[derive(Debug)]
pub struct ShardCut {
    tokens_max: u64,
    train: Option<Last>,
    validation: Option<Last>,
}

/// The last shard of a half, which has a document at least.
#[derive(Debug)]
struct Last {
    number: usize,
    tokens: u64,
}

impl ShardCut {
    /// Cuts at `shard_tokens`, or before at what a payload has room for.
    pub fn new(shard_tokens: u64, token_type: TokenType) -> Self {
        let tokens_max = shard_tokens.min(PAYLOAD_BYTES_MAX / token_type.bytes());
        Self { tokens_max, train: None, validation: None }
    }

    /// The number of the shard that the next document of a half goes into.
    pub fn next(&mut self, split: Split, n_tokens: u64) -> usize {
        let last = match split {
            Split::Train => &mut self.train,
            Split::Validation => &mut self.validation,
        };
        let next = match last {
            None => Last { number: 0, tokens: n_tokens },
            Some(last) if last.tokens.saturating_add(n_tokens) > self.tokens_max => {
                Last { number: last.number + 1, tokens: n_tokens }
            }
            Some(last) => Last { number: last.number, tokens: last.tokens + n_tokens },
        };
        last.insert(next).number
    }
}
