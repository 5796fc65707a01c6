//! One merge in the places that hold its pair, and the neighbours that its new symbol gets there.
//!
//! Each new pair, of the new symbol and a neighbour, takes the place of an old one as often as it
//! occurs, so a sum for each neighbour is all that the counts of pairs need, and nothing is looked up
//! place by place. Threads work on stretches of the words; the sums of all are the same for any number.

use super::arena::{Symbol, WordsMut};
use super::pairs::Tally;
use crate::merges::Pair;

/// How many places are looked up together. They come from memory at the same time, where one after
/// the other would wait for each.
const BATCH: usize = 16;

/// The fewest places that are worth a thread of their own.
const PLACES_PER_THREAD: usize = 1024;

/// No entry.
const NONE: u32 = u32::MAX;

/// The neighbours on one side of the new symbol.
#[derive(Debug, Default)]
pub(crate) struct Side {
    /// By neighbour, how often it is one.
    tallies: Vec<Tally>,
    /// The neighbours that there are.
    symbols: Vec<u32>,
    /// The neighbours with the places of the pairs that they are in, in the order of the places.
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

    /// Adds the sums of `other`, which loses them.
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
pub(crate) struct Merge {
    pub(crate) pair: Pair,
    /// How many letters its symbols have.
    pub(crate) lengths: (usize, usize),
    pub(crate) token: u32,
    /// How many symbols there are, the token included.
    pub(crate) symbols: usize,
}

/// The side of the neighbours that come before the new symbol.
pub(crate) const BEFORE: usize = 0;

/// The side of those that come after it.
pub(crate) const AFTER: usize = 1;

/// Merges pairs in words, with memory that is used again.
#[derive(Debug)]
pub(crate) struct Merger {
    /// One a thread, in the order of the words.
    stretches: Vec<Neighbours>,
    /// By neighbour, under which index its places are wanted; [`NONE`] if they are not.
    indices: Vec<u32>,
}

impl Merger {
    pub(crate) fn new() -> Self {
        let threads = rayon::current_num_threads().max(1);
        let stretches = std::iter::repeat_with(Neighbours::default).take(threads).collect();
        Self { stretches, indices: Vec::new() }
    }

    /// Merges in `places`, which are in rising order and held the pair once, and takes stock of the new
    /// symbol's neighbours.
    pub(crate) fn merge<S: Symbol>(
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
    pub(crate) fn count(&self, side: usize, symbol: u32) -> u64 {
        let tallies = self.stretches.first().map(|stretch| &stretch.sides[side].tallies);
        tallies.and_then(|tallies| tallies.get(symbol as usize)).map_or(0, |tally| tally.count)
    }

    /// Calls `pair` for every neighbour on `side`, which says under which index its places
    /// are wanted.
    pub(crate) fn drain_pairs(
        &mut self,
        side: usize,
        mut pair: impl FnMut(u32, Tally) -> Option<u32>,
    ) {
        let Some(first) = self.stretches.first_mut() else { return };
        let Side { tallies, symbols, .. } = &mut first.sides[side];
        self.indices.resize(tallies.len(), NONE);
        for symbol in symbols.drain(..) {
            let tally = std::mem::take(&mut tallies[symbol as usize]);
            self.indices[symbol as usize] = pair(symbol, tally).unwrap_or(NONE);
        }
    }

    /// Calls `hold` for the places that are wanted, in rising order: the index, and the place.
    pub(crate) fn drain_places(&mut self, side: usize, mut hold: impl FnMut(u32, u32)) {
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

/// Merges in all stretches, each on a thread of its own.
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
    let middle = places.get(share).map_or(0, |&at| words.first(at));
    let (left_places, right_places) = places.split_at(places.partition_point(|&at| at < middle));
    let (left_words, right_words) = words.split_at(middle);
    rayon::join(
        || merge_stretches(left_words, left_places, merge, left),
        || merge_stretches(right_words, right_places, merge, right),
    );
}

/// Merges the pair whose right symbol begins at a place of a word whose symbols begin at `first`, if it still is there.
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
