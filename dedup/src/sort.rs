//! External sort of fixed-width rows that begin with a hash: one write, one read, no merge.
//!
//! Rows are compared as bytes, so numbers in them must be big-endian. The first 8 bytes of a row
//! must be uniformly distributed; then equal ranges of them hold about equal numbers of rows. A row
//! goes to partition `leading * partitions >> 64`. So the partitions are in order by construction,
//! and each is sorted by itself in memory. This is the distribution sort of Knuth, "The Art of
//! Computer Programming", vol. 3, §5.4.9, with the hash in place of a sample of keys. When all rows
//! fit into memory, no file is written.

use store::Scratch;

use crate::error::Result;
use crate::spill::{Spill, Spilled};

/// Number of bytes at the start of a row that must be uniformly distributed. A row has at least so
/// many.
const LEADING_BYTES: usize = 8;

/// Mean number of rows that a comparison sort gets at a time.
const BUCKET_ROWS: usize = 4;

/// Collects rows in any order, to sort them.
pub struct Sorter<const N: usize> {
    spill: Spill,
    rows: u64,
}

impl<const N: usize> Sorter<N> {
    /// Makes a sorter for about `rows_expected` rows, which uses about `memory_bytes` of memory.
    /// `name` is the name of its scratch file. A wrong expectation costs memory or time, but does
    /// not change the result.
    ///
    /// # Errors
    /// When the scratch file cannot be made.
    pub fn new(
        scratch: &Scratch,
        name: &str,
        rows_expected: u64,
        memory_bytes: u64,
    ) -> Result<Self> {
        const { assert!(N >= LEADING_BYTES, "a row begins with its leading bytes") };
        let bytes_expected = rows_expected.saturating_mul(N as u64);
        Ok(Self { spill: Spill::new(scratch, name, bytes_expected, memory_bytes)?, rows: 0 })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When the scratch file cannot be written.
    #[inline]
    pub fn push(&mut self, row: [u8; N]) -> Result<()> {
        self.rows += 1;
        self.spill.push(self.spill.partition_of(leading(&row)), &row)
    }

    /// Ends the input and returns the rows for reading.
    ///
    /// # Errors
    /// When the scratch file cannot be written.
    pub fn finish(self) -> Result<Sorted<N>> {
        Ok(Sorted { rows: self.rows, spilled: self.spill.finish()? })
    }
}

/// Sorted rows, read one partition at a time. Every row of a later partition is at least as large
/// as every row of an earlier one, and rows with the same first 8 bytes are in the same partition.
///
/// This has a limit: the rows with the same first 8 bytes are read together, twice while they are
/// sorted, and so exceed the memory if there are too many. With rows of 16 bytes and 2 GiB of
/// memory that happens from about 4 * 10^7 documents with the same key on.
pub struct Sorted<const N: usize> {
    rows: u64,
    spilled: Spilled,
}

impl<const N: usize> Sorted<N> {
    /// The number of rows.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    fn read_unsorted(&self, partition: usize, out: &mut Vec<[u8; N]>) -> Result<()> {
        out.resize(self.spilled.bytes(partition) / N, [0; N]);
        self.spilled.read(partition, out.as_flattened_mut())
    }

    /// Runs `work` on the sorted rows of every partition, in parallel, and passes its results to
    /// `take` in the order of the partitions.
    pub(crate) fn map_in_order<T: Send>(
        &self,
        work: impl Fn(&[[u8; N]]) -> Result<T> + Sync + Send,
        take: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let read_and_work = |(unsorted, rows): &mut (Vec<[u8; N]>, Vec<[u8; N]>), partition| {
            self.read_unsorted(partition, unsorted)?;
            sort_partition(unsorted, self.spilled.partitions(), rows);
            work(rows)
        };
        self.spilled.map_in_order(Default::default, read_and_work, take)
    }
}

