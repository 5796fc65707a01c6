//! The words that merges are learned from, as sequences of symbols.

use std::ops::Range;

use crate::merges::Pair;

/// A symbol in the arena of words. It has 16 bits if the vocabulary allows it, because most of the
/// time of learning is spent on memory accesses to the words.
pub(crate) trait Symbol: Copy + Eq + Send + Sync {
    /// No symbol: the edge of a word, or a place inside a symbol.
    const NONE: Self;

    /// The number of symbols that take the same space as 32 bits.
    const PER_NUMBER: usize;

    /// The symbol with an id, which must fit.
    fn new(id: u32) -> Self;

    /// The id of the symbol.
    fn id(self) -> u32;

    /// The 32-bit number stored in the first places of `symbols`.
    fn number(symbols: &[Self]) -> u32;

    /// Stores a 32-bit number there.
    fn put(number: u32, symbols: &mut [Self]);
}

impl Symbol for u16 {
    const NONE: Self = Self::MAX;
    const PER_NUMBER: usize = 2;

    #[inline]
    fn new(id: u32) -> Self {
        id as Self
    }

    #[inline]
    fn id(self) -> u32 {
        u32::from(self)
    }

    #[inline]
    fn number(symbols: &[Self]) -> u32 {
        u32::from(symbols[0]) << 16 | u32::from(symbols[1])
    }

    #[inline]
    fn put(number: u32, symbols: &mut [Self]) {
        symbols[..2].copy_from_slice(&[(number >> 16) as Self, number as Self]);
    }
}

impl Symbol for u32 {
    const NONE: Self = Self::MAX;
    const PER_NUMBER: usize = 1;

    #[inline]
    fn new(id: u32) -> Self {
        id
    }

    #[inline]
    fn id(self) -> u32 {
        self
    }

    #[inline]
    fn number(symbols: &[Self]) -> u32 {
        symbols[0]
    }

    #[inline]
    fn put(number: u32, symbols: &mut [Self]) {
        symbols[0] = number;
    }
}

/// Marks a count that is too large for its place. The place holds an index into the large counts.
const LARGE: u32 = 1 << 31;

/// Bits of an element of [`Words::firsts`].
const BITS: usize = u64::BITS as usize;

/// The words one after the other in one arena. Each has its count, an edge, its symbols, an edge.
///
/// A symbol occupies the places of its letters, and is stored in the first and the last of them. So
/// neighbours are found in one step: the next symbol begins as many places further on as the symbol
/// has letters, and the previous symbol ends one place before it.
#[derive(Debug, Default)]
pub(crate) struct Words<S> {
    arena: Vec<S>,
    /// A bit for every place, set where the symbols of a word begin.
    firsts: Vec<u64>,
    large_counts: Vec<u64>,
    pairs: u64,
    is_full: bool,
}

impl<S: Symbol> Words<S> {
    /// Makes room for `words` words with `letters` letters in total.
    pub(crate) fn reserve(&mut self, words: usize, letters: usize) {
        self.arena.reserve(words * (S::PER_NUMBER + 2) + letters);
    }

    /// Adds a word that occurs `count` times. Words of one letter hold no pair and are skipped. If
    /// the arena would have more than 2³² places, which take 8 or 16 GiB, [`Words::is_full`]
    /// becomes true.
    pub(crate) fn push(&mut self, letters: impl IntoIterator<Item = u32>, count: u64) {
        let start = self.arena.len();
        let first = start + S::PER_NUMBER + 1;
        self.arena.extend(std::iter::repeat_n(S::NONE, S::PER_NUMBER + 1));
        self.arena.extend(letters.into_iter().map(S::new));
        self.is_full |= u32::try_from(self.arena.len()).is_err();
        if self.arena.len() < first + 2 || count == 0 || self.is_full {
            self.arena.truncate(start);
            return;
        }
        let pairs = (self.arena.len() - first - 1) as u64;
        self.pairs = self.pairs.saturating_add(pairs.saturating_mul(count));
        self.arena.push(S::NONE);
        let count = u32::try_from(count).ok().filter(|&count| count < LARGE).unwrap_or_else(|| {
            self.large_counts.push(count);
            LARGE | (self.large_counts.len() - 1) as u32
        });
        S::put(count, &mut self.arena[start..]);
        self.firsts.resize(self.arena.len().div_ceil(BITS), 0);
        self.firsts[first / BITS] |= 1 << (first % BITS);
    }

