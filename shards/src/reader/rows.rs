//! Reading rows of a plan from memory-mapped shards.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::dataset::{Shard, ShardEntry, ShardManifest};

use super::Batch;
use crate::order::{Order, Stage};
use crate::plan::{Plan, Segment};
use crate::{Result, ShardError};

/// How many segments ahead of the copied one are brought into the cache.
const STRETCHES_AHEAD: usize = 4;

/// Bytes of a page of memory. The processor's own prefetching ends at the end of a page.
const PAGE_BYTES: usize = 4096;

/// One half of a dataset, arranged by a plan.
///
/// A shard is opened when the first of its tokens is read, so that starting only reads the
/// description. Each block of a shard is compared with its digest before its first use. A read that
/// meets damage fails, and no damaged token is ever returned.
pub struct RowReader {
    folder: PathBuf,
    manifest: ShardManifest,
    /// The half's shards, by their positions in the description.
    entries: Vec<usize>,
    shards: Vec<OnceLock<Shard>>,
    plan: Plan,
    padding: u32,
}

/// A stretch of a document in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowDocument {
    /// The shard, by its number in the half.
    pub shard: u32,
    /// The document, by its number in the shard.
    pub document: u64,
    /// The document, by its number in the half.
    pub number: u64,
    /// Tokens of the document.
    pub document_tokens: u32,
    /// The stretch's first token, counted from the document's start.
    pub start: u32,
    /// The stretch's tokens.
    pub length: u32,
}

impl RowReader {
    /// Opens the dataset in `folder` with the plan in the file `plan`.
    ///
    /// # Errors
    /// [`ShardError::Identity`] when the plan belongs to another dataset; or a file is damaged or cannot
    /// be read.
    pub fn open(folder: &Path, plan: &Path) -> Result<Self> {
        let manifest = ShardManifest::read(folder)?;
        let plan = Plan::open(plan)?;
        let header = plan.header();
        if header.root != manifest.root {
            return Err(ShardError::Identity {
                what: "dataset root",
                expected: header.root.clone(),
                found: manifest.root,
            });
        }
        let is_in_half = |entry: &ShardEntry| entry.split == header.split;
        let entries: Vec<usize> = (0..manifest.shards.len())
            .filter(|shard| is_in_half(&manifest.shards[*shard]))
            .collect();
        let shards = entries.iter().map(|_| OnceLock::new()).collect();
        let padding = manifest.end_of_text.unwrap_or(0);
        Ok(Self { folder: folder.into(), manifest, entries, shards, plan, padding })
    }

