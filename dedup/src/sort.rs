//! External sort of fixed-width rows that begin with a hash: one write, one read, no merge.
//!
//! Rows are compared as bytes, so numbers go in big-endian. Their first [`LEADING_BYTES`] bytes are
//! uniformly distributed, therefore equal ranges of them hold about equally many rows: a row goes to
//! partition `leading * partitions >> 64`, partitions are in order by construction, and each is
//! sorted by itself in memory. That is the distribution sort of Knuth, "The Art of Computer
//! Programming", vol. 3, §5.4.9, with the hash for the sample of keys.
//!
//! All partitions share one file, which is written front to back in chunks; where each chunk lies is
//! kept in memory. Hence one file descriptor, and no limit on partitions but memory. When all rows
//! fit the memory, no file is written.

use std::mem;

use rayon::prelude::*;
use store::{Scratch, ScratchReader, ScratchWriter};

use crate::error::Result;

/// Bytes at the head of a row that must be uniformly distributed; a row is at least as long.
pub const LEADING_BYTES: usize = 8;

/// The aim for a partition: small enough to be sorted in the last level of cache.
const PARTITION_BYTES: u64 = 16 << 20;

/// The largest write; larger ones gain nothing.
const CHUNK_BYTES_MAX: u64 = 256 << 10;

/// The smallest write that a plan aims for: below it a disk is busy with seeks.
const CHUNK_BYTES_MIN: u64 = 16 << 10;

/// Partitions in one parallel wave, for each thread; more even out unequal ones, fewer hold fewer
/// results at a time.
const WAVE_PARTITIONS_PER_THREAD: usize = 4;

/// How rows are laid out: chosen from the size and the memory, without influence on any result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plan {
    partitions: usize,
    chunk_rows: usize,
    /// Bytes of full chunks that may stay in memory; beyond, everything goes to the file.
    resident_bytes_max: u64,
}

impl Plan {
    /// While rows are written, open chunks take at most a quarter of the memory, unless the smallest
    /// chunks take more. While they are read, every thread holds one partition: `rows_bytes * threads
    /// / partitions`, within half the memory.
    ///
    /// With chunks of [`CHUNK_BYTES_MIN`] and 2 threads, 2 GiB sort 16 TiB so.
    fn new(rows_expected: u64, row_bytes: u64, memory_bytes: u64, threads: u64) -> Self {
        let rows_bytes = rows_expected.saturating_mul(row_bytes);
        let partition_bytes = PARTITION_BYTES.min(memory_bytes / (4 * threads)).max(row_bytes);
        let most = (memory_bytes / 4 / CHUNK_BYTES_MIN).max(1);
        let fewest = (rows_bytes / (memory_bytes / (2 * threads)).max(1)).max(1);
        let partitions = rows_bytes.div_ceil(partition_bytes).clamp(1, most).max(fewest.min(most));
        let chunk_bytes = (memory_bytes / 4 / partitions).min(CHUNK_BYTES_MAX);
        let fits = rows_bytes <= memory_bytes / 2;
        Self {
            partitions: partitions as usize,
            chunk_rows: (chunk_bytes / row_bytes).max(1) as usize,
            resident_bytes_max: if fits { memory_bytes / 2 } else { 0 },
        }
    }
}

/// Takes rows in any order.
pub struct Sorter<const N: usize> {
    plan: Plan,
    /// For each partition, the chunk that is being filled.
    open: Vec<Vec<[u8; N]>>,
    /// For each partition, its full chunks.
    closed: Vec<Vec<Chunk<N>>>,
    writer: ScratchWriter,
    resident_bytes: u64,
    spills: bool,
    rows: u64,
}

/// Rows of one partition, as they came.
enum Chunk<const N: usize> {
    Resident(Vec<[u8; N]>),
    Spilled { offset: u64, rows: usize },
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
        let threads = rayon::current_num_threads().max(1) as u64;
        let plan = Plan::new(rows_expected, N as u64, memory_bytes, threads);
        Ok(Self {
            plan,
            open: (0..plan.partitions).map(|_| Vec::new()).collect(),
            closed: (0..plan.partitions).map(|_| Vec::new()).collect(),
            writer: scratch.write(name)?,
            resident_bytes: 0,
            spills: plan.resident_bytes_max == 0,
            rows: 0,
        })
    }

    /// Adds a row.
    pub fn push(&mut self, row: [u8; N]) -> Result<()> {
        let partition = partition_of(&row, self.plan.partitions);
        let chunk = &mut self.open[partition];
        if chunk.capacity() == 0 {
            chunk.reserve_exact(self.plan.chunk_rows);
        }
        chunk.push(row);
        self.rows += 1;
        if chunk.len() >= self.plan.chunk_rows {
            self.close(partition)?;
        }
        Ok(())
    }

    /// Puts the open chunk of a partition away, in memory while there is room.
    fn close(&mut self, partition: usize) -> Result<()> {
        let chunk = &mut self.open[partition];
        if self.spills {
            let spilled = spill(&mut self.writer, chunk)?;
            chunk.clear();
            self.closed[partition].push(spilled);
            return Ok(());
        }
        self.resident_bytes += (chunk.len() * N) as u64;
        self.closed[partition].push(Chunk::Resident(mem::take(chunk)));
        if self.resident_bytes > self.plan.resident_bytes_max { self.spill_all() } else { Ok(()) }
    }

    /// Moves everything to the file, from where on it is the place of all rows.
    fn spill_all(&mut self) -> Result<()> {
        self.spills = true;
        for chunk in self.closed.iter_mut().flatten() {
            if let Chunk::Resident(rows) = chunk {
                *chunk = spill(&mut self.writer, rows)?;
            }
        }
        self.resident_bytes = 0;
        Ok(())
    }

    /// Ends the input.
    pub fn finish(mut self) -> Result<Sorted<N>> {
        for partition in 0..self.plan.partitions {
            if !self.open[partition].is_empty() {
                self.close(partition)?;
            }
            self.open[partition] = Vec::new();
        }
        Ok(Sorted { rows: self.rows, chunks: self.closed, reader: self.writer.into_reader()? })
    }
}

