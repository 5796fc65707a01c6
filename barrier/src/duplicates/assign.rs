//! From candidates to clusters: gathers the members of each connected component, verifies them and
//! splits the component.

use dedup::components::Components;
use dedup::gather::{Gather, Gathered, Member as Candidate};
use dedup::leaders::{Leaders, Verify};
use rustc_hash::FxHashMap;
use store::Scratch;
use text::minhash::{MinHashConfig, MinHasher};

use super::link::link;
use super::members::{Clusters, Named};
use super::similarity::similarities;
use super::table::Member;
use crate::error::Result;
use crate::input::BarrierInput;
use crate::keys::{KeyLayout, KeyRow};

/// Expected bytes of a document's order and name, for planning memory.
const NAME_BYTES: u64 = 100;

/// First byte of the order: documents of earlier runs rank before those of this run.
const KNOWN_FIRST: u8 = 0;
const OWN_SECOND: u8 = 1;

/// How candidates are compared.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Comparison {
    /// Equal keys mean equal content.
    Equal,
    /// Documents are compared by similarity.
    Near(Near),
}

/// A comparison by similarity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Near {
    pub(crate) verify: Verify,
    /// The similarity from which documents are near duplicates.
    pub(crate) threshold: f32,
    pub(crate) config: MinHashConfig,
}

impl Comparison {
    /// Makes rows of the table of clusters.
    pub(super) fn clusters(&self, input: &BarrierInput<'_>) -> Clusters {
        match self {
            Self::Equal => Clusters::new(input, false, true),
            Self::Near(near) => Clusters::new(input, true, near.verify != Verify::Off),
        }
    }
}

/// Passes all clusters of at least two documents to `take`, in batches of whole clusters and in a
/// fixed order.
///
/// # Errors
/// Keys or texts cannot be read, scratch files cannot be written, or `take` fails.
pub(super) fn find(
    input: &BarrierInput<'_>,
    layout: KeyLayout,
    comparison: &Comparison,
    scratch: &Scratch,
    take: impl FnMut(Vec<Member>) -> Result<()>,
) -> Result<()> {
    let components = Components::find(link(input, layout, scratch)?)?;
    let gathered = gather(input, layout, comparison, scratch, &components)?;
    assign(input, comparison, scratch, &gathered, take)
}

/// A candidate that owns its data, to be passed between threads.
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

/// Brings the candidates of each component together.
fn gather(
    input: &BarrierInput<'_>,
    layout: KeyLayout,
    comparison: &Comparison,
    scratch: &Scratch,
    components: &Components,
) -> Result<Gathered> {
    let (verified, key_bytes) = match comparison {
        Comparison::Equal => (false, 0),
        Comparison::Near(near) => {
            (near.verify != Verify::Off, near.config.bands * (8 + near.config.rows))
        }
    };
    let expected = components.marks().count() * (NAME_BYTES + key_bytes as u64);
    let mut gather = Gather::new(scratch, "members", expected, input.memory_bytes)?;
    if !verified {
        // A cluster of equal texts has one survivor, so large components need no special treatment.
        gather = gather.component_members_max(u64::MAX);
    }
    let has_known = !input.known.is_empty();
    let bands = if verified { layout.band_columns() } else { Vec::new() };
    let mut columns = vec!["id", "size", "order"];
    if layout != KeyLayout::Keys {
        columns.push("sketch");
    }
    columns.extend(bands.iter().map(String::as_str));
    let own = |row: KeyRow<'_>, found: &mut Vec<OwnCandidate>| {
        let Some(component) = components.of(row.ordinal) else { return };
        let mut order = Vec::with_capacity(1 + row.order.len());
        if has_known {
            let known = input.files.earlier_run(row.ordinal);
            order.push(if known.is_some() { KNOWN_FIRST } else { OWN_SECOND });
        }
        order.extend(row.order);
        found.push(OwnCandidate {
            component,
            ordinal: row.ordinal,
            order,
            keys: row.bands.iter().map(u64::to_be_bytes).collect(),
            sketch: row.sketch.to_vec(),
            payload: Named::of(input, &row).to_bytes(),
        });
    };
    let take = |found: Vec<OwnCandidate>| {
        Ok(found.iter().try_for_each(|candidate| gather.push(&candidate.borrowed()))?)
    };
    input.files.collect(&columns, own, take)?;
    Ok(gather.finish()?)
}

/// Assigns each candidate to a cluster. Texts are compared only if the signatures' estimate is too
/// close to the threshold.
fn assign(
    input: &BarrierInput<'_>,
    comparison: &Comparison,
    scratch: &Scratch,
    gathered: &Gathered,
    mut take: impl FnMut(Vec<Member>) -> Result<()>,
) -> Result<()> {
    let (verify, threshold) = match comparison {
        // Equal keys are proof enough.
        Comparison::Equal => (Verify::Off, 1.0),
        Comparison::Near(near) => (near.verify, near.threshold),
    };
    let leaders = || Leaders::new(verify, threshold);
    let mut pairs: Vec<(u64, u64)> = Vec::new();
    gathered.map_in_order(leaders, Leaders::pairs_to_check, |found| {
        pairs.extend(found);
        Ok(())
    })?;
    pairs.sort_unstable();
    pairs.dedup();
    let known: FxHashMap<(u64, u64), f32> = match comparison {
        Comparison::Near(near) => {
            let hasher = MinHasher::new(near.config);
            similarities(&pairs, verify, &hasher, input, scratch)?.into_iter().collect()
        }
        Comparison::Equal => FxHashMap::default(),
    };
    let clusters = comparison.clusters(input);
    // An error of `take` is kept and returned at the end, since `map_in_order` has another error
    // type.
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
