//! Bytes spread over partitions: in memory while they fit, otherwise in one scratch file.
//!
//! All partitions share one file, which is written sequentially in chunks. The position of each
//! chunk is kept in memory. So there is one file descriptor, all writes are sequential, and only
//! the memory limits the number of partitions. The bytes of a partition are read in the order in
//! which they were pushed.

use std::mem;

use bug::OrBug;
use rayon::prelude::*;
use store::{Scratch, ScratchReader, ScratchWriter};

use crate::error::Result;

/// The size of partitions that a plan aims for. Work on a partition of this size mostly hits the
/// cache.
const PARTITION_BYTES: u64 = 16 << 20;

/// The largest write. Larger writes are not faster.
const CHUNK_BYTES_MAX: u64 = 256 << 10;

/// The smallest write that a plan aims for. With smaller ones a disk mostly seeks.
const CHUNK_BYTES_MIN: u64 = 16 << 10;

/// Partitions per thread in one parallel wave. More of them balance unequal partitions; fewer of
/// them keep fewer results in memory.
const WAVE_PARTITIONS_PER_THREAD: usize = 4;

/// The layout of the bytes. It follows from their number and the memory, and does not change any
/// result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    partitions: usize,
    chunk_bytes: usize,
    /// The largest number of bytes in full chunks that may stay in memory. When they exceed it, all
    /// chunks are written to the file.
    resident_bytes_max: u64,
}

impl Plan {
    /// Plans for `bytes_expected` bytes. While bytes are written, open chunks take at most a
    /// quarter of the memory, unless the smallest chunks take more. While they are read, every
    /// thread holds one partition, all together within half the memory.
    ///
    /// With chunks of [`CHUNK_BYTES_MIN`] and 2 threads, 2 GiB of memory suffice for 16 TiB.
    pub(crate) fn new(bytes_expected: u64, memory_bytes: u64, threads: u64) -> Self {
        let partition_bytes = PARTITION_BYTES.min(memory_bytes / (4 * threads)).max(1);
        let most = (memory_bytes / 4 / CHUNK_BYTES_MIN).max(1);
        let partitions = bytes_expected.div_ceil(partition_bytes).clamp(1, most);
        Self::with_partitions(partitions, bytes_expected, memory_bytes)
    }

    /// Plans for a given number of partitions.
    pub(crate) fn with_partitions(partitions: u64, bytes_expected: u64, memory_bytes: u64) -> Self {
        let partitions = partitions.max(1);
        let fits = bytes_expected <= memory_bytes / 2;
        Self {
            partitions: partitions as usize,
            chunk_bytes: (memory_bytes / 4 / partitions).clamp(1, CHUNK_BYTES_MAX) as usize,
            resident_bytes_max: if fits { memory_bytes / 2 } else { 0 },
        }
    }
}

/// Collects the bytes of partitions, in any order of partitions.
pub(crate) struct Spill {
    plan: Plan,
    /// The chunk of each partition that is being filled.
    open: Vec<Vec<u8>>,
    /// The full chunks of each partition.
    closed: Vec<Vec<Chunk>>,
    writer: ScratchWriter,
    resident_bytes: u64,
    spills: bool,
}

/// A chunk of bytes of one partition.
enum Chunk {
    Resident(Vec<u8>),
    Spilled { offset: u64, bytes: u32 },
}

impl Spill {
    /// Makes a collection for about `bytes_expected` bytes, which uses about `memory_bytes` of
    /// memory. `name` is the name of the scratch file. A wrong expectation costs memory or time,
    /// but does not change the result.
    pub(crate) fn new(
        scratch: &Scratch,
        name: &str,
        bytes_expected: u64,
        memory_bytes: u64,
    ) -> Result<Self> {
        let threads = rayon::current_num_threads().max(1) as u64;
        Self::with_plan(scratch, name, Plan::new(bytes_expected, memory_bytes, threads))
    }

    pub(crate) fn with_plan(scratch: &Scratch, name: &str, plan: Plan) -> Result<Self> {
        Ok(Self {
            plan,
            open: (0..plan.partitions).map(|_| Vec::new()).collect(),
            closed: (0..plan.partitions).map(|_| Vec::new()).collect(),
            writer: scratch.write(name)?,
            resident_bytes: 0,
            spills: plan.resident_bytes_max == 0,
        })
    }

    pub(crate) fn partitions(&self) -> usize {
        self.plan.partitions
    }

