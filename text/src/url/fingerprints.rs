//! A set of millions of strings that takes about nine bytes for each string, whatever its length.
//!
//! Each string is hashed by 128-bit XXH3. The upper half of the hash selects one of n/4 buckets,
//! and the lower half is stored there. A string that is not in a set of n is mistaken for a member
//! if both agree with those of a member: with 4 fingerprints of 64 bits in a bucket, once in 4 ×
//! 10^18 look-ups. Storing the strings, which would make the set exact, takes three times the
//! memory.

use xxhash_rust::xxh3::xxh3_128;

/// The mean number of fingerprints in a bucket. Four of them are half a cache line.
const BUCKET_LEN: usize = 4;

/// The number of hashes in a chunk. Chunks never grow, so there are never two copies of all hashes.
const CHUNK_LEN: usize = 1 << 16;

/// The maximum number of strings in a set, including duplicates. It is well below what the 32-bit
/// ends of the buckets can represent.
pub(super) const MEMBERS_LIMIT: usize = 1 << 30;

/// The hashes of strings that will make a [`Fingerprints`]: 16 bytes for each string.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    chunks: Vec<Vec<u128>>,
    len: usize,
}

impl Gathered {
    /// Adds a string. Returns `false` if the set is full.
    pub(super) fn insert(&mut self, member: &[u8]) -> bool {
        if self.len == MEMBERS_LIMIT {
            return false;
        }
        // The first chunk does grow: most sets are small.
        let capacity = if self.chunks.is_empty() { 0 } else { CHUNK_LEN };
        let hash = xxh3_128(member);
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK_LEN => chunk.push(hash),
            _ => {
                let mut chunk = Vec::with_capacity(capacity);
                chunk.push(hash);
                self.chunks.push(chunk);
            }
        }
        self.len += 1;
        true
    }

    /// Sorts the hashes into buckets and removes duplicates.
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
        // `ends` has the place of each bucket's next fingerprint; finally that is the bucket's end.
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

/// A set of strings, stored as hashes.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Fingerprints {
    /// The end of each bucket in `values`. A bucket begins at the end of the one before it.
    ends: Vec<u32>,
    /// The lower halves of the hashes, in ascending order within each bucket.
    values: Vec<u64>,
}

impl Fingerprints {
    /// Whether the set contains a string. False positives are as rare as the module's documentation
    /// says; there are no false negatives.
    pub(super) fn contains(&self, member: &[u8]) -> bool {
        if self.values.is_empty() {
            return false;
        }
        let hash = xxh3_128(member);
        let bucket = bucket(hash, self.ends.len());
        let start = bucket.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.values[start as usize..self.ends[bucket] as usize].contains(&(hash as u64))
    }

    /// The number of different strings.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The size in memory, in bytes.
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