    /// Whether a word did not fit.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    /// The words, for changing them.
    pub(super) fn as_mut(&mut self) -> WordsMut<'_, S> {
        let Self { arena, firsts, large_counts, .. } = self;
        WordsMut { arena, start: 0, firsts, large_counts }
    }

    /// Calls `visit` with the place, the count of the word and the pair, for every pair of
    /// neighbours in the words that begin in a stretch. The place of a pair is where its right
    /// symbol begins. `lengths` has the number of letters of each symbol.
    pub(super) fn for_each_pair(
        &self,
        stretch: Range<usize>,
        lengths: &[usize],
        mut visit: impl FnMut(u32, u64, Pair),
    ) {
        for number in stretch {
            let mut bits = self.firsts[number];
            while bits != 0 {
                let first = number * BITS + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let count = count(&self.arena, first, &self.large_counts);
                let mut left = self.arena[first].id();
                let mut at = first + lengths[left as usize];
                while self.arena[at] != S::NONE {
                    let right = self.arena[at].id();
                    visit(at as u32, count, (left, right));
                    at += lengths[right as usize];
                    left = right;
                }
            }
        }
    }

    /// The number of pairs of neighbours before any merge, each times the count of its word.
    pub(super) fn pairs(&self) -> u64 {
        self.pairs
    }

    /// Divides the words into stretches of about the same length, for [`Words::for_each_pair`].
    pub(super) fn stretches(&self, stretches: usize) -> Vec<Range<usize>> {
        let length = self.firsts.len().div_ceil(stretches.max(1)).max(1);
        let starts = (0..self.firsts.len()).step_by(length);
        starts.map(|start| start..(start + length).min(self.firsts.len())).collect()
    }

    /// Whether `pair` is still at a place where it once was.
    pub(super) fn holds(&self, at: u32, pair: Pair, lengths: &[usize]) -> bool {
        let start = at as usize - lengths[pair.0 as usize];
        self.arena[start].id() == pair.0 && self.arena[at as usize].id() == pair.1
    }
}

/// The count of the word whose symbols begin at `first`.
#[inline]
fn count<S: Symbol>(arena: &[S], first: usize, large_counts: &[u64]) -> u64 {
    let count = S::number(&arena[first - 1 - S::PER_NUMBER..]);
    if count < LARGE { u64::from(count) } else { large_counts[(count - LARGE) as usize] }
}

/// A stretch of the words, for changing them. Places are counted from the start of the whole arena.
#[derive(Debug)]
pub(super) struct WordsMut<'a, S> {
    arena: &'a mut [S],
    /// The place where the stretch begins.
    start: usize,
    firsts: &'a [u64],
    large_counts: &'a [u64],
}

impl<S: Symbol> WordsMut<'_, S> {
    /// The place where the symbols of the word that contains the place `at` begin.
    #[inline]
    pub(super) fn first(&self, at: u32) -> u32 {
        let at = at as usize;
        let mut number = at / BITS;
        let mut bits = self.firsts[number] & (u64::MAX >> (BITS - 1 - at % BITS));
        while bits == 0 && number > 0 {
            number -= 1;
            bits = self.firsts[number];
        }
        (number * BITS + BITS - 1) as u32 - bits.leading_zeros()
    }

    /// Splits the words before the one whose symbols begin at `first` from the others.
    pub(super) fn split_at(self, first: u32) -> (Self, Self) {
        let Self { arena, start, firsts, large_counts } = self;
        let middle = first as usize - 1 - S::PER_NUMBER;
        let (left, right) = arena.split_at_mut(middle - start);
        let right = Self { arena: right, start: middle, firsts, large_counts };
        (Self { arena: left, start, firsts, large_counts }, right)
    }

    /// The count of the word whose symbols begin at `first`.
    #[inline]
    pub(super) fn count(&self, first: u32) -> u64 {
        count(self.arena, first as usize - self.start, self.large_counts)
    }

    /// The symbol at a place.
    #[inline]
    pub(super) fn get(&self, at: usize) -> S {
        self.arena[at - self.start]
    }

    /// Stores a symbol at a place.
    #[inline]
    pub(super) fn set(&mut self, at: usize, symbol: S) {
        self.arena[at - self.start] = symbol;
    }
}
