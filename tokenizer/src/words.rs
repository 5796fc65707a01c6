//! The words that are one token: most of a text, found with one look-up and no merging.

use rustc_hash::FxHashMap;

use crate::bpe::{BytePairs, Merger};
use crate::key::Key;
use crate::tokenizer::Model;

/// The tokens that a piece of the same bytes becomes.
///
/// These are the tokens that merging their own bytes leads to, which is not every token of every
/// published vocabulary; or all, where the file says that whole tokens need no merging.
#[derive(Debug, Clone, Default)]
pub(crate) struct WholeWords {
    /// Open addressing, half full at most; an empty key marks an empty slot.
    slots: Vec<(Key, u32)>,
    /// Words that are too long for a key.
    long: FxHashMap<Box<[u8]>, u32>,
}

impl WholeWords {
    pub(crate) fn new(model: &Model, byte_pairs: &BytePairs) -> Self {
        let mut added: Vec<u32> = model.added.iter().map(|token| token.id).collect();
        added.sort_unstable();
        let size = (2 * model.vocabulary.len()).next_power_of_two();
        let mut words = Self { slots: vec![Default::default(); size], long: FxHashMap::default() };
        let mut merger = Merger::default();
        let mut merged = Vec::new();
        for id in (0..model.vocabulary.len() as u32).filter(|id| added.binary_search(id).is_err()) {
            let bytes = model.vocabulary.get(id).unwrap_or_default();
            if !model.ignore_merges {
                merged.clear();
                merger.merge(model, byte_pairs, bytes, &mut merged);
                if merged != [id] {
                    continue;
                }
            }
            words.insert(bytes, id);
        }
        words
    }

    fn insert(&mut self, bytes: &[u8], id: u32) {
        let Some(key) = Key::new(bytes) else {
            self.long.insert(bytes.into(), id);
            return;
        };
        if key.is_empty() {
            return;
        }
        let mask = self.slots.len() - 1;
        let mut at = key.hash() as usize & mask;
        while !self.slots[at].0.is_empty() {
            at = (at + 1) & mask;
        }
        self.slots[at] = (key, id);
    }

    /// The token of a short word.
    #[inline]
    pub(crate) fn get(&self, key: Key, hash: u64) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let (known, id) = self.slots[at];
            if known == key {
                return Some(id);
            }
            if known.is_empty() {
                return None;
            }
            at = (at + 1) & mask;
        }
    }

    /// The token of a word that is too long for a key.
    pub(crate) fn get_long(&self, word: &[u8]) -> Option<u32> {
        self.long.get(word).copied()
    }
}
