//! Pieces in batches, so that many of them are looked up at the same time.
//!
//! A table of words is larger than the L2 cache. If words are looked up one by one, each look-up
//! waits for memory; in a loop that does nothing else, the processor has many of them in flight.
//! Splitting, making keys and looking up are separate loops for the same reason: a mispredicted
//! branch in one does not stall the others.

use crate::joins::Joins;
use crate::key::Key;
use crate::split::BATCH;
use crate::{Pieces, Split};

/// Up to [`BATCH`] pieces of a text, with their keys and the hashes of these.
pub(crate) struct PieceBatch<'a> {
    text: &'a str,
    pieces: Pieces<'a>,
    /// Where each piece begins, and after them where the last one ends.
    cuts: [usize; BATCH + 1],
    keys: [Key; BATCH],
    hashes: [u64; BATCH],
    length: usize,
}

impl<'a> PieceBatch<'a> {
    /// An empty batch; [`PieceBatch::refill`] fills it with the first pieces of `text`.
    pub(crate) fn new(split: Split, text: &'a str) -> Self {
        Self::with_joins(split, None, text)
    }

    /// Like [`PieceBatch::new`]; with `joins`, the text is split where no merge joins two
    /// characters.
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

    /// Continues with another text.
    pub(crate) fn restart(&mut self, split: Split, joins: Option<&'a Joins>, text: &'a str) {
        self.text = text;
        self.pieces = split.pieces_with_joins(joins, text);
        self.length = 0;
    }

    /// Replaces the pieces by the next ones of the text. Returns false at its end.
    #[inline]
    pub(crate) fn refill(&mut self) -> bool {
        self.length = self.pieces.fill(&mut self.cuts);
        let bytes = self.text.as_bytes();
        let places = self.keys.iter_mut().zip(&mut self.hashes);
        for ((key, hash), cut) in places.zip(self.cuts.windows(2)).take(self.length) {
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

    /// The key of a piece and its hash.
    #[inline]
    pub(crate) fn key(&self, at: usize) -> (Key, u64) {
        (self.keys[at], self.hashes[at])
    }

    /// The key of each piece and its hash; pieces that are too long for a key have the empty key.
    #[inline]
    pub(crate) fn keys(&self) -> impl Iterator<Item = (Key, u64)> {
        self.keys.iter().copied().zip(self.hashes).take(self.length)
    }
}
