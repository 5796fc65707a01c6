//! Byte-pair encoding of one piece: repeatedly merge the pair of lowest rank, the leftmost if there
//! are several (Sennrich et al. 2016), until no rule applies.
//!
//! Short pieces examine all their pairs in each step, which is fastest for few pairs. Longer ones
//! keep the pairs in a heap and the symbols in a linked list, so that any piece of n bytes takes
//! O(n log n) steps.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::alphabet::BYTE_COUNT;
use crate::merges::{Merge, MergeTable};
use crate::model::Model;

/// Pieces of more symbols than this use the heap. The product of this and a rank, which is below
/// [`MAX_RULES`](crate::merges::MAX_RULES), must be below 2³¹.
const MAX_SCANNED_SYMBOLS: usize = 64;

/// No neighbour on this side, or no rule for this pair.
const NONE: u32 = u32::MAX;

/// The rank of a pair without a rule. Ranks are signed because every processor can compare many
/// signed numbers with one instruction.
const NO_RANK: i32 = i32::MAX;

/// The rules for all pairs of single bytes, or of ASCII characters in BPE over characters. Every
/// merging begins with these pairs. An array finds them faster than the table of all rules, which
/// takes a hash and is farther away in memory.
#[derive(Debug, Clone)]
pub(crate) struct BytePairs {
    /// By left byte, then right byte. The token is [`NONE`] if there is no rule.
    rules: Vec<Merge>,
}

impl BytePairs {
    pub(crate) fn new(model: &Model) -> Self {
        let mut tokens = model.byte_tokens;
        if let Some(characters) = &model.characters {
            tokens.iter_mut().zip(characters.ascii).for_each(|(token, known)| *token = known);
        }
        let pairs = tokens.iter().flat_map(|left| tokens.iter().map(move |right| (*left, *right)));
        let none = Merge { rank: 0, token: NONE };
        let rules = pairs.map(|(left, right)| model.merges.get(left, right).unwrap_or(none));
        Self { rules: rules.collect() }
    }

    #[inline]
    fn get(&self, left: u8, right: u8) -> Option<Merge> {
        let rule = self.rules[usize::from(left) * BYTE_COUNT + usize::from(right)];
        (rule.token != NONE).then_some(rule)
    }
}

/// A symbol of a short piece and its right neighbour.
#[derive(Debug, Clone, Copy)]
struct Pair {
    /// The token that the two become.
    becomes: u32,
    /// The places of the symbols to the left and to the right.
    previous: u32,
    next: u32,
}

/// A symbol of a long piece.
#[derive(Debug, Clone, Copy)]
struct Symbol {
    token: u32,
    previous: u32,
    next: u32,
}

/// The working memory of merging, reused from piece to piece.
#[derive(Debug, Default)]
pub(crate) struct Merger {
    /// The symbols of a piece; [`NONE`] for a symbol that was merged into its left neighbour.
    tokens: Vec<u32>,
    /// For each symbol of a short piece, the rank of the rule for it and its right neighbour, times
    /// [`MAX_SCANNED_SYMBOLS`], plus its position. The lowest number is the pair to merge.
    ranks: Vec<i32>,
    /// The rest of the facts about each of these pairs.
    pairs: Vec<Pair>,
    symbols: Vec<Symbol>,
    /// (rank, position of the left symbol, token it becomes).
    heap: BinaryHeap<Reverse<(u32, u32, u32)>>,
}

impl Merger {
    /// Appends the tokens of `piece` to `out`.
    pub(crate) fn merge(
        &mut self,
        model: &Model,
        byte_pairs: &BytePairs,
        piece: &[u8],
        out: &mut Vec<u32>,
    ) {
        self.tokens.clear();
        let spelled = model.characters.as_ref();
        if let Some(characters) = spelled {
            characters.spell(piece, &model.byte_tokens, &mut self.tokens);
        } else {
            self.tokens.extend(piece.iter().map(|&byte| model.byte_tokens[usize::from(byte)]));
        }
        if self.tokens.len() > MAX_SCANNED_SYMBOLS {
            return self.merge_with_heap(&model.merges, out);
        }
        if spelled.is_none() || piece.is_ascii() {
            let first = |at: usize| byte_pairs.get(piece[at], piece[at + 1]);
            self.merge_scanning(&model.merges, first);
        } else {
            let mut tokens = [0; MAX_SCANNED_SYMBOLS];
            tokens[..self.tokens.len()].copy_from_slice(&self.tokens);
            let first = |at: usize| model.merges.get(tokens[at], tokens[at + 1]);
            self.merge_scanning(&model.merges, first);
        }
        out.extend_from_slice(&self.tokens);
    }

