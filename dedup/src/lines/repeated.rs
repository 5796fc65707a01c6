//! Finds the units that occur in too many documents.

use store::Scratch;

use crate::by_part::{ByPart, ByPartWriter, number};
use crate::error::Result;
use crate::sort::Sorter;

/// Bytes of a sorted row: key 8, first document 8, part 4, number of documents 4.
const ROW_BYTES: usize = 24;

/// Bytes of a row of the result: key 8, document that keeps the unit 8.
const KEY_BYTES: usize = 16;

/// In place of the document that keeps a unit, if none does.
const NOBODY: u64 = u64::MAX;

/// When a unit is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepeatedOptions {
    /// The largest number of documents in which a unit may occur. In more it is repeated.
    pub max_documents: u64,
    /// Whether the first document, the one with the smallest ordinal, keeps the unit.
    pub keep_first: bool,
}

impl Default for RepeatedOptions {
    /// The first copy is kept, as in CCNet, C4 and datatrove.
    fn default() -> Self {
        Self { max_documents: 1, keep_first: true }
    }
}

/// Collects the keys of all documents, one part after another.
///
/// A part gives one row for each of its distinct keys, so even a line that is in every document
/// takes only as many rows as there are parts. If parts are interleaved, there are more rows but
/// the same result.
pub struct KeySorter {
    options: RepeatedOptions,
    sorter: Sorter<ROW_BYTES>,
    repeated: ByPartWriter<KEY_BYTES>,
    /// The current part, whose keys and documents are in `held`.
    part: u32,
    held: Vec<(u64, u64)>,
}

impl KeySorter {
    /// Makes a sorter for about `keys_expected` keys of all documents, which uses about
    /// `memory_bytes` of memory, plus the keys of one part. A wrong expectation costs time or
    /// memory, but does not change the result.
    ///
    /// # Errors
    /// When a scratch file cannot be made.
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

    /// Adds the keys of the document with the index `ordinal` in the input, which belongs to
    /// `part`.
    ///
    /// # Errors
    /// When a scratch file cannot be written.
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

    /// Sorts one row for each distinct key of the current part.
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

    /// Ends the input and finds the repeated keys.
    ///
    /// # Errors
    /// When a scratch file cannot be written or read.
    pub fn finish(mut self) -> Result<RepeatedKeys> {
        self.end_part()?;
        // Returns the buffer's memory before the sort needs it.
        self.held = Vec::new();
        let sorted = self.sorter.finish()?;
        let options = self.options;
        // A row begins with the key and its first document, so the first row of a group has the
        // smallest ordinal of all documents with the key.
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
    /// The number of distinct repeated keys.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// The number of sorted rows: the distinct keys of each part, summed over all parts.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns the repeated keys that occur in a part.
    ///
    /// # Errors
    /// When a scratch file cannot be read.
    pub fn of_part(&self, part: u32) -> Result<PartKeys> {
        let rows = self.by_part.of_part(part)?.into_iter();
        Ok(PartKeys { keepers: rows.map(|row| (number(&row[..8]), number(&row[8..]))).collect() })
    }
}

/// The repeated keys that occur in one part.
#[derive(Debug, Default, Clone)]
pub struct PartKeys {
    /// Repeated keys, ascending, and for each the ordinal of the document that keeps it.
    keepers: Vec<(u64, u64)>,
}

impl PartKeys {
    /// True if a key is repeated and the document does not keep it.
    pub(super) fn is_repeated(&self, key: u64, ordinal: u64) -> bool {
        let found = self.keepers.binary_search_by_key(&key, |(key, _)| *key);
        found.is_ok_and(|index| self.keepers[index].1 != ordinal)
    }
}
