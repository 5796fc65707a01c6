//! Repeated words and the most frequent sequences of tokens.
//!
//! Occurrences of sequences are counted in a small table by their hash alone, so that sequences may
//! share a counter: none of them occurs more often than it says. Only sequences whose counter
//! reaches what one sequence truly has are then counted by themselves; in ordinary prose these are
//! a handful.

use super::tokens::Token;
use super::{Signals, share};

/// The multiplier that joins the hashes of tokens; 2^64 divided by the golden ratio, odd.
const BASE: u64 = 0x9E37_79B9_7F4A_7C15;

/// Tokens of the longest sequence of which the most frequent is looked for (Gopher).
const MAX_TOP_TOKENS: usize = 4;

/// Slots of an empty table of groups.
const MIN_SLOTS: usize = 64;

/// A group of equal things.
#[derive(Debug, Clone, Copy)]
struct Group {
    hash: u64,
    count: u32,
    /// The index of the first.
    first: u32,
}

/// Groups of things by their hashes, in the order of the first of each.
#[derive(Debug, Default)]
pub(super) struct Groups {
    all: Vec<Group>,
    /// Open addressing: the index of a group plus 1, or 0.
    slots: Vec<u32>,
}

impl Groups {
    /// Takes all out and makes room for so many things in fewer groups.
    pub(super) fn clear(&mut self, things: usize) {
        self.all.clear();
        self.slots.clear();
        self.slots.resize(things.next_power_of_two().max(MIN_SLOTS), 0);
    }

    /// Adds a thing; returns how many equal ones there are now.
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

/// Memory that is used again from text to text.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    groups: Groups,
    /// The hash of the sequence of the present length from each token on.
    hashes: Vec<u64>,
    counters: Vec<u16>,
}

/// Writes the signals of repeated words and of the most frequent sequences of 2 to 4 tokens.
///
/// `ends` are the characters before each token and behind the last, `characters` those of the text.
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
        let ends_with = tokens.get(ngram - 1..).unwrap_or_default();
        let Some((start, count)) = most_frequent(scratch, ends_with) else { break };
        let length = ends[start + ngram] - ends[start] + ngram as u64 - 1;
        top[ngram] = share(length * u64::from(count), characters);
    }
    signals.top_2gram_char_fraction = top[2];
    signals.top_3gram_char_fraction = top[3];
    signals.top_4gram_char_fraction = top[4];
}

/// Distinct words and their entropy, `ln n - sum(c ln c) / n`, in the order of the text.
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

/// Makes every sequence longer by its token of `ends_with`; where the most frequent then first occurs,
/// the first of the text among equals, and how often it does.
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
    let least = u16::try_from(least).unwrap_or(u16::MAX);
    groups.clear(MIN_SLOTS);
    for (at, hash) in hashes.iter().enumerate() {
        if counters[counter_of(hash)] >= least {
            groups.add(*hash, at);
        }
    }
    // `max_by_key` gives the last of equals.
    let top = groups.all.iter().rev().max_by_key(|group| group.count)?;
    Some((top.first as usize, top.count))
}