    /// Merges the symbols by scanning all pairs. `first` gives the rule for the pair of symbols
    /// that begins at a place, before anything is merged.
    #[inline]
    fn merge_scanning(&mut self, rules: &MergeTable, first: impl Fn(usize) -> Option<Merge>) {
        let length = self.tokens.len();
        self.pairs.clear();
        self.pairs.resize(length, Pair { becomes: NONE, previous: 0, next: length as u32 });
        self.ranks.clear();
        self.ranks.resize(length, NO_RANK);
        for at in 0..length {
            self.pairs[at].previous = at.saturating_sub(1) as u32;
            if at + 1 < length {
                self.set_pair(at, at + 1, first(at));
            }
        }
        loop {
            // The compiler vectorises a minimum over plain numbers.
            let best = self.ranks.iter().copied().min().unwrap_or(NO_RANK);
            if best == NO_RANK {
                break;
            }
            let at = best as usize % MAX_SCANNED_SYMBOLS;
            let Pair { becomes, previous, next } = self.pairs[at];
            let right = next as usize;
            let after = self.pairs[right].next as usize;
            self.tokens[at] = becomes;
            self.tokens[right] = NONE;
            self.ranks[right] = NO_RANK;
            if let Some(pair) = self.pairs.get_mut(after) {
                pair.previous = at as u32;
            }
            self.set_pair(at, after, self.rule(rules, at, after));
            if at > 0 {
                let previous = previous as usize;
                self.set_pair(previous, at, self.rule(rules, previous, at));
            }
        }
        // This also drops bytes without a token, which count files can hold, but texts cannot.
        self.tokens.retain(|&token| token != NONE);
    }

    /// The rule for the symbols at `left` and at `right`; there is none at the end.
    #[inline]
    fn rule(&self, rules: &MergeTable, left: usize, right: usize) -> Option<Merge> {
        self.tokens.get(right).and_then(|&next| rules.get(self.tokens[left], next))
    }

    /// Stores the pair of the symbols at `left` and at `right`.
    #[inline]
    fn set_pair(&mut self, left: usize, right: usize, rule: Option<Merge>) {
        self.pairs[left].next = right as u32;
        let position = left as i32;
        self.ranks[left] =
            rule.map_or(NO_RANK, |rule| rule.rank as i32 * MAX_SCANNED_SYMBOLS as i32 + position);
        self.pairs[left].becomes = rule.map_or(NONE, |rule| rule.token);
    }

    fn merge_with_heap(&mut self, rules: &MergeTable, out: &mut Vec<u32>) {
        let last = self.tokens.len() as u32 - 1;
        self.symbols.clear();
        self.symbols.extend(self.tokens.iter().zip(0..).map(|(&token, at)| Symbol {
            token,
            previous: if at == 0 { NONE } else { at - 1 },
            next: if at == last { NONE } else { at + 1 },
        }));
        self.heap.clear();
        for at in 0..last {
            self.push_pair(rules, at, at + 1);
        }
        while let Some(Reverse((rank, at, token))) = self.heap.pop() {
            let left = self.symbols[at as usize];
            // Heap entries can be stale: the symbol was merged into its left neighbour, it is the
            // last one now, or its right neighbour has changed.
            if left.token == NONE || left.next == NONE {
                continue;
            }
            let right = self.symbols[left.next as usize];
            if rules.get(left.token, right.token).is_none_or(|merge| merge.rank != rank) {
                continue;
            }
            self.symbols[left.next as usize].token = NONE;
            self.symbols[at as usize] = Symbol { token, next: right.next, ..left };
            if right.next != NONE {
                self.symbols[right.next as usize].previous = at;
                self.push_pair(rules, at, right.next);
            }
            if left.previous != NONE {
                self.push_pair(rules, left.previous, at);
            }
        }
        let alive = self.symbols.iter().map(|symbol| symbol.token).filter(|&token| token != NONE);
        out.extend(alive);
    }

    fn push_pair(&mut self, rules: &MergeTable, left: u32, right: u32) {
        let tokens = (self.symbols[left as usize].token, self.symbols[right as usize].token);
        if let Some(merge) = rules.get(tokens.0, tokens.1) {
            self.heap.push(Reverse((merge.rank, left, merge.token)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn scanning_and_heap_agree(
            piece in prop::collection::vec(0_u32..3, 0..=MAX_SCANNED_SYMBOLS),
            pairs in prop::collection::vec((0_usize..40, 0_usize..40), 0..30),
        ) {
            let rules: Vec<_> = pairs
                .iter()
                .zip(3_u32..)
                .map(|(&(left, right), token)| {
                    (((left as u32) % token, (right as u32) % token), token)
                })
                .collect();
            let table = MergeTable::new(rules);
            let mut merger = Merger::default();
            merger.tokens.extend(&piece);
            merger.merge_scanning(&table, |at| table.get(piece[at], piece[at + 1]));
            let scanned = merger.tokens.clone();
            merger.tokens.clear();
            merger.tokens.extend(&piece);
            let mut heaped = Vec::new();
            if !piece.is_empty() {
                merger.merge_with_heap(&table, &mut heaped);
            }
            prop_assert_eq!(heaped, scanned);
        }
    }
}
