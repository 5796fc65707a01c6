//! Clusters of documents with equal or similar keys.

use std::sync::Arc;

use dedup::candidates::{Candidates, band_row, exact_row};
use dedup::components::Components;
use dedup::gather::{Gather, Gathered, Member as Candidate};
use dedup::leaders::{self, Assigned, Evidence, Leaders};
use dedup::sort::{Sorted, Sorter};
use rustc_hash::FxHashMap;
use store::Scratch;
use text::minhash::MinHasher;

use super::DedupStage;
use super::barrier::Barrier;
use super::clusters::Member;
use super::keys::KeyRow;
use super::known::known_doc_id;
use super::stage::Verify;
use super::texts::similarities;
use crate::error::Result;

/// Bytes of an `order` that are reckoned with.
const ORDER_BYTES: u64 = 16;

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
    fn of(stage: &DedupStage) -> Self {
        let DedupStage::MinHash(options) = stage else {
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

/// All clusters of two documents or more, sorted by survivor and document.
pub(super) fn find(barrier: &Barrier<'_>, scratch: &Scratch) -> Result<Vec<Member>> {
    let candidates = if let DedupStage::MinHash(_) = &barrier.planned.stage {
        let rows = |row: &KeyRow<'_>, each: &mut dyn FnMut([u8; 16]) -> Result<()>| {
            let keys = row.keys.as_chunks::<8>().0;
            keys.iter().try_for_each(|k| each(band_row(u64::from_be_bytes(*k), row.ordinal)))
        };
        join(barrier, scratch, &sort(barrier, scratch, rows)?)?
    } else {
        let rows = |row: &KeyRow<'_>, each: &mut dyn FnMut([u8; 24]) -> Result<()>| {
            let keys = row.keys.as_chunks::<16>().0;
            keys.iter().try_for_each(|k| each(exact_row(u128::from_be_bytes(*k), row.ordinal)))
        };
        join(barrier, scratch, &sort(barrier, scratch, rows)?)?
    };
    let components = Components::find(candidates)?;
    let gathered = gather(barrier, scratch, &components)?;
    let assigned = assign(barrier, scratch, &gathered)?;
    name(barrier, &assigned)
}

