//! Shards of a run that can be resumed: tokens are first stored part by part.
//!
//! A part is encoded in one task and each shard is written in another, so that an interrupted run
//! repeats neither. Once all parts are stored, the shards can be written in parallel, since the
//! documents of each are known from the parts' indexes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;

use arrow::record_batch::RecordBatch;
use bug::OrBug as _;
use rayon::prelude::*;
use serde_json::json;
use shards::dataset::{ShardCut, ShardEntry, ShardWriter, TokenType};
use store::layout::SHARDS;
use store::{FileEntry, Observer, Publication, Run, StoreError};
use tables::{TableWriter, read_table};

use super::index::{Index, index_schema};
use super::placement::{PlacedShard, PlacedShards, Placement};
use crate::error::{PipelineError, Result};

/// The most bytes that are read at once, unless a single document is larger.
const READ_BYTES: u64 = 1 << 20;

/// The file of a part's tokens, as shards hold them, one document after another.
fn payload_path(part: usize) -> String {
    format!("work/tokens/part-{part:05}.bin")
}

/// The file of the index of a part's documents.
fn index_path(part: usize) -> String {
    format!("work/tokens/part-{part:05}.parquet")
}

/// The journal's task of one shard.
fn shard_task(name: &str) -> String {
    format!("shards/{name}")
}

/// The files of a part that is being encoded.
pub(super) struct StoredPart {
    path: String,
    payload: Publication,
    index: TableWriter,
}

impl StoredPart {
    /// Creates the files of part `part`.
    ///
    /// # Errors
    /// A file cannot be created.
    pub(super) fn create(run: &Run, part: usize) -> Result<Self> {
        let path = payload_path(part);
        Ok(Self {
            payload: run.publish(&path)?,
            path,
            index: TableWriter::create_plain(run, &index_path(part), index_schema())?,
        })
    }

    /// Adds documents: their tokens, one document after another, and their index.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn add(&mut self, payload: &[u8], index: &RecordBatch) -> Result<()> {
        let failed = |e| StoreError::io(&self.path, "write", e);
        self.payload.write_all(payload).map_err(failed)?;
        Ok(self.index.write(index)?)
    }

    /// Publishes the files and returns them.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn finish(self) -> Result<Vec<FileEntry>> {
        Ok(vec![self.payload.finish()?, self.index.finish()?])
    }
}

/// Writes all shards that were not written before an interruption, several at a time.
///
/// # Errors
/// A stored part cannot be read, a shard cannot be written, or the observer asked to stop.
pub(super) fn write_stored(
    run: &Run,
    vocab_size: usize,
    shard_tokens: u64,
    parts: &[usize],
    observer: &dyn Observer,
) -> Result<PlacedShards> {
    let indexes = read_indexes(run, parts)?;
    let mut cut = ShardCut::new(shard_tokens, TokenType::for_vocabulary(vocab_size));
    let mut placement = Placement::default();
    for (part, index) in &indexes {
        for row in 0..index.len() {
            let split = index.split(row);
            placement.add(split, cut.assign(split, index.n_tokens(row)), (*part, row));
        }
    }
    let placed = placement.into_shards();
    let write = |shard| write_shard(run, shard, &indexes, vocab_size, observer);
    // Shards are few and large: without the limit, rayon would give several to one thread.
    let entries = placed.par_iter().with_max_len(1).map(write).collect::<Result<_>>()?;
    Ok(PlacedShards { entries, placed, indexes, files: Vec::new() })
}

/// Reads the index of each part. It fits into memory: a row is a document, not a token.
fn read_indexes(run: &Run, parts: &[usize]) -> Result<BTreeMap<usize, Index>> {
    let read = |part: &usize| {
        let batches = read_table(&run.path(&index_path(*part)), None)?;
        let batches: Vec<RecordBatch> = batches.collect::<tables::Result<_>>()?;
        Ok((*part, Index::of(&batches)?))
    };
    parts.iter().map(read).collect()
}

fn write_shard(
    run: &Run,
    shard: &PlacedShard,
    indexes: &BTreeMap<usize, Index>,
    vocab_size: usize,
    observer: &dyn Observer,
) -> Result<ShardEntry> {
    let PlacedShard { split, number, rows } = shard;
    let task = shard_task(&split.shard_name(*number));
    if let Some(entry) = run.result(&task)? {
        return Ok(entry);
    }
    let mut writer = ShardWriter::new(&run.folder(SHARDS), *split, *number, vocab_size)?;
    let token_bytes = TokenType::for_vocabulary(vocab_size).bytes();
    for (part, rows) in rows {
        if observer.should_stop() {
            return Err(PipelineError::Stopped);
        }
        let index = indexes.get(part).or_bug("a shard's part has an index")?;
        let part = PartRows { run, part: *part, index, rows: rows.clone(), token_bytes };
        part.copy(shard, &mut writer)?;
    }
    let (entry, files) = writer.finish()?;
    run.complete(&task, files, json!(entry))?;
    Ok(entry)
}

/// Rows of a stored part.
struct PartRows<'a> {
    run: &'a Run,
    part: usize,
    index: &'a Index,
    rows: Range<usize>,
    token_bytes: u64,
}

impl PartRows<'_> {
    /// The size of a row's tokens in the payload.
    fn bytes(&self, row: usize) -> u64 {
        self.index.n_tokens(row) * self.token_bytes
    }

    /// Adds those rows that belong to the shard's half.
    fn copy(&self, shard: &PlacedShard, writer: &mut ShardWriter) -> Result<()> {
        let path = self.run.path(&payload_path(self.part));
        let failed = |source| PipelineError::Read { path: path.display().to_string(), source };
        let mut payload = File::open(&path).map_err(failed)?;
        let belongs = |row: usize| self.index.split(row) == shard.split;
        let end = self.rows.end;
        let mut offset: u64 = (0..self.rows.start).map(|row| self.bytes(row)).sum();
        let mut buffer = Vec::new();
        let mut row = self.rows.start;
        while row < end {
            // As many neighbouring rows of the half as fit are read at once.
            let start = row;
            let mut n_bytes = 0;
            while row < end
                && belongs(row)
                && (row == start || n_bytes + self.bytes(row) <= READ_BYTES)
            {
                n_bytes += self.bytes(row);
                row += 1;
            }
            buffer.resize(n_bytes as usize, 0);
            payload.seek(SeekFrom::Start(offset)).map_err(failed)?;
            payload.read_exact(&mut buffer).map_err(failed)?;
            let mut rest = &buffer[..];
            for row in start..row {
                let (tokens, later) = rest.split_at(self.bytes(row) as usize);
                rest = later;
                writer.add(&self.index.document(row, tokens))?;
            }
            offset += n_bytes;
            while row < end && !belongs(row) {
                offset += self.bytes(row);
                row += 1;
            }
        }
        Ok(())
    }
}
