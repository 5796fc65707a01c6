//! Verified clusters: who is a near-duplicate of whom, without a blind transitive closure.
//!
//! A component of candidates may chain thousands of unrelated texts together, over a template that
//! they share or over many small steps. Here its members are gone through in the order in which
//! they should survive. Each is compared with the representatives of the earlier ones that share a
//! key with it, joins the most similar one that passes, or becomes a representative itself (leader
//! clustering: Hartigan, "Clustering Algorithms", 1975, ch. 3). So each member that goes is itself
//! similar to one that stays, and a chain a~b~c whose ends differ never merges them; yet a member is
//! also found over the keys of those that have joined before, which raises the chance that a pair
//! at the threshold is compared at all.
//!
//! The similarity is first estimated from the signatures, whose error is known: `n` minima estimate
//! a Jaccard similarity s with a standard error of `sqrt(s (1 - s) / n)` (Broder 1997). Far enough
//! from the threshold the estimate decides; in between the texts must. As the texts lie elsewhere,
//! there are two passes: [`Leaders::pairs_to_check`] says which pairs are in doubt and may matter,
//! [`Leaders::assign`] decides, given their true similarities.

use text::minhash::estimate_jaccard;

use crate::member::Member;
use crate::postings::Postings;

pub use crate::postings::COMPARISONS_MAX;

/// Pairs that are checked for a document at most, the most similar ones.
pub const CHECKS_MAX: usize = 32;

/// Standard errors between the threshold and an estimate that needs no check: 0.6 % of pairs at
/// the threshold lie beyond on either side.
const MARGIN_STANDARD_ERRORS: f32 = 2.5;

/// The part of the threshold below which not even containment is checked. If A is in B, their
/// Jaccard similarity is |A| / |B|: texts whose lengths differ by more than five times are no
/// repetition that a band would find.
const CONTAINMENT_FLOOR: f32 = 0.2;

/// How a candidate pair is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// Not at all: a component is a cluster.
    Off,
    /// By the estimate from the signatures alone.
    Signature,
    /// By the Jaccard similarity of the texts where the estimate leaves doubt.
    Jaccard,
    /// Like `Jaccard`, or by the containment `|A ∩ B| / min(|A|, |B|)` of the texts.
    Containment,
}

/// What a member was assigned by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// It is a representative.
    Itself,
    /// The signatures agree beyond doubt.
    Signature,
    /// The texts were compared.
    Text,
    /// The estimate reaches the threshold, by less than its error, and the texts were not compared.
    Estimate,
    /// It is in the same component ([`Verify::Off`]).
    Component,
}

/// Where a member went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assigned {
    /// The component.
    pub component: u64,
    /// The member.
    pub ordinal: u64,
    /// The member that stays in its place; itself for a representative.
    pub representative: u64,
    /// Their similarity, 1 for a representative.
    pub similarity: f32,
    /// How that is known.
    pub evidence: Evidence,
}

/// Clusters components, one after another.
pub struct Leaders {
    verify: Verify,
    threshold: f32,
    postings: Postings,
    found: Vec<Found>,
}

/// A representative to compare the document at hand with.
#[derive(Debug, Clone, Copy)]
struct Found {
    /// Its place in the component.
    place: u32,
    estimate: f32,
}

/// From which estimate on a pair is sure, and from which on in doubt.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    sure: f32,
    doubt: f32,
}

/// What the first pass knows of a member that may be a representative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing that can be found out makes it anything else.
    Representative,
    /// Depends on pairs in doubt.
    Possible,
    /// It goes, whatever the checks say.
    Attached,
}

impl Leaders {
    /// Confirms pairs by `verify` from the similarity `threshold` on.
    pub fn new(verify: Verify, threshold: f32) -> Self {
        Self {
            verify,
            threshold: threshold.clamp(0.0, 1.0),
            postings: Postings::default(),
            found: Vec::new(),
        }
    }

