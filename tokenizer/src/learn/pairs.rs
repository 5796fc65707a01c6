//! The pairs of neighbours that are frequent enough to be kept, with their counts and places.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::arena::{Symbol, Words};
use crate::merges::{Pair, pack, unpack};

/// Up to this many symbols, pairs are counted in an array of all pairs, 4 MiB per thread, instead
/// of a hash table. This is the case at first, when most pairs occur.
const DENSE_SYMBOLS: usize = 512;

/// How often a pair occurs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// The occurrences: the sum of the counts of the words, over all places.
    pub(super) count: u64,
    /// The number of places.
    pub(super) places: u32,
}

impl Tally {
    /// Adds other occurrences.
    #[inline]
    pub(super) fn add(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.places += other.places;
    }
}

/// A pair of neighbours.
#[derive(Debug)]
pub(crate) struct PairEntry {
    pub(crate) pair: Pair,
    pub(crate) count: u64,
    /// The places of the pair in ascending order. Some may not hold it any more.
    pub(crate) places: Vec<u32>,
}

/// The pairs that are kept.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    pub(super) entries: Vec<PairEntry>,
    index_of: FxHashMap<u64, u32>,
}

impl Pairs {
    /// The pairs of `words` that `is_kept` selects. `lengths` has the number of letters of each
    /// symbol.
    pub(super) fn of<S: Symbol>(
        words: &Words<S>,
        lengths: &[usize],
        is_kept: impl Fn(Pair, u64) -> bool,
    ) -> Self {
        let stretches = words.stretches(rayon::current_num_threads());
        let tally = |stretch| {
            let mut tallies = PairTable::<Tally>::new(lengths.len());
            words.for_each_pair(stretch, lengths, |_, count, pair| {
                tallies.get_mut(pair).add(Tally { count, places: 1 });
            });
            tallies
        };
        let tallies: Vec<_> = stretches.par_iter().cloned().map(tally).collect();
        let mut all = PairTable::<Tally>::new(lengths.len());
        for (pair, &tally) in tallies.iter().flat_map(PairTable::iter) {
            all.get_mut(pair).add(tally);
        }
        let mut pairs = Self::default();
        for (pair, tally) in all.iter().filter(|&(pair, tally)| is_kept(pair, tally.count)) {
            let index = pairs.add(pair, *tally);
            pairs.entries[index as usize].places = vec![0; tally.places as usize];
        }
        // The number of places in each stretch is known now, so each stretch gets its part of every
        // list and all of them are filled in parallel, in ascending order.
        let mut parts: Vec<PairTable<&mut [u32]>> =
            stretches.iter().map(|_| PairTable::new(lengths.len())).collect();
        for PairEntry { pair, places, .. } in &mut pairs.entries {
            let mut places = &mut places[..];
            for (part, tallies) in parts.iter_mut().zip(&tallies) {
                let n_places = tallies.get(*pair).map_or(0, |tally| tally.places as usize);
                let (own, rest) = places.split_at_mut(n_places);
                *part.get_mut(*pair) = own;
                places = rest;
            }
        }
        stretches.into_par_iter().zip(parts).for_each(|(stretch, mut part)| {
            words.for_each_pair(stretch, lengths, |at, _, pair| {
                let Some(places) = part.known_mut(pair) else { return };
                if let Some((place, rest)) = std::mem::take(places).split_first_mut() {
                    *place = at;
                    *places = rest;
                }
            });
        });
        pairs
    }

    /// Adds an entry with room for the places of `tally`. Returns its index.
    pub(super) fn add(&mut self, pair: Pair, tally: Tally) -> u32 {
        let index = self.entries.len() as u32;
        self.index_of.insert(pack(pair), index);
        let places = Vec::with_capacity(tally.places as usize);
        self.entries.push(PairEntry { pair, count: tally.count, places });
        index
    }

    /// Subtracts `count` occurrences from the entry of a pair, if it has one.
    pub(super) fn subtract(&mut self, pair: Pair, count: u64) {
        if let Some(&index) = self.index_of.get(&pack(pair)) {
            let present = &mut self.entries[index as usize].count;
            *present = present.saturating_sub(count);
        }
    }
}

/// A value for every pair of symbols, at first the default.
enum PairTable<T> {
    /// The values of all pairs, by the left symbol and then by the right one, and the number of
    /// symbols.
    Dense(Vec<T>, usize),
    /// The values of the pairs that were requested.
    Sparse(FxHashMap<u64, T>),
}

impl<T: Default> PairTable<T> {
    fn new(symbols: usize) -> Self {
        if symbols > DENSE_SYMBOLS {
            return Self::Sparse(FxHashMap::default());
        }
        let values = std::iter::repeat_with(T::default).take(symbols * symbols);
        Self::Dense(values.collect(), symbols)
    }

    fn get(&self, pair: Pair) -> Option<&T> {
        match self {
            Self::Dense(values, symbols) => values.get(dense(pair, *symbols)),
            Self::Sparse(values) => values.get(&pack(pair)),
        }
    }

    #[inline]
    fn get_mut(&mut self, pair: Pair) -> &mut T {
        match self {
            Self::Dense(values, symbols) => &mut values[dense(pair, *symbols)],
            Self::Sparse(values) => values.entry(pack(pair)).or_default(),
        }
    }

    /// The value of a pair that was requested before.
    #[inline]
    fn known_mut(&mut self, pair: Pair) -> Option<&mut T> {
        match self {
            Self::Dense(values, symbols) => values.get_mut(dense(pair, *symbols)),
            Self::Sparse(values) => values.get_mut(&pack(pair)),
        }
    }

    /// All pairs with their values, in no particular order.
    fn iter(&self) -> Box<dyn Iterator<Item = (Pair, &T)> + '_> {
        match self {
            Self::Dense(values, symbols) => {
                let pair = move |at| ((at / symbols) as u32, (at % symbols) as u32);
                Box::new(values.iter().enumerate().map(move |(at, value)| (pair(at), value)))
            }
            Self::Sparse(values) => {
                Box::new(values.iter().map(|(&pair, value)| (unpack(pair), value)))
            }
        }
    }
}

/// The index of a pair in an array of all pairs of `symbols` symbols.
#[inline]
fn dense(pair: Pair, symbols: usize) -> usize {
    pair.0 as usize * symbols + pair.1 as usize
}
