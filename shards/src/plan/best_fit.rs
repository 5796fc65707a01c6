//! Best-fit decreasing: each document goes into the fullest row that can still hold it, the longest
//! documents first (Ding et al. 2024, "Fewer Truncations Improve Language Modeling",
//! section 3).
//!
//! Lengths are small integers, so there is one list of rows for each amount of free space. A bitmap
//! finds the next amount that has a row. So the cost of a document does not grow with the number of
//! rows.

use super::Segment;
use super::space::SpaceSet;

/// Marks the end of a list.
const NONE: u32 = u32::MAX;

/// Packs one group of segments after another and reuses its buffers.
pub(super) struct BestFit {
    row_tokens: u32,
    spaces: SpaceSet,
    /// The first row of each list, by free tokens.
    heads: Vec<u32>,
    /// The next row in the same list, by row.
    followers: Vec<u32>,
    row_of: Vec<u32>,
    by_length: Vec<u32>,
}

impl BestFit {
    /// For rows of `row_tokens` tokens.
    pub(super) fn new(row_tokens: u32) -> Self {
        Self {
            row_tokens,
            spaces: SpaceSet::new(row_tokens as usize + 1),
            heads: vec![NONE; row_tokens as usize + 1],
            followers: Vec::new(),
            row_of: Vec::new(),
            by_length: Vec::new(),
        }
    }

    /// Arranges `segments` in rows and calls `row` with the segments of each row, in the order in which
    /// they were given. There must be fewer than 2^32 segments of 1 to `row_tokens` tokens each.
    pub(super) fn pack<E>(
        &mut self,
        segments: &[Segment],
        mut row: impl FnMut(&[Segment]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.sort_by_length(segments);
        let n_rows = self.assign(segments);
        // A counting sort by row keeps the segments' order within a row.
        let mut ends = vec![0u32; n_rows];
        for row in &self.row_of {
            ends[*row as usize] += 1;
        }
        let mut end = 0;
        for count in &mut ends {
            (end, *count) = (end + *count, end);
        }
        let mut by_row = vec![Segment { shard: 0, start: 0, length: 0 }; segments.len()];
        for (segment, row) in segments.iter().zip(&self.row_of) {
            let place = &mut ends[*row as usize];
            by_row[*place as usize] = *segment;
            *place += 1;
        }
        let mut start = 0;
        for end in ends {
            row(&by_row[start..end as usize])?;
            start = end as usize;
        }
        Ok(())
    }

    /// Fills `by_length` with the segments' numbers, longest first; equal lengths keep their order.
    fn sort_by_length(&mut self, segments: &[Segment]) {
        let rank = |segment: &Segment| (self.row_tokens - segment.length) as usize;
        let mut places = vec![0u32; self.row_tokens as usize + 1];
        for segment in segments {
            places[rank(segment)] += 1;
        }
        let mut end = 0;
        for count in &mut places {
            (end, *count) = (end + *count, end);
        }
        self.by_length.clear();
        self.by_length.resize(segments.len(), 0);
        for (number, segment) in segments.iter().enumerate() {
            let place = &mut places[rank(segment)];
            self.by_length[*place as usize] = number as u32;
            *place += 1;
        }
    }

    /// Fills `row_of` with each segment's row; returns the number of rows.
    fn assign(&mut self, segments: &[Segment]) -> usize {
        self.followers.clear();
        self.row_of.clear();
        self.row_of.resize(segments.len(), 0);
        for number in &self.by_length {
            let length = segments[*number as usize].length as usize;
            let (row, space) = if let Some(space) = self.spaces.at_or_above(length) {
                let row = self.heads[space];
                self.heads[space] = self.followers[row as usize];
                if self.heads[space] == NONE {
                    self.spaces.remove(space);
                }
                (row, space - length)
            } else {
                self.followers.push(NONE);
                (self.followers.len() as u32 - 1, self.row_tokens as usize - length)
            };
            self.row_of[*number as usize] = row;
            if space > 0 {
                if self.heads[space] == NONE {
                    self.spaces.insert(space);
                }
                self.followers[row as usize] = self.heads[space];
                self.heads[space] = row;
            }
        }
        // The next group starts without open rows.
        while let Some(space) = self.spaces.at_or_above(0) {
            self.heads[space] = NONE;
            self.spaces.remove(space);
        }
        self.followers.len()
    }
}
