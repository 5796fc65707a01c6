//! Encoding with a BPE model: repeatedly merge the two neighbours that make the piece of the
//! highest score, the leftmost if several are equal (Sennrich et al. 2016; `bpe_model.cc`).

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};

use rustc_hash::FxHashMap;

use super::model::{Piece, PieceKind, SentencePieceModel};
use super::normalizer::{Normalizer, character_length};
use super::trie::Trie;
use crate::bytes::SPACE;

/// The most words in the cache. When it is full, it is cleared.
const MAX_WORDS: usize = 1 << 16;

/// The longest word that is cached, in bytes.
const MAX_WORD_BYTES: usize = 64;

/// No neighbour.
const NONE: u32 = u32::MAX;

/// The pieces of a BPE model.
#[derive(Debug)]
pub(super) struct Bpe {
    trie: Trie,
    /// The rank of each piece by its score; 0 for the highest score.
    ranks: Vec<u32>,
    is_unused: Vec<bool>,
    /// Whether words can be encoded separately. This is so if no piece has a space after another
    /// character, because then no merge crosses the boundary before a run of spaces.
    has_words: bool,
    unknown_id: u32,
}

/// A part of the text.
#[derive(Debug, Clone, Copy)]
struct Symbol {
    start: u32,
    /// In bytes; 0 after it was merged into its left neighbour.
    length: u32,
    previous: u32,
    next: u32,
    /// Whether it is a user-defined token, which never merges.
    is_fixed: bool,
}

/// Two neighbours that together are a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pair {
    rank: u32,
    left: u32,
    right: u32,
    length: u32,
}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.rank, self.left).cmp(&(other.rank, other.left))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The id of a piece and its length in bytes.
type Found = (u32, u32);

/// Working memory.
#[derive(Debug, Default)]
pub(super) struct Merging {
    symbols: Vec<Symbol>,
    pairs: BinaryHeap<Reverse<Pair>>,
    /// For each unused piece, the length in bytes of the left part of the last pair that made it.
    unused: BTreeMap<u32, u32>,
    /// A cache of words with their pieces.
    words: FxHashMap<Box<[u8]>, Box<[Found]>>,
    /// The pieces of the current word.
    found: Vec<Found>,
}

impl Bpe {
    pub(super) fn new(model: &SentencePieceModel, unknown_id: u32) -> Self {
        let mut scores: Vec<f32> = model.pieces.iter().map(|piece| piece.score).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        let rank = |score: f32| scores.partition_point(|&known| known > score) as u32;
        let crosses = |piece: &Piece| piece.text.trim_start_matches(SPACE).contains(SPACE);
        let is_unused = |piece: &Piece| piece.kind == PieceKind::Unused;
        Self {
            has_words: !model.pieces.iter().any(|piece| crosses(piece) || is_unused(piece)),
            trie: model.trie(),
            ranks: model.pieces.iter().map(|piece| rank(piece.score)).collect(),
            is_unused: model.pieces.iter().map(is_unused).collect(),
            unknown_id,
        }
    }

    /// Calls `visit` with the id and the bytes of each piece of a normalised text, in order.
    pub(super) fn encode(
        &self,
        text: &[u8],
        normalizer: &Normalizer,
        work: &mut Merging,
        mut visit: impl FnMut(u32, &[u8]),
    ) {
        if work.words.len() >= MAX_WORDS {
            work.words.clear();
        }
        let mut start = 0;
        while start < text.len() {
            let end = if self.has_words { word_end(text, start) } else { text.len() };
            let word = &text[start..end];
            if let Some(known) = work.words.get(word) {
                give_all(word, known, &mut visit);
            } else {
                self.merge(word, normalizer, work);
                give_all(word, &work.found, &mut visit);
                if word.len() <= MAX_WORD_BYTES {
                    work.words.insert(word.into(), work.found.as_slice().into());
                }
            }
            start = end;
        }
    }

