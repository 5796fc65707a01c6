//! A plan file. It is memory-mapped, so that opening it takes the same time for any size.

use std::path::{Path, PathBuf};

use memmap2::Mmap;
use xxhash_rust::xxh3::xxh3_64;

use super::build::SEQUENCE_LENGTH_MAX;
use super::segment::SEGMENT_BYTES;
use super::{BLOCK_BYTES, MAGIC, PlanHeader, Segment, Statistics};
use crate::blocks::BlockChecks;
use crate::map::map;
use crate::order::Subject;
use crate::{Result, ShardError};

const TRAILER_BYTES: usize = 16;

/// A packing plan.
///
/// Layout, little-endian: `GRISTPLN`; the segments, each with shard, start and length as u32; the
/// number of each row's first segment as u64, and at the end the number of segments; the XXH3-64 of
/// each MiB of all this as u64; the header as JSON; the size of the header in bytes as u64;
/// `GRISTPLN`. Blocks are checked before their first use.
#[derive(Debug)]
pub struct Plan {
    path: PathBuf,
    map: Mmap,
    header: PlanHeader,
    digest: String,
    n_rows: u64,
    rows_at: usize,
    sums_at: usize,
    checks: BlockChecks,
}

impl Plan {
    /// Opens the plan at `path`.
    ///
    /// # Errors
    /// [`ShardError::Unreadable`] when the file is not a plan or its size contradicts its header; or it
    /// cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let unreadable = |message: String| ShardError::Unreadable { path: path.into(), message };
        let map = map(path)?.ok_or_else(|| unreadable("is empty".into()))?;
        let parsed = parse(&map).map_err(unreadable)?;
        let Parsed { header, digest, n_rows, rows_at, sums_at } = parsed;
        let checks = BlockChecks::new(sums_at as u64, BLOCK_BYTES);
        Ok(Self { path: path.into(), map, header, digest, n_rows, rows_at, sums_at, checks })
    }

    /// The header.
    pub fn header(&self) -> &PlanHeader {
        &self.header
    }

    /// Identifies the plan: the XXH3-64 of its header, which holds the digest of everything else.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The number of rows.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// The facts about the plan that an order depends on.
    pub fn subject(&self) -> Subject {
        let source = |source: &super::PlanSource| (source.name.clone(), source.statistics.rows);
        Subject {
            root: self.header.root.clone(),
            plan: self.digest.clone(),
            sources: self.header.sources.iter().map(source).collect(),
        }
    }

    /// The segments of a row.
    ///
    /// # Errors
    /// [`ShardError::OutOfRange`] when there is no such row; [`ShardError::Unreadable`] when the part of
    /// the plan with its segments is damaged.
    pub fn row(&self, row: u64) -> Result<impl ExactSizeIterator<Item = Segment> + '_> {
        if row >= self.n_rows {
            return Err(ShardError::OutOfRange { what: "row", index: row, count: self.n_rows });
        }
        let at = self.rows_at + row as usize * 8;
        let bounds = self.checked(at, at + 16)?;
        let (bounds, _) = bounds.as_chunks::<8>();
        let [first, end] = [bounds[0], bounds[1]].map(u64::from_le_bytes);
        let place = |segment: u64| MAGIC.len() + segment as usize * SEGMENT_BYTES;
        let n_segments = ((self.rows_at - MAGIC.len()) / SEGMENT_BYTES) as u64;
        if first > end || end > n_segments {
            return Err(ShardError::Unreadable {
                path: self.path.clone(),
                message: format!("row {row} has segments {first} to {end} of {n_segments}"),
            });
        }
        let bytes = self.checked(place(first), place(end))?;
        Ok(bytes.as_chunks::<SEGMENT_BYTES>().0.iter().map(Segment::from_bytes))
    }

    /// Checks the whole plan.
    ///
    /// # Errors
    /// [`ShardError::Unreadable`], with the first damaged block.
    pub fn check(&self) -> Result<()> {
        self.checked(0, self.sums_at).map(drop)
    }

    /// The bytes from `start` to `end`, after a check of their blocks.
    fn checked(&self, start: usize, end: usize) -> Result<&[u8]> {
        self.checks.check(start as u64..end as u64, |block, bytes| {
            let sum = self.sums_at + block as usize * 8;
            let found = xxh3_64(&self.map[bytes.start as usize..bytes.end as usize]);
            let same = self.map[sum..sum + 8] == found.to_le_bytes();
            let damaged = || ShardError::Unreadable {
                path: self.path.clone(),
                message: format!(
                    "bytes {} to {} are not what was written; remove the plan and make it again with \
                     `gristmill shards pack`",
                    bytes.start, bytes.end
                ),
            };
            if same { Ok(()) } else { Err(damaged()) }
        })?;
        Ok(&self.map[start..end])
    }
}

/// The header, and where the parts of the file begin.
struct Parsed {
    header: PlanHeader,
    digest: String,
    n_rows: u64,
    rows_at: usize,
    sums_at: usize,
}

fn parse(bytes: &[u8]) -> std::result::Result<Parsed, String> {
    let no_plan = || "is not a packing plan; make one with `gristmill shards pack`".to_owned();
    let trailer_at = bytes.len().checked_sub(TRAILER_BYTES).ok_or_else(no_plan)?;
    let (rest, trailer) = bytes.split_at(trailer_at);
    let (trailer, _) = trailer.as_chunks::<8>();
    if !bytes.starts_with(MAGIC) || trailer[1] != *MAGIC {
        return Err(no_plan());
    }
    let json_at = usize::try_from(u64::from_le_bytes(trailer[0]))
        .ok()
        .and_then(|n| rest.len().checked_sub(n))
        .ok_or_else(no_plan)?;
    let json = &rest[json_at..];
    let header: PlanHeader = serde_json::from_slice(json).map_err(|e| e.to_string())?;
    if header.schema != PlanHeader::SCHEMA {
        return Err(format!("its format is `{}`, not `{}`", header.schema, PlanHeader::SCHEMA));
    }
    let total = |count: fn(&Statistics) -> u64| {
        let mut counts = header.sources.iter().map(|source| count(&source.statistics));
        counts.try_fold(0u64, u64::checked_add)
    };
    // The header may be forged: no count may overflow or lead outside the file.
    let layout = || {
        let n_segments = total(|statistics| statistics.segments)?;
        let n_rows = total(|statistics| statistics.rows)?;
        let segments = usize::try_from(n_segments).ok()?.checked_mul(SEGMENT_BYTES)?;
        let rows_at = segments.checked_add(MAGIC.len())?;
        let rows = usize::try_from(n_rows).ok()?.checked_add(1)?.checked_mul(8)?;
        let sums_at = rows_at.checked_add(rows)?;
        let sums = sums_at.div_ceil(BLOCK_BYTES as usize) * 8;
        (sums_at.checked_add(sums)? == json_at).then_some((n_rows, rows_at, sums_at))
    };
    let (n_rows, rows_at, sums_at) =
        layout().ok_or("its size contradicts its header; it was cut or altered")?;
    if header.sums != format!("{:016x}", xxh3_64(&bytes[sums_at..json_at])) {
        return Err("its sums are not what was written".into());
    }
    if header.sequence_length == 0 || header.sequence_length > SEQUENCE_LENGTH_MAX {
        return Err(format!("its rows cannot have {} positions", header.sequence_length));
    }
    let digest = format!("{:016x}", xxh3_64(json));
    Ok(Parsed { header, digest, n_rows, rows_at, sums_at })
}
