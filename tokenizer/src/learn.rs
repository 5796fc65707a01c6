//! Learning merges from weighted words: again and again the most frequent pair of neighbours
//! becomes a new symbol (Sennrich et al. 2016), with the limits of Hugging Face's `BpeTrainer` and an
//! order of equally frequent pairs that the caller chooses.
//!
//! The counts of all pairs are kept up to date by the differences that each merge makes in the
//! words that hold the pair; a heap gives the most frequent pair. Counts in the heap may be too
//! high, never too low, because after a pair's first merge step its count only falls: an entry
//! that comes up with an old count goes back with the present one.
//!
//! Most pairs never become frequent enough to merge, and a pair's count never rises. So the learner
//! guesses a threshold below the counts that merges will have, and keeps no pair that begins below
//! it: no list of words, no place in the tables. Where merges come down to the threshold before the
//! vocabulary is full, it takes a lower one and counts the pairs of the words as they are then. The
//! merges are the same, whatever the guess.

use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use crate::merges::{Pair, pack, unpack};
use crate::order::TieOrder;
use crate::symbols::{Spellings, THRESHOLD_DIVISOR, Words};

/// How many words are looked up together. Their headers come from memory at the same time, where
/// one word after the other would wait for each.
const BATCH: usize = 16;

/// When learning ends, besides when no pair is left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many symbols there may be.
    pub(crate) vocab_size: usize,
    /// The lowest count a pair may have.
    pub(crate) min_frequency: u64,
    /// A pair that a merge creates counts only if it is shorter than this, in first symbols.
    pub(crate) max_token_length: usize,
}

/// The most that the threshold falls at once.
const MAX_FALL: u64 = 16;

/// The longest list of words whose memory is used again: lists of pairs below the threshold.
const MAX_SPARE_WORDS: usize = 256;

/// No entry.
const NONE: u32 = u32::MAX;

/// A pair of neighbours.
#[derive(Debug)]
pub(crate) struct PairEntry {
    pub(crate) pair: Pair,
    count: u64,
    /// The words that hold the pair, perhaps some that hold it no more, in the order in which they
    /// were added; each once.
    pub(crate) words: Vec<u32>,
}

/// A pair in the heap: the highest count first, then the greatest key.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate<Key> {
    count: u64,
    key: Key,
    index: u32,
}

/// The pairs of all words while merges are made.
struct Learner<O: TieOrder> {
    order: O,
    words: Words,
    entries: Vec<PairEntry>,
    index_of: FxHashMap<u64, u32>,
    /// Indices of the pairs that the present merge has created, by their other symbol: those that
    /// end in the new symbol, and those that begin with it. [`NONE`] where there is no such pair.
    ending: Vec<u32>,
    beginning: Vec<u32>,
    /// Pairs that begin with a lower count are not kept.
    threshold: u64,
    /// Memory of lists of words that are not kept.
    spare: Vec<Vec<u32>>,
    /// Pairs with the counts and keys that they had when they were pushed.
    heap: BinaryHeap<Candidate<O::Key>>,
}

/// Learns merges: the pairs in order, each with the symbol it becomes. `progress` is called after
/// every merge with the number made and the number that would fill the vocabulary.
pub(crate) fn learn<O: TieOrder>(
    order: O,
    words: Words,
    spellings: &mut Spellings,
    limits: Limits,
    progress: &mut dyn FnMut(usize, usize),
) -> Vec<(Pair, u32)> {
    let merges = limits.vocab_size.saturating_sub(spellings.len());
    let threshold = words.first_threshold(merges);
    learn_above(threshold, order, words, spellings, limits, progress)
}

/// [`learn`] with a guess at the threshold.
pub(crate) fn learn_above<O: TieOrder>(
    threshold: u64,
    order: O,
    words: Words,
    spellings: &mut Spellings,
    limits: Limits,
    progress: &mut dyn FnMut(usize, usize),
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
        let entry = &mut learner.entries[index as usize];
        let pair = entry.pair;
        let holders = std::mem::take(&mut entry.words);
        let token = spellings.merge(pair);
        merges.push((pair, token));
        learner.apply(pair, token, &holders, spellings, limits.max_token_length);
        progress(merges.len(), total);
    }
    merges
}

impl<O: TieOrder> Learner<O> {
    fn new(order: O, words: Words) -> Self {
        Self {
            order,
            words,
            entries: Vec::new(),
            index_of: FxHashMap::default(),
            ending: Vec::new(),
            beginning: Vec::new(),
            threshold: 0,
            spare: Vec::new(),
            heap: BinaryHeap::new(),
        }
    }

    /// Counts the pairs of all words anew and keeps those that occur `threshold` times or more.
    fn index(&mut self, threshold: u64, spellings: &Spellings, max_token_length: usize) {
        self.threshold = threshold;
        self.entries.clear();
        self.heap.clear();
        self.order = O::default();
        let mut counts: FxHashMap<u64, u64> = FxHashMap::default();
        self.words.for_each_pair(|_, count, pair| {
            let total = counts.entry(pack(pair)).or_default();
            *total = total.saturating_add(count);
        });
        self.index_of = FxHashMap::default();
        // The order in which they come is of no matter: no two pairs have the same key.
        for (pair, count) in counts {
            let pair = unpack(pair);
            if count >= threshold && spellings.fits(pair, max_token_length) {
                self.index_of.insert(pack(pair), self.entries.len() as u32);
                self.entries.push(PairEntry { pair, count, words: Vec::new() });
            }
        }
        self.words.for_each_pair(|word, _, pair| {
            if let Some(&index) = self.index_of.get(&pack(pair)) {
                let words = &mut self.entries[index as usize].words;
                if words.last() != Some(&word) {
                    words.push(word);
                }
            }
        });
        self.push_since(0, spellings);
    }