/// The partition of a row; monotone in the row.
fn partition_of<const N: usize>(row: &[u8; N], partitions: usize) -> usize {
    let mut leading = [0; LEADING_BYTES];
    leading.copy_from_slice(&row[..LEADING_BYTES]);
    ((u128::from(u64::from_be_bytes(leading)) * partitions as u128) >> 64) as usize
}

fn spill<const N: usize>(writer: &mut ScratchWriter, rows: &[[u8; N]]) -> Result<Chunk<N>> {
    Ok(Chunk::Spilled { offset: writer.append(rows.as_flattened())?, rows: rows.len() })
}

/// Rows in order, a partition at a time: a row of a later partition is not less than one of an
/// earlier, and rows of the same [`LEADING_BYTES`] are in the same partition.
///
/// The limit that follows: a leading value that occurs in so many rows that they exceed the memory
/// exceeds it here too, since its partition is read as a whole. With 16-byte rows and 2 GiB that
/// is 10^8 documents with one key; [`partition_rows_max`](Self::partition_rows_max) says how far
/// it is.
pub struct Sorted<const N: usize> {
    rows: u64,
    chunks: Vec<Vec<Chunk<N>>>,
    reader: ScratchReader,
}

impl<const N: usize> Sorted<N> {
    /// Rows in all.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Partitions, in order; some may be empty.
    pub fn partitions(&self) -> usize {
        self.chunks.len()
    }

    /// Whether rows went to the disk.
    pub fn spilled(&self) -> bool {
        self.reader.held_bytes() > 0
    }

    /// Rows of the largest partition.
    pub fn partition_rows_max(&self) -> usize {
        (0..self.partitions()).map(|p| self.partition_rows(p)).max().unwrap_or(0)
    }

    /// Replaces the content of `out` by the sorted rows of a partition.
    pub fn read(&self, partition: usize, out: &mut Vec<[u8; N]>) -> Result<()> {
        out.clear();
        out.reserve_exact(self.partition_rows(partition));
        for chunk in &self.chunks[partition] {
            match chunk {
                Chunk::Resident(rows) => out.extend_from_slice(rows),
                Chunk::Spilled { offset, rows } => {
                    let start = out.len();
                    out.resize(start + rows, [0; N]);
                    self.reader.read_at(*offset, out[start..].as_flattened_mut())?;
                }
            }
        }
        out.sort_unstable();
        Ok(())
    }

    /// Runs `work` on the sorted rows of every partition, in parallel, and hands its results to
    /// `take` in the order of the partitions.
    pub fn map_in_order<T: Send>(
        &self,
        work: impl Fn(&[[u8; N]]) -> Result<T> + Sync,
        mut take: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let wave = rayon::current_num_threads().max(1) * WAVE_PARTITIONS_PER_THREAD;
        let partitions: Vec<usize> = (0..self.partitions()).collect();
        for wave in partitions.chunks(wave) {
            let done: Vec<Result<T>> = wave
                .par_iter()
                .map_init(Vec::new, |rows, &partition| {
                    self.read(partition, rows)?;
                    work(rows)
                })
                .collect();
            done.into_iter().try_for_each(|result| take(result?))?;
        }
        Ok(())
    }

    fn partition_rows(&self, partition: usize) -> usize {
        self.chunks[partition].iter().map(Chunk::rows).sum()
    }
}

impl<const N: usize> Chunk<N> {
    fn rows(&self) -> usize {
        match self {
            Self::Resident(rows) => rows.len(),
            Self::Spilled { rows, .. } => *rows,
        }
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

    #[test]
    fn a_terabyte_of_rows_fits_two_gibibytes() {
        let plan = Plan::new(14 * 5_000_000_000, 16, 2 << 30, 2);
        let chunk_bytes = plan.chunk_rows as u64 * 16;
        assert!(plan.partitions as u64 * chunk_bytes <= 512 << 20);
        assert!(chunk_bytes >= CHUNK_BYTES_MIN);
        assert!(14 * 5_000_000_000 * 16 / plan.partitions as u64 <= 512 << 20);
    }
}