/// Returns the first 8 bytes of a row as a number.
fn leading<const N: usize>(row: &[u8; N]) -> u64 {
    let mut leading = [0; LEADING_BYTES];
    leading.copy_from_slice(&row[..LEADING_BYTES]);
    u64::from_be_bytes(leading)
}

/// Replaces the content of `out` by the sorted rows of one of `partitions` partitions. The rows are
/// spread once more, over buckets of a few rows, and each bucket is sorted by comparison. This
/// takes half the time of a comparison sort of the whole partition.
fn sort_partition<const N: usize>(rows: &[[u8; N]], partitions: usize, out: &mut Vec<[u8; N]>) {
    out.resize(rows.len(), [0; N]);
    let n_buckets = (rows.len() / BUCKET_ROWS).max(1);
    // The upper 64 bits of `leading * partitions` are the partition; the lower 64 bits, which
    // remain here, are uniform within it.
    let bucket_of = |row: &[u8; N]| {
        let in_partition = leading(row).wrapping_mul(partitions as u64);
        ((u128::from(in_partition) * n_buckets as u128) >> 64) as usize
    };
    let mut ends = vec![0; n_buckets + 1];
    rows.iter().for_each(|row| ends[bucket_of(row) + 1] += 1);
    (0..n_buckets).for_each(|bucket| ends[bucket + 1] += ends[bucket]);
    for row in rows {
        // `ends[b]` starts as the start of bucket `b` and becomes its end as the bucket fills.
        let next: &mut usize = &mut ends[bucket_of(row)];
        out[*next] = *row;
        *next += 1;
    }
    let mut start = 0;
    for end in &ends[..n_buckets] {
        // Rows nearly always differ in their leading bytes, which compare fast as one number.
        out[start..*end].sort_unstable_by(|a, b| {
            let tails = || a[LEADING_BYTES..].cmp(&b[LEADING_BYTES..]);
            leading(a).cmp(&leading(b)).then_with(tails)
        });
        start = *end;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(
        rows: &[[u8; 16]],
        expected: u64,
        memory_bytes: u64,
        threads: usize,
    ) -> (Vec<[u8; 16]>, bool) {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(folder.path().join("scratch")).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut sorter = Sorter::new(&scratch, "rows", expected, memory_bytes).unwrap();
            rows.iter().for_each(|row| sorter.push(*row).unwrap());
            let sorted = sorter.finish().unwrap();
            assert_eq!(sorted.rows(), rows.len() as u64);
            let mut out = Vec::new();
            let whole = sorted.map_in_order(
                |rows| Ok(rows.to_vec()),
                |rows| {
                    out.extend(rows);
                    Ok(())
                },
            );
            whole.unwrap();
            (out, sorted.spilled.spilled())
        })
    }

    proptest! {
        /// Rows are sorted whatever the expectation, the memory, the threads and the distribution.
        #[test]
        fn sorts_as_the_standard_library_does(
            mut rows in prop::collection::vec(prop_oneof![
                any::<u128>().prop_map(u128::to_be_bytes),
                any::<u8>().prop_map(|low| u128::from(low).to_be_bytes()),
            ], 0..500),
            expected in prop_oneof![Just(0), 0u64..1_000, Just(u64::MAX)],
            memory_bytes in 0u64..(1 << 20),
            threads in 1usize..4,
        ) {
            let (out, _) = sorted(&rows, expected, memory_bytes, threads);
            rows.sort_unstable();
            prop_assert_eq!(out, rows);
        }
    }

    #[test]
    fn rows_that_fit_into_memory_are_not_written() {
        let rows: Vec<[u8; 16]> =
            (0..1_000u128).map(|i| (i * (u128::MAX / 1_000)).to_be_bytes()).collect();
        assert!(!sorted(&rows, 1_000, 1 << 20, 1).1);
        assert!(sorted(&rows, 1_000, 1 << 10, 1).1);
        assert!(sorted(&rows, 10, 1 << 10, 1).1, "the expectation is too low");
    }
}
