//! Shards from parts whose tokens were stored, in a run that can be gone on with.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;

use arrow::record_batch::RecordBatch;
use rayon::prelude::*;
use store::shards::{ShardEntry, ShardWriter, Split, TokenType};
use store::{FileEntry, Publication, Run, StoreError};

use super::index::{Index, index_schema};
use super::planned::{PlannedShard, Planner};
use super::written::{WrittenShards, begin_shard, end_shard, written_shard};
use crate::error::{PipelineError, Result};
use crate::observer::Observer;
use crate::table::{TableWriter, read_table};

/// Bytes of documents that are read at once, or one longer document.
const READ_BYTES: u64 = 1 << 20;

/// Tokens of a part as shards hold them, documents one after another.
fn payload_path(part: usize) -> String {
    format!("work/tokens/part-{part:05}.bin")
}

/// The index of a part's documents.
fn index_path(part: usize) -> String {
    format!("work/tokens/part-{part:05}.parquet")
}

/// The files of a part that is being encoded.
pub(super) struct StoredPart {
    path: String,
    payload: Publication,
    index: TableWriter,
}

impl StoredPart {
    pub(super) fn create(run: &Run, part: usize) -> Result<Self> {
        let path = payload_path(part);
        Ok(Self {
            payload: run.publish(&path)?,
            path,
            index: TableWriter::create_plain(run, &index_path(part), index_schema())?,
        })
    }

    /// Adds documents: their tokens, one document after another, and their index.
    pub(super) fn add(&mut self, payload: &[u8], index: &RecordBatch) -> Result<()> {
        let failed = |e| StoreError::io(&self.path, "write", e);
        self.payload.write_all(payload).map_err(failed)?;
        self.index.write(index)
    }

    pub(super) fn finish(self) -> Result<Vec<FileEntry>> {
        Ok(vec![self.payload.finish()?, self.index.finish()?])
    }
}

/// Writes all shards, several at a time.
pub(super) fn write_stored(
    run: &Run,
    vocab_size: usize,
    shard_tokens: u64,
    parts: &[usize],
    observer: &dyn Observer,
) -> Result<WrittenShards> {
    let indexes = read_indexes(run, parts)?;
    let token_type = TokenType::for_vocabulary(vocab_size);
    let mut planner = Planner::new(shard_tokens, token_type);
    for (part, index) in &indexes {
        for row in 0..index.len() {
            planner.place(index.split(row), (*part, row), index.n_tokens(row));
        }
    }
    let planned = planner.finish();
    let write = |shard| write_shard(run, shard, &indexes, vocab_size, observer);
    let entries = planned.par_iter().with_max_len(1).map(write).collect::<Result<_>>()?;
    Ok(WrittenShards { entries, planned, indexes })
}

/// The index of each part, by part. It has a row a document, not a row a token.
fn read_indexes(run: &Run, parts: &[usize]) -> Result<BTreeMap<usize, Index>> {
    let read = |part: &usize| {
        let batches = read_table(&run.path(&index_path(*part)), None)?;
        Ok((*part, Index::of(&batches.collect::<Result<Vec<_>>>()?)?))
    };
    parts.iter().map(read).collect()
}

fn write_shard(
    run: &Run,
    shard: &PlannedShard,
    indexes: &BTreeMap<usize, Index>,
    vocab_size: usize,
    observer: &dyn Observer,
) -> Result<ShardEntry> {
    let half = (shard.split, shard.number);
    if let Some(entry) = written_shard(run, half) {
        return Ok(entry);
    }
    let mut writer = begin_shard(run, half, vocab_size)?;
    for (part, rows) in &shard.takes {
        if observer.should_stop() {
            return Err(PipelineError::Stopped);
        }
        let token_bytes = TokenType::for_vocabulary(vocab_size).bytes();
        add_rows(&mut writer, run, *part, &indexes[part], rows.clone(), shard.split, token_bytes)?;
    }
    end_shard(run, writer)
}

/// Adds those of a part's rows that belong to the shard's half.
fn add_rows(
    writer: &mut ShardWriter,
    run: &Run,
    part: usize,
    index: &Index,
    rows: Range<usize>,
    split: Split,
    token_bytes: u64,
) -> Result<()> {
    let path = run.path(&payload_path(part));
    let failed = |source| PipelineError::Read { path: path.display().to_string(), source };
    let mut payload = File::open(&path).map_err(failed)?;
    let length = |row: usize| index.n_tokens(row) * token_bytes;
    let belongs = |row: usize| index.split(row) == split;
    let mut offset: u64 = (0..rows.start).map(length).sum();
    let mut bytes = Vec::new();
    let mut row = rows.start;
    while row < rows.end {
        let start = row;
        let mut n_read = 0;
        while row < rows.end && belongs(row) && (row == start || n_read + length(row) <= READ_BYTES)
        {
            n_read += length(row);
            row += 1;
        }
        bytes.resize(n_read as usize, 0);
        payload.seek(SeekFrom::Start(offset)).map_err(failed)?;
        payload.read_exact(&mut bytes).map_err(failed)?;
        let mut rest = &bytes[..];
        for row in start..row {
            let (own, later) = rest.split_at(length(row) as usize);
            rest = later;
            writer.add_payload(&index.document(row), own)?;
        }
        offset += n_read;
        while row < rows.end && !belongs(row) {
            offset += length(row);
            row += 1;
        }
    }
    Ok(())
}
