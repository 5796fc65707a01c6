//! Cuts a component that is too large to be held in memory, such as one chained by a template.
//!
//! Near-duplicates share most of their keys. So the smallest of a document's keys, in a random
//! order, is usually also the smallest of its near-duplicates (the min-hash of Broder 1997, applied
//! to keys), and documents with the same smallest key go to the same piece. Keys that a large part
//! of the component shares are skipped: they hold the component together and tell nothing about
//! near-duplicates. The pieces depend on nothing but the documents.

use store::Scratch;

use crate::error::Result;
use crate::member::{Member, parse};
use crate::mix::mix;
use crate::spill::{Plan, Spill, Spilled};

/// Number of pieces for each [`crate::gather::COMPONENT_MEMBERS_MAX`] members. More than one,
/// because pieces have unequal sizes.
const PIECES_PER_PART: u64 = 2;

/// A key is skipped if more than one in this many members have it.
const FREQUENT: u64 = 64;

/// Number of counters of keys, 4 MiB in all. A count may be too high but never too low (a count-min
/// sketch with one row: Cormode and Muthukrishnan 2005).
const COUNTERS: usize = 1 << 20;

/// A component in pieces.
pub(crate) struct Cut {
    /// The partition of the gathered members that holds the component.
    pub(crate) partition: usize,
    pub(crate) members: u64,
    /// The members, one partition for each piece.
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
    /// Counts the keys of `component`, which has `members` members and lies in `partition`.
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

    /// Spreads the members over pieces of about `members_max` members at most, in a scratch file
    /// called `name`.
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

    /// Returns the smallest of the member's rare keys in a random order, mixed. A member without
    /// rare keys gets a value derived from its ordinal.
    fn least_key(&self, member: &Member<'_>) -> u64 {
        let frequent =
            |key: &&[u8; 8]| u64::from(self.counters[counter_of(**key)]) * FREQUENT > self.members;
        let rare = member.keys.iter().filter(|key| !frequent(key));
        let least = rare.map(|key| mix(u64::from_le_bytes(*key))).min();
        // The leading bits choose the partition; in a minimum they are mostly zeros, so mix again.
        mix(least.unwrap_or(member.ordinal))
    }

    /// Calls `each` with every member of the component and its record.
    fn each(&self, mut each: impl FnMut(&Member<'_>, &[u8]) -> Result<()>) -> Result<()> {
        let mut record = Vec::new();
        self.spilled.each_chunk(self.partition, |chunk| {
            for member in parse(chunk) {
                let member = member?;
                if member.component == self.component {
                    member.write(&mut record)?;
                    each(&member, &record)?;
                }
            }
            Ok(())
        })
    }
}

fn counter_of(key: [u8; 8]) -> usize {
    (mix(u64::from_le_bytes(key)) % COUNTERS as u64) as usize
}
