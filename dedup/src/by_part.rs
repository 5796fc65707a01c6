//! Rows grouped by part: a decision over all documents, read back one part at a time.
//!
//! Rows arrive in any order. When the memory is full they are sorted by part and written as a run,
//! followed by a table of where each part starts. A part is read from its stretch of every run. So
//! memory holds one buffer of rows while writing and the rows of one part while reading, whatever
//! the number of rows and parts. The tables take 8 bytes per run and part, on disk. Parts are
//! numbered from 0.

use store::{Scratch, ScratchReader, ScratchWriter};

use crate::error::Result;

/// Bytes of a table entry: the number of rows before a part, little-endian.
const ENTRY_BYTES: usize = 8;

/// The smallest number of rows buffered before they are written, however small the memory.
const HELD_ROWS_MIN: usize = 64;

/// Reads a number of at most 8 bytes from a row. Numbers in rows are big-endian, so that rows sort
/// by them.
pub(crate) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Collects rows of all parts, in any order.
pub(crate) struct ByPartWriter<const N: usize> {
    held: Vec<(u32, [u8; N])>,
    held_rows_max: usize,
    runs: Vec<Run>,
    writer: ScratchWriter,
}

/// Rows sorted by part, followed by the table.
struct Run {
    rows_offset: u64,
    table_offset: u64,
    /// Parts in the table: one more than the largest part of the run.
    parts: u64,
}

impl<const N: usize> ByPartWriter<N> {
    /// Makes an empty collection whose scratch file is called `name`.
    pub(crate) fn new(scratch: &Scratch, name: &str, memory_bytes: u64) -> Result<Self> {
        let row_bytes = size_of::<(u32, [u8; N])>() as u64;
        Ok(Self {
            held: Vec::new(),
            held_rows_max: ((memory_bytes / row_bytes) as usize).max(HELD_ROWS_MIN),
            runs: Vec::new(),
            writer: scratch.write(name)?,
        })
    }

    /// Adds a row of a part.
    pub(crate) fn push(&mut self, part: u32, row: [u8; N]) -> Result<()> {
        // `Vec` itself would double beyond the limit.
        if self.held.len() == self.held.capacity() {
            let more = self.held.len().max(HELD_ROWS_MIN);
            self.held.reserve_exact(more.min(self.held_rows_max - self.held.len()));
        }
        self.held.push((part, row));
        if self.held.len() >= self.held_rows_max { self.write_run() } else { Ok(()) }
    }

    fn write_run(&mut self) -> Result<()> {
        self.held.sort_unstable();
        let Some(&(largest, _)) = self.held.last() else { return Ok(()) };
        let parts = u64::from(largest) + 1;
        let rows_offset = self.writer.bytes();
        for (_, row) in &self.held {
            self.writer.append(row)?;
        }
        let table_offset = self.writer.bytes();
        let mut rows = 0;
        // Parts without rows have an entry too, so that an entry is found by arithmetic.
        for part in 0..parts {
            self.writer.append(&(rows as u64).to_le_bytes())?;
            rows += self.held[rows..].iter().take_while(|held| u64::from(held.0) == part).count();
        }
        self.writer.append(&(rows as u64).to_le_bytes())?;
        self.runs.push(Run { rows_offset, table_offset, parts });
        self.held.clear();
        Ok(())
    }

    /// Ends the input and returns the rows for reading.
    pub(crate) fn finish(mut self) -> Result<ByPart<N>> {
        self.write_run()?;
        Ok(ByPart { runs: self.runs, reader: self.writer.into_reader()? })
    }
}

/// The rows of each part.
pub(crate) struct ByPart<const N: usize> {
    runs: Vec<Run>,
    reader: ScratchReader,
}

impl<const N: usize> ByPart<N> {
    /// Returns the distinct rows of a part, sorted. Several threads may call it at once.
    pub(crate) fn of_part(&self, part: u32) -> Result<Vec<[u8; N]>> {
        let mut rows: Vec<[u8; N]> = Vec::new();
        for run in self.runs.iter().filter(|run| u64::from(part) < run.parts) {
            let mut entries = [[0; ENTRY_BYTES]; 2];
            let entry_offset = run.table_offset + u64::from(part) * ENTRY_BYTES as u64;
            self.reader.read_at(entry_offset, entries.as_flattened_mut())?;
            let [start, end] = entries.map(u64::from_le_bytes);
            let before = rows.len();
            rows.resize(before + (end - start) as usize, [0; N]);
            let offset = run.rows_offset + start * N as u64;
            self.reader.read_at(offset, rows[before..].as_flattened_mut())?;
        }
        rows.sort_unstable();
        rows.dedup();
        Ok(rows)
    }

    /// Number of runs on disk.
    #[cfg(test)]
    pub(crate) fn runs(&self) -> usize {
        self.runs.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Each part has its own rows, sorted, whatever the memory.
        #[test]
        fn a_part_gets_its_rows(
            rows in prop::collection::vec((0u32..9, any::<u16>()), 0..300),
            memory_bytes in 0u64..4_000,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let scratch = Scratch::create(folder.path().join("scratch")).unwrap();
            let mut writer = ByPartWriter::new(&scratch, "rows", memory_bytes).unwrap();
            let mut expected: BTreeMap<u32, BTreeSet<[u8; 2]>> = BTreeMap::new();
            for (part, row) in &rows {
                writer.push(*part, row.to_be_bytes()).unwrap();
                expected.entry(*part).or_default().insert(row.to_be_bytes());
            }
            let by_part = writer.finish().unwrap();
            prop_assert!(rows.len() < HELD_ROWS_MIN || memory_bytes > 300 || by_part.runs() > 0);
            for part in 0..12 {
                let expected = expected.remove(&part).unwrap_or_default();
                prop_assert_eq!(by_part.of_part(part).unwrap(), Vec::from_iter(expected));
            }
        }
    }
}
