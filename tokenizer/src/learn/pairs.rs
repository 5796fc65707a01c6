//! The pairs of neighbours that are frequent enough to be kept: their counts and places.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::arena::{Symbol, Words};
use crate::merges::{Pair, pack, unpack};

/// Up to so many symbols pairs are counted in a table of all pairs, 4 MiB a thread, instead of a
/// hash table: at first, when there are the most of them.
const DENSE_SYMBOLS: usize = 512;

/// How often a pair occurs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Each place as often as its word occurs.
    pub(crate) count: u64,
    /// In how many places.
    pub(crate) places: u32,
}

impl Tally {
    /// Adds other occurrences.
    #[inline]
    pub(crate) fn add(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.places += other.places;
    }
}

/// A pair of neighbours.
#[derive(Debug)]
pub(crate) struct PairEntry {
    pub(crate) pair: Pair,
    pub(crate) count: u64,
    /// The places of the pair, perhaps some where it is no more, in rising order.
    pub(crate) places: Vec<u32>,
}

/// The pairs that are kept.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    pub(crate) entries: Vec<PairEntry>,
    index_of: FxHashMap<u64, u32>,
}

impl Pairs {
    /// The pairs of `words` for which `is_kept`. The symbols have so many letters as `lengths` say.
    pub(crate) fn of<S: Symbol>(
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
        // Each stretch fills its own part of every list.
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

    /// Makes an entry that waits for the places of `tally`.
    pub(crate) fn add(&mut self, pair: Pair, tally: Tally) -> u32 {
        let index = self.entries.len() as u32;
        self.index_of.insert(pack(pair), index);
        let places = Vec::with_capacity(tally.places as usize);
        self.entries.push(PairEntry { pair, count: tally.count, places });
        index
    }

    /// Takes away `count` occurrences of a pair, if there is an entry of it.
    pub(crate) fn subtract(&mut self, pair: Pair, count: u64) {
        if let Some(&index) = self.index_of.get(&pack(pair)) {
            let present = &mut self.entries[index as usize].count;
            *present = present.saturating_sub(count);
        }
    }
}

/// A value for every pair of symbols, the default at first.
enum PairTable<T> {
    /// All pairs, by the left symbol and then by the right one, and how many symbols there are.
    Dense(Vec<T>, usize),
    /// Those that were asked for.
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

    /// The value of a pair that was asked for.
    #[inline]
    fn known_mut(&mut self, pair: Pair) -> Option<&mut T> {
        match self {
            Self::Dense(values, symbols) => values.get_mut(dense(pair, *symbols)),
            Self::Sparse(values) => values.get_mut(&pack(pair)),
        }
    }

    /// All pairs with their values, in no order.
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

/// Where a pair is in a table of all pairs of so many symbols.
#[inline]
fn dense(pair: Pair, symbols: usize) -> usize {
    pair.0 as usize * symbols + pair.1 as usize
}
