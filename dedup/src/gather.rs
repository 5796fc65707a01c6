//! Collects the members of each component, in bounded memory.
//!
//! Members arrive in any order and are spread over partitions by their component. A partition is
//! read back as a whole, so all members of a component are available at once, preferred survivors
//! first. Components are ordered by their mixed number, which does not depend on the layout of the
//! partitions.

use std::collections::BTreeMap;

use store::Scratch;

use crate::cut::{Cut, Cutter};
use crate::error::Result;
use crate::member::parse;
use crate::mix::mix;
use crate::spill::{Spill, Spilled};

pub use crate::member::Member;

/// The largest number of members that are clustered together. A larger component is
/// [cut](crate::cut). A member takes about 600 bytes of memory while it is clustered, and each
/// thread clusters one component at a time.
pub(crate) const COMPONENT_MEMBERS_MAX: u64 = 1 << 20;

/// Takes members of all components, in any order.
pub struct Gather<'s> {
    scratch: &'s Scratch,
    name: String,
    memory_bytes: u64,
    component_members_max: u64,
    spill: Spill,
    /// The number of members in each partition.
    counts: Vec<u64>,
    record: Vec<u8>,
}

impl<'s> Gather<'s> {
    /// Makes a collection for members of about `bytes_expected` bytes in all, which uses about
    /// `memory_bytes` of memory. `name` is the name of the scratch file.
    ///
    /// # Errors
    /// When the scratch file cannot be made.
    pub fn new(
        scratch: &'s Scratch,
        name: &str,
        bytes_expected: u64,
        memory_bytes: u64,
    ) -> Result<Self> {
        let spill = Spill::new(scratch, name, bytes_expected, memory_bytes)?;
        Ok(Self {
            scratch,
            name: name.to_owned(),
            memory_bytes,
            component_members_max: COMPONENT_MEMBERS_MAX,
            counts: vec![0; spill.partitions()],
            spill,
            record: Vec::new(),
        })
    }

    /// Cuts components of more than `members` members, instead of 2^20. Unlike the memory limit,
    /// this changes results.
    #[must_use]
    pub fn component_members_max(self, members: u64) -> Self {
        Self { component_members_max: members.max(1), ..self }
    }

    /// Adds a member, whose parts must take less than 4 GiB together.
    ///
    /// # Errors
    /// When the scratch file cannot be written, or the parts take more than 4 GiB.
    pub fn push(&mut self, member: &Member<'_>) -> Result<()> {
        member.write(&mut self.record)?;
        let partition = self.spill.partition_of(mix(member.component));
        self.counts[partition] += 1;
        self.spill.push(partition, &self.record)
    }

    /// Ends the input and cuts components that are too large.
    ///
    /// # Errors
    /// When a scratch file cannot be written or read.
    pub fn finish(self) -> Result<Gathered> {
        let members_max = self.component_members_max;
        let mut gathered = Gathered { spilled: self.spill.finish()?, cuts: BTreeMap::new() };
        for partition in 0..self.counts.len() {
            // A partition below the limit has no component above it, so it need not be read.
            if self.counts[partition] <= members_max {
                continue;
            }
            for (component, members) in gathered.large_components(partition, members_max)? {
                let name = format!("{}-{component}", self.name);
                let cut = Cutter::new(&gathered.spilled, partition, component, members)?;
                let cut = cut.cut(members_max, self.scratch, &name, self.memory_bytes)?;
                gathered.cuts.insert(component, cut);
            }
        }
        Ok(gathered)
    }
}

/// The members of all components. They can be read any number of times.
pub struct Gathered {
    spilled: Spilled,
    cuts: BTreeMap<u64, Cut>,
}

