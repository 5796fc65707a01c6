//! Verified clusters of near-duplicates, without a blind transitive closure.
//!
//! A component of candidates may chain thousands of unrelated texts together, over a shared
//! template or over many small steps. Here the members of a component are visited in the order in
//! which they should survive. Each is compared with the representatives of earlier members that
//! share a key with it. It joins the most similar representative that passes, or else becomes a
//! representative itself (leader clustering: Hartigan, "Clustering Algorithms", 1975, ch. 3). So
//! each removed member is itself similar to one that is kept, and a chain a~b~c with different ends
//! never merges the ends. Still, a representative is also found through the keys of the members
//! that joined it, which makes it more likely that a pair near the threshold is compared at all.
//!
//! The similarity is first estimated from the signatures, with a known error: `n` minima estimate a
//! Jaccard similarity s with a standard error of `sqrt(s (1 - s) / n)` (Broder 1997). Far from the
//! threshold the estimate decides. Close to it the texts must be compared. Since the texts are
//! stored elsewhere, there are two passes: [`Leaders::pairs_to_check`] returns the pairs that are
//! in doubt and may matter, and [`Leaders::assign`] decides, given their true similarities.

use serde::{Deserialize, Serialize};
use text::minhash::estimate_jaccard;

use crate::member::Member;
use crate::postings::Postings;

/// The largest number of pairs that are checked for a document. The most similar ones are taken.
const CHECKS_MAX: usize = 32;

/// Distance from the threshold, in standard errors, at which an estimate needs no check: of pairs
/// exactly at the threshold, 0.6 % have an estimate beyond it on either side.
const MARGIN_STANDARD_ERRORS: f32 = 2.5;

/// The fraction of the threshold below which containment is not checked either. If A is contained
/// in B, their Jaccard similarity is |A| / |B|. Bands do not find repetitions between texts whose
/// lengths differ by more than a factor of five.
const CONTAINMENT_FLOOR: f32 = 0.2;

/// How a candidate pair is verified. Recipes use the names in snake case: `jaccard`, `containment`,
/// `signature`, `off`. Errors list them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// By the estimate from the signatures, and near the threshold by the true Jaccard similarity
    /// of the texts.
    Jaccard,
    /// Like `Jaccard`, or by the containment `|A ∩ B| / min(|A|, |B|)` of the texts' shingles.
    Containment,
    /// By the estimate from the signatures alone.
    Signature,
    /// Not at all: a component is a cluster, so candidates of candidates are in one cluster.
    Off,
}

/// The evidence by which a member was assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The member is a representative.
    Itself,
    /// The signatures agree beyond doubt.
    Signature,
    /// The texts were compared.
    Text,
    /// The estimate reaches the threshold by less than its error, and the texts were not compared.
    Estimate,
    /// The two are in the same component ([`Verify::Off`]).
    Component,
}

/// The cluster of a member.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assigned {
    /// The component of the member.
    pub component: u64,
    /// The ordinal of the member.
    pub ordinal: u64,
    /// The ordinal of the member that is kept in its place; its own for a representative.
    pub representative: u64,
    /// The similarity of the two, between 0 and 1; 1 for a representative.
    pub similarity: f32,
    /// The evidence for the similarity.
    pub evidence: Evidence,
}

/// Clusters components, one after another. It keeps its buffers between them.
pub struct Leaders {
    verify: Verify,
    threshold: f32,
    postings: Postings,
    found: Vec<Found>,
}

/// A representative with which the current member is compared.
#[derive(Debug, Clone, Copy)]
struct Found {
    /// Its index in the component.
    place: u32,
    estimate: f32,
}

/// The smallest estimates at which a pair is certain, and at which it is in doubt.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    sure: f32,
    doubt: f32,
}

/// What the first pass knows about a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is a representative, whatever the checks say.
    Representative,
    /// It depends on pairs in doubt.
    Possible,
    /// It joins another member, whatever the checks say.
    Attached,
}

impl Leaders {
    /// Makes clusters of members with at least the similarity `threshold`, verified by `verify`.
    /// The threshold is clamped to 0 to 1.
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

    /// Appends to `pairs` the pairs of a component whose texts may decide, each once, the smaller
    /// ordinal first.
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
            // The members that joined `f` may be assigned elsewhere once the checks are known, and
            // then their keys do not lead to `f`. Only a key that `f` itself shares certainly does.
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
            // The lists must hold every representative that any outcome of the checks can lead to.
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

    /// Appends to `assigned` the cluster of each member of a component. `similarity` returns the
    /// true similarity of a pair, given with the smaller ordinal first. Where it returns `None`,
    /// the estimate decides.
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
            // A certain pair wins over one in doubt, even if the texts of the latter are more
            // similar. Otherwise every pair in doubt would have to be checked.
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

    /// Visits the members in order. `decide` gets the place of a member and its estimated
    /// similarity to each representative found through a shared key. It appends the places of the
    /// representatives that the member may join, or its own place.
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

/// Returns the most similar representative; among equally similar ones the preferred survivor.
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

/// Estimates the Jaccard similarity from two sketches. Without sketches it is 1, because then equal
/// keys are the only evidence.
fn estimate(a: &[u8], b: &[u8]) -> f32 {
    if a.is_empty() && b.is_empty() { 1.0 } else { estimate_jaccard(a, b) as f32 }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::postings::COMPARISONS_MAX;

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

    /// A similarity of two documents that is unrelated to their signatures.
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

    /// The same rule without an index: all pairs are compared.
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
        /// The index and the texts of the pairs from the first pass give the same result as all
        /// pairs. No member is lost, and every representative represents itself.
        #[test]
        fn two_passes_equal_a_comparison_of_all_pairs(
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
    fn verify_has_the_names_of_recipes() {
        let names = ["jaccard", "containment", "signature", "off"];
        let values = [Verify::Jaccard, Verify::Containment, Verify::Signature, Verify::Off];
        for (name, value) in names.into_iter().zip(values) {
            assert_eq!(serde_json::to_value(value).unwrap(), name);
            assert_eq!(serde_json::from_value::<Verify>(name.into()).unwrap(), value);
        }
        let error = serde_json::from_value::<Verify>("jacard".into()).unwrap_err();
        let expected = "unknown variant `jacard`, expected one of `jaccard`, `containment`, \
                        `signature`, `off`";
        assert_eq!(error.to_string(), expected);
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

    /// The third member shares a key with the second only, which has joined the first.
    #[test]
    fn a_representative_is_found_through_members_that_joined_it() {
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
