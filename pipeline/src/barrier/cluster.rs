//! Clusters of documents with equal or similar keys.

use std::sync::Arc;

use dedup::candidates::{Candidates, Linker, band_row, exact_row};
use dedup::components::Components;
use dedup::gather::{Gather, Gathered, Member as Candidate};
use dedup::leaders::{self, Assigned, Leaders};
use dedup::marks::Bits;
use dedup::sort::Sorter;
use rustc_hash::FxHashMap;
use store::Scratch;
use text::minhash::MinHasher;

use super::BarrierStage;
use super::barrier::Barrier;
use super::clusters::Member;
use super::keys::{KeyRow, band_columns};
use super::known::known_doc_id;
use super::options::Verify;
use super::texts::similarities;
use crate::error::Result;

/// Bytes of order and name of a document that are reckoned with.
const NAME_BYTES: u64 = 100;

/// Documents of earlier runs survive before all others: what is put in front of their order.
const KNOWN_FIRST: u8 = 0;
const OWN_SECOND: u8 = 1;

/// How the stage checks candidates.
struct Check {
    verify: leaders::Verify,
    threshold: f32,
    near: Option<(Verify, MinHasher)>,
}

impl Check {
    fn of(stage: &BarrierStage) -> Self {
        let BarrierStage::MinHash(options) = stage else {
            return Self { verify: leaders::Verify::Off, threshold: 1.0, near: None };
        };
        let how = options.verify.unwrap_or(Verify::Jaccard);
        Self {
            verify: match how {
                Verify::Jaccard => leaders::Verify::Jaccard,
                Verify::Containment => leaders::Verify::Containment,
                Verify::Signature => leaders::Verify::Signature,
                Verify::Off => leaders::Verify::Off,
            },
            threshold: options.threshold.unwrap_or_default() as f32,
            near: Some((how, MinHasher::new(options.config()))),
        }
    }
}

/// Hands all clusters of two documents or more to `take`, some whole clusters at a time, always in the
/// same order.
pub(super) fn find(
    barrier: &Barrier<'_>,
    scratch: &Scratch,
    take: impl FnMut(Vec<Member>) -> Result<()>,
) -> Result<()> {
    let candidates = match &barrier.planned.stage {
        BarrierStage::MinHash(_) => link_bands(barrier, scratch)?,
        _ => link_equal(barrier, scratch)?,
    };
    let components = Components::find(candidates)?;
    let gathered = gather(barrier, scratch, &components)?;
    assign(barrier, scratch, &gathered, take)
}

/// Links documents with equal keys of 128 bits.
fn link_equal(barrier: &Barrier<'_>, scratch: &Scratch) -> Result<Candidates> {
    let documents = barrier.files.documents();
    let mut sorter = Sorter::new(scratch, "rows", documents, barrier.memory_bytes)?;
    let row = |row: KeyRow<'_>, found: &mut Vec<[u8; 24]>| {
        if !barrier.is_gone(&row) {
            let keys = row.keys.as_chunks().0;
            found.extend(keys.iter().map(|k| exact_row(u128::from_be_bytes(*k), row.ordinal)));
        }
    };
    let push = |rows: Vec<_>| Ok(rows.into_iter().try_for_each(|row| sorter.push(row))?);
    barrier.files.collect(&["keys"], row, push)?;
    let mut linker = Linker::new(scratch, "edges", documents)?;
    linker.add(&sorter.finish()?)?;
    Ok(linker.finish()?)
}

/// Links documents that share the key of a band, some bands at a time: reading a band's column is cheaper
/// than writing the rows of all bands and reading them back.
fn link_bands(barrier: &Barrier<'_>, scratch: &Scratch) -> Result<Candidates> {
    let documents = barrier.files.documents();
    let gone = gone(barrier)?;
    let mut linker = Linker::new(scratch, "edges", documents)?;
    let at_once = bands_at_once(documents, barrier.memory_bytes);
    for bands in band_columns(&barrier.planned.stage).chunks(at_once) {
        let expected = documents * bands.len() as u64;
        let mut sorter = Sorter::new(scratch, "rows", expected, barrier.memory_bytes)?;
        barrier.files.bands(bands, &gone, |keys| {
            let mut rows = keys.into_iter().map(|(key, ordinal)| band_row(key, ordinal));
            Ok(rows.try_for_each(|row| sorter.push(row))?)
        })?;
        linker.add(&sorter.finish()?)?;
    }
    Ok(linker.finish()?)
}

/// The most bytes of rows that a few bands together fill: memory that was used before is faster than new.
const ROWS_BYTES_MAX: u64 = 256 << 20;