    /// The dataset's description.
    pub fn manifest(&self) -> &ShardManifest {
        &self.manifest
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The order of a run over these rows.
    ///
    /// # Errors
    /// As [`Order::new`].
    pub fn order(&self, seed: u64, stages: &[Stage], samples_total: Option<u64>) -> Result<Order> {
        Order::new(self.plan.subject(), seed, stages, samples_total)
    }

    /// Reads the tokens of `rows`, in the given order.
    ///
    /// # Errors
    /// [`ShardError::OutOfRange`] when a row does not exist; [`ShardError::Unreadable`] when a shard or
    /// the plan is damaged; or a file cannot be read.
    pub fn read(&self, rows: &[u64]) -> Result<Batch> {
        let mut batch = Batch::default();
        self.read_into(rows, &mut batch)?;
        Ok(batch)
    }

    /// As [`RowReader::read`], into a batch whose memory is reused.
    ///
    /// # Errors
    /// As [`RowReader::read`].
    pub fn read_into(&self, rows: &[u64], batch: &mut Batch) -> Result<()> {
        let row_tokens = self.plan.header().row_tokens() as usize;
        batch.rows.clear();
        batch.rows.extend_from_slice(rows);
        batch.row_tokens = row_tokens;
        batch.tokens.resize(rows.len() * row_tokens, 0);
        batch.ends.clear();
        batch.row_ends.clear();
        let mut stretches = Vec::with_capacity(rows.len() * 4);
        for row in rows {
            let mut filled = 0u32;
            for segment in self.plan.row(*row)? {
                filled = filled.saturating_add(segment.length);
                stretches.push((self.checked(segment)?, segment));
                batch.ends.push(filled);
            }
            if filled as usize > row_tokens {
                return Err(self.too_long(*row));
            }
            batch.row_ends.push(stretches.len());
        }
        let mut copied = 0;
        for (out, end) in batch.tokens.chunks_exact_mut(row_tokens).zip(&batch.row_ends) {
            let mut rest = out;
            while copied < *end {
                if let Some((shard, segment)) = stretches.get(copied + STRETCHES_AHEAD) {
                    self.touch(shard, *segment);
                }
                let (shard, segment) = stretches[copied];
                let (now, later) = rest.split_at_mut(segment.length as usize);
                shard.read(u64::from(segment.start), now);
                rest = later;
                copied += 1;
            }
            rest.fill(self.padding);
        }
        Ok(())
    }

    /// Reads a byte of each page of a segment, so that the processor fetches it while others are copied.
    /// The segments of a shuffled batch lie far from each other in memory.
    fn touch(&self, shard: &Shard, segment: Segment) {
        let width = self.manifest.token_type.bytes() as usize;
        let start = segment.start as usize * width;
        let bytes = &shard.payload()[start..start + segment.length as usize * width];
        let touched = bytes.iter().step_by(PAGE_BYTES).fold(0, |sum, byte| sum ^ byte);
        std::hint::black_box(touched);
    }

    /// The documents in `row`, in order.
    ///
    /// # Errors
    /// As [`RowReader::read`].
    pub fn documents(&self, row: u64) -> Result<Vec<RowDocument>> {
        self.plan.row(row)?.map(|segment| self.document(segment)).collect()
    }

    /// The bytes of a segment in the payload: ids of the manifest's type.
    ///
    /// # Errors
    /// As [`RowReader::read`].
    pub fn payload(&self, segment: Segment) -> Result<&[u8]> {
        let shard = self.checked(segment)?;
        let width = self.manifest.token_type.bytes() as usize;
        let start = segment.start as usize * width;
        Ok(&shard.payload()[start..start + segment.length as usize * width])
    }

    /// The shard of a segment, after a check that the segment lies inside and is not damaged.
    fn checked(&self, segment: Segment) -> Result<&Shard> {
        let shard = self.shard(segment.shard)?;
        let (start, end) =
            (u64::from(segment.start), u64::from(segment.start) + u64::from(segment.length));
        if end > shard.n_tokens() {
            return Err(ShardError::OutOfRange {
                what: "token",
                index: end,
                count: shard.n_tokens(),
            });
        }
        shard.check(start..end)?;
        Ok(shard)
    }

    fn shard(&self, number: u32) -> Result<&Shard> {
        let count = self.shards.len() as u64;
        let missing = || ShardError::OutOfRange { what: "shard", index: number.into(), count };
        let place = self.shards.get(number as usize).ok_or_else(missing)?;
        if let Some(shard) = place.get() {
            return Ok(shard);
        }
        let entry = &self.manifest.shards[self.entries[number as usize]];
        let shard = Shard::open(&self.folder, &self.manifest, entry)?;
        Ok(place.get_or_init(|| shard))
    }

    fn document(&self, segment: Segment) -> Result<RowDocument> {
        let lengths = self.shard(segment.shard)?.document_tokens()?;
        let before = self.entries[..segment.shard as usize].iter();
        let first: u64 = before.map(|entry| self.manifest.shards[*entry].counts.documents).sum();
        let mut end = 0u32;
        for (document, tokens) in (0u64..).zip(lengths) {
            let start = end;
            end = end.saturating_add(tokens);
            if segment.start < end {
                return Ok(RowDocument {
                    shard: segment.shard,
                    document,
                    number: first + document,
                    document_tokens: tokens,
                    start: segment.start - start,
                    length: segment.length,
                });
            }
        }
        Err(ShardError::OutOfRange {
            what: "token",
            index: segment.start.into(),
            count: end.into(),
        })
    }

    fn too_long(&self, row: u64) -> ShardError {
        ShardError::Order(format!(
            "row {row} of the plan {} has more tokens than rows have",
            self.plan.digest()
        ))
    }
}
