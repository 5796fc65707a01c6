//! Learning merges from words with counts: repeatedly, the most frequent pair of neighbours becomes
//! a new symbol (Sennrich et al. 2016). The limits are those of Hugging Face's `BpeTrainer`; the
//! caller chooses the order of equally frequent pairs.
//!
//! Each merge visits the places of its pair and updates the counts of the pairs there. A heap gives
//! the most frequent pair. Counts in the heap may be too high but never too low, because the count
//! of a pair only falls once it exists. An entry that reaches the top with an outdated count goes
//! back with the current one.
//!
//! Most pairs never become frequent enough to merge, and the count of a pair never rises. So the
//! learner guesses a threshold below the counts of all future merges, and does not keep pairs that
//! begin below it: they take no list of places and no room in the tables. If the counts reach the
//! threshold before the vocabulary is full, the learner lowers it and counts all pairs again. The
//! merges do not depend on the guess.

mod arena;
mod neighbours;
mod order;
mod pairs;
mod symbols;

use std::collections::BinaryHeap;

pub(crate) use self::arena::{Symbol, Words};
use self::neighbours::{AFTER, BEFORE, Merge, Merger};
use self::order::TieOrder;
pub(crate) use self::order::{FirstOccurrence, GreatestBytes, LowestIds};
use self::pairs::Pairs;
pub(crate) use self::symbols::Spellings;
use crate::merges::Pair;

/// When learning ends. It also ends when no pair is left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The most symbols.
    pub(crate) vocab_size: usize,
    /// The lowest count of a pair that is merged.
    pub(crate) min_frequency: u64,
    /// A pair that a merge creates is merged only if it has fewer letters than this.
    pub(crate) max_token_length: usize,
}

/// The first merge is expected to have the count of all pairs divided by this.
const FIRST_SHARE: u64 = 4;

/// The threshold is the lowest expected count of a merge, divided by this.
const THRESHOLD_DIVISOR: u64 = 8;

/// The threshold never falls by more than this factor at once.
const MAX_FALL: u64 = 16;

/// A pair in the heap: the highest count first, then the greatest key.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate<Key> {
    count: u64,
    key: Key,
    index: u32,
}

/// The state of learning.
struct Learner<O: TieOrder, S> {
    order: O,
    words: Words<S>,
    pairs: Pairs,
    merger: Merger,
    /// Pairs that begin with a lower count are not kept.
    threshold: u64,
    /// Pairs with their counts and keys at the time when they were pushed.
    heap: BinaryHeap<Candidate<O::Key>>,
}

/// Learns merges. Returns the pairs in order, each with the symbol that it becomes. `progress` is
/// called after every merge with the number made and the number that would fill the vocabulary.
pub(crate) fn learn<O: TieOrder, S: Symbol>(
    order: O,
    words: Words<S>,
    spellings: &mut Spellings,
    limits: Limits,
    progress: &mut (dyn FnMut(usize, usize) + Send),
) -> Vec<(Pair, u32)> {
    let merges = limits.vocab_size.saturating_sub(spellings.len());
    // By Zipf's law the last merge has about 1/merges of the first one's count.
    let threshold = words.pairs() / FIRST_SHARE / THRESHOLD_DIVISOR / merges.max(1) as u64;
    learn_above(threshold, order, words, spellings, limits, progress)
}

/// [`learn`] with a first threshold.
pub(crate) fn learn_above<O: TieOrder, S: Symbol>(
    threshold: u64,
    order: O,
    words: Words<S>,
    spellings: &mut Spellings,
    limits: Limits,
    progress: &mut (dyn FnMut(usize, usize) + Send),
) -> Vec<(Pair, u32)> {
    let total = limits.vocab_size.saturating_sub(spellings.len());
    let mut learner = Learner::new(order, words);
    let mut merges: Vec<(Pair, u32)> = Vec::with_capacity(total);
    let lowest = limits.min_frequency.max(1);
    let mut threshold = threshold.max(lowest);
    learner.index(threshold, spellings, limits.max_token_length);
    while spellings.len() < limits.vocab_size {
        let Some(index) = learner.most_frequent(spellings) else {
            if threshold == lowest {
                break;
            }
            // The n-th merge has about 1/n of the first one's count (Zipf's law).
            let expected = u128::from(threshold) * merges.len() as u128 / total as u128;
            let wanted = expected as u64 / THRESHOLD_DIVISOR;
            threshold = wanted.clamp(threshold / MAX_FALL, threshold / 2).max(lowest);
            learner.index(threshold, spellings, limits.max_token_length);
            continue;
        };
        let entry = &mut learner.pairs.entries[index as usize];
        let pair = entry.pair;
        let places = std::mem::take(&mut entry.places);
        let token = spellings.merge(pair);
        merges.push((pair, token));
        learner.apply(pair, token, &places, spellings, limits.max_token_length);
        progress(merges.len(), total);
    }
    merges
}