/// Bytes of a band's row.
const ROW_BYTES: u64 = 16;

/// How many bands are sorted together.
pub(super) fn bands_at_once(documents: u64, memory_bytes: u64) -> usize {
    let bytes = ROWS_BYTES_MAX.min(memory_bytes / 2);
    (bytes / (documents * ROW_BYTES).max(1)).max(1) as usize
}

/// The ordinals of the documents that an earlier stage dropped.
fn gone(barrier: &Barrier<'_>) -> Result<Bits> {
    let mut gone = Bits::default();
    if !barrier.earlier.is_empty() {
        let find = |row: KeyRow<'_>, found: &mut Vec<u64>| {
            found.extend(barrier.is_gone(&row).then_some(row.ordinal));
        };
        barrier.files.collect(&[], find, |found: Vec<u64>| {
            found.into_iter().for_each(|ordinal| gone.set(ordinal));
            Ok(())
        })?;
    }
    Ok(gone)
}

/// What is known of a candidate.
struct OwnCandidate {
    component: u64,
    ordinal: u64,
    order: Vec<u8>,
    keys: Vec<[u8; 8]>,
    sketch: Vec<u8>,
    payload: Vec<u8>,
}

impl OwnCandidate {
    fn borrowed(&self) -> Candidate<'_> {
        Candidate {
            component: self.component,
            ordinal: self.ordinal,
            order: &self.order,
            keys: &self.keys,
            sketch: &self.sketch,
            payload: &self.payload,
        }
    }
}

/// Brings what is known of each candidate to those of its component.
fn gather(barrier: &Barrier<'_>, scratch: &Scratch, components: &Components) -> Result<Gathered> {
    let (verified, key_bytes) = match &barrier.planned.stage {
        BarrierStage::MinHash(options) => {
            let config = options.config();
            (options.verify != Some(Verify::Off), config.bands * (8 + config.rows))
        }
        _ => (false, 0),
    };
    let expected = components.marks().count() * (NAME_BYTES + key_bytes as u64);
    let mut gather = Gather::new(scratch, "members", expected, barrier.memory_bytes)?;
    if !verified {
        // A cluster of equal texts has one survivor, however large it is.
        gather = gather.component_members_max(u64::MAX);
    }
    let has_known = !barrier.known.is_empty();
    let bands = if verified { band_columns(&barrier.planned.stage) } else { Vec::new() };
    let mut columns = vec!["id", "size", "order", "sketch"];
    columns.extend(bands.iter().map(String::as_str));
    let own = |row: KeyRow<'_>, found: &mut Vec<OwnCandidate>| {
        let Some(component) = components.of(row.ordinal) else { return };
        let mut order = Vec::with_capacity(1 + row.order.len());
        if has_known {
            let known = barrier.files.earlier_run(row.ordinal);
            order.push(if known.is_some() { KNOWN_FIRST } else { OWN_SECOND });
        }
        order.extend(row.order);
        found.push(OwnCandidate {
            component,
            ordinal: row.ordinal,
            order,
            keys: row.bands.iter().map(u64::to_be_bytes).collect(),
            sketch: row.sketch.to_vec(),
            payload: Named::of(barrier, &row).to_bytes(),
        });
    };
    let take = |found: Vec<OwnCandidate>| {
        Ok(found.iter().try_for_each(|candidate| gather.push(&candidate.borrowed()))?)
    };
    barrier.files.collect(&columns, own, take)?;
    Ok(gather.finish()?)
}

/// Decides where each candidate goes; looks at texts where their signatures leave doubt.
fn assign(
    barrier: &Barrier<'_>,
    scratch: &Scratch,
    gathered: &Gathered,
    mut take: impl FnMut(Vec<Member>) -> Result<()>,
) -> Result<()> {
    let check = Check::of(&barrier.planned.stage);
    let leaders = || Leaders::new(check.verify, check.threshold);
    let mut pairs: Vec<(u64, u64)> = Vec::new();
    gathered.map_in_order(leaders, Leaders::pairs_to_check, |found| {
        pairs.extend(found);
        Ok(())
    })?;
    pairs.sort_unstable();
    pairs.dedup();
    let known: FxHashMap<(u64, u64), f32> = match &check.near {
        Some((how, hasher)) => {
            let (files, texts) = (&barrier.files, barrier.texts);
            similarities(&pairs, *how, hasher, files, texts, scratch)?.into_iter().collect()
        }
        None => FxHashMap::default(),
    };
    let clusters = Clusters::of(barrier);
    let mut failed = None;
    gathered.map_in_order(
        || (leaders(), Vec::new()),
        |(leaders, assigned), members, found| {
            assigned.clear();
            leaders.assign(members, |a, b| known.get(&(a, b)).copied(), assigned);
            let named: Vec<Named<'_>> = members.iter().map(|m| Named::read(m.payload)).collect();
            clusters.of_component(assigned, &named, found);
        },
        |found| {
            if failed.is_none() {
                failed = take(found).err();
            }
            Ok(())
        },
    )?;
    failed.map_or(Ok(()), Err)
}

