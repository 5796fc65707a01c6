//! Byte-pair encoding of one piece: again and again merge the pair of lowest rank, the leftmost of
//! them first (Sennrich et al. 2016), until no rule applies.
//!
//! Short pieces look at all their pairs each time, which is quickest for the few they have. Longer
//! ones keep the pairs in a heap and the symbols in a linked list: a piece of n bytes takes
//! O(n log n) steps, whatever is in it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::merges::MergeTable;

/// Pieces of more symbols than this use the heap. Times the rank of a rule, below
/// [`MAX_RULES`](crate::merges::MAX_RULES), it stays below 2³².
const MAX_SCANNED_SYMBOLS: usize = 64;

/// No neighbour on this side, or no rule for this pair.
const NONE: u32 = u32::MAX;

/// A symbol of a short piece and its right neighbour.
#[derive(Debug, Clone, Copy)]
struct Pair {
    /// The token that the two become.
    becomes: u32,
    /// Where the symbols to the left and to the right are.
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

/// The working memory of the merges, kept between pieces.
#[derive(Debug, Default)]
pub(crate) struct Merger {
    /// The symbols of a piece; [`NONE`] where a symbol has been merged into its left neighbour.
    tokens: Vec<u32>,
    /// For each symbol of a short piece, the rank of the rule for it and its right neighbour, times
    /// [`MAX_SCANNED_SYMBOLS`], plus its position: the lowest is the pair to merge.
    ranks: Vec<u32>,
    /// What else there is to know about each of these pairs.
    pairs: Vec<Pair>,
    symbols: Vec<Symbol>,
    /// (rank, position of the left symbol, token it becomes).
    heap: BinaryHeap<Reverse<(u32, u32, u32)>>,
}

impl Merger {
    /// Appends the tokens of the piece whose initial symbols are `symbols` to `out`.
    pub(crate) fn merge(
        &mut self,
        rules: &MergeTable,
        symbols: impl Iterator<Item = u32>,
        out: &mut Vec<u32>,
    ) {
        self.tokens.clear();
        self.tokens.extend(symbols);
        if self.tokens.len() <= MAX_SCANNED_SYMBOLS {
            self.merge_scanning(rules);
            out.extend_from_slice(&self.tokens);
        } else {
            self.merge_with_heap(rules, out);
        }
    }

    fn merge_scanning(&mut self, rules: &MergeTable) {
        let length = self.tokens.len();
        self.pairs.clear();
        self.pairs.resize(length, Pair { becomes: NONE, previous: 0, next: 0 });
        self.ranks.clear();
        self.ranks.resize(length, NONE);
        for at in 0..length {
            self.pairs[at].previous = at.saturating_sub(1) as u32;
            self.set_pair(rules, at, at + 1);
        }
        loop {
            // The minimum of plain numbers: the compiler makes vector instructions of it.
            let best = self.ranks.iter().copied().min().unwrap_or(NONE);
            if best == NONE {
                break;
            }
            let at = best as usize % MAX_SCANNED_SYMBOLS;
            let Pair { becomes, previous, next } = self.pairs[at];
            let right = next as usize;
            let after = self.pairs[right].next as usize;
            self.tokens[at] = becomes;
            self.tokens[right] = NONE;
            self.ranks[right] = NONE;
            if let Some(pair) = self.pairs.get_mut(after) {
                pair.previous = at as u32;
            }
            self.set_pair(rules, at, after);
            if at > 0 {
                self.set_pair(rules, previous as usize, at);
            }
        }
        self.tokens.retain(|&token| token != NONE);
    }

    /// Notes the pair of the symbols at `left` and at `right`; there is none at the end.
    #[inline]
    fn set_pair(&mut self, rules: &MergeTable, left: usize, right: usize) {
        self.pairs[left].next = right as u32;
        let rule = self.tokens.get(right).and_then(|&next| rules.get(self.tokens[left], next));
        let position = left as u32;
        self.ranks[left] =
            rule.map_or(NONE, |rule| rule.rank * MAX_SCANNED_SYMBOLS as u32 + position);
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
            // A symbol merged into its left neighbour has lost its token; the last has no pair.
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
            merger.merge_scanning(&table);
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
