//! Deduplication exactly as in datatrove 0.10: the same signatures, files and survivors.

use std::collections::BTreeMap;

use bug::OrBug as _;
use dedup::datatrove::{Decision, HASHES_PER_BUCKET, Precision, Signature, deduplicate};
use dedup::leaders::{Assigned, Evidence};
use store::FileEntry;

use super::assign::Comparison;
use super::members::Named;
use super::table::Member;
use crate::error::{BarrierError, Result};
use crate::input::BarrierInput;
use crate::keys::KeyRow;

/// The settings for datatrove's files and survivors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Datatrove {
    pub(crate) precision: Precision,
    /// Bands, which datatrove calls buckets.
    pub(crate) buckets: usize,
    /// Whether datatrove's files are written.
    pub(crate) writes_files: bool,
    /// Whether the survivors are those that datatrove would keep.
    pub(crate) chooses_survivors: bool,
}

impl Datatrove {
    /// Deduplicates as datatrove does. Returns the files that were written, too. The minima of all
    /// documents are held in memory.
    ///
    /// # Errors
    /// Keys cannot be read, or a file cannot be written.
    pub(super) fn deduplicate(
        &self,
        input: &BarrierInput<'_>,
    ) -> Result<(Ranks, Decision, Vec<FileEntry>)> {
        let ranks = Ranks::read(input)?;
        let mut files = Vec::new();
        let (buckets, precision) = (self.buckets, self.precision);
        let decision = deduplicate(&ranks.signatures, buckets, precision, |path, bytes| {
            if self.writes_files {
                let path = format!("datatrove/{}/{path}", input.name);
                files.push(input.run.publish_bytes(&path, bytes)?);
            }
            Ok::<_, BarrierError>(())
        })?;
        Ok((ranks, decision, files))
    }
}

/// The signatures of each input file, which datatrove calls a rank. The number of a document in its
/// rank is the number of its record in the file.
#[derive(Default)]
pub(super) struct Ranks {
    signatures: Vec<Vec<Signature>>,
    /// The ordinals of the same documents.
    ordinals: Vec<Vec<u64>>,
}

/// The data of a document in a key file.
struct OwnName {
    id: Option<String>,
    /// Ordinal, `doc_id` and `size`.
    row: (u64, u64, u32),
}

impl OwnName {
    fn named(&self, input: &BarrierInput<'_>) -> Named<'_> {
        let (ordinal, doc_id, size) = self.row;
        let id = self.id.as_deref();
        Named::of(input, &KeyRow { ordinal, doc_id, id, size, ..KeyRow::default() })
    }
}

impl Ranks {
    fn read(input: &BarrierInput<'_>) -> Result<Self> {
        let mut ranks = Self::default();
        input.files.each(&["minima"], |row| {
            let file = (row.doc_id >> 32) as usize;
            // Files without documents are ranks, too.
            while ranks.signatures.len() <= file {
                ranks.signatures.push(Vec::new());
                ranks.ordinals.push(Vec::new());
            }
            let minima = row.minima.as_chunks().0.iter().map(|m| u64::from_be_bytes(*m));
            let minima: Vec<u64> = minima.collect();
            if minima.len() >= HASHES_PER_BUCKET && !input.is_gone(&row) {
                ranks.signatures[file].push(Signature { document: row.doc_id as u32, minima });
                ranks.ordinals[file].push(row.ordinal);
            }
            Ok(())
        })?;
        Ok(ranks)
    }

    /// Passes the clusters that datatrove finds to `take`.
    ///
    /// # Errors
    /// Keys cannot be read, or `take` fails.
    pub(super) fn clusters(
        &self,
        input: &BarrierInput<'_>,
        comparison: &Comparison,
        decision: &Decision,
        mut take: impl FnMut(Vec<Member>) -> Result<()>,
    ) -> Result<()> {
        let assigned = self.assigned(decision)?;
        let mut wanted = assigned.iter().peekable();
        let mut named: Vec<OwnName> = Vec::with_capacity(assigned.len());
        input.files.each(&["id", "size"], |row| {
            if wanted.next_if(|one| one.ordinal == row.ordinal).is_some() {
                named.push(OwnName {
                    id: row.id.map(str::to_owned),
                    row: (row.ordinal, row.doc_id, row.size),
                });
            }
            Ok(())
        })?;
        let names: Vec<Named<'_>> = named.iter().map(|name| name.named(input)).collect();
        let mut members = Vec::with_capacity(assigned.len());
        comparison.clusters(input).of_component(&assigned, &names, &mut members);
        take(members)
    }

    /// The assignment of each document of a cluster, sorted by ordinal.
    fn assigned(&self, decision: &Decision) -> Result<Vec<Assigned>> {
        let survivors: BTreeMap<u32, (u32, u32)> = decision
            .members
            .iter()
            .filter(|(_, membership)| membership.kept)
            .map(|(document, membership)| (membership.cluster, *document))
            .collect();
        // Members are sorted by rank and number, which is the order of their ordinals.
        let assigned = decision.members.iter().map(|(document, membership)| {
            let survivor = survivors.get(&membership.cluster).or_bug("a cluster has a survivor")?;
            let (own, other) = (self.place(*document)?, self.place(*survivor)?);
            Ok(Assigned {
                component: u64::from(membership.cluster),
                ordinal: self.ordinals[own.0][own.1],
                representative: self.ordinals[other.0][other.1],
                similarity: agreement(self.minima(own), self.minima(other)),
                evidence: Evidence::Component,
            })
        });
        assigned.collect()
    }

    /// The rank of a document, and its index among the signatures of the rank.
    fn place(&self, (rank, document): (u32, u32)) -> Result<(usize, usize)> {
        let signatures = &self.signatures[rank as usize];
        let found = signatures.binary_search_by_key(&document, |s| s.document);
        Ok((rank as usize, found.or_bug("a member of a cluster has a signature")?))
    }

    fn minima(&self, (rank, place): (usize, usize)) -> &[u64] {
        &self.signatures[rank][place].minima
    }
}

/// The share of minima that two documents have in common.
fn agreement(a: &[u64], b: &[u64]) -> f32 {
    let equal = a.iter().zip(b).filter(|(a, b)| a == b).count();
    equal as f32 / a.len().max(1) as f32
}
