//! The words that are one token. They are most of a text; one look-up finds them, without merging.

use rustc_hash::FxHashMap;

use crate::bpe::{BytePairs, Merger};
use crate::key::Key;
use crate::model::Model;

/// The pieces that become a single token.
///
/// Merging the bytes of such a token gives the token itself. That holds for most tokens but not for
/// all of every published vocabulary. If the file says that whole tokens are not merged, all tokens
/// are here.
#[derive(Debug, Clone, Default)]
pub(crate) struct WholeWords {
    /// An open-addressing table, at most half full; an empty key marks an empty slot.
    slots: Vec<(Key, u32)>,
    /// Words that are too long for a key.
    long: FxHashMap<Box<[u8]>, u32>,
}

impl WholeWords {
    pub(crate) fn new(model: &Model, byte_pairs: &BytePairs) -> Self {
        let size = (2 * model.vocabulary.len()).next_power_of_two();
        let mut words = Self { slots: vec![Default::default(); size], long: FxHashMap::default() };
        let mut merger = Merger::default();
        let mut merged = Vec::new();
        for (id, bytes) in model.ordinary_tokens() {
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