impl Gathered {
    /// Returns the components that were cut: for each its number, the number of its members and the
    /// number of its pieces. Near-duplicates in different pieces are not compared.
    pub fn cut_components(&self) -> impl Iterator<Item = (u64, u64, usize)> + '_ {
        let cuts = self.cuts.iter();
        cuts.map(|(component, cut)| (*component, cut.members, cut.pieces.partitions()))
    }

    /// Runs `work` on the members of every component, in parallel. `work` appends its results to a
    /// list; the lists are passed to `take` in an order of components that is always the same.
    /// Components that were cut come last, one piece at a time. `state` makes the state that a
    /// thread keeps between components.
    ///
    /// # Errors
    /// When a scratch file cannot be read, and the errors of `take`.
    pub fn map_in_order<S, T: Send>(
        &self,
        state: impl Fn() -> S + Sync + Send,
        work: impl Fn(&mut S, &[Member<'_>], &mut Vec<T>) + Sync + Send,
        mut take: impl FnMut(Vec<T>) -> Result<()>,
    ) -> Result<()> {
        let work_on = |bytes: &[u8], state: &mut S| -> Result<Vec<T>> {
            let mut members = parse(bytes).collect::<Result<Vec<Member<'_>>>>()?;
            members.sort_unstable_by(Member::compare);
            let mut found = Vec::new();
            for component in members.chunk_by(|a, b| a.component == b.component) {
                work(state, component, &mut found);
            }
            Ok(found)
        };
        // A thread keeps its buffer between partitions, which have about the same size.
        let whole = |(bytes, state): &mut (Vec<u8>, S), partition| {
            self.read_whole(partition, bytes)?;
            work_on(bytes, state)
        };
        self.spilled.map_in_order(|| (Vec::new(), state()), whole, &mut take)?;
        for cut in self.cuts.values() {
            let piece = |(bytes, state): &mut (Vec<u8>, S), piece| {
                cut.pieces.read_all(piece, bytes)?;
                work_on(bytes, state)
            };
            cut.pieces.map_in_order(|| (Vec::new(), state()), piece, &mut take)?;
        }
        Ok(())
    }

    /// Replaces the content of `bytes` by the records of a partition, without the components that
    /// were cut.
    fn read_whole(&self, partition: usize, bytes: &mut Vec<u8>) -> Result<()> {
        if self.cuts.values().all(|cut| cut.partition != partition) {
            return self.spilled.read_all(partition, bytes);
        }
        bytes.clear();
        let mut record = Vec::new();
        self.spilled.each_chunk(partition, |chunk| {
            for member in parse(chunk) {
                let member = member?;
                if !self.cuts.contains_key(&member.component) {
                    member.write(&mut record)?;
                    bytes.extend_from_slice(&record);
                }
            }
            Ok(())
        })
    }

    /// Returns the components of a partition that have more than `members_max` members, and the
    /// number of their members.
    fn large_components(&self, partition: usize, members_max: u64) -> Result<BTreeMap<u64, u64>> {
        let mut members: BTreeMap<u64, u64> = BTreeMap::new();
        self.spilled.each_chunk(partition, |chunk| {
            for member in parse(chunk) {
                *members.entry(member?.component).or_default() += 1;
            }
            Ok(())
        })?;
        members.retain(|_, members| *members > members_max);
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Owned = (u64, u64, Vec<u8>, Vec<u64>, Vec<u8>);

    fn gathered(
        members: &[Owned],
        memory_bytes: u64,
        threads: usize,
        members_max: u64,
    ) -> Vec<Vec<Owned>> {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(folder.path().join("scratch")).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let gather = Gather::new(&scratch, "members", 10_000, memory_bytes).unwrap();
            let mut gather = gather.component_members_max(members_max);
            for (component, ordinal, order, keys, sketch) in members {
                let keys: Vec<[u8; 8]> = keys.iter().map(|key| key.to_le_bytes()).collect();
                let (component, ordinal) = (*component, *ordinal);
                let keys = keys.as_slice();
                let member = Member { component, ordinal, order, keys, sketch, payload: order };
                gather.push(&member).unwrap();
            }
            let own = |m: &Member<'_>| {
                let keys = m.keys.iter().map(|key| u64::from_le_bytes(*key)).collect();
                (m.component, m.ordinal, m.order.to_vec(), keys, m.sketch.to_vec())
            };
            let mut components = Vec::new();
            let work = |(): &mut (), members: &[Member<'_>], found: &mut Vec<Vec<Owned>>| {
                found.push(members.iter().map(own).collect());
            };
            let take = |found| {
                components.extend::<Vec<_>>(found);
                Ok(())
            };
            let gathered = gather.finish().unwrap();
            gathered.map_in_order(|| (), work, take).unwrap();
            for (_, members, _) in gathered.cut_components() {
                assert!(members > members_max);
            }
            components
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// No member is lost or changed. The order of the input, the memory and the number of
        /// threads do not change the result.
        #[test]
        fn members_come_together(
            members in prop::collection::vec(
                (
                    0u64..12,
                    prop::collection::vec(any::<u8>(), 0..3),
                    prop::collection::vec(0u64..20, 0..4),
                    prop::collection::vec(any::<u8>(), 0..9),
                ),
                0..60,
            ),
            memory_bytes in prop_oneof![0u64..3_000, Just(1 << 20)],
            threads in 1usize..4,
            members_max in prop_oneof![1u64..8, Just(100)],
        ) {
            let members: Vec<Owned> = (0..)
                .zip(members)
                .map(|(ordinal, (component, order, keys, sketch))| {
                    (component, ordinal, order, keys, sketch)
                })
                .collect();
            let mut turned = members.clone();
            turned.reverse();
            let components = gathered(&members, 1 << 20, 1, members_max);
            prop_assert_eq!(&gathered(&turned, memory_bytes, threads, members_max), &components);
            let mut sizes: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
            for component in &components {
                prop_assert!(component.iter().all(|m| m.0 == component[0].0));
                prop_assert!(component.is_sorted_by_key(|m| (m.2.clone(), m.1)));
                sizes.entry(component[0].0).or_default().push(component.len() as u64);
            }
            for sizes in sizes.values() {
                prop_assert!(sizes.len() == 1 || sizes.iter().sum::<u64>() > members_max);
            }
            let mut all: Vec<Owned> = components.concat();
            all.sort_by_key(|m| m.1);
            prop_assert_eq!(all, members);
        }
    }

    /// If pairs of near-duplicates are all chained by one key, most pairs stay together.
    #[test]
    fn a_component_chained_by_a_template_is_cut_between_pairs() {
        let own = |pair: u64, n: u64| (0..n).map(move |i| mix(pair << 8 | i));
        let members: Vec<Owned> = (0..2_000)
            .map(|ordinal| {
                let pair = ordinal / 2;
                let odd = mix(ordinal << 32);
                let keys = own(pair, 8).chain([odd, odd + 1, 4_711]).collect();
                (1, ordinal, Vec::new(), keys, Vec::new())
            })
            .collect();
        let pieces = gathered(&members, 1 << 20, 2, 100);
        assert!(pieces.len() > 30);
        assert!(pieces.iter().all(|piece| piece.len() < 150));
        let together =
            |piece: &Vec<Owned>| piece.windows(2).filter(|w| w[0].1 / 2 == w[1].1 / 2).count();
        let together: usize = pieces.iter().map(together).sum();
        assert!(together > 600, "{together} of 1,000 pairs");
    }
}
