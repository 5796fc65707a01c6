//! Repeated words and sequences of words.
//!
//! A sequence of n + 1 words can occur twice only where its first n words do. The search therefore
//! goes from words to pairs to triples, each time only over the places where the shorter sequence
//! is repeated: in ordinary prose few are left from three words on.

use super::lines::Word;
use super::{Signals, share};

/// The multiplier that joins the hashes of words; 2^64 divided by the golden ratio, odd.
pub(super) const BASE: u64 = 0x9E37_79B9_7F4A_7C15;

/// Words of the longest sequence looked for (Gopher).
const MAX_NGRAM_WORDS: usize = 10;

/// One group of equal sequences.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    hash: u64,
    /// How many times the sequence occurs; 0 marks a free slot.
    count: u32,
    /// The index of the word with which it first starts.
    first: u32,
}

/// Open-addressing table of groups, reused from length to length.
#[derive(Debug, Default)]
struct Groups {
    slots: Vec<Group>,
}

impl Groups {
    /// Empties the table and makes room for so many groups at a load of at most one half.
    fn reset(&mut self, groups: usize) {
        self.slots.clear();
        self.slots.resize((groups * 2).next_power_of_two(), Group::default());
    }

    /// Counts an occurrence and returns the slot of its group.
    fn add(&mut self, hash: u64, first: u32) -> usize {
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
}

/// Repetition among the words of one text.
#[derive(Debug, Default)]
pub(super) struct Repetition {
    words: u64,
    word_characters: u64,
    unique_words: u64,
    entropy: f64,
    /// Characters that the most frequent sequence covers, by its number of words.
    top_characters: [u64; MAX_NGRAM_WORDS + 1],
    /// Characters in later occurrences of any sequence, by its number of words.
    duplicated_characters: [u64; MAX_NGRAM_WORDS + 1],
}

impl Repetition {
    /// Searches the words of a text, of which the first 2^32 - 1 count.
    pub(super) fn of(words: &[Word]) -> Self {
        let words = &words[..words.len().min(u32::MAX as usize)];
        let mut ends = Vec::with_capacity(words.len() + 1);
        ends.push(0);
        ends.extend(words.iter().scan(0, |end, word| {
            *end += u64::from(word.characters);
            Some(*end)
        }));
        let mut repetition = Self {
            words: words.len() as u64,
            word_characters: ends[words.len()],
            ..Self::default()
        };
        // Where the sequence of the present length is repeated, and its hash there.
        let mut places: Vec<(u32, u64)> =
            words.iter().enumerate().map(|(at, word)| (at as u32, word.hash)).collect();
        let mut groups = Groups::default();
        let mut slots = Vec::with_capacity(places.len());
        for ngram_words in 1..=MAX_NGRAM_WORDS {
            groups.reset(places.len());
            slots.clear();
            slots.extend(places.iter().map(|&(at, hash)| groups.add(hash, at) as u32));
            if ngram_words == 1 {
                repetition.count_words(&places, &slots, &groups);
            }
            repetition.measure(ngram_words, &places, &slots, &groups, &ends);
            let mut slot = slots.iter();
            places.retain_mut(|(at, hash)| {
                let is_repeated =
                    slot.next().is_some_and(|slot| groups.slots[*slot as usize].count > 1);
                let next = words.get(*at as usize + ngram_words).filter(|_| is_repeated);
                if let Some(word) = next {
                    *hash = hash.rotate_left(5).wrapping_mul(BASE) ^ word.hash;
                }
                next.is_some()
            });
            if places.is_empty() {
                break;
            }
        }
        repetition
    }

    /// Distinct words and their entropy, `ln n - sum(c ln c) / n`, in the order of the text.
    fn count_words(&mut self, places: &[(u32, u64)], slots: &[u32], groups: &Groups) {
        let mut weighted = 0.0;
        for (&(at, _), &slot) in places.iter().zip(slots) {
            let group = &groups.slots[slot as usize];
            if group.first == at {
                self.unique_words += 1;
                if group.count > 1 {
                    weighted += f64::from(group.count) * f64::from(group.count).ln();
                }
            }
        }
        if self.words > 0 {
            let words = self.words as f64;
            self.entropy = (words.ln() - weighted / words).max(0.0);
        }
    }

    /// The most frequent sequence of a length, the first of the text among equals, and the words
    /// that later occurrences cover. `ends` are the characters before each word.
    fn measure(
        &mut self,
        ngram_words: usize,
        places: &[(u32, u64)],
        slots: &[u32],
        groups: &Groups,
        ends: &[u64],
    ) {
        let mut top_count = 1;
        let mut covered_to = 0;
        for (&(at, _), &slot) in places.iter().zip(slots) {
            let group = &groups.slots[slot as usize];
            let start = at as usize;
            let end = start + ngram_words;
            if group.first != at {
                self.duplicated_characters[ngram_words] += ends[end] - ends[start.max(covered_to)];
                covered_to = end;
            } else if group.count > top_count {
                top_count = group.count;
                self.top_characters[ngram_words] =
                    (ends[end] - ends[start]) * u64::from(group.count);
            }
        }
    }

    /// Writes the signals. The most frequent sequence may overlap itself, so its share is capped.
    pub(super) fn write(&self, signals: &mut Signals) {
        let top = |n: usize| share(self.top_characters[n], self.word_characters).min(1.0);
        let duplicated = |n: usize| share(self.duplicated_characters[n], self.word_characters);
        signals.unique_word_fraction = share(self.unique_words, self.words);
        signals.word_entropy = self.entropy;
        signals.top_2gram_char_fraction = top(2);
        signals.top_3gram_char_fraction = top(3);
        signals.top_4gram_char_fraction = top(4);
        signals.duplicated_5gram_char_fraction = duplicated(5);
        signals.duplicated_6gram_char_fraction = duplicated(6);
        signals.duplicated_7gram_char_fraction = duplicated(7);
        signals.duplicated_8gram_char_fraction = duplicated(8);
        signals.duplicated_9gram_char_fraction = duplicated(9);
        signals.duplicated_10gram_char_fraction = duplicated(10);
    }
}
