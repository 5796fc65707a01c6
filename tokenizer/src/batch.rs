//! Pieces in batches, so that the tables they are looked up in answer for many at a time.
//!
//! A table of words is larger than the processor's near caches. Looked up one after the other, each
//! word waits for memory; in a loop that does nothing else, the processor has many look-ups under
//! way at once.

use crate::Pieces;
use crate::key::Key;

/// Pieces in a batch: more than the look-ups a processor keeps under way, few enough for its
/// nearest cache.
pub(crate) const BATCH: usize = 32;

/// Up to [`BATCH`] pieces with their keys and the hashes of those.
pub(crate) struct PieceBatch<'a> {
    pieces: [&'a str; BATCH],
    keys: [Key; BATCH],
    hashes: [u64; BATCH],
    length: usize,
}

impl<'a> PieceBatch<'a> {
    /// A batch without pieces.
    pub(crate) fn new() -> Self {
        Self { pieces: [""; BATCH], keys: [Key::default(); BATCH], hashes: [0; BATCH], length: 0 }
    }

    /// Replaces the pieces by the next ones; whether there are any.
    #[inline]
    pub(crate) fn refill(&mut self, pieces: &mut Pieces<'a>) -> bool {
        self.length = 0;
        for piece in pieces.by_ref().take(BATCH) {
            // A piece that is too long for a key keeps the empty key.
            let key = Key::new(piece.as_bytes()).unwrap_or_default();
            self.pieces[self.length] = piece;
            self.keys[self.length] = key;
            self.hashes[self.length] = key.hash();
            self.length += 1;
        }
        self.length > 0
    }

    /// The pieces of the batch.
    #[inline]
    pub(crate) fn pieces(&self) -> &[&'a str] {
        &self.pieces[..self.length]
    }

    /// The key of each piece and its hash; the empty key for a piece that is too long for one.
    #[inline]
    pub(crate) fn keys(&self) -> impl Iterator<Item = (Key, u64)> {
        self.keys.iter().copied().zip(self.hashes).take(self.length)
    }
}
