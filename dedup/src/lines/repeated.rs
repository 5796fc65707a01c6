//! Which units occur in too many documents.

use store::Scratch;

use crate::by_part::{ByPart, ByPartWriter, number};
use crate::error::Result;
use crate::sort::Sorter;

/// Bytes of a row that is sorted: key 8, first document 8, part 4, documents 4.
const ROW_BYTES: usize = 24;

/// Bytes of a row of the result: key 8, document that keeps it 8.
const KEY_BYTES: usize = 16;

/// The ordinal of no document.
const NOBODY: u64 = u64::MAX;

/// When a unit is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepeatedOptions {
    /// In more documents than these.
    pub max_documents: u64,
    /// Whether the first document, that with the smallest ordinal, keeps it.
    pub keep_first: bool,
}

impl Default for RepeatedOptions {
    /// As CCNet, C4 and datatrove do: one copy stays.
    fn default() -> Self {
        Self { max_documents: 1, keep_first: true }
    }
}

/// Takes the keys of all documents, of one part after the other.
///
/// A part gives one row for each of its keys, so that even a line of every document takes no more
/// rows than there are parts. Parts that come mixed give more rows and the same result.
pub struct KeySorter {
    options: RepeatedOptions,
    sorter: Sorter<ROW_BYTES>,
    repeated: ByPartWriter<KEY_BYTES>,
    /// The part that is coming in, with its keys and documents.
    part: u32,
    held: Vec<(u64, u64)>,
}

impl KeySorter {
    /// Starts with `keys_expected` as the number of all documents' keys together; a wrong number
    /// costs time or memory, nothing else. One part's keys come on top of the memory.
    pub fn new(
        scratch: &Scratch,
        options: RepeatedOptions,
        keys_expected: u64,
        memory_bytes: u64,
    ) -> Result<Self> {
        Ok(Self {
            options,
            sorter: Sorter::new(scratch, "lines", keys_expected, memory_bytes / 4 * 3)?,
            repeated: ByPartWriter::new(scratch, "lines-repeated", memory_bytes / 4)?,
            part: 0,
            held: Vec::new(),
        })
    }

    /// Adds the keys of a document, which is the one at `ordinal` in the input and belongs
    /// to `part`.
    pub fn push(
        &mut self,
        part: u32,
        ordinal: u64,
        keys: impl IntoIterator<Item = u64>,
    ) -> Result<()> {
        if part != self.part {
            self.end_part()?;
            self.part = part;
        }
        self.held.extend(keys.into_iter().map(|key| (key, ordinal)));
        Ok(())
    }

    fn end_part(&mut self) -> Result<()> {
        self.held.sort_unstable();
        self.held.dedup();
        for group in self.held.chunk_by(|a, b| a.0 == b.0) {
            let (key, first) = group[0];
            let mut row = [0; ROW_BYTES];
            row[..8].copy_from_slice(&key.to_be_bytes());
            row[8..16].copy_from_slice(&first.to_be_bytes());
            row[16..20].copy_from_slice(&self.part.to_be_bytes());
            row[20..].copy_from_slice(&(group.len() as u32).to_be_bytes());
            self.sorter.push(row)?;
        }
        self.held.clear();
        Ok(())
    }

    /// Finds the repeated ones.
    pub fn finish(mut self) -> Result<RepeatedKeys> {
        self.end_part()?;
        self.held = Vec::new();
        let sorted = self.sorter.finish()?;
        let options = self.options;
        let repeated_of_partition = |rows: &[[u8; ROW_BYTES]]| {
            let groups = rows.chunk_by(|a, b| a[..8] == b[..8]);
            let documents = |group: &[[u8; ROW_BYTES]]| -> u64 {
                group.iter().map(|row| number(&row[20..])).sum()
            };
            let mut found: Vec<(u32, [u8; KEY_BYTES])> = Vec::new();
            let mut keys = 0;
            for group in groups.filter(|group| documents(group) > options.max_documents) {
                let keeper = if options.keep_first { number(&group[0][8..16]) } else { NOBODY };
                let mut out = [0; KEY_BYTES];
                out[..8].copy_from_slice(&group[0][..8]);
                out[8..].copy_from_slice(&keeper.to_be_bytes());
                found.extend(group.iter().map(|row| (number(&row[16..20]) as u32, out)));
                keys += 1;
            }
            Ok((keys, found))
        };
        let repeated = &mut self.repeated;
        let mut keys = 0;
        sorted.map_in_order(repeated_of_partition, |(of_partition, found)| {
            keys += of_partition;
            found.into_iter().try_for_each(|(part, row)| repeated.push(part, row))
        })?;
        Ok(RepeatedKeys { keys, rows: sorted.rows(), by_part: self.repeated.finish()? })
    }
}

/// The repeated keys of every part.
pub struct RepeatedKeys {
    keys: u64,
    rows: u64,
    by_part: ByPart<KEY_BYTES>,
}

impl RepeatedKeys {
    /// Different keys that are repeated.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// Rows sorted: different keys of a part, added up over all parts.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Those of a part.
    pub fn of_part(&self, part: u32) -> Result<PartKeys> {
        let rows = self.by_part.of_part(part)?.into_iter();
        Ok(PartKeys { keepers: rows.map(|row| (number(&row[..8]), number(&row[8..]))).collect() })
    }
}

/// The repeated keys that occur in one part.
#[derive(Debug, Default, Clone)]
pub struct PartKeys {
    /// Keys, ascending, with the documents that keep them.
    keepers: Vec<(u64, u64)>,
}

impl PartKeys {
    /// Whether a key is repeated in a document.
    pub fn is_repeated(&self, key: u64, ordinal: u64) -> bool {
        let found = self.keepers.binary_search_by_key(&key, |(key, _)| *key);
        found.is_ok_and(|index| self.keepers[index].1 != ordinal)
    }

    /// Whether the second pass has to look at a document that has these keys.
    pub fn concern(&self, ordinal: u64, keys: impl IntoIterator<Item = u64>) -> bool {
        keys.into_iter().any(|key| self.is_repeated(key, ordinal))
    }

    /// Whether nothing is repeated in the part.
    pub fn is_empty(&self) -> bool {
        self.keepers.is_empty()
    }
}
