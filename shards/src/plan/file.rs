//! A plan file, memory-mapped: opened at a cost that does not grow with it.

use std::path::{Path, PathBuf};

use memmap2::Mmap;
use xxhash_rust::xxh3::xxh3_64;

use super::{BLOCK_BYTES, MAGIC, PlanHeader, SEGMENT_BYTES, Segment};
use crate::blocks::BlockChecks;
use crate::map::map;
use crate::order::Subject;
use crate::{Result, ShardError};

const TRAILER_BYTES: usize = 16;

/// A packing plan.
///
/// Layout, little-endian: `GRISTPLN`; the segments, each shard, start and length as u32; where each
/// row's segments begin, u64, one more than rows; the XXH3-64 of each MiB of all that, u64; the
/// header as JSON; the header's bytes as u64; `GRISTPLN`. Blocks are checked when they are first
/// read.
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
    /// Fails with [`ShardError::Unreadable`] when it is no plan or has another size than it says.
    pub fn open(path: &Path) -> Result<Self> {
        let unreadable = |message: String| ShardError::Unreadable { path: path.into(), message };
        let map = map(path)?.ok_or_else(|| unreadable("is empty".into()))?;
        let parsed = parse(&map).map_err(unreadable)?;
        let Parsed { header, digest, n_rows, rows_at, sums_at } = parsed;
        let checks = BlockChecks::new(sums_at as u64, BLOCK_BYTES);
        Ok(Self { path: path.into(), map, header, digest, n_rows, rows_at, sums_at, checks })
    }

    /// What it says about itself.
    pub fn header(&self) -> &PlanHeader {
        &self.header
    }

    /// What names this plan: XXH3-64 of its header, which holds the digest of all else.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Rows.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// What an order needs to know of it.
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
    /// Fails with [`ShardError::OutOfRange`], or with [`ShardError::Unreadable`] when the part of the
    /// plan that holds them is not what was written.
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

    /// Checks all of it.
    ///
    /// Fails with [`ShardError::Unreadable`], naming the first block that is not what was written.
    pub fn check(&self) -> Result<()> {
        self.checked(0, self.sums_at).map(drop)
    }

    /// The bytes from `start` to `end`, their blocks checked.
    fn checked(&self, start: usize, end: usize) -> Result<&[u8]> {
        self.checks.check(start as u64..end as u64, |block, bytes| {
            let sum = self.sums_at + block as usize * 8;
            let found = xxh3_64(&self.map[bytes.start as usize..bytes.end as usize]);
            let same = self.map[sum..sum + 8] == found.to_le_bytes();
            let damaged = || ShardError::Unreadable {
                path: self.path.clone(),
                message: format!(
                    "bytes {} to {} are not what was written; remove it, and `gristmill shards pack` makes it again",
                    bytes.start, bytes.end
                ),
            };
            if same { Ok(()) } else { Err(damaged()) }
        })?;
        Ok(&self.map[start..end])
    }
}

struct Parsed {
    header: PlanHeader,
    digest: String,
    n_rows: u64,
    rows_at: usize,
    sums_at: usize,
}

fn parse(bytes: &[u8]) -> std::result::Result<Parsed, String> {
    let no_plan = || "is no packing plan; `gristmill shards pack` makes one".to_owned();
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
    let add = |sum: Option<u64>, n: u64| sum?.checked_add(n);
    let sources = || header.sources.iter().map(|source| &source.statistics);
    let n_rows = sources().map(|s| s.rows).fold(Some(0), add);
    let n_segments = sources().map(|s| s.segments).fold(Some(0), add);
    let size = || {
        let segments = usize::try_from(n_segments?).ok()?.checked_mul(SEGMENT_BYTES)?;
        let rows_at = segments.checked_add(MAGIC.len())?;
        let rows = usize::try_from(n_rows?).ok()?.checked_add(1)?.checked_mul(8)?;
        let sums_at = rows_at.checked_add(rows)?;
        let sums = sums_at.div_ceil(BLOCK_BYTES as usize) * 8;
        (sums_at.checked_add(sums)? == json_at).then_some((rows_at, sums_at))
    };
    let (rows_at, sums_at) =
        size().ok_or("has another size than it says; it was cut or altered")?;
    if header.sums != format!("{:016x}", xxh3_64(&bytes[sums_at..json_at])) {
        return Err("its sums are not what was written".into());
    }
    if header.sequence_length == 0 || header.sequence_length > super::SEQUENCE_LENGTH_MAX {
        return Err(format!("says that rows have {} positions", header.sequence_length));
    }
    let digest = format!("{:016x}", xxh3_64(json));
    Ok(Parsed { header, digest, n_rows: n_rows.unwrap_or_default(), rows_at, sums_at })
}
