//! Which documents each shard holds.

use std::collections::BTreeMap;
use std::ops::Range;

use shards::dataset::{ShardEntry, Split};
use store::FileEntry;

use super::index::Index;

/// A shard and its documents.
pub(super) struct PlacedShard {
    pub(super) split: Split,
    pub(super) number: usize,
    /// Ranges of rows by part. Of the rows in a range, the shard holds those of its half.
    pub(super) rows: Vec<(usize, Range<usize>)>,
}

/// Collects the shards of documents that are placed one after another, in the dataset's order.
#[derive(Default)]
pub(super) struct Placement {
    /// The train and the validation half.
    halves: [Vec<PlacedShard>; 2],
}

impl Placement {
    /// Notes that a part's row was placed in shard `number` of a half.
    pub(super) fn add(&mut self, split: Split, number: usize, (part, row): (usize, usize)) {
        let shards = &mut self.halves[split as usize];
        match shards.last_mut() {
            Some(shard) if shard.number == number => match shard.rows.last_mut() {
                // Rows of the other half may lie between; they are told apart by their split.
                Some((last, rows)) if *last == part => rows.end = row + 1,
                _ => shard.rows.push((part, row..row + 1)),
            },
            _ => shards.push(PlacedShard { split, number, rows: vec![(part, row..row + 1)] }),
        }
    }

    /// All shards, the train half first.
    pub(super) fn into_shards(self) -> Vec<PlacedShard> {
        self.halves.into_iter().flatten().collect()
    }
}

/// Shards that are written but not described yet.
pub(super) struct PlacedShards {
    /// The shards in the description's order: train before validation, by number.
    pub(super) entries: Vec<ShardEntry>,
    /// The documents of each, in the same order.
    pub(super) placed: Vec<PlacedShard>,
    /// The index of each part.
    pub(super) indexes: BTreeMap<usize, Index>,
    /// Files of the shards that no finished task owns yet.
    pub(super) files: Vec<FileEntry>,
}
