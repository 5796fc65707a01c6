//! Cuts a component that is too large to be held, such as one that a template chained together.
//!
//! Near-duplicates share most of their keys, so that the least of a document's keys, in a random
//! order, is also that of its near-duplicates more often than not (the min-hash of Broder 1997, on
//! keys): documents with the same least key go to the same piece. Keys that a large part of the
//! component has say nothing of that kind, and are left out; they are what holds it together. The
//! pieces depend on nothing but the documents.

use store::Scratch;

use crate::error::Result;
use crate::member::{Member, parse};
use crate::mix::mix;
use crate::spill::{Plan, Spill, Spilled};

/// Pieces for each [`crate::gather::COMPONENT_MEMBERS_MAX`] members: pieces are uneven.
const PIECES_PER_PART: u64 = 2;

/// A key that more than one of this many members have is left out.
const FREQUENT: u64 = 64;

/// Counters of keys: 4 MiB; a key's count is never too low (count-min sketch with one row: Cormode
/// and Muthukrishnan 2005).
const COUNTERS: usize = 1 << 20;

/// A component in pieces.
pub(crate) struct Cut {
    /// Where the component lies among others.
    pub(crate) partition: usize,
    pub(crate) members: u64,
    /// A partition for each piece.
    pub(crate) pieces: Spilled,
}

/// A component that is being cut.
pub(crate) struct Cutter<'g> {
    spilled: &'g Spilled,
    partition: usize,
    component: u64,
    members: u64,
    bytes: u64,
    counters: Vec<u32>,
}

impl<'g> Cutter<'g> {
    /// Counts the keys of `component`, which lies in `partition` with `members` members.
    pub(crate) fn new(
        spilled: &'g Spilled,
        partition: usize,
        component: u64,
        members: u64,
    ) -> Result<Self> {
        let mut cutter =
            Self { spilled, partition, component, members, bytes: 0, counters: Vec::new() };
        let (mut bytes, mut counters) = (0, vec![0u32; COUNTERS]);
        cutter.each(|member, record| {
            bytes += record.len() as u64;
            for key in member.keys {
                let counter = &mut counters[counter_of(*key)];
                *counter = counter.saturating_add(1);
            }
            Ok(())
        })?;
        (cutter.bytes, cutter.counters) = (bytes, counters);
        Ok(cutter)
    }

    /// Spreads the members over pieces of at most about `members_max`, in the scratch file `name`.
    pub(crate) fn cut(
        self,
        members_max: u64,
        scratch: &Scratch,
        name: &str,
        memory_bytes: u64,
    ) -> Result<Cut> {
        let n_pieces = self.members.div_ceil(members_max) * PIECES_PER_PART;
        let plan = Plan::with_partitions(n_pieces, self.bytes, memory_bytes);
        let mut pieces = Spill::with_plan(scratch, name, plan)?;
        self.each(|member, record| {
            pieces.push(pieces.partition_of(self.least_key(member)), record)
        })?;
        Ok(Cut { partition: self.partition, members: self.members, pieces: pieces.finish()? })
    }

    /// The least of the member's keys in a random order, without frequent ones; for a member without
    /// such keys, something of its own.
    fn least_key(&self, member: &Member<'_>) -> u64 {
        let frequent =
            |key: &&[u8; 8]| u64::from(self.counters[counter_of(**key)]) * FREQUENT > self.members;
        let rare = member.keys.iter().filter(|key| !frequent(key));
        let least = rare.map(|key| mix(u64::from_le_bytes(*key))).min();
        // The partition follows from the leading bits, which are zeros in a minimum.
        mix(least.unwrap_or(member.ordinal))
    }

    /// Hands over each member of the component and its record.
    fn each(&self, mut each: impl FnMut(&Member<'_>, &[u8]) -> Result<()>) -> Result<()> {
        let mut record = Vec::new();
        self.spilled.each_chunk(self.partition, |chunk| {
            for member in parse(chunk).filter(|m| m.component == self.component) {
                member.write(&mut record);
                each(&member, &record)?;
            }
            Ok(())
        })
    }
}

fn counter_of(key: [u8; 8]) -> usize {
    (mix(u64::from_le_bytes(key)) % COUNTERS as u64) as usize
}
