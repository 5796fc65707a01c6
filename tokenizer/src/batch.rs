//! Pieces in batches, so that the tables they are looked up in answer for many at a time.
//!
//! A table of words is larger than the processor's near caches. Looked up one after the other, each
//! word waits for memory; in a loop that does nothing else, the processor has many look-ups under
//! way at once. Cutting, making keys and looking up are loops of their own for the same reason: a
//! branch guessed wrongly in one does not stop the others.

use crate::joins::Joins;
use crate::key::Key;
use crate::{Pieces, Split};

/// Pieces in a batch: more than the look-ups a processor keeps under way, few enough for its
/// nearest cache.
pub(crate) const BATCH: usize = 64;

/// Up to [`BATCH`] pieces of a text with their keys and the hashes of those.
pub(crate) struct PieceBatch<'a> {
    text: &'a str,
    pieces: Pieces<'a>,
    /// Where the pieces begin; each ends where the next one begins.
    cuts: [usize; BATCH + 1],
    keys: [Key; BATCH],
    hashes: [u64; BATCH],
    length: usize,
}

impl<'a> PieceBatch<'a> {
    /// A batch without pieces; [`PieceBatch::refill`] gives it the first ones of `text`.
    pub(crate) fn new(split: Split, text: &'a str) -> Self {
        Self::with_joins(split, None, text)
    }

    /// The same for texts that are cut where no merge joins two characters, if that is known.
    pub(crate) fn with_joins(split: Split, joins: Option<&'a Joins>, text: &'a str) -> Self {
        Self {
            text,
            pieces: split.pieces_with_joins(joins, text),
            cuts: [0; BATCH + 1],
            keys: [Key::EMPTY; BATCH],
            hashes: [0; BATCH],
            length: 0,
        }
    }

    /// Goes on with the pieces of another text.
    pub(crate) fn restart(&mut self, split: Split, joins: Option<&'a Joins>, text: &'a str) {
        self.text = text;
        self.pieces = split.pieces_with_joins(joins, text);
        self.length = 0;
    }

    /// Replaces the pieces by the next ones; whether there are any.
    #[inline]
    pub(crate) fn refill(&mut self) -> bool {
        self.length = self.pieces.fill(&mut self.cuts);
        let bytes = self.text.as_bytes();
        let places = self.keys.iter_mut().zip(&mut self.hashes);
        for ((key, hash), cut) in places.zip(self.cuts.windows(2)).take(self.length) {
            // A piece that is too long for a key gets the empty key.
            *key = Key::at(bytes, cut[0], cut[1]);
            *hash = key.hash();
        }
        self.length > 0
    }

    /// A piece of the batch.
    #[inline]
    pub(crate) fn piece(&self, at: usize) -> &'a str {
        &self.text[self.cuts[at]..self.cuts[at + 1]]
    }

    /// The key of a piece of the batch and its hash.
    #[inline]
    pub(crate) fn key(&self, at: usize) -> (Key, u64) {
        (self.keys[at], self.hashes[at])
    }

    /// The key of each piece and its hash; the empty key for a piece that is too long for one.
    #[inline]
    pub(crate) fn keys(&self) -> impl Iterator<Item = (Key, u64)> {
        self.keys.iter().copied().zip(self.hashes).take(self.length)
    }
}
