//! The symbols that merges make, and their spellings.

use rustc_hash::FxHashMap;

use crate::merges::Pair;

/// The spelling of every symbol. Merging two makes a new one, unless its spelling is reserved.
#[derive(Debug, Default)]
pub(crate) struct Spellings {
    by_id: Vec<String>,
    /// The number of letters of each symbol.
    pub(super) lengths: Vec<usize>,
    /// Whether each symbol is a letter. Words consist of letters before any merge.
    letters: Vec<bool>,
    /// Special tokens by spelling. A merge with the same spelling becomes the special token.
    reserved: FxHashMap<String, u32>,
}

impl Spellings {
    /// Adds a special token, unless it is already there.
    pub(crate) fn reserve(&mut self, spelling: &str) {
        if !self.reserved.contains_key(spelling) {
            let id = self.push(spelling.to_owned(), 1);
            self.reserved.insert(spelling.to_owned(), id);
        }
    }

    /// The symbol for a letter. It is new unless a special token has the same spelling.
    pub(crate) fn letter(&mut self, letter: char) -> u32 {
        let spelling = letter.to_string();
        let known = self.reserved.get(&spelling).copied();
        let id = known.unwrap_or_else(|| self.push(spelling, 1));
        self.letters[id as usize] = true;
        id
    }

    /// Whether a pair is short enough to become a token. Like Hugging Face's trainer, this limits
    /// only pairs that a merge created.
    pub(super) fn fits(&self, pair: Pair, max_token_length: usize) -> bool {
        let (left, right) = (pair.0 as usize, pair.1 as usize);
        self.letters[left] && self.letters[right]
            || self.lengths[left].saturating_add(self.lengths[right]) < max_token_length
    }

    fn push(&mut self, spelling: String, length: usize) -> u32 {
        self.by_id.push(spelling);
        self.lengths.push(length);
        self.letters.push(false);
        self.by_id.len() as u32 - 1
    }

    /// The symbol that a pair becomes.
    pub(super) fn merge(&mut self, pair: Pair) -> u32 {
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
    pub(super) fn get(&self, id: u32) -> &str {
        &self.by_id[id as usize]
    }

    /// The number of symbols.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// All spellings by id.
    #[cfg(test)]
    pub(crate) fn by_id(&self) -> &[String] {
        &self.by_id
    }
}
