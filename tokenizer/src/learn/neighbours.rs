//! Applying one merge at all its places, and collecting the neighbours of the new symbol.
//!
//! Each occurrence of a new pair, the new symbol and a neighbour, replaces an occurrence of an old
//! pair. So one sum per neighbour is enough to update the counts of pairs, without a look-up per
//! place. Threads work on separate stretches of the words. The sums do not depend on the number of
//! threads.

use super::arena::{Symbol, WordsMut};
use super::pairs::Tally;
use crate::merges::Pair;

/// Places that are looked up together, so that they are loaded from memory in parallel.
const BATCH: usize = 16;

/// The fewest places that are worth a thread.
const PLACES_PER_THREAD: usize = 1024;

/// No entry.
const NONE: u32 = u32::MAX;

/// The neighbours on one side of the new symbol.
#[derive(Debug, Default)]
struct Side {
    /// By symbol, how often it is a neighbour.
    tallies: Vec<Tally>,
    /// The symbols that are neighbours.
    symbols: Vec<u32>,
    /// For each occurrence of a neighbour, the neighbour and the place of the new pair, in the
    /// order of the places.
    places: Vec<(u32, u32)>,
}

impl Side {
    /// Adds occurrences of one neighbour.
    #[inline]
    fn add(&mut self, symbol: u32, tally: Tally) {
        let own = &mut self.tallies[symbol as usize];
        if own.places == 0 {
            self.symbols.push(symbol);
        }
        own.add(tally);
    }

    /// Moves the sums of `other` here.
    fn absorb(&mut self, other: &mut Self) {
        while let Some(symbol) = other.symbols.pop() {
            self.add(symbol, std::mem::take(&mut other.tallies[symbol as usize]));
        }
    }
}

/// The neighbours of the new symbol in a stretch of the words.
#[derive(Debug, Default)]
struct Neighbours {
    sides: [Side; 2],
}

/// A pair that becomes a token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Merge {
    pub(super) pair: Pair,
    /// The numbers of letters of its two symbols.
    pub(super) lengths: (usize, usize),
    pub(super) token: u32,
    /// The number of symbols, including the token.
    pub(super) symbols: usize,
}

/// The side of the neighbours before the new symbol.
pub(super) const BEFORE: usize = 0;

/// The side of the neighbours after the new symbol.
pub(super) const AFTER: usize = 1;

/// Merges pairs in words. It reuses its memory from merge to merge.
#[derive(Debug)]
pub(super) struct Merger {
    /// One per thread, at least one, in the order of the words.
    stretches: Vec<Neighbours>,
    /// By neighbour, the index of the entry that its places belong to; [`NONE`] if the pair is not
    /// kept.
    indices: Vec<u32>,
}

impl Merger {
    pub(super) fn new() -> Self {
        let threads = rayon::current_num_threads().max(1);
        let stretches = std::iter::repeat_with(Neighbours::default).take(threads).collect();
        Self { stretches, indices: Vec::new() }
    }

    /// Merges the pair at `places` and collects the neighbours of the new symbol. The places are in
    /// ascending order; some may not hold the pair any more.
    pub(super) fn merge<S: Symbol>(
        &mut self,
        words: WordsMut<'_, S>,
        places: &[u32],
        merge: Merge,
    ) {
        let threads = (places.len() / PLACES_PER_THREAD).clamp(1, self.stretches.len());
        let busy = &mut self.stretches[..threads];
        for side in busy.iter_mut().flat_map(|stretch| &mut stretch.sides) {
            side.tallies.resize(merge.symbols, Tally::default());
        }
        merge_stretches(words, places, merge, busy);
        if let Some((first, others)) = busy.split_first_mut() {
            for other in others {
                for (side, other) in first.sides.iter_mut().zip(&mut other.sides) {
                    side.absorb(other);
                }
            }
        }
    }

    /// How often `symbol` is a neighbour on `side`.
    pub(super) fn count(&self, side: usize, symbol: u32) -> u64 {
        self.stretches[0].sides[side].tallies[symbol as usize].count
    }

    /// Calls `pair` for every neighbour on `side`. It returns the index of the entry that the
    /// places of the neighbour belong to, if there is one.
    pub(super) fn drain_pairs(
        &mut self,
        side: usize,
        mut pair: impl FnMut(u32, Tally) -> Option<u32>,
    ) {
        // `merge` has moved the sums of all stretches to the first one.
        let Side { tallies, symbols, .. } = &mut self.stretches[0].sides[side];
        self.indices.resize(tallies.len(), NONE);
        for symbol in symbols.drain(..) {
            let tally = std::mem::take(&mut tallies[symbol as usize]);
            self.indices[symbol as usize] = pair(symbol, tally).unwrap_or(NONE);
        }
    }

    /// Calls `hold` with the index of the entry and the place, for the places of all neighbours
    /// that have an entry, in ascending order of the places.
    pub(super) fn drain_places(&mut self, side: usize, mut hold: impl FnMut(u32, u32)) {
        for stretch in &mut self.stretches {
            for (symbol, place) in stretch.sides[side].places.drain(..) {
                let index = self.indices[symbol as usize];
                if index != NONE {
                    hold(index, place);
                }
            }
        }
    }
}

/// Merges in all stretches, each on its own thread.
fn merge_stretches<S: Symbol>(
    mut words: WordsMut<'_, S>,
    places: &[u32],
    merge: Merge,
    stretches: &mut [Neighbours],
) {
    if let [stretch] = stretches {
        for batch in places.chunks(BATCH) {
            let mut firsts = [0; BATCH];
            for (first, &at) in firsts.iter_mut().zip(batch) {
                if words.get(at as usize).id() == merge.pair.1 {
                    *first = words.first(at);
                }
            }
            for (&at, first) in batch.iter().zip(firsts) {
                if first != 0 {
                    merge_place(&mut words, at, first, &merge, &mut stretch.sides);
                }
            }
        }
        return;
    }
    let (left, right) = stretches.split_at_mut(stretches.len() / 2);
    let share = places.len() * left.len() / (left.len() + right.len());
    // If all places are in one word, one side gets none of them.
    let Some(&at) = places.get(share) else { return };
    let middle = words.first(at);
    let (left_places, right_places) = places.split_at(places.partition_point(|&at| at < middle));
    let (left_words, right_words) = words.split_at(middle);
    rayon::join(
        || merge_stretches(left_words, left_places, merge, left),
        || merge_stretches(right_words, right_places, merge, right),
    );
}

/// Merges the pair whose right symbol begins at the place `at`, if it is still there. The symbols
/// of the word begin at `first`.
#[inline]
fn merge_place<S: Symbol>(
    words: &mut WordsMut<'_, S>,
    at: u32,
    first: u32,
    merge: &Merge,
    [before, after]: &mut [Side; 2],
) {
    let &Merge { pair, token, lengths, .. } = merge;
    let middle = at as usize;
    let (start, end) = (middle - lengths.0, middle + lengths.1);
    if words.get(start).id() != pair.0 || words.get(middle).id() != pair.1 {
        return;
    }
    let tally = Tally { count: words.count(first), places: 1 };
    let (left, right) = (words.get(start - 1), words.get(end));
    if left != S::NONE {
        before.add(left.id(), tally);
        before.places.push((left.id(), start as u32));
    }
    if right != S::NONE {
        after.add(right.id(), tally);
        after.places.push((right.id(), end as u32));
    }
    words.set(middle, S::NONE);
    words.set(start, S::new(token));
    words.set(end - 1, S::new(token));
}