    /// Replaces `work.found` by the pieces of `text`.
    fn merge(&self, text: &[u8], normalizer: &Normalizer, work: &mut Merging) {
        work.spell(text, normalizer);
        for right in 1..work.symbols.len() as u32 {
            self.add_pair(text, work, right - 1, right);
        }
        while let Some(Reverse(pair)) = work.pairs.pop() {
            let (left, right) =
                (work.symbols[pair.left as usize], work.symbols[pair.right as usize]);
            if left.length == 0 || right.length == 0 || left.length + right.length != pair.length {
                continue;
            }
            work.symbols[pair.right as usize].length = 0;
            let merged = &mut work.symbols[pair.left as usize];
            (merged.length, merged.next) = (pair.length, right.next);
            if right.next != NONE {
                work.symbols[right.next as usize].previous = pair.left;
                self.add_pair(text, work, pair.left, right.next);
            }
            if left.previous != NONE {
                self.add_pair(text, work, left.previous, pair.left);
            }
        }
        let Merging { symbols, unused, found, .. } = work;
        found.clear();
        for symbol in symbols.iter().filter(|symbol| symbol.length > 0) {
            self.add(text, unused, (symbol.start, symbol.length), found);
        }
    }

    /// Stores two neighbours if together they are a piece.
    #[inline]
    fn add_pair(&self, text: &[u8], work: &mut Merging, left: u32, right: u32) {
        let (first, second) = (work.symbols[left as usize], work.symbols[right as usize]);
        if first.is_fixed || second.is_fixed {
            return;
        }
        let length = first.length + second.length;
        let bytes = &text[first.start as usize..(first.start + length) as usize];
        let Some(id) = self.trie.get(bytes) else { return };
        if self.is_unused[id as usize] {
            work.unused.insert(id, first.length);
        }
        work.pairs.push(Reverse(Pair { rank: self.ranks[id as usize], left, right, length }));
    }

    /// Adds the piece of a symbol to `found`, or, if the piece is unused, the two pieces that it
    /// was merged from. Like SentencePiece, it takes the last pair that made the piece anywhere in
    /// the text.
    fn add(
        &self,
        text: &[u8],
        unused: &BTreeMap<u32, u32>,
        (start, length): (u32, u32),
        found: &mut Vec<Found>,
    ) {
        let piece = &text[start as usize..(start + length) as usize];
        let id = self.trie.get(piece);
        if let Some(&left) = id.and_then(|id| unused.get(&id)) {
            self.add(text, unused, (start, left), found);
            self.add(text, unused, (start + left, length - left), found);
            return;
        }
        found.push((id.unwrap_or(self.unknown_id), length));
    }
}

/// Calls `visit` for each piece of a word.
fn give_all(word: &[u8], pieces: &[Found], visit: &mut impl FnMut(u32, &[u8])) {
    let mut start = 0;
    for &(id, length) in pieces {
        let end = start + length as usize;
        visit(id, &word[start..end]);
        start = end;
    }
}

/// The end of the spaces at `start` and of the word after them.
fn word_end(text: &[u8], start: usize) -> usize {
    let mut spelled = [0; 4];
    let space = SPACE.encode_utf8(&mut spelled).as_bytes();
    let mut at = start;
    while text[at..].starts_with(space) {
        at += space.len();
    }
    let mut rest = text[at..].windows(space.len());
    rest.position(|bytes| bytes == space).map_or(text.len(), |length| at + length)
}

impl Merging {
    /// Replaces the symbols by the characters and the user-defined tokens of a text.
    fn spell(&mut self, text: &[u8], normalizer: &Normalizer) {
        self.symbols.clear();
        self.pairs.clear();
        self.unused.clear();
        let mut at = 0;
        while at < text.len() {
            let fixed = normalizer.user_defined(&text[at..]);
            let length = fixed.unwrap_or_else(|| character_length(&text[at..]));
            let number = self.symbols.len() as u32;
            self.symbols.push(Symbol {
                start: at as u32,
                length: length as u32,
                previous: number.checked_sub(1).unwrap_or(NONE),
                next: number + 1,
                is_fixed: fixed.is_some(),
            });
            at += length;
        }
        if let Some(last) = self.symbols.last_mut() {
            last.next = NONE;
        }
    }
}