/// Sorts the rows that `rows` makes of each document that is still there.
fn sort<const N: usize>(
    barrier: &Barrier<'_>,
    scratch: &Scratch,
    rows: impl Fn(&KeyRow<'_>, &mut dyn FnMut([u8; N]) -> Result<()>) -> Result<()>,
) -> Result<Sorted<N>> {
    let bands = match &barrier.planned.stage {
        DedupStage::MinHash(options) => options.config().bands as u64,
        _ => 1,
    };
    let expected = barrier.files.documents() * bands;
    let mut sorter = Sorter::<N>::new(scratch, "rows", expected, barrier.memory_bytes)?;
    barrier.files.each(&["keys"], |row| {
        if barrier.is_gone(&row) {
            return Ok(());
        }
        rows(&row, &mut |row| Ok(sorter.push(row)?))
    })?;
    Ok(sorter.finish()?)
}

fn join<const N: usize>(
    barrier: &Barrier<'_>,
    scratch: &Scratch,
    sorted: &Sorted<N>,
) -> Result<Candidates> {
    Ok(Candidates::find(sorted, scratch, "edges", barrier.files.documents())?)
}

/// Brings what is known of each candidate to those of its component.
fn gather(barrier: &Barrier<'_>, scratch: &Scratch, components: &Components) -> Result<Gathered> {
    let (verified, key_bytes) = match &barrier.planned.stage {
        DedupStage::MinHash(options) => {
            let config = options.config();
            (options.verify != Some(Verify::Off), config.bands * (8 + config.rows))
        }
        _ => (false, 0),
    };
    let expected = components.marks().count() * (ORDER_BYTES + key_bytes as u64);
    let mut gather = Gather::new(scratch, "members", expected, barrier.memory_bytes)?;
    let has_known = !barrier.known.is_empty();
    let columns: &[&str] =
        if verified { &["order", "keys", "sketch"] } else { &["order", "sketch"] };
    let mut order = Vec::new();
    barrier.files.each(columns, |row| {
        let Some(component) = components.of(row.ordinal) else { return Ok(()) };
        order.clear();
        if has_known {
            let known = barrier.files.earlier_run(row.ordinal);
            order.push(if known.is_some() { KNOWN_FIRST } else { OWN_SECOND });
        }
        order.extend(row.order);
        Ok(gather.push(&Candidate {
            component,
            ordinal: row.ordinal,
            order: &order,
            keys: row.keys.as_chunks().0,
            sketch: row.sketch,
        })?)
    })?;
    Ok(gather.finish()?)
}

/// Decides where each candidate goes; looks at texts where their signatures leave doubt.
fn assign(barrier: &Barrier<'_>, scratch: &Scratch, gathered: &Gathered) -> Result<Vec<Assigned>> {
    let check = Check::of(&barrier.planned.stage);
    let leaders = || Leaders::new(check.verify, check.threshold);
    let mut pairs: Vec<(u64, u64)> = Vec::new();
    gathered.map_in_order(leaders, dedup::leaders::Leaders::pairs_to_check, |found| {
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
    let mut assigned: Vec<Assigned> = Vec::new();
    gathered.map_in_order(
        leaders,
        |leaders, members, found| {
            let before = found.len();
            leaders.assign(members, |a, b| known.get(&(a, b)).copied(), found);
            drop_singles(found, before);
        },
        |found| {
            assigned.extend(found);
            Ok(())
        },
    )?;
    Ok(assigned)
}

/// Leaves out what turned out to be alone, of what was found from `start` on.
fn drop_singles(found: &mut Vec<Assigned>, start: usize) {
    let mut led: Vec<u64> = found[start..]
        .iter()
        .filter(|one| one.representative != one.ordinal)
        .map(|one| one.representative)
        .collect();
    led.sort_unstable();
    led.dedup();
    let mut kept = start;
    for index in start..found.len() {
        let one = found[index];
        if one.representative != one.ordinal || led.binary_search(&one.ordinal).is_ok() {
            found[kept] = one;
            kept += 1;
        }
    }
    found.truncate(kept);
}

/// What the key files know of a document.
struct Named {
    ordinal: u64,
    doc_id: u64,
    id: Option<String>,
    represents: u32,
    run: Option<String>,
}

/// The clusters with the names of their documents.
pub(super) fn name(barrier: &Barrier<'_>, assigned: &[Assigned]) -> Result<Vec<Member>> {
    let mut ordinals: Vec<u64> = assigned.iter().map(|one| one.ordinal).collect();
    ordinals.sort_unstable();
    let named = named(barrier, &ordinals)?;
    let of = |ordinal: u64| {
        let place = named.binary_search_by_key(&ordinal, |named| named.ordinal);
        place.ok().map(|place| &named[place])
    };
    let mut totals: FxHashMap<u64, (u32, u32)> = FxHashMap::default();
    for one in assigned {
        let total = totals.entry(one.representative).or_default();
        total.0 += 1;
        let own = of(one.ordinal).filter(|named| named.run.is_none());
        total.1 = total.1.saturating_add(own.map_or(0, |named| named.represents));
    }
    let near = matches!(barrier.planned.stage, DedupStage::MinHash(_));
    let unverified =
        near && matches!(Check::of(&barrier.planned.stage).verify, leaders::Verify::Off);
    let stage: Arc<str> = barrier.planned.name.as_str().into();
    let mut members: Vec<Member> = assigned
        .iter()
        .filter_map(|one| {
            let (own, leader) = (of(one.ordinal)?, of(one.representative)?);
            let (size, represents) = totals.get(&one.representative).copied().unwrap_or_default();
            let survivor = one.ordinal == one.representative;
            Some(Member {
                stage: stage.clone(),
                cluster: leader.doc_id,
                duplicate_of: leader.doc_id,
                doc_id: own.doc_id,
                id: own.id.clone(),
                survivor,
                similarity: if near { one.similarity } else { 1.0 },
                size,
                represents: if survivor { represents } else { own.represents },
                verified: !unverified && one.evidence != Evidence::Component || !near,
                run: own.run.clone(),
            })
        })
        .collect();
    members.sort_unstable_by_key(|member| (member.cluster, member.doc_id));
    Ok(members)
}

/// The documents with these ordinals, which are sorted.
fn named(barrier: &Barrier<'_>, ordinals: &[u64]) -> Result<Vec<Named>> {
    let mut found = Vec::with_capacity(ordinals.len());
    let mut wanted = ordinals.iter().peekable();
    barrier.files.each(&["id", "size"], |row| {
        if wanted.next_if(|ordinal| **ordinal == row.ordinal).is_none() {
            return Ok(());
        }
        let known = barrier.files.earlier_run(row.ordinal);
        found.push(Named {
            ordinal: row.ordinal,
            doc_id: known.map_or(row.doc_id, |run| {
                let file = barrier.files.ordinals(barrier.files.file_of(row.ordinal));
                known_doc_id(barrier.place, run, row.ordinal - file.start)
            }),
            id: row.id.map(str::to_owned),
            represents: barrier.represents(&row),
            run: known.map(|run| barrier.known[run].name.clone()),
        });
        Ok(())
    })?;
    Ok(found)
}