    fn bounds(&self, sketch_bytes: usize) -> Bounds {
        let t = self.threshold;
        let error = (t * (1.0 - t) / sketch_bytes.max(1) as f32).sqrt();
        let margin = MARGIN_STANDARD_ERRORS * error;
        let sure = (t + margin).min(1.0);
        match self.verify {
            Verify::Off | Verify::Signature => Bounds { sure: t, doubt: t },
            Verify::Jaccard => Bounds { sure, doubt: t - margin },
            Verify::Containment => Bounds { sure, doubt: (t * CONTAINMENT_FLOOR).min(t - margin) },
        }
    }

    /// Adds to `pairs` those of a component whose texts may decide: smaller ordinal first, each
    /// once.
    pub fn pairs_to_check(&mut self, members: &[Member<'_>], pairs: &mut Vec<(u64, u64)>) {
        if matches!(self.verify, Verify::Off | Verify::Signature) {
            return;
        }
        let mut states: Vec<State> = Vec::with_capacity(members.len());
        let mut near: Vec<Found> = Vec::new();
        self.walk(members, |place, bounds, found, joins| {
            near.clear();
            near.extend(found.iter().filter(|f| f.estimate >= bounds.doubt));
            near.sort_unstable_by(|a, b| {
                b.estimate.total_cmp(&a.estimate).then(a.place.cmp(&b.place))
            });
            let (sure, doubtful) =
                near.split_at(near.partition_point(|f| f.estimate >= bounds.sure));
            let doubtful = &doubtful[..doubtful.len().min(CHECKS_MAX)];
            // Other members may lead elsewhere in the end; a key of its own leads to it for sure.
            let own_keys = members[place as usize].keys;
            let known = |f: &Found| {
                states[f.place as usize] == State::Representative
                    && members[f.place as usize].keys.iter().any(|key| own_keys.contains(key))
            };
            let state = if sure.iter().any(known) {
                State::Attached
            } else if near.is_empty() {
                State::Representative
            } else {
                State::Possible
            };
            if state != State::Attached {
                joins.push(place);
            }
            joins.extend(sure.iter().take(CHECKS_MAX).map(|f| f.place));
            if state == State::Possible {
                joins.extend(doubtful.iter().map(|f| f.place));
                let checked = doubtful.iter().map(|f| &members[f.place as usize]);
                pairs.extend(checked.map(|other| pair(&members[place as usize], other)));
            }
            states.push(state);
        });
    }

    /// Adds to `assigned` where each member of a component goes. `similarity` knows the true
    /// similarities of pairs, smaller ordinal first; where it knows none, the estimate decides.
    pub fn assign(
        &mut self,
        members: &[Member<'_>],
        similarity: impl Fn(u64, u64) -> Option<f32>,
        assigned: &mut Vec<Assigned>,
    ) {
        let Some(first) = members.first() else { return };
        if self.verify == Verify::Off {
            assigned.push(itself(first));
            assigned.extend(members[1..].iter().map(|member| {
                let estimate = estimate(member.sketch, first.sketch);
                to(member, first, estimate, Evidence::Component)
            }));
            return;
        }
        let threshold = self.threshold;
        self.walk(members, |place, bounds, found, joins| {
            let member = &members[place as usize];
            let sure = found.iter().filter(|f| f.estimate >= bounds.sure);
            let sure = sure.map(|f| (f.place, f.estimate, Evidence::Signature));
            let best = most_similar(sure).or_else(|| {
                let doubt = found.iter().filter(|f| f.estimate >= bounds.doubt);
                most_similar(doubt.filter_map(|f| {
                    let (a, b) = pair(member, &members[f.place as usize]);
                    let (similarity, evidence) = match similarity(a, b) {
                        Some(similarity) => (similarity, Evidence::Text),
                        None => (f.estimate, Evidence::Estimate),
                    };
                    (similarity >= threshold).then_some((f.place, similarity, evidence))
                }))
            });
            assigned.push(match best {
                Some((place, similarity, evidence)) => {
                    to(member, &members[place as usize], similarity, evidence)
                }
                None => itself(member),
            });
            joins.push(best.map_or(place, |best| best.0));
        });
    }

    /// Goes through the members. `decide` is told how similar a member is to the representatives to
    /// be compared with, and names those that it may join, or itself.
    fn walk(
        &mut self,
        members: &[Member<'_>],
        mut decide: impl FnMut(u32, Bounds, &[Found], &mut Vec<u32>),
    ) {
        self.postings.start(members);
        let mut joins = Vec::new();
        for (place, member) in (0..).zip(members) {
            let bounds = self.bounds(member.sketch.len());
            self.found.clear();
            let found = &mut self.found;
            self.postings.each(place, |other| {
                let estimate = estimate(member.sketch, members[other as usize].sketch);
                found.push(Found { place: other, estimate });
            });
            joins.clear();
            decide(place, bounds, &self.found, &mut joins);
            self.postings.post(place, &joins);
        }
    }
}

/// The most similar of some, among equals the one that survives first.
fn most_similar(found: impl Iterator<Item = (u32, f32, Evidence)>) -> Option<(u32, f32, Evidence)> {
    found.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
}

fn pair(a: &Member<'_>, b: &Member<'_>) -> (u64, u64) {
    (a.ordinal.min(b.ordinal), a.ordinal.max(b.ordinal))
}

fn itself(member: &Member<'_>) -> Assigned {
    to(member, member, 1.0, Evidence::Itself)
}

fn to(
    member: &Member<'_>,
    representative: &Member<'_>,
    similarity: f32,
    evidence: Evidence,
) -> Assigned {
    Assigned {
        component: member.component,
        ordinal: member.ordinal,
        representative: representative.ordinal,
        similarity,
        evidence,
    }
}

/// The Jaccard similarity that two sketches suggest. Without sketches 1: then equal keys are all
/// there is to go by.
fn estimate(a: &[u8], b: &[u8]) -> f32 {
    if a.is_empty() && b.is_empty() { 1.0 } else { estimate_jaccard(a, b) as f32 }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    type Owned = (Vec<[u8; 8]>, Vec<u8>);

    fn members(owned: &[Owned]) -> Vec<Member<'_>> {
        owned
            .iter()
            .zip(0..)
            .map(|((keys, sketch), ordinal)| Member {
                component: 7,
                ordinal,
                order: &[],
                keys,
                sketch,
                payload: &[],
            })
            .collect()
    }

    /// A similarity of two documents that the signatures know nothing of.
    fn truth(a: u64, b: u64) -> f32 {
        (crate::mix::mix(a << 32 | b) % 100) as f32 / 100.0
    }

    fn assign(
        leaders: &mut Leaders,
        members: &[Member<'_>],
        similarity: impl Fn(u64, u64) -> Option<f32>,
    ) -> Vec<Assigned> {
        let mut assigned = Vec::new();
        leaders.assign(members, similarity, &mut assigned);
        assigned
    }

    /// The same rule with all pairs in sight and no index.
    fn plainly(leaders: &Leaders, members: &[Member<'_>]) -> Vec<u64> {
        let mut representatives: Vec<usize> = Vec::new();
        for (place, member) in members.iter().enumerate() {
            let bounds = leaders.bounds(member.sketch.len());
            let shares = |j: &usize| members[*j].keys.iter().any(|key| member.keys.contains(key));
            let to_compare: BTreeSet<usize> =
                (0..place).filter(shares).map(|j| representatives[j]).collect();
            let mut best: Option<(bool, f32, usize)> = None;
            for place in to_compare {
                let other = &members[place];
                let estimate = estimate(member.sketch, other.sketch);
                let sure = estimate >= bounds.sure;
                let (a, b) = pair(member, other);
                let similarity = if sure { estimate } else { truth(a, b) };
                let passes = estimate >= bounds.doubt && similarity >= leaders.threshold;
                let better = best.is_none_or(|best| (sure, similarity) > (best.0, best.1));
                if (sure || passes) && better {
                    best = Some((sure, similarity, place));
                }
            }
            representatives.push(best.map_or(place, |best| best.2));
        }
        representatives.into_iter().map(|place| members[place].ordinal).collect()
    }

    fn documents() -> impl Strategy<Value = Vec<Owned>> {
        let keys = prop::collection::vec((0u64..12).prop_map(u64::to_le_bytes), 1..4);
        let sketch = prop::collection::vec(0u8..2, 24);
        prop::collection::vec((keys, sketch), 1..CHECKS_MAX)
    }

    proptest! {
        /// The index, and the texts of only those pairs that the first pass named, give what all
        /// pairs would; nobody is lost, and everyone's representative represents itself.
        #[test]
        fn two_passes_give_what_all_pairs_would(
            owned in documents(),
            verify in prop_oneof![
                Just(Verify::Signature), Just(Verify::Jaccard), Just(Verify::Containment)
            ],
            threshold in 0.3f32..1.0,
        ) {
            let members = members(&owned);
            let mut leaders = Leaders::new(verify, threshold);
            let mut pairs = Vec::new();
            leaders.pairs_to_check(&members, &mut pairs);
            let named: BTreeSet<(u64, u64)> = pairs.iter().copied().collect();
            prop_assert_eq!(named.len(), pairs.len());
            let checked = |a, b| named.contains(&(a, b)).then(|| truth(a, b));
            let assigned = assign(&mut leaders, &members, checked);
            prop_assert_eq!(&assigned, &assign(&mut leaders, &members, |a, b| Some(truth(a, b))));
            let representatives: Vec<u64> = assigned.iter().map(|a| a.representative).collect();
            prop_assert_eq!(representatives, plainly(&leaders, &members));

            let of: BTreeMap<u64, &Assigned> = assigned.iter().map(|a| (a.ordinal, a)).collect();
            prop_assert_eq!(of.len(), members.len());
            for a in &assigned {
                let is_itself = a.evidence == Evidence::Itself;
                prop_assert_eq!(is_itself, a.representative == a.ordinal);
                prop_assert_eq!(of[&a.representative].evidence, Evidence::Itself);
                prop_assert!(a.similarity >= leaders.threshold);
            }
        }
    }

    #[test]
    fn a_chain_is_not_a_cluster() {
        let keys = vec![1u64.to_le_bytes()];
        let sketch = |from: usize| (0..100).map(|i| u8::from(i >= from)).collect::<Vec<u8>>();
        let owned: Vec<Owned> = [0, 15, 30].map(|from| (keys.clone(), sketch(from))).to_vec();
        let members = members(&owned);
        let assigned = assign(&mut Leaders::new(Verify::Signature, 0.8), &members, |_, _| None);
        let representatives: Vec<u64> = assigned.iter().map(|a| a.representative).collect();
        assert_eq!(representatives, [0, 0, 2]);
        let assigned = assign(&mut Leaders::new(Verify::Off, 0.8), &members, |_, _| None);
        assert!(assigned.iter().all(|a| a.representative == 0));
    }

    /// The third shares a key with the second alone, which has gone to the first.
    #[test]
    fn a_member_is_found_over_those_that_joined() {
        let keys = |keys: &[u64]| keys.iter().map(|key| key.to_le_bytes()).collect::<Vec<_>>();
        let owned: Vec<Owned> =
            [&[1][..], &[1, 2], &[2]].map(|own| (keys(own), vec![7; 8])).to_vec();
        let members = members(&owned);
        let assigned = assign(&mut Leaders::new(Verify::Signature, 0.8), &members, |_, _| None);
        assert!(assigned.iter().all(|a| a.representative == 0));
    }

    #[test]
    fn a_template_of_many_documents_stays_linear() {
        let owned: Vec<Owned> = (0..20_000u64)
            .map(|i| {
                let mut sketch = Vec::new();
                (0..14).for_each(|j| sketch.extend(crate::mix::mix(i * 14 + j).to_le_bytes()));
                let own = crate::mix::mix(i / 2) | 1;
                (vec![0u64.to_le_bytes(), own.to_le_bytes()], sketch)
            })
            .collect();
        let members = members(&owned);
        let assigned = assign(&mut Leaders::new(Verify::Signature, 0.8), &members, |_, _| None);
        assert!(assigned.iter().all(|a| a.evidence == Evidence::Itself));
        let mut postings = Postings::default();
        postings.start(&members);
        (0..20_000).for_each(|place| postings.post(place, &[place]));
        let mut others = Vec::new();
        postings.each(19_999, |other| others.push(other));
        assert_eq!(others.len(), COMPARISONS_MAX);
        assert!(others[..2].contains(&19_998), "the rare key comes first");
    }
}