    /// Takes away `count` occurrences of a pair of older symbols. Pairs that were never counted,
    /// because they are too long, stay so.
    fn subtract(&mut self, pair: Pair, count: u64) {
        if let Some(&index) = self.index_of.get(&pack(pair)) {
            subtract(&mut self.entries, index, count);
        }
    }

    /// Makes the entries from index `first` on known by pair and pushes them into the heap.
    fn push_since(&mut self, first: usize, spellings: &Spellings) {
        for (entry, index) in self.entries[first..].iter().zip(first as u32..) {
            if first > 0 {
                self.index_of.insert(pack(entry.pair), index);
            }
            if entry.count > 0 {
                let key = self.order.key(index, entry, &self.words, spellings);
                self.heap.push(Candidate { count: entry.count, key, index });
            }
        }
    }

    /// Drops the entries from index `first` on that are below the threshold.
    fn prune_since(&mut self, first: usize) {
        let mut kept = first;
        for at in first..self.entries.len() {
            if self.entries[at].count >= self.threshold {
                self.entries.swap(kept, at);
                kept += 1;
            }
        }
        for entry in self.entries.drain(kept..) {
            let mut words = entry.words;
            if words.capacity() <= MAX_SPARE_WORDS {
                words.clear();
                self.spare.push(words);
            }
        }
    }

    /// Takes the most frequent pair out of the heap; of equally frequent ones the first in order.
    /// `None` where all that are left are below the threshold.
    fn most_frequent(&mut self, spellings: &Spellings) -> Option<u32> {
        loop {
            let Candidate { count, key, index } = self.heap.pop()?;
            let entry = &self.entries[index as usize];
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

    /// Merges `pair` to `token` in the words `holders` and counts the new pairs.
    fn apply(
        &mut self,
        pair: Pair,
        token: u32,
        holders: &[u32],
        spellings: &Spellings,
        max_token_length: usize,
    ) {
        let lengths = &spellings.lengths;
        let first_new = self.entries.len();
        self.ending.resize(lengths.len(), NONE);
        self.beginning.resize(lengths.len(), NONE);
        // A pair with a symbol of this length or more makes too long a token.
        let limit = max_token_length.saturating_sub(lengths[token as usize]);
        let fits = |symbol: u32| lengths[symbol as usize] < limit;
        for batch in holders.chunks(BATCH) {
            let mut words = [(0, 0, 0); BATCH];
            for (word, &start) in words.iter_mut().zip(batch) {
                *word = self.words.word(start as usize);
            }
            for (&start, word) in batch.iter().zip(words) {
                self.merge_word(start, word, pair, token, fits);
            }
        }
        for entry in &self.entries[first_new..] {
            self.ending[entry.pair.0 as usize] = NONE;
            self.beginning[entry.pair.1 as usize] = NONE;
        }
        self.prune_since(first_new);
        self.push_since(first_new, spellings);
    }

    /// Merges `pair` to `token` in one word, left to right.
    #[inline]
    fn merge_word(
        &mut self,
        start: u32,
        (count, first, end): (u64, usize, usize),
        pair: Pair,
        token: u32,
        fits: impl Fn(u32) -> bool,
    ) {
        let (mut read, mut write) = (first, first);
        while read < end {
            let symbol = self.words.arena[read];
            let matches =
                symbol == pair.0 && read + 1 < end && self.words.arena[read + 1] == pair.1;
            if !matches {
                self.words.arena[write] = symbol;
                read += 1;
                write += 1;
                continue;
            }
            if write > first {
                let left = self.words.arena[write - 1];
                if left == token {
                    let index = self.beginning[pair.0 as usize];
                    subtract(&mut self.entries, index, count);
                } else {
                    self.subtract((left, pair.0), count);
                }
                if fits(left) {
                    let slot = &mut self.ending[left as usize];
                    add(&mut self.entries, &mut self.spare, slot, (left, token), count, start);
                }
            }
            read += 2;
            if read < end {
                let right = self.words.arena[read];
                self.subtract((pair.1, right), count);
                if fits(right) {
                    let slot = &mut self.beginning[right as usize];
                    add(&mut self.entries, &mut self.spare, slot, (token, right), count, start);
                }
            }
            self.words.arena[write] = token;
            write += 1;
        }
        self.words.arena[start as usize] = (write - first) as u32;
    }
}

/// Adds `count` occurrences of `pair` in a word to the entry whose index is in `slot`, a new entry
/// where that is [`NONE`].
#[inline]
fn add(
    entries: &mut Vec<PairEntry>,
    spare: &mut Vec<Vec<u32>>,
    slot: &mut u32,
    pair: Pair,
    count: u64,
    word: u32,
) {
    if *slot == NONE {
        *slot = entries.len() as u32;
        let mut words = spare.pop().unwrap_or_default();
        words.push(word);
        entries.push(PairEntry { pair, count, words });
        return;
    }
    let entry = &mut entries[*slot as usize];
    entry.count = entry.count.saturating_add(count);
    if entry.words.last() != Some(&word) {
        entry.words.push(word);
    }
}

/// Takes away `count` occurrences from the entry `index`, if there is one.
#[inline]
fn subtract(entries: &mut [PairEntry], index: u32, count: u64) {
    if let Some(entry) = entries.get_mut(index as usize) {
        entry.count = entry.count.saturating_sub(count);
    }
}
