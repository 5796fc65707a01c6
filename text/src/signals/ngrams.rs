//! Repeated tokens and the most frequent sequences of tokens.
//!
//! A sequence of n + 1 tokens can occur twice only where its first n tokens do. The search therefore
//! goes from tokens to pairs to triples, each time only over the places where the shorter sequence
//! is repeated: in ordinary prose few are left from three tokens on.

use super::tokens::Token;
use super::{Signals, share};

/// The multiplier that joins the hashes of tokens; 2^64 divided by the golden ratio, odd.
const BASE: u64 = 0x9E37_79B9_7F4A_7C15;

/// Tokens of the longest sequence of which the most frequent is looked for (Gopher).
const MAX_TOP_TOKENS: usize = 4;

/// One group of equal things.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Group {
    hash: u64,
    /// How many there are; 0 marks a free slot.
    pub(super) count: u32,
    /// The index of the first.
    pub(super) first: u32,
}

/// Open-addressing table of groups, reused from length to length.
#[derive(Debug, Default)]
pub(super) struct Groups {
    slots: Vec<Group>,
}

impl Groups {
    /// Empties the table and makes room for so many groups at a load of at most one half.
    pub(super) fn reset(&mut self, groups: usize) {
        self.slots.clear();
        self.slots.resize((groups * 2).next_power_of_two(), Group::default());
    }

    /// Counts an occurrence and returns the slot of its group.
    pub(super) fn add(&mut self, hash: u64, first: u32) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = (hash >> 32) as usize & mask;
        loop {
            let group = &mut self.slots[slot];
            if group.count == 0 {
                *group = Group { hash, count: 1, first };
                return slot;
            }
            if group.hash == hash {
                group.count += 1;
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }

    /// The group in a slot.
    pub(super) fn at(&self, slot: usize) -> Group {
        self.slots[slot]
    }
}

/// Writes the signals of repeated words and of the most frequent sequences of 2 to 4 tokens.
///
/// `ends` are the characters before each token and behind the last, `characters` those of the text.
pub(super) fn measure(
    tokens: &[Token],
    ends: &[u64],
    characters: u64,
    groups: &mut Groups,
    signals: &mut Signals,
) {
    // Where the sequence of the present length is repeated, and its hash there.
    let mut places: Vec<(u32, u64)> =
        tokens.iter().enumerate().map(|(at, token)| (at as u32, token.hash)).collect();
    let mut slots = Vec::with_capacity(places.len());
    let mut top = [0.0; MAX_TOP_TOKENS + 1];
    for ngram in 1..=MAX_TOP_TOKENS {
        groups.reset(places.len());
        slots.clear();
        slots.extend(places.iter().map(|&(at, hash)| groups.add(hash, at) as u32));
        if ngram == 1 {
            count_words(tokens, &slots, groups, signals);
        } else {
            top[ngram] = share(top_characters(ngram, &places, &slots, groups, ends), characters);
        }
        let mut slot = slots.iter();
        places.retain_mut(|(at, hash)| {
            let is_repeated = slot.next().is_some_and(|slot| groups.at(*slot as usize).count > 1);
            let next = tokens.get(*at as usize + ngram).filter(|_| is_repeated);
            if let Some(token) = next {
                *hash = hash.rotate_left(5).wrapping_mul(BASE) ^ token.hash;
            }
            next.is_some()
        });
    }
    signals.top_2gram_char_fraction = top[2];
    signals.top_3gram_char_fraction = top[3];
    signals.top_4gram_char_fraction = top[4];
}

/// Distinct words and their entropy, `ln n - sum(c ln c) / n`, in the order of the text.
fn count_words(tokens: &[Token], slots: &[u32], groups: &Groups, signals: &mut Signals) {
    let (mut unique, mut weighted) = (0, 0.0);
    for (at, (token, slot)) in tokens.iter().zip(slots).enumerate() {
        let group = groups.at(*slot as usize);
        if token.is_word && group.first as usize == at {
            unique += 1;
            if group.count > 1 {
                weighted += f64::from(group.count) * f64::from(group.count).ln();
            }
        }
    }
    signals.unique_word_fraction = share(unique, signals.words);
    if signals.words > 0 {
        let words = signals.words as f64;
        signals.word_entropy = (words.ln() - weighted / words).max(0.0);
    }
}

/// The characters of all occurrences of the most frequent sequence, with a space between tokens;
/// the first of the text among equals, also where none occurs twice. 0 without a sequence.
fn top_characters(
    ngram: usize,
    places: &[(u32, u64)],
    slots: &[u32],
    groups: &Groups,
    ends: &[u64],
) -> u64 {
    if ends.len() <= ngram {
        return 0;
    }
    let (mut start, mut count) = (0, 1);
    for (&(at, _), &slot) in places.iter().zip(slots) {
        let group = groups.at(slot as usize);
        if group.first == at && group.count > count {
            (start, count) = (at as usize, group.count);
        }
    }
    (ends[start + ngram] - ends[start] + ngram as u64 - 1) * u64::from(count)
}
