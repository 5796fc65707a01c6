//! A set of millions of strings in about nine bytes each, whatever their length.
//!
//! Of each string the 128-bit XXH3 hash is taken. The upper half chooses one of n/4 buckets, the
//! lower half is kept. A string outside a set of n is taken for one inside when both agree with a
//! member: with 5 million members, 4 fingerprints a bucket and 64 bits each, once in 4 × 10^18
//! look-ups. The strings themselves, which would make the set exact, take three times the memory.

use xxhash_rust::xxh3::xxh3_128;

/// Mean number of fingerprints in a bucket: half a cache line.
const BUCKET_LEN: usize = 4;

/// Hashes that are gathered in one piece, so that growing never holds two copies of all.
const CHUNK_LEN: usize = 1 << 16;

/// Strings in a set at most, duplicates included: what the 32-bit ends of the buckets can count,
/// with room.
pub(super) const MEMBERS_LIMIT: usize = 1 << 30;

/// An unfinished [`Fingerprints`]: 16 bytes a string.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    chunks: Vec<Vec<u128>>,
    len: usize,
}

impl Gathered {
    /// Adds a string; `false` when the set is full.
    pub(super) fn insert(&mut self, member: &[u8]) -> bool {
        if self.len == MEMBERS_LIMIT {
            return false;
        }
        if self.len.is_multiple_of(CHUNK_LEN) {
            // The first chunk grows by itself: most sets are small.
            let capacity = if self.chunks.is_empty() { 0 } else { CHUNK_LEN };
            self.chunks.push(Vec::with_capacity(capacity));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.push(xxh3_128(member));
        }
        self.len += 1;
        true
    }

    /// Sorts the hashes into buckets and drops the duplicates.
    pub(super) fn finish(self) -> Fingerprints {
        let bucket_count = (self.len / BUCKET_LEN).max(1);
        let mut ends = vec![0_u32; bucket_count];
        for &hash in self.chunks.iter().flatten() {
            ends[bucket(hash, bucket_count)] += 1;
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += std::mem::replace(end, sum);
        }
        // Each entry is the place of the bucket's next fingerprint, and its end when all are in.
        let mut values = vec![0_u64; self.len];
        for hash in self.chunks.into_iter().flatten() {
            let place = &mut ends[bucket(hash, bucket_count)];
            values[*place as usize] = hash as u64;
            *place += 1;
        }
        let (mut start, mut len) = (0, 0);
        for end in &mut ends {
            let range = start..*end as usize;
            start = range.end;
            values[range.clone()].sort_unstable();
            let first = len;
            for at in range {
                if len == first || values[len - 1] != values[at] {
                    values[len] = values[at];
                    len += 1;
                }
            }
            *end = len as u32;
        }
        values.truncate(len);
        values.shrink_to_fit();
        Fingerprints { ends, values }
    }
}

/// A set of strings, by their hashes.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Fingerprints {
    /// Where each bucket ends in `values`; it begins where the one before it ends.
    ends: Vec<u32>,
    /// The lower halves of the hashes, ascending within a bucket.
    values: Vec<u64>,
}

impl Fingerprints {
    /// Whether the set holds a string, with the error that the module's head states.
    pub(super) fn contains(&self, member: &[u8]) -> bool {
        if self.values.is_empty() {
            return false;
        }
        let hash = xxh3_128(member);
        let bucket = bucket(hash, self.ends.len());
        let start = bucket.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.values[start as usize..self.ends[bucket] as usize].contains(&(hash as u64))
    }

    /// Number of different strings.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Size in memory.
    pub(super) fn memory_bytes(&self) -> usize {
        self.ends.capacity() * size_of::<u32>() + self.values.capacity() * size_of::<u64>()
    }
}

/// The bucket of a hash: its upper half, scaled to the number of buckets.
fn bucket(hash: u128, bucket_count: usize) -> usize {
    ((u128::from((hash >> 64) as u64) * bucket_count as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set<'a>(members: impl IntoIterator<Item = &'a String>) -> Fingerprints {
        let mut gathered = Gathered::default();
        for member in members {
            assert!(gathered.insert(member.as_bytes()));
        }
        gathered.finish()
    }

    proptest! {
        #[test]
        fn it_is_the_set_of_its_members(
            members in prop::collection::vec("[a-c]{0,3}", 0..200),
            others in prop::collection::vec("[a-d]{0,4}", 50),
        ) {
            let found = set(&members);
            let exact: BTreeSet<&String> = members.iter().collect();
            prop_assert_eq!(found.len(), exact.len());
            prop_assert!(members.iter().all(|member| found.contains(member.as_bytes())));
            for other in &others {
                prop_assert_eq!(found.contains(other.as_bytes()), exact.contains(other));
            }
            prop_assert_eq!(&found, &set(members.iter().rev()));
        }
    }

    #[test]
    fn many_chunks() {
        let name = |number: usize| format!("host-{number}.example").into_bytes();
        let mut gathered = Gathered::default();
        for number in 0..3 * CHUNK_LEN {
            assert!(gathered.insert(&name(number)));
        }
        let set = gathered.finish();
        assert_eq!(set.len(), 3 * CHUNK_LEN);
        assert!(set.memory_bytes() < 10 * set.len());
        assert!((0..3 * CHUNK_LEN).all(|number| set.contains(&name(number))));
        assert!((3 * CHUNK_LEN..6 * CHUNK_LEN).all(|number| !set.contains(&name(number))));
    }
}
