//! From the assignments in a component to rows of the table of clusters.

use std::sync::Arc;

use dedup::leaders::Assigned;
use rustc_hash::FxHashMap;

use super::table::Member;
use crate::input::BarrierInput;
use crate::keys::KeyRow;
use crate::known::known_doc_id;

/// The identity of a document in the table of clusters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    doc_id: u64,
    /// The number of input documents that it stands for.
    represents: u32,
    /// The index of the earlier run that it comes from; `None` for documents of this run.
    run: Option<u32>,
    id: Option<&'a str>,
}

impl<'a> Named<'a> {
    pub(super) fn of(input: &BarrierInput<'_>, row: &KeyRow<'a>) -> Self {
        let run = input.files.earlier_run(row.ordinal);
        let doc_id = run.map_or(row.doc_id, |run| {
            let file = input.files.ordinals(input.files.file_of(row.ordinal));
            known_doc_id(input.place, run, row.ordinal - file.start)
        });
        let represents = input.represents(row);
        Self { doc_id, represents, run: run.map(|run| run as u32), id: row.id }
    }

    /// Little-endian `doc_id` (8 bytes), `represents` (4), `run` + 1 or 0 (4). If there is an id, a
    /// byte 1 and the id follow.
    pub(super) fn to_bytes(self) -> Vec<u8> {
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

    /// Reads the bytes of [`Named::to_bytes`].
    pub(super) fn read(bytes: &'a [u8]) -> Self {
        let (doc_id, rest) = bytes.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let (represents, rest) = rest.split_first_chunk().unwrap_or((&[0; 4], &[]));
        let (run, rest) = rest.split_first_chunk().unwrap_or((&[0; 4], &[]));
        Self {
            doc_id: u64::from_le_bytes(*doc_id),
            represents: u32::from_le_bytes(*represents),
            run: u32::from_le_bytes(*run).checked_sub(1),
            // The bytes were made from a `str`, so they are UTF-8.
            id: rest.split_first().and_then(|(_, id)| std::str::from_utf8(id).ok()),
        }
    }
}

/// Makes rows of the table of clusters.
pub(super) struct Clusters {
    stage: Arc<str>,
    /// Names of the earlier runs.
    runs: Vec<Arc<str>>,
    /// Whether the stage compares by similarity.
    near: bool,
    verified: bool,
}

impl Clusters {
    /// `near` is true if the stage compares by similarity, `verified` if it verifies candidates.
    pub(super) fn new(input: &BarrierInput<'_>, near: bool, verified: bool) -> Self {
        Self {
            stage: input.name.into(),
            runs: input.known.iter().map(|known| known.name.as_str().into()).collect(),
            near,
            verified,
        }
    }

    /// Adds the clusters of a component to `found`. `named` holds the documents of `assigned`, in
    /// the same order.
    pub(super) fn of_component(
        &self,
        assigned: &[Assigned],
        named: &[Named<'_>],
        found: &mut Vec<Member>,
    ) {
        let places: FxHashMap<u64, usize> =
            assigned.iter().enumerate().map(|(place, one)| (one.ordinal, place)).collect();
        // At the representative's place: the number of members, and of this run's input documents
        // that they stand for.
        let mut totals = vec![(0_u32, 0_u32); assigned.len()];
        let leader = |one: &Assigned| places.get(&one.representative).copied().unwrap_or(0);
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