/// What the table of clusters says of a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    doc_id: u64,
    /// Documents as read that it stands for.
    represents: u32,
    /// Its earlier run, by its place among them.
    run: Option<u32>,
    id: Option<&'a str>,
}

impl<'a> Named<'a> {
    pub(super) fn of(barrier: &Barrier<'_>, row: &KeyRow<'a>) -> Self {
        let run = barrier.files.earlier_run(row.ordinal);
        let doc_id = run.map_or(row.doc_id, |run| {
            let file = barrier.files.ordinals(barrier.files.file_of(row.ordinal));
            known_doc_id(barrier.place, run, row.ordinal - file.start)
        });
        let represents = barrier.represents(row);
        Self { doc_id, represents, run: run.map(|run| run as u32), id: row.id }
    }

    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(17 + self.id.map_or(0, str::len));
        bytes.extend(self.doc_id.to_le_bytes());
        bytes.extend(self.represents.to_le_bytes());
        bytes.extend(self.run.map_or(0, |run| run + 1).to_le_bytes());
        if let Some(id) = self.id {
            bytes.push(1);
            bytes.extend(id.as_bytes());
        }
        bytes
    }

    fn read(bytes: &'a [u8]) -> Self {
        let (doc_id, rest) = bytes.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let (represents, rest) = rest.split_first_chunk().unwrap_or((&[0; 4], &[]));
        let (run, rest) = rest.split_first_chunk().unwrap_or((&[0; 4], &[]));
        Self {
            doc_id: u64::from_le_bytes(*doc_id),
            represents: u32::from_le_bytes(*represents),
            run: u32::from_le_bytes(*run).checked_sub(1),
            id: rest.split_first().and_then(|(_, id)| std::str::from_utf8(id).ok()),
        }
    }
}

/// Makes rows of the table of clusters.
pub(super) struct Clusters {
    stage: Arc<str>,
    /// Names of the earlier runs.
    runs: Vec<Arc<str>>,
    /// Whether the stage compares by similarity, and whether it checks.
    near: bool,
    verified: bool,
}

impl Clusters {
    pub(super) fn of(barrier: &Barrier<'_>) -> Self {
        let near = matches!(barrier.planned.stage, BarrierStage::MinHash(_));
        let off = matches!(Check::of(&barrier.planned.stage).verify, leaders::Verify::Off);
        Self {
            stage: barrier.planned.name.as_str().into(),
            runs: barrier.known.iter().map(|known| known.name.as_str().into()).collect(),
            near,
            verified: !near || !off,
        }
    }

    /// Adds the clusters of a component: where each of its documents goes, and its name.
    pub(super) fn of_component(
        &self,
        assigned: &[Assigned],
        named: &[Named<'_>],
        found: &mut Vec<Member>,
    ) {
        let places: FxHashMap<u64, usize> =
            assigned.iter().enumerate().map(|(place, one)| (one.ordinal, place)).collect();
        // Members, and documents of this run that they stand for, by the representative's place.
        let mut totals = vec![(0_u32, 0_u32); assigned.len()];
        let leader = |one: &Assigned| places.get(&one.representative).copied().unwrap_or_default();
        for (one, name) in assigned.iter().zip(named) {
            let total = &mut totals[leader(one)];
            total.0 += 1;
            let own = if name.run.is_none() { name.represents } else { 0 };
            total.1 = total.1.saturating_add(own);
        }
        let start = found.len();
        for (one, name) in assigned.iter().zip(named) {
            let place = leader(one);
            let (size, represents) = totals[place];
            if size < 2 {
                continue;
            }
            let survivor = one.ordinal == one.representative;
            found.push(Member {
                stage: self.stage.clone(),
                cluster: named[place].doc_id,
                duplicate_of: named[place].doc_id,
                doc_id: name.doc_id,
                id: name.id.map(Into::into),
                survivor,
                similarity: if self.near { one.similarity } else { 1.0 },
                size,
                represents: if survivor { represents } else { name.represents },
                verified: self.verified,
                run: name.run.and_then(|run| self.runs.get(run as usize).cloned()),
            });
        }
        found[start..].sort_unstable_by_key(|member| (member.cluster, member.doc_id));
    }
}
