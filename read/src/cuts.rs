//! Where a survey cuts a file into parts.

use crate::decompress::Restart;

/// Most decompressed data that is only skipped in order to reach the parts of a file, in multiples
/// of the file's length. In a file of one member, part *n* has to decompress the *n* - 1 parts
/// before it, so the work grows with the square of the number of parts: 7 lengths allow 15 parts.
const MAX_SKIPPED_LENGTHS: u64 = 7;

/// Most parts of a file.
const MAX_PARTS: usize = 1 << 16;

/// A place where a part may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Offset in the decompressed data.
    pub(crate) start: u64,
    /// Number of the record that starts here.
    pub(crate) ordinal: u64,
    /// Where decompression can start in order to reach `start`.
    pub(crate) restart: Restart,
}

impl Cut {
    /// The start of a file.
    pub(crate) const FIRST: Self =
        Self { start: 0, ordinal: 0, restart: Restart { compressed: 0, decompressed: 0 } };

    /// The ordinal as parts hold it. A file with more records than fit is refused by the readers.
    pub(crate) fn part_ordinal(&self) -> u32 {
        u32::try_from(self.ordinal).unwrap_or(u32::MAX)
    }
}

/// The cuts of a file, as one pass over it finds them.
pub(crate) struct Cuts {
    cuts: Vec<Cut>,
    part_bytes: u64,
}

impl Cuts {
    /// Only the first cut, with later ones at least `part_bytes` decompressed bytes apart.
    pub(crate) fn new(part_bytes: u64) -> Self {
        Self { cuts: vec![Cut::FIRST], part_bytes }
    }

    /// Number of parts.
    pub(crate) fn count(&self) -> usize {
        self.cuts.len()
    }

    /// Cuts at `place` if the part before it is large enough.
    pub(crate) fn offer(&mut self, place: Cut) {
        if self.cuts.last().is_some_and(|last| place.start - last.start < self.part_bytes) {
            return;
        }
        self.cuts.push(place);
        if self.cuts.len() > MAX_PARTS {
            self.thin();
            self.part_bytes = self.part_bytes.saturating_mul(2);
        }
    }

    /// Sets where decompression starts in order to reach each cut.
    pub(crate) fn set_restarts(&mut self, restart: impl Fn(&Cut) -> Restart) {
        for cut in &mut self.cuts {
            cut.restart = restart(cut);
        }
    }

    /// Drops every other cut, starting with the second.
    fn thin(&mut self) {
        let mut number = 0;
        self.cuts.retain(|_| {
            number += 1;
            number % 2 == 1
        });
    }

    /// Bounds the work of reaching the parts that do not start with a member of a compressed file.
    pub(crate) fn bound_skipping(&mut self, decompressed_bytes: u64) {
        let most = decompressed_bytes.saturating_mul(MAX_SKIPPED_LENGTHS);
        let skipped = |cut: &Cut| cut.start - cut.restart.decompressed;
        while self.cuts.iter().map(skipped).fold(0, u64::saturating_add) > most {
            self.thin();
        }
    }

    /// Each cut with the next one.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&Cut, Option<&Cut>)> {
        let next = self.cuts.iter().skip(1).map(Some).chain([None]);
        self.cuts.iter().zip(next)
    }
}