    /// Returns the partition for a hash. It is monotone in the hash, and even if hashes are
    /// uniform.
    #[inline]
    pub(crate) fn partition_of(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.plan.partitions as u128) >> 64) as usize
    }

    /// Adds bytes to a partition. They stay together in one chunk.
    #[inline]
    pub(crate) fn push(&mut self, partition: usize, bytes: &[u8]) -> Result<()> {
        let chunk = &mut self.open[partition];
        // A record is never split, so that a chunk can be parsed by itself.
        if chunk.capacity() - chunk.len() < bytes.len() {
            return self.push_to_new_chunk(partition, bytes);
        }
        chunk.extend_from_slice(bytes);
        Ok(())
    }

    // `cold` keeps the rare path out of `push`, which is inlined for every row.
    #[cold]
    fn push_to_new_chunk(&mut self, partition: usize, bytes: &[u8]) -> Result<()> {
        if !self.open[partition].is_empty() {
            self.close(partition)?;
        }
        let chunk = &mut self.open[partition];
        chunk.reserve_exact(self.plan.chunk_bytes.max(bytes.len()));
        chunk.extend_from_slice(bytes);
        Ok(())
    }

    /// Stores the open chunk of a partition, in memory while it fits.
    fn close(&mut self, partition: usize) -> Result<()> {
        let chunk = &mut self.open[partition];
        if self.spills {
            let spilled = spill(&mut self.writer, chunk)?;
            chunk.clear();
            self.closed[partition].push(spilled);
            return Ok(());
        }
        self.resident_bytes += chunk.len() as u64;
        self.closed[partition].push(Chunk::Resident(mem::take(chunk)));
        if self.resident_bytes > self.plan.resident_bytes_max { self.spill_all() } else { Ok(()) }
    }

    /// Writes all full chunks to the file. Later chunks are written there too.
    fn spill_all(&mut self) -> Result<()> {
        self.spills = true;
        for chunk in self.closed.iter_mut().flatten() {
            if let Chunk::Resident(bytes) = chunk {
                *chunk = spill(&mut self.writer, bytes)?;
            }
        }
        self.resident_bytes = 0;
        Ok(())
    }

    /// Ends the input and returns the partitions for reading.
    pub(crate) fn finish(mut self) -> Result<Spilled> {
        for partition in 0..self.plan.partitions {
            if !self.open[partition].is_empty() {
                self.close(partition)?;
            }
            self.open[partition] = Vec::new();
        }
        Ok(Spilled { chunks: self.closed, reader: self.writer.into_reader()? })
    }
}

fn spill(writer: &mut ScratchWriter, bytes: &[u8]) -> Result<Chunk> {
    let n_bytes = u32::try_from(bytes.len()).or_bug("a chunk is smaller than 4 GiB")?;
    Ok(Chunk::Spilled { offset: writer.append(bytes)?, bytes: n_bytes })
}

/// The partitions, which can be read in any order and repeatedly. The file is deleted on drop.
pub(crate) struct Spilled {
    chunks: Vec<Vec<Chunk>>,
    reader: ScratchReader,
}

impl Spilled {
    pub(crate) fn partitions(&self) -> usize {
        self.chunks.len()
    }

    /// True if bytes were written to the disk.
    #[cfg(test)]
    pub(crate) fn spilled(&self) -> bool {
        self.reader.held_bytes() > 0
    }

    /// The size of a partition in bytes.
    pub(crate) fn bytes(&self, partition: usize) -> usize {
        self.chunks[partition].iter().map(Chunk::bytes).sum()
    }

    /// Fills `out` with a partition. `out` must have the size of the partition.
    pub(crate) fn read(&self, partition: usize, mut out: &mut [u8]) -> Result<()> {
        for chunk in &self.chunks[partition] {
            let (head, rest) = mem::take(&mut out).split_at_mut(chunk.bytes());
            match chunk {
                Chunk::Resident(bytes) => head.copy_from_slice(bytes),
                Chunk::Spilled { offset, .. } => self.reader.read_at(*offset, head)?,
            }
            out = rest;
        }
        Ok(())
    }

    /// Replaces the content of `out` by a partition.
    pub(crate) fn read_all(&self, partition: usize, out: &mut Vec<u8>) -> Result<()> {
        out.resize(self.bytes(partition), 0);
        self.read(partition, out)
    }

    /// Calls `each` with every chunk of a partition.
    pub(crate) fn each_chunk(
        &self,
        partition: usize,
        mut each: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut buffer = Vec::new();
        for chunk in &self.chunks[partition] {
            match chunk {
                Chunk::Resident(bytes) => each(bytes)?,
                Chunk::Spilled { offset, bytes } => {
                    buffer.resize(*bytes as usize, 0);
                    self.reader.read_at(*offset, &mut buffer)?;
                    each(&buffer)?;
                }
            }
        }
        Ok(())
    }

    /// Runs `work` on every partition, in parallel and with a state for each thread, and passes its
    /// results to `take` in the order of the partitions.
    pub(crate) fn map_in_order<S, T: Send>(
        &self,
        state: impl Fn() -> S + Sync + Send,
        work: impl Fn(&mut S, usize) -> Result<T> + Sync + Send,
        mut take: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        // Without waves, a slow `take` would let the results of all partitions pile up.
        let wave = rayon::current_num_threads().max(1) * WAVE_PARTITIONS_PER_THREAD;
        let partitions: Vec<usize> = (0..self.partitions()).collect();
        for wave in partitions.chunks(wave) {
            let done: Vec<Result<T>> =
                wave.par_iter().map_init(&state, |state, p| work(state, *p)).collect();
            done.into_iter().try_for_each(|result| take(result?))?;
        }
        Ok(())
    }
}

impl Chunk {
    fn bytes(&self) -> usize {
        match self {
            Self::Resident(bytes) => bytes.len(),
            Self::Spilled { bytes, .. } => *bytes as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terabyte_fits_two_gibibytes() {
        let bytes = 14 * 5_000_000_000 * 16;
        let plan = Plan::new(bytes, 2 << 30, 2);
        assert!(plan.partitions * plan.chunk_bytes <= 512 << 20);
        assert!(plan.chunk_bytes as u64 >= CHUNK_BYTES_MIN);
        assert!(bytes / plan.partitions as u64 <= 512 << 20);
    }
}
