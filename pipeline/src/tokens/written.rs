//! Shards on their way into the run directory, however their tokens come.

use std::collections::BTreeMap;

use serde_json::json;
use store::Run;
use store::shards::{ShardEntry, ShardWriter, Split};

use super::index::Index;
use super::planned::PlannedShard;
use crate::error::Result;

/// The folder of shards in a run directory.
pub(crate) const FOLDER: &str = "shards";

/// The task's name in the journal; a shard's own goes on with its name.
pub(super) const TASK: &str = "shards";

/// What came of writing shards.
pub(super) struct WrittenShards {
    /// Shards to learn from first.
    pub(super) entries: Vec<ShardEntry>,
    /// What each takes, in the same order.
    pub(super) planned: Vec<PlannedShard>,
    /// The index of each part.
    pub(super) indexes: BTreeMap<usize, Index>,
}

/// The name of a shard's task in the journal.
fn shard_task(name: &str) -> String {
    format!("{TASK}/{name}")
}

/// A shard that an earlier start wrote.
pub(super) fn written_shard(run: &Run, (split, number): (Split, usize)) -> Option<ShardEntry> {
    let done = run.done(&shard_task(&split.shard_name(number)))?;
    serde_json::from_value(done).ok()
}

/// Starts a shard.
pub(super) fn begin_shard(
    run: &Run,
    (split, number): (Split, usize),
    vocab_size: usize,
) -> Result<ShardWriter> {
    Ok(ShardWriter::new(run, FOLDER, split, number, vocab_size)?)
}

/// Publishes a shard.
pub(super) fn end_shard(run: &Run, writer: ShardWriter) -> Result<ShardEntry> {
    let (entry, files) = writer.finish()?;
    run.complete(&shard_task(&entry.name), files, json!(entry))?;
    Ok(entry)
}
