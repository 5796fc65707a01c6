//! Deduplication as datatrove 0.10 does it: its signatures, its files, its survivors.

use std::collections::BTreeMap;

use dedup::datatrove::{HASHES_PER_BUCKET, Precision, Signature, deduplicate};
use dedup::leaders::{Assigned, Evidence};
use store::{FileEntry, Scratch};

use super::barrier::Barrier;
use super::cluster;
use super::clusters::Member;
use super::stage::MinHashOptions;
use crate::error::{PipelineError, Result};

/// The signatures of each input file, which is a rank. A document's number there is that of its record
/// in the file.
#[derive(Default)]
struct Ranks {
    signatures: Vec<Vec<Signature>>,
    /// Of the same documents.
    ordinals: Vec<Vec<u64>>,
}

impl Ranks {
    fn of(&self, rank: u32) -> &[Signature] {
        &self.signatures[rank as usize]
    }
}

/// The clusters, and the files where they are wanted. The minima of all documents are in memory.
pub(super) fn find(
    barrier: &Barrier<'_>,
    options: &MinHashOptions,
    scratch: &Scratch,
) -> Result<(Vec<Member>, Vec<FileEntry>)> {
    let ranks = ranks(barrier)?;
    let precision =
        if options.precision_bits == 32 { Precision::Bits32 } else { Precision::Bits64 };
    let mut files = Vec::new();
    let buckets = options.config().bands;
    let decision = deduplicate(&ranks.signatures, buckets, precision, |path, bytes| {
        if options.datatrove_files {
            let path = format!("datatrove/{}/{path}", barrier.planned.name);
            files.push(barrier.run.publish_bytes(&path, bytes)?);
        }
        Ok::<_, PipelineError>(())
    })?;
    if !options.keeps_as_datatrove() {
        return Ok((cluster::find(barrier, scratch)?, files));
    }
    let ordinal = |(rank, document): (u32, u32)| {
        let place = ranks.of(rank).binary_search_by_key(&document, |s| s.document);
        place.map_or(0, |place| ranks.ordinals[rank as usize][place])
    };
    let survivors: BTreeMap<u32, (u32, u32)> = decision
        .members
        .iter()
        .filter(|(_, membership)| membership.kept)
        .map(|(document, membership)| (membership.cluster, *document))
        .collect();
    let minima = |(rank, document): (u32, u32)| {
        let signatures = ranks.of(rank);
        let place = signatures.binary_search_by_key(&document, |s| s.document);
        place.map_or(&[][..], |place| signatures[place].minima.as_slice())
    };
    let assigned: Vec<Assigned> = decision
        .members
        .iter()
        .filter_map(|(document, membership)| {
            let survivor = *survivors.get(&membership.cluster)?;
            Some(Assigned {
                component: u64::from(membership.cluster),
                ordinal: ordinal(*document),
                representative: ordinal(survivor),
                similarity: agreement(minima(*document), minima(survivor)),
                evidence: Evidence::Component,
            })
        })
        .collect();
    Ok((cluster::name(barrier, &assigned)?, files))
}

/// The share of minima that two documents have in common.
fn agreement(a: &[u64], b: &[u64]) -> f32 {
    let equal = a.iter().zip(b).filter(|(a, b)| a == b).count();
    equal as f32 / a.len().max(1) as f32
}

fn ranks(barrier: &Barrier<'_>) -> Result<Ranks> {
    let mut ranks = Ranks::default();
    barrier.files.each(&["minima"], |row| {
        let file = (row.doc_id >> 32) as usize;
        // Files without a document are ranks too.
        while ranks.signatures.len() <= file {
            ranks.signatures.push(Vec::new());
            ranks.ordinals.push(Vec::new());
        }
        let minima = row.minima.as_chunks().0.iter().map(|m| u64::from_be_bytes(*m));
        let minima: Vec<u64> = minima.collect();
        if minima.len() >= HASHES_PER_BUCKET && !barrier.is_gone(&row) {
            ranks.signatures[file].push(Signature { document: row.doc_id as u32, minima });
            ranks.ordinals[file].push(row.ordinal);
        }
        Ok(())
    })?;
    Ok(ranks)
}
