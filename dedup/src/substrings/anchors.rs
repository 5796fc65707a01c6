//! Finds the anchors that occur more than once in the corpus.

use rustc_hash::FxHashSet;
use store::Scratch;

use crate::by_part::{ByPart, ByPartWriter, number};
use crate::error::Result;
use crate::sort::Sorter;

/// Bytes of a row: anchor 8, part 4, and 1 byte that is not 0 if the part has the anchor more than
/// once.
const ROW_BYTES: usize = 13;

/// Collects the anchors of all documents, one part after another.
///
/// A part gives one row for each of its distinct anchors, so even a notice in every document takes
/// only as many rows as there are parts. If parts are interleaved, there are more rows but the same
/// result.
pub struct AnchorSorter {
    sorter: Sorter<ROW_BYTES>,
    repeated: ByPartWriter<8>,
    /// The current part, whose anchors are in `held`.
    part: u32,
    held: Vec<u64>,
}

impl AnchorSorter {
    /// Makes a sorter for about `anchors_expected` anchors of all documents, which uses about
    /// `memory_bytes` of memory, plus the anchors of one part. A wrong expectation costs time or
    /// memory, but does not change the result.
    ///
    /// # Errors
    /// When a scratch file cannot be made.
    pub fn new(scratch: &Scratch, anchors_expected: u64, memory_bytes: u64) -> Result<Self> {
        Ok(Self {
            sorter: Sorter::new(scratch, "anchors", anchors_expected, memory_bytes / 4 * 3)?,
            repeated: ByPartWriter::new(scratch, "anchors-repeated", memory_bytes / 4)?,
            part: 0,
            held: Vec::new(),
        })
    }

    /// Adds the anchors that [`Substrings::anchors`](super::Substrings::anchors) found in a
    /// document of a part.
    ///
    /// # Errors
    /// When a scratch file cannot be written.
    pub fn push(&mut self, part: u32, anchors: impl IntoIterator<Item = u64>) -> Result<()> {
        if part != self.part {
            self.end_part()?;
            self.part = part;
        }
        self.held.extend(anchors);
        Ok(())
    }

    /// Sorts one row for each distinct anchor of the current part.
    fn end_part(&mut self) -> Result<()> {
        self.held.sort_unstable();
        for group in self.held.chunk_by(|a, b| a == b) {
            let mut row = [0; ROW_BYTES];
            row[..8].copy_from_slice(&group[0].to_be_bytes());
            row[8..12].copy_from_slice(&self.part.to_be_bytes());
            // Without this byte, an anchor that only one part repeats would look unique.
            row[12] = u8::from(group.len() > 1);
            self.sorter.push(row)?;
        }
        self.held.clear();
        Ok(())
    }

    /// Ends the input and finds the repeated anchors.
    ///
    /// # Errors
    /// When a scratch file cannot be written or read.
    pub fn finish(mut self) -> Result<RepeatedAnchors> {
        self.end_part()?;
        let sorted = self.sorter.finish()?;
        let repeated_of_partition = |rows: &[[u8; ROW_BYTES]]| {
            let groups = rows.chunk_by(|a, b| a[..8] == b[..8]);
            let repeated = groups.filter(|group| group.len() > 1 || group[0][12] != 0);
            Ok(repeated.flatten().copied().collect::<Vec<_>>())
        };
        let repeated = &mut self.repeated;
        let mut anchors = 0;
        sorted.map_in_order(repeated_of_partition, |rows| {
            anchors += rows.len() as u64;
            rows.iter().try_for_each(|row| {
                repeated.push(number(&row[8..12]) as u32, number(&row[..8]).to_be_bytes())
            })
        })?;
        Ok(RepeatedAnchors { anchors, rows: sorted.rows(), by_part: self.repeated.finish()? })
    }
}

/// The repeated anchors of every part.
pub struct RepeatedAnchors {
    anchors: u64,
    rows: u64,
    by_part: ByPart<8>,
}

impl RepeatedAnchors {
    /// The number of sorted rows: the distinct anchors of each part, summed over all parts.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The number of these rows whose anchor is repeated.
    pub fn repeated(&self) -> u64 {
        self.anchors
    }

    /// Returns the repeated anchors of a part.
    ///
    /// # Errors
    /// When a scratch file cannot be read.
    pub fn of_part(&self, part: u32) -> Result<Anchors> {
        let rows = self.by_part.of_part(part)?;
        Ok(Anchors { values: rows.into_iter().map(u64::from_be_bytes).collect() })
    }
}

/// The repeated anchors of one part.
#[derive(Debug, Default, Clone)]
pub struct Anchors {
    values: FxHashSet<u64>,
}

impl Anchors {
    /// True if an anchor is repeated.
    pub(super) fn contains(&self, anchor: u64) -> bool {
        self.values.contains(&anchor)
    }

    /// True if one of a document's anchors is repeated, so that the second pass must read the
    /// document.
    pub fn concern(&self, anchors: impl IntoIterator<Item = u64>) -> bool {
        anchors.into_iter().any(|anchor| self.contains(anchor))
    }

    /// True if the part has no repeated anchor, so that the second pass can skip it.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}
