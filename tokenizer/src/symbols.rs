//! What merges are learnt from: the words, spelled in symbols, and the symbols' own spellings.

use rustc_hash::FxHashMap;

use crate::merges::Pair;

/// Numbers before a word's symbols: how many symbols there are, how many there were at first, and the
/// low and the high half of the word's count.
const HEADER: usize = 4;

/// The first merge is expected to take this part of all pairs of neighbours in the words.
const FIRST_SHARE: u64 = 4;

/// The threshold is this part of the lowest count that merges are expected to have.
pub(crate) const THRESHOLD_DIVISOR: u64 = 2;

/// The words to learn from, one after the other in one arena: header, then symbols. A word keeps
/// its place while merges make it shorter.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) arena: Vec<u32>,
}

impl Words {
    /// Adds a word that occurs `count` times. Words of one symbol hold no pair and are dropped;
    /// so are words beyond the first 2³² numbers of the arena, 16 GiB.
    pub(crate) fn push(&mut self, symbols: impl IntoIterator<Item = u32>, count: u64) {
        let start = self.arena.len();
        self.arena.extend([0, 0, count as u32, (count >> 32) as u32]);
        self.arena.extend(symbols);
        let length = self.arena.len() - start - HEADER;
        if length < 2 || count == 0 || u32::try_from(start).is_err() {
            self.arena.truncate(start);
        } else {
            self.arena[start] = length as u32;
            self.arena[start + 1] = length as u32;
        }
    }

    /// The count of the word at `start`, and where its symbols begin and end.
    #[inline]
    pub(crate) fn word(&self, start: usize) -> (u64, usize, usize) {
        let header = &self.arena[start..start + HEADER];
        let count = u64::from(header[2]) | u64::from(header[3]) << 32;
        (count, start + HEADER, start + HEADER + header[0] as usize)
    }

    /// How many symbols the word at `start` had at first, for which there still is room.
    pub(crate) fn capacity(&self, start: usize) -> usize {
        self.arena[start + 1] as usize
    }

    /// Calls `visit` for every pair of neighbours: where its word begins, the word's count, itself.
    pub(crate) fn for_each_pair(&self, mut visit: impl FnMut(u32, u64, Pair)) {
        let mut start = 0;
        while start < self.arena.len() {
            let (count, first, end) = self.word(start);
            for next in self.arena[first..end].windows(2) {
                visit(start as u32, count, (next[0], next[1]));
            }
            start = first + self.capacity(start);
        }
    }

    /// A guess at a threshold for `merges` merges, by Zipf's law from the number of all pairs.
    pub(crate) fn first_threshold(&self, merges: usize) -> u64 {
        let mut occurrences = 0_u64;
        self.for_each_pair(|_, count, _| occurrences = occurrences.saturating_add(count));
        occurrences / FIRST_SHARE / THRESHOLD_DIVISOR / merges.max(1) as u64
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
    pub(crate) lengths: Vec<usize>,
    /// Whether each symbol is a letter, as words are spelled with at first.
    letters: Vec<bool>,
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
        let id = known.unwrap_or_else(|| self.push(spelling, 1));
        self.letters[id as usize] = true;
        id
    }

    /// Whether a pair of neighbours in a word counts. Hugging Face's trainer looks at the length of
    /// the pairs that merges create, and at no other's.
    pub(crate) fn fits(&self, pair: Pair, max_token_length: usize) -> bool {
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
    pub(crate) fn merge(&mut self, pair: Pair) -> u32 {
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