impl<O: TieOrder, S: Symbol> Learner<O, S> {
    fn new(order: O, words: Words<S>) -> Self {
        Self {
            order,
            words,
            pairs: Pairs::default(),
            merger: Merger::new(),
            threshold: 0,
            heap: BinaryHeap::new(),
        }
    }

    /// Counts the pairs of all words again and keeps those that occur `threshold` times or more.
    fn index(&mut self, threshold: u64, spellings: &Spellings, max_token_length: usize) {
        self.threshold = threshold;
        self.heap.clear();
        self.order = O::default();
        self.pairs = Pairs::of(&self.words, &spellings.lengths, |pair, count| {
            count >= threshold && spellings.fits(pair, max_token_length)
        });
        self.push_since(0, spellings);
    }

    /// Pushes the entries from the index `first` on into the heap.
    fn push_since(&mut self, first: usize, spellings: &Spellings) {
        for (entry, index) in self.pairs.entries[first..].iter().zip(first as u32..) {
            let key = self.order.key(index, entry, &self.words, spellings);
            self.heap.push(Candidate { count: entry.count, key, index });
        }
    }

    /// Pops the most frequent pair from the heap; of equally frequent ones, the first in the order.
    /// `None` if all remaining pairs are below the threshold.
    fn most_frequent(&mut self, spellings: &Spellings) -> Option<u32> {
        loop {
            let Candidate { count, key, index } = self.heap.pop()?;
            let entry = &self.pairs.entries[index as usize];
            if entry.count < self.threshold {
                continue;
            }
            if entry.count < count {
                self.heap.push(Candidate { count: entry.count, key, index });
                continue;
            }
            if O::FALLS {
                let present = self.order.key(index, entry, &self.words, spellings);
                if present < key {
                    self.heap.push(Candidate { count, key: present, index });
                    continue;
                }
            }
            return Some(index);
        }
    }

    /// Merges `pair` to `token` at `places` and counts the new pairs.
    fn apply(
        &mut self,
        pair: Pair,
        token: u32,
        places: &[u32],
        spellings: &Spellings,
        max_token_length: usize,
    ) {
        let lengths = &spellings.lengths;
        let of_pair = (lengths[pair.0 as usize], lengths[pair.1 as usize]);
        let merge = Merge { pair, lengths: of_pair, token, symbols: lengths.len() };
        self.merger.merge(self.words.as_mut(), places, merge);
        // A neighbour with this many letters or more would make a token that is too long.
        let limit = max_token_length.saturating_sub(lengths[token as usize]);
        let fits = |symbol: u32| lengths[symbol as usize] < limit;
        let first_new = self.pairs.entries.len();
        let repeats = self.merger.count(BEFORE, token);
        self.replace(BEFORE, |left| ((left, pair.0), (left, token)), fits);
        self.replace(AFTER, |right| ((pair.1, right), (token, right)), fits);
        // Where the pair follows itself, the merge of the right one has turned (token, left symbol)
        // into (token, token), so these occurrences are subtracted.
        self.pairs.subtract((token, pair.0), repeats);
        self.push_since(first_new, spellings);
    }

    /// Subtracts the occurrences of the old pairs on one side, and adds entries for the new pairs
    /// that are frequent enough. `replaced` gives the old and the new pair for a neighbour.
    fn replace(
        &mut self,
        side: usize,
        replaced: impl Fn(u32) -> (Pair, Pair),
        fits: impl Fn(u32) -> bool,
    ) {
        let Self { merger, pairs, threshold, .. } = self;
        merger.drain_pairs(side, |symbol, tally| {
            let (old, new) = replaced(symbol);
            pairs.subtract(old, tally.count);
            let is_kept = tally.count >= *threshold && fits(symbol);
            is_kept.then(|| pairs.add(new, tally))
        });
        merger.drain_places(side, |index, place| pairs.entries[index as usize].places.push(place));
    }
}
