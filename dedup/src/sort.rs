//! External sort of fixed-width rows that begin with a hash: one write, one read, no merge.
//!
//! Rows are compared as bytes, so numbers go in big-endian. Their first [`LEADING_BYTES`] bytes are
//! uniformly distributed, therefore equal ranges of them hold about equally many rows: a row goes to
//! partition `leading * partitions >> 64`, partitions are in order by construction, and each is
//! sorted by itself in memory. That is the distribution sort of Knuth, "The Art of Computer
//! Programming", vol. 3, §5.4.9, with the hash for the sample of keys. When all rows fit the memory,
//! no file is written.

use store::Scratch;

use crate::error::Result;
use crate::spill::{Spill, Spilled};

/// Bytes at the head of a row that must be uniformly distributed; a row is at least as long.
pub const LEADING_BYTES: usize = 8;

/// Rows that are left to a comparison sort at a time, on average.
const BUCKET_ROWS: usize = 4;

/// Takes rows in any order.
pub struct Sorter<const N: usize> {
    spill: Spill,
    rows: u64,
}

impl<const N: usize> Sorter<N> {
    /// Starts a sort of about `rows_expected` rows within about `memory_bytes`, with `name` for its
    /// scratch file. A wrong expectation costs memory or time, nothing else.
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
    #[inline]
    pub fn push(&mut self, row: [u8; N]) -> Result<()> {
        self.rows += 1;
        self.spill.push(self.spill.partition_of(leading(&row)), &row)
    }

    /// Ends the input.
    pub fn finish(self) -> Result<Sorted<N>> {
        Ok(Sorted { rows: self.rows, spilled: self.spill.finish()? })
    }
}

/// Rows in order, a partition at a time: a row of a later partition is not less than one of an
/// earlier, and rows of the same [`LEADING_BYTES`] are in the same partition.
///
/// The limit that follows: a leading value is read as a whole, twice while it is sorted, and so
/// exceeds the memory when it occurs in too many rows. With 16-byte rows and 2 GiB that is from
/// some 4 * 10^7 documents with one key on; [`partition_rows_max`](Self::partition_rows_max) says
/// how far it is.
pub struct Sorted<const N: usize> {
    rows: u64,
    spilled: Spilled,
}

impl<const N: usize> Sorted<N> {
    /// Rows in all.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Partitions, in order; some may be empty.
    pub fn partitions(&self) -> usize {
        self.spilled.partitions()
    }

    /// Whether rows went to the disk.
    pub fn spilled(&self) -> bool {
        self.spilled.spilled()
    }

    /// Rows of the largest partition.
    pub fn partition_rows_max(&self) -> usize {
        (0..self.partitions()).map(|p| self.spilled.bytes(p) / N).max().unwrap_or(0)
    }

    /// Replaces the content of `out` by the sorted rows of a partition.
    pub fn read(&self, partition: usize, out: &mut Vec<[u8; N]>) -> Result<()> {
        let mut unsorted = Vec::new();
        self.read_unsorted(partition, &mut unsorted)?;
        sort_partition(&unsorted, self.partitions(), out);
        Ok(())
    }

    fn read_unsorted(&self, partition: usize, out: &mut Vec<[u8; N]>) -> Result<()> {
        out.resize(self.spilled.bytes(partition) / N, [0; N]);
        self.spilled.read(partition, out.as_flattened_mut())
    }

    /// Runs `work` on the sorted rows of every partition, in parallel, and hands its results to
    /// `take` in the order of the partitions.
    pub fn map_in_order<T: Send>(
        &self,
        work: impl Fn(&[[u8; N]]) -> Result<T> + Sync + Send,
        take: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let read_and_work = |(unsorted, rows): &mut (Vec<[u8; N]>, Vec<[u8; N]>), partition| {
            self.read_unsorted(partition, unsorted)?;
            sort_partition(unsorted, self.partitions(), rows);
            work(rows)
        };
        self.spilled.map_in_order(Default::default, read_and_work, take)
    }
}

/// The leading bytes as a number.
fn leading<const N: usize>(row: &[u8; N]) -> u64 {
    let mut leading = [0; LEADING_BYTES];
    leading.copy_from_slice(&row[..LEADING_BYTES]);
    u64::from_be_bytes(leading)
}

/// Replaces `out` by the rows of one of `partitions` partitions in order. They are spread once more,
/// over so many buckets that one holds few rows, each of which is then sorted by itself: half the
/// time of a comparison sort of everything.
fn sort_partition<const N: usize>(rows: &[[u8; N]], partitions: usize, out: &mut Vec<[u8; N]>) {
    out.resize(rows.len(), [0; N]);
    let n_buckets = (rows.len() / BUCKET_ROWS).max(1);
    // `leading * partitions` is the partition above the point and uniform in it below.
    let bucket_of = |row: &[u8; N]| {
        let in_partition = leading(row).wrapping_mul(partitions as u64);
        ((u128::from(in_partition) * n_buckets as u128) >> 64) as usize
    };
    let mut ends = vec![0; n_buckets + 1];
    rows.iter().for_each(|row| ends[bucket_of(row) + 1] += 1);
    (0..n_buckets).for_each(|bucket| ends[bucket + 1] += ends[bucket]);
    for row in rows {
        // The start of a bucket moves to its end as it fills.
        let next: &mut usize = &mut ends[bucket_of(row)];
        out[*next] = *row;
        *next += 1;
    }
    let mut start = 0;
    for end in &ends[..n_buckets] {
        // Keys nearly always differ in their leading bytes, which compare as one number.
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
            (out, sorted.spilled())
        })
    }

    proptest! {
        /// Whatever is expected, given as memory or threads, skewed or not: rows come out in order.
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
    fn what_fits_the_memory_stays_there() {
        let rows: Vec<[u8; 16]> =
            (0..1_000u128).map(|i| (i * (u128::MAX / 1_000)).to_be_bytes()).collect();
        assert!(!sorted(&rows, 1_000, 1 << 20, 1).1);
        assert!(sorted(&rows, 1_000, 1 << 10, 1).1);
        assert!(sorted(&rows, 10, 1 << 10, 1).1, "too low an expectation");
    }
}
