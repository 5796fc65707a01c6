//! Learning merges from weighted words: again and again the most frequent pair of neighbours
//! becomes a new symbol (Sennrich et al. 2016), with the limits of Hugging Face's `BpeTrainer` and an
//! order of equally frequent pairs that the caller chooses.
//!
//! The counts of all pairs are kept up to date by the differences that each merge makes in the
//! words that hold the pair; a heap gives the most frequent pair. Counts in the heap may be too
//! high, never too low, because after a pair's first merge step its count only falls: an entry
//! that comes up with an old count goes back with the present one.

use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use crate::merges::{Pair, pack};
use crate::order::TieOrder;

/// Numbers before a word's symbols: how many symbols there are, and the low and the high half of
/// the word's count.
const HEADER: usize = 3;

/// How many words are looked up together. Their headers come from memory at the same time, where
/// one word after the other would wait for each.
const BATCH: usize = 16;

/// The words to learn from, one after the other in one arena: header, then symbols. A word keeps
/// its place while merges make it shorter.
#[derive(Debug, Default)]
pub(crate) struct Words {
    arena: Vec<u32>,
}

impl Words {
    /// Adds a word that occurs `count` times. Words of one symbol hold no pair and are dropped;
    /// so are words beyond the first 2³² numbers of the arena, 16 GiB.
    pub(crate) fn push(&mut self, symbols: impl IntoIterator<Item = u32>, count: u64) {
        let start = self.arena.len();
        self.arena.extend([0, count as u32, (count >> 32) as u32]);
        self.arena.extend(symbols);
        let length = self.arena.len() - start - HEADER;
        if length < 2 || count == 0 || u32::try_from(start).is_err() {
            self.arena.truncate(start);
        } else {
            self.arena[start] = length as u32;
        }
    }

    /// The count of the word at `start`, and where its symbols begin and end.
    #[inline]
    fn word(&self, start: usize) -> (u64, usize, usize) {
        let header = &self.arena[start..start + HEADER];
        let count = u64::from(header[1]) | u64::from(header[2]) << 32;
        (count, start + HEADER, start + HEADER + header[0] as usize)
    }

    /// How many first symbols are before the first occurrence of `pair` in the word at `start`.
    pub(crate) fn find(&self, start: u32, pair: Pair, spellings: &Spellings) -> Option<u32> {
        let (_, first, end) = self.word(start as usize);
        let symbols = &self.arena[first..end];
        let at = symbols.windows(2).position(|next| (next[0], next[1]) == pair)?;
        let before = symbols[..at].iter().map(|&symbol| spellings.lengths[symbol as usize] as u32);
        Some(before.sum())
    }
}

/// The spelling of every symbol: merging two makes a new one, unless its spelling is reserved.
#[derive(Debug, Default)]
pub(crate) struct Spellings {
    by_id: Vec<String>,
    /// How many symbols of the words' first spelling each symbol is made of.
    lengths: Vec<usize>,
    /// Special tokens by spelling: a merge that spells one becomes it.
    reserved: FxHashMap<String, u32>,
}

impl Spellings {
    /// Adds a special token, if it is not there yet.
    pub(crate) fn reserve(&mut self, spelling: &str) {
        if !self.reserved.contains_key(spelling) {
            let id = self.push(spelling.to_owned(), 1);
            self.reserved.insert(spelling.to_owned(), id);
        }
    }

    /// The symbol spelled `letter`, new unless a special token is spelled the same.
    pub(crate) fn letter(&mut self, letter: char) -> u32 {
        let spelling = letter.to_string();
        let known = self.reserved.get(&spelling).copied();
        known.unwrap_or_else(|| self.push(spelling, 1))
    }

    fn push(&mut self, spelling: String, length: usize) -> u32 {
        self.by_id.push(spelling);
        self.lengths.push(length);
        self.by_id.len() as u32 - 1
    }

    /// The symbol that a pair becomes.
    fn merge(&mut self, pair: Pair) -> u32 {
        let (left, right) = (pair.0 as usize, pair.1 as usize);
        let spelling = format!("{}{}", self.by_id[left], self.by_id[right]);
        let length = self.lengths[left] + self.lengths[right];
        if let Some(&id) = self.reserved.get(&spelling) {
            self.lengths[id as usize] = length;
            return id;
        }
        self.push(spelling, length)
    }

    /// The spelling of a symbol.
    pub(crate) fn get(&self, id: u32) -> &str {
        &self.by_id[id as usize]
    }

    /// How many symbols there are.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// All spellings by id.
    #[cfg(test)]
    pub(crate) fn by_id(&self) -> &[String] {
        &self.by_id
    }
}

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
    let mut learner = Learner::new(order, words, spellings);
    let total = limits.vocab_size.saturating_sub(spellings.len());
    let mut merges = Vec::with_capacity(total);
    while spellings.len() < limits.vocab_size {
        let Some(index) = learner.most_frequent(spellings) else { break };
        let entry = &mut learner.entries[index as usize];
        if entry.count < limits.min_frequency {
            break;
        }
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
    fn new(order: O, words: Words, spellings: &Spellings) -> Self {
        let mut learner = Self {
            order,
            words,
            entries: Vec::new(),
            index_of: FxHashMap::default(),
            ending: Vec::new(),
            beginning: Vec::new(),
            heap: BinaryHeap::new(),
        };
        let mut start = 0;
        while start < learner.words.arena.len() {
            let (count, first, end) = learner.words.word(start);
            for at in first..end - 1 {
                let pair = (learner.words.arena[at], learner.words.arena[at + 1]);
                let slot = learner.index_of.entry(pack(pair)).or_insert(NONE);
                add(&mut learner.entries, slot, pair, count, start as u32);
            }
            start = end;
        }
        learner.push_since(0, spellings);
        learner
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

    /// Takes the most frequent pair out of the heap; of equally frequent ones the first in order.
    fn most_frequent(&mut self, spellings: &Spellings) -> Option<u32> {
        loop {
            let Candidate { count, key, index } = self.heap.pop()?;
            let entry = &self.entries[index as usize];
            if entry.count == 0 {
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
                    add(&mut self.entries, slot, (left, token), count, start);
                }
            }
            read += 2;
            if read < end {
                let right = self.words.arena[read];
                self.subtract((pair.1, right), count);
                if fits(right) {
                    let slot = &mut self.beginning[right as usize];
                    add(&mut self.entries, slot, (token, right), count, start);
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
fn add(entries: &mut Vec<PairEntry>, slot: &mut u32, pair: Pair, count: u64, word: u32) {
    if *slot == NONE {
        *slot = entries.len() as u32;
        entries.push(PairEntry { pair, count, words: vec![word] });
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
