//! Repeated words and the most frequent sequences of tokens.
//!
//! Sequences are first counted by hash in a small table in which several sequences may share a
//! counter, so a counter is an upper bound. Then the exact count of one sequence with a large
//! counter is determined, and only sequences whose counter reaches that count are counted exactly.
//! In ordinary prose these are a handful.

use super::tokens::Token;
use super::{Signals, share};

/// The multiplier that combines the hashes of tokens: 2^64 divided by the golden ratio, an odd
/// number.
const BASE: u64 = 0x9E37_79B9_7F4A_7C15;

/// The maximum length, in tokens, for which the most frequent sequence is measured (Gopher).
const MAX_TOP_TOKENS: usize = 4;

/// The minimum number of slots of [`Groups`].
const MIN_SLOTS: usize = 64;

/// A group of equal items.
#[derive(Debug, Clone, Copy)]
struct Group {
    hash: u64,
    count: u32,
    /// The index of its first item.
    first: u32,
}

/// A hash table of groups of items with equal hashes, in the order of their first items.
#[derive(Debug, Default)]
pub(super) struct Groups {
    all: Vec<Group>,
    /// Open addressing: the index of a group plus 1, or 0 for an empty slot.
    slots: Vec<u32>,
}

impl Groups {
    /// Removes all groups and makes room for a number of items. It grows if they make many groups.
    pub(super) fn clear(&mut self, items: usize) {
        self.all.clear();
        self.slots.clear();
        self.slots.resize(items.next_power_of_two().max(MIN_SLOTS), 0);
    }

    /// Adds the item with the index `at`. Returns the number of items in its group.
    pub(super) fn add(&mut self, hash: u64, at: usize) -> u32 {
        if self.all.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut slot = (hash >> 32) as usize & mask;
        while self.slots[slot] != 0 {
            let group = &mut self.all[self.slots[slot] as usize - 1];
            if group.hash == hash {
                group.count += 1;
                return group.count;
            }
            slot = (slot + 1) & mask;
        }
        self.all.push(Group { hash, count: 1, first: at as u32 });
        self.slots[slot] = self.all.len() as u32;
        1
    }

    fn grow(&mut self) {
        let slots = self.slots.len() * 4;
        self.slots.clear();
        self.slots.resize(slots, 0);
        for (index, group) in self.all.iter().enumerate() {
            let mut slot = (group.hash >> 32) as usize & (slots - 1);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (slots - 1);
            }
            self.slots[slot] = index as u32 + 1;
        }
    }
}

/// Buffers that are reused from text to text.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    groups: Groups,
    /// For each token the hash of the sequence of the current length that starts there.
    hashes: Vec<u64>,
    /// Upper bounds of the counts of sequences, by hash; they stop at `u16::MAX`.
    counters: Vec<u16>,
}

/// Writes the signals of repeated words and of the most frequent sequences of 2 to 4 tokens.
///
/// `ends` has the number of characters of the tokens before each token and, at the end, of all
/// tokens. `characters` is the number of characters of the text.
pub(super) fn measure(
    tokens: &[Token],
    ends: &[u64],
    characters: u64,
    scratch: &mut Scratch,
    signals: &mut Signals,
) {
    count_words(tokens, &mut scratch.groups, signals);
    scratch.hashes.clear();
    scratch.hashes.extend(tokens.iter().map(|token| token.hash));
    let mut top = [0.0; MAX_TOP_TOKENS + 1];
    for ngram in 2..=MAX_TOP_TOKENS {
        scratch.hashes.truncate((tokens.len() + 1).saturating_sub(ngram));
        let ends_with = tokens.get(ngram - 1..).unwrap_or(&[]);
        let Some((start, count)) = most_frequent(scratch, ends_with) else { break };
        let length = ends[start + ngram] - ends[start] + ngram as u64 - 1;
        top[ngram] = share(length * u64::from(count), characters);
    }
    signals.top_2gram_char_fraction = top[2];
    signals.top_3gram_char_fraction = top[3];
    signals.top_4gram_char_fraction = top[4];
}

/// Writes the number of distinct words and their entropy, `ln n - sum(c ln c) / n`. The sum is in
/// the order of the text, so its rounding is always the same.
fn count_words(tokens: &[Token], groups: &mut Groups, signals: &mut Signals) {
    groups.clear(tokens.len());
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.is_word) {
        groups.add(token.hash, at);
    }
    signals.unique_word_fraction = share(groups.all.len() as u64, signals.words);
    if signals.words > 0 {
        let repeated = groups.all.iter().map(|group| f64::from(group.count)).filter(|c| *c > 1.0);
        let weighted: f64 = repeated.map(|count| count * count.ln()).sum();
        let words = signals.words as f64;
        signals.word_entropy = (words.ln() - weighted / words).max(0.0);
    }
}

/// Extends every sequence by its token in `ends_with`. Returns where the most frequent of the new
/// sequences first occurs, and how often it occurs. Of equally frequent sequences, the first
/// counts.
fn most_frequent(scratch: &mut Scratch, ends_with: &[Token]) -> Option<(usize, u32)> {
    let Scratch { groups, hashes, counters } = scratch;
    counters.clear();
    counters.resize(hashes.len().next_power_of_two(), 0);
    let mask = counters.len() - 1;
    let counter_of = |hash: &u64| (hash >> 32) as usize & mask;
    let (mut largest, mut largest_hash) = (0, 0);
    for (hash, token) in hashes.iter_mut().zip(ends_with) {
        *hash = hash.rotate_left(5).wrapping_mul(BASE) ^ token.hash;
        let counter = &mut counters[counter_of(hash)];
        *counter = counter.saturating_add(1);
        if *counter > largest {
            (largest, largest_hash) = (*counter, *hash);
        }
    }
    if largest <= 1 {
        return (!hashes.is_empty()).then_some((0, 1));
    }
    let least = hashes.iter().filter(|hash| **hash == largest_hash).count();
    // Counters stop at `u16::MAX`, and so does the bound with which they are compared.
    let least = u16::try_from(least).unwrap_or(u16::MAX);
    groups.clear(MIN_SLOTS);
    for (at, hash) in hashes.iter().enumerate() {
        if counters[counter_of(hash)] >= least {
            groups.add(*hash, at);
        }
    }
    // `max_by_key` returns the last of several maxima; hence the reversed order.
    let top = groups.all.iter().rev().max_by_key(|group| group.count)?;
    Some((top.first as usize, top.count))
}
