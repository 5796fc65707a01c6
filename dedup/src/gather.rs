//! Brings the members of each component together, in bounded memory.
//!
//! What is known of a document arrives in any order, is spread over partitions by its component,
//! and is read back a partition at a time: all members of a component at once, those that survive
//! first in front. Components come in the order of [`mix`] of their number, which no layout of
//! partitions changes.

use std::cmp::Ordering;

use store::Scratch;

use crate::error::Result;
use crate::spill::{Spill, Spilled};

/// Bytes in front of a record: component, ordinal, and the lengths of order, keys and sketch.
const HEADER_BYTES: usize = 8 + 8 + 4 + 4 + 4;

/// A document in a component of candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its component.
    pub component: u64,
    /// Its place among all documents.
    pub ordinal: u64,
    /// Who survives: the least bytes, and among equal ones the least ordinal.
    pub order: &'a [u8],
    /// The keys of its bands, little-endian.
    pub keys: &'a [[u8; 8]],
    /// Its minima, 8 bits of each.
    pub sketch: &'a [u8],
}

impl Member<'_> {
    /// Components in the order of their mixed number, in each the survivors first.
    fn compare(&self, other: &Self) -> Ordering {
        mix(self.component)
            .cmp(&mix(other.component))
            .then_with(|| self.order.cmp(other.order))
            .then_with(|| self.ordinal.cmp(&other.ordinal))
    }
}

/// A bijection that spreads neighbouring numbers evenly: the finalizer of SplitMix64 (Steele, Lea
/// and Flood 2014).
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// Takes members in any order.
pub struct Gather {
    spill: Spill,
    record: Vec<u8>,
}

impl Gather {
    /// Starts with about `bytes_expected` of order, keys and sketches to come, within about
    /// `memory_bytes`; `name` is that of the scratch file.
    pub fn new(
        scratch: &Scratch,
        name: &str,
        bytes_expected: u64,
        memory_bytes: u64,
    ) -> Result<Self> {
        let spill = Spill::new(scratch, name, bytes_expected, memory_bytes)?;
        Ok(Self { spill, record: Vec::new() })
    }

    /// Adds a member. Order, keys and sketch take less than 4 GiB each.
    pub fn push(&mut self, member: &Member<'_>) -> Result<()> {
        let record = &mut self.record;
        record.clear();
        record.extend(member.component.to_le_bytes());
        record.extend(member.ordinal.to_le_bytes());
        for length in [member.order.len(), member.keys.len() * 8, member.sketch.len()] {
            record.extend((length as u32).to_le_bytes());
        }
        record.extend(member.order);
        record.extend(member.keys.as_flattened());
        record.extend(member.sketch);
        self.spill.push(self.spill.partition_of(mix(member.component)), record)
    }

    /// Ends the input.
    pub fn finish(self) -> Result<Gathered> {
        Ok(Gathered { spilled: self.spill.finish()? })
    }
}

/// Components, to be gone through as often as needed.
pub struct Gathered {
    spilled: Spilled,
}

impl Gathered {
    /// Runs `work` on the members of every component, in parallel; it adds what it finds to a list,
    /// and the lists come to `take` in the order of the components. `state` makes what a thread
    /// keeps between components.
    pub fn map_in_order<S, T: Send>(
        &self,
        state: impl Fn() -> S + Sync + Send,
        work: impl Fn(&mut S, &[Member<'_>], &mut Vec<T>) + Sync + Send,
        take: impl FnMut(Vec<T>) -> Result<()>,
    ) -> Result<()> {
        let read_and_work = |(bytes, state): &mut (Vec<u8>, S), partition| {
            bytes.resize(self.spilled.bytes(partition), 0);
            self.spilled.read(partition, bytes)?;
            let mut members = parse(bytes);
            members.sort_unstable_by(Member::compare);
            let mut found = Vec::new();
            for component in members.chunk_by(|a, b| a.component == b.component) {
                work(state, component, &mut found);
            }
            Ok(found)
        };
        self.spilled.map_in_order(|| (Vec::new(), state()), read_and_work, take)
    }
}

/// The records in the bytes of a partition.
fn parse(mut bytes: &[u8]) -> Vec<Member<'_>> {
    let mut members = Vec::new();
    while let Some((member, rest)) = parse_first(bytes) {
        members.push(member);
        bytes = rest;
    }
    members
}

fn parse_first(bytes: &[u8]) -> Option<(Member<'_>, &[u8])> {
    let (header, body) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let (numbers, lengths) = header.split_at(16);
    let number = |i: usize| numbers.as_chunks::<8>().0.get(i).map(|n| u64::from_le_bytes(*n));
    let length = |i: usize| lengths.as_chunks::<4>().0.get(i).map(|n| u32::from_le_bytes(*n));
    let (order, body) = body.split_at_checked(length(0)? as usize)?;
    let (keys, body) = body.split_at_checked(length(1)? as usize)?;
    let (sketch, rest) = body.split_at_checked(length(2)? as usize)?;
    let keys = keys.as_chunks::<8>().0;
    Some((Member { component: number(0)?, ordinal: number(1)?, order, keys, sketch }, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Owned = (u64, u64, Vec<u8>, Vec<u64>, Vec<u8>);

    fn gathered(members: &[Owned], memory_bytes: u64, threads: usize) -> Vec<Vec<Owned>> {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(folder.path().join("scratch")).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut gather = Gather::new(&scratch, "members", 10_000, memory_bytes).unwrap();
            for (component, ordinal, order, keys, sketch) in members {
                let keys: Vec<[u8; 8]> = keys.iter().map(|key| key.to_le_bytes()).collect();
                let (component, ordinal) = (*component, *ordinal);
                gather.push(&Member { component, ordinal, order, keys: &keys, sketch }).unwrap();
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
            gather.finish().unwrap().map_in_order(|| (), work, take).unwrap();
            components
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// No member is lost or changed, and neither input order nor memory nor threads show.
        #[test]
        fn members_come_together(
            members in prop::collection::btree_map(
                0u64..1_000,
                (
                    0u64..12,
                    prop::collection::vec(any::<u8>(), 0..3),
                    prop::collection::vec(any::<u64>(), 0..4),
                    prop::collection::vec(any::<u8>(), 0..9),
                ),
                0..60,
            ),
            memory_bytes in prop_oneof![0u64..3_000, Just(1 << 20)],
            threads in 1usize..4,
        ) {
            let members: Vec<Owned> = members
                .into_iter()
                .map(|(ordinal, (component, order, keys, sketch))| (component, ordinal, order, keys, sketch))
                .collect();
            let mut turned = members.clone();
            turned.reverse();
            let components = gathered(&members, 1 << 20, 1);
            prop_assert_eq!(&gathered(&turned, memory_bytes, threads), &components);
            for component in &components {
                prop_assert!(component.iter().all(|m| m.0 == component[0].0));
                prop_assert!(component.is_sorted_by_key(|m| (m.2.clone(), m.1)));
            }
            let mut all: Vec<Owned> = components.concat();
            all.sort_by_key(|m| m.1);
            prop_assert_eq!(all, members);
        }
    }
}
