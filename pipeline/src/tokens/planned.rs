//! Which documents each shard takes.

use std::ops::Range;

use store::shards::{ShardCut, Split, TokenType};

/// A shard, and the documents that it takes: rows of parts, those among them that belong to its half.
pub(super) struct PlannedShard {
    pub(super) split: Split,
    pub(super) number: usize,
    pub(super) takes: Vec<(usize, Range<usize>)>,
}

/// Plans shards from documents that come in their order.
pub(super) struct Planner {
    cut: ShardCut,
    train: Vec<PlannedShard>,
    validation: Vec<PlannedShard>,
}

impl Planner {
    /// Shards have `shard_tokens` at most, or one longer document.
    pub(super) fn new(shard_tokens: u64, token_type: TokenType) -> Self {
        let cut = ShardCut::new(shard_tokens, token_type);
        Self { cut, train: Vec::new(), validation: Vec::new() }
    }

    /// Gives the document in a part's row to a shard of its half, and returns the shard's number.
    pub(super) fn place(
        &mut self,
        split: Split,
        (part, row): (usize, usize),
        n_tokens: u64,
    ) -> usize {
        let shards = match split {
            Split::Train => &mut self.train,
            Split::Validation => &mut self.validation,
        };
        let number = self.cut.next(split, n_tokens);
        if number == shards.len() {
            shards.push(PlannedShard { split, number, takes: Vec::new() });
        }
        let takes = &mut shards[number].takes;
        match takes.last_mut() {
            Some((of, rows)) if *of == part => rows.end = row + 1,
            _ => takes.push((part, row..row + 1)),
        }
        number
    }

    /// All shards, those to learn from first.
    pub(super) fn finish(self) -> Vec<PlannedShard> {
        self.train.into_iter().chain(self.validation).collect()
    }
}
