//! Where shards begin and end.

use std::ops::Range;

use store::shards::{PAYLOAD_BYTES_MAX, Split, TokenType};

/// A shard, and the documents that it takes: rows of parts, those among them that belong to its half.
pub(super) struct PlannedShard {
    pub(super) split: Split,
    pub(super) number: usize,
    pub(super) takes: Vec<(usize, Range<usize>)>,
}

/// Cuts documents that come in their order. Each half is cut for itself, so that a shard has `shard_tokens` at
/// most, or one longer document.
pub(super) struct Cut {
    shard_tokens: u64,
    train: Half,
    validation: Half,
}

#[derive(Default)]
struct Half {
    shards: Vec<PlannedShard>,
    /// In the last shard.
    tokens: u64,
}

impl Cut {
    /// Cuts at `shard_tokens`, or before at what a payload has room for.
    pub(super) fn new(shard_tokens: u64, token_type: TokenType) -> Self {
        let room = PAYLOAD_BYTES_MAX / token_type.bytes();
        Self {
            shard_tokens: shard_tokens.min(room),
            train: Half::default(),
            validation: Half::default(),
        }
    }

    /// The shard that the document in a part's row goes into.
    pub(super) fn place(
        &mut self,
        split: Split,
        (part, row): (usize, usize),
        n_tokens: u64,
    ) -> &PlannedShard {
        let half = match split {
            Split::Train => &mut self.train,
            Split::Validation => &mut self.validation,
        };
        if half.shards.is_empty() || half.tokens + n_tokens > self.shard_tokens {
            let number = half.shards.len();
            half.shards.push(PlannedShard { split, number, takes: Vec::new() });
            half.tokens = 0;
        }
        half.tokens += n_tokens;
        let last = half.shards.len() - 1;
        let shard = &mut half.shards[last];
        match shard.takes.last_mut() {
            Some((of, rows)) if *of == part => rows.end = row + 1,
            _ => shard.takes.push((part, row..row + 1)),
        }
        shard
    }

    /// All shards, those to learn from first.
    pub(super) fn finish(self) -> Vec<PlannedShard> {
        self.train.shards.into_iter().chain(self.validation.shards).collect()
    }
}
