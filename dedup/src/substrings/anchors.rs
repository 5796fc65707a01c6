//! Which anchors occur more than once in the corpus.

use rustc_hash::FxHashSet;
use store::Scratch;

use crate::by_part::{ByPart, ByPartWriter, number};
use crate::error::Result;
use crate::sort::Sorter;

/// Bytes of a row: the anchor, the part, and whether the part holds it more than once.
const ROW_BYTES: usize = 13;

/// Takes the anchors of all documents, of one part after the other.
///
/// A part gives one row for each of its anchors, so that even a notice that stands in every document
/// takes no more rows than there are parts. Parts that come mixed give more rows and the same
/// result.
pub struct AnchorSorter {
    sorter: Sorter<ROW_BYTES>,
    repeated: ByPartWriter<8>,
    /// The part that is coming in, with its anchors.
    part: u32,
    held: Vec<u64>,
}

impl AnchorSorter {
    /// Starts with `anchors_expected` as the number of all documents' anchors together; a wrong
    /// number costs time or memory, nothing else. One part's anchors come on top of the memory.
    pub fn new(scratch: &Scratch, anchors_expected: u64, memory_bytes: u64) -> Result<Self> {
        Ok(Self {
            sorter: Sorter::new(scratch, "anchors", anchors_expected, memory_bytes / 4 * 3)?,
            repeated: ByPartWriter::new(scratch, "anchors-repeated", memory_bytes / 4)?,
            part: 0,
            held: Vec::new(),
        })
    }

    /// Adds what [`Substrings::anchors`](super::Substrings::anchors) found in a document of a part.
    pub fn push(&mut self, part: u32, anchors: impl IntoIterator<Item = u64>) -> Result<()> {
        if part != self.part {
            self.end_part()?;
            self.part = part;
        }
        self.held.extend(anchors);
        Ok(())
    }

    fn end_part(&mut self) -> Result<()> {
        self.held.sort_unstable();
        for group in self.held.chunk_by(|a, b| a == b) {
            let mut row = [0; ROW_BYTES];
            row[..8].copy_from_slice(&group[0].to_be_bytes());
            row[8..12].copy_from_slice(&self.part.to_be_bytes());
            row[12] = u8::from(group.len() > 1);
            self.sorter.push(row)?;
        }
        self.held.clear();
        Ok(())
    }

    /// Finds the repeated ones.
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
    /// Rows sorted: different anchors of a part, added up over all parts.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Of these, how many are repeated.
    pub fn repeated(&self) -> u64 {
        self.anchors
    }

    /// Those of a part.
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
    /// Whether an anchor is repeated.
    pub fn contains(&self, anchor: u64) -> bool {
        self.values.contains(&anchor)
    }

    /// Whether the second pass has to look at a document that has these anchors.
    pub fn concern(&self, anchors: impl IntoIterator<Item = u64>) -> bool {
        anchors.into_iter().any(|anchor| self.contains(anchor))
    }

    /// Whether the second pass has nothing to look at in the part.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}
