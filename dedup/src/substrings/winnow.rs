//! Winnowing: samples k-grams so that equal passages have a sampled k-gram in common.

use crate::mix::mix;

/// The longest k-gram in tokens. The hash rotates tokens within 64 bits, so two tokens at a
/// distance of 64 would be rotated alike.
const GRAM_TOKENS_MAX: usize = 64;

/// The parameters of winnowing: windows of `w` k-grams of `k` tokens each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Winnowing {
    /// `k`.
    gram_tokens: usize,
    /// `w`.
    grams: usize,
}

/// The k-gram that represents a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anchor {
    /// Its hash, uniformly distributed.
    pub(super) value: u64,
    /// The index of its first token.
    pub(super) position: usize,
}

impl Winnowing {
    /// Chooses `k` for windows of `window_tokens = w + k - 1` tokens, at least 1.
    ///
    /// The sample has about `2 / (w + 1)` of all k-grams. A smaller `k` gives fewer anchors, but
    /// more of them are repeated although their windows are not. With windows of 50 tokens on 193
    /// MB of manuals, both passes together sorted 187, 156, 133, 128 and 153 MB for `k` of 10, 16,
    /// 26, 36 and 44, and took 4.35, 4.10, 3.93, 4.00 and 4.30 s.
    pub(super) fn new(window_tokens: usize) -> Self {
        Self::with_gram(window_tokens, (window_tokens / 2 + 1).min(GRAM_TOKENS_MAX))
    }

    /// Uses a given `k` of at most `window_tokens`.
    fn with_gram(window_tokens: usize, gram_tokens: usize) -> Self {
        Self { gram_tokens, grams: window_tokens + 1 - gram_tokens }
    }

    pub(super) fn window_tokens(&self) -> usize {
        self.gram_tokens + self.grams - 1
    }

    /// Calls `call` for every window of [`Self::window_tokens`] tokens in order, with the index of
    /// its first token and its anchor. The anchor is the k-gram with the smallest hash; of equal
    /// ones the last.
    ///
    /// The anchor depends only on the tokens of the window.
    pub(super) fn for_each_window(&self, tokens: &[u64], mut call: impl FnMut(usize, Anchor)) {
        if tokens.len() < self.window_tokens() {
            return;
        }
        let last_gram = tokens.len() - self.gram_tokens;
        let mut hash = GramHash::new(&tokens[..self.gram_tokens]);
        // A ring buffer of the hashes of the current window's k-grams.
        let mut ring = vec![0; self.grams];
        let mut smallest = Anchor { value: u64::MAX, position: 0 };
        let mut slot = 0;
        for gram in 0..=last_gram {
            if gram > 0 {
                hash.roll(tokens[gram - 1], tokens[gram + self.gram_tokens - 1]);
            }
            let value = hash.value();
            ring[slot] = value;
            slot = if slot + 1 == self.grams { 0 } else { slot + 1 };
            // The ring is searched only after the smallest has left the window: on random tokens,
            // about once in `w` steps.
            if value <= smallest.value {
                smallest = Anchor { value, position: gram };
            } else if gram >= self.grams && smallest.position <= gram - self.grams {
                smallest = last_smallest(&ring, slot, gram);
            }
            if gram + 1 >= self.grams {
                call(gram + 1 - self.grams, smallest);
            }
        }
    }
}

/// Returns the smallest value of a full ring; of equal ones the last. The oldest value is at the
/// index `oldest`, and the newest value is the one of the k-gram `last`.
fn last_smallest(ring: &[u64], oldest: usize, last: usize) -> Anchor {
    let first = last + 1 - ring.len();
    let mut smallest = Anchor { value: u64::MAX, position: first };
    let (newer, older) = ring.split_at(oldest);
    for (offset, &value) in older.iter().chain(newer).enumerate() {
        if value <= smallest.value {
            smallest = Anchor { value, position: first + offset };
        }
    }
    smallest
}

/// A rolling hash of a k-gram by cyclic polynomials (Cohen 1997, "Recursive hashing functions for
/// n-grams"): the `xor` of its tokens, each rotated by its distance from the end.
struct GramHash {
    hash: u64,
    gram_tokens: u32,
}

impl GramHash {
    fn new(gram: &[u64]) -> Self {
        let hash = gram.iter().fold(0u64, |hash, token| hash.rotate_left(1) ^ token);
        Self { hash, gram_tokens: gram.len() as u32 }
    }

    fn roll(&mut self, out: u64, next: u64) {
        self.hash = self.hash.rotate_left(1) ^ out.rotate_left(self.gram_tokens) ^ next;
    }

    /// Returns the hash, mixed: the polynomials of neighbouring k-grams differ in a predictable
    /// way, which would bias the choice of the smallest.
    fn value(&self) -> u64 {
        mix(self.hash)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The anchor of a window depends only on the tokens of the window.
        #[test]
        fn equal_windows_have_equal_anchors(
            tokens in prop::collection::vec(0u64..4, 0..80),
            window_tokens in 1usize..20,
            gram_share in 0usize..20,
        ) {
            let tokens: Vec<u64> = tokens.into_iter().map(mix).collect();
            let gram_tokens = 1 + gram_share % window_tokens;
            let winnowing = Winnowing::with_gram(window_tokens, gram_tokens);
            prop_assert_eq!(winnowing.window_tokens(), window_tokens);
            let mut next = 0;
            winnowing.for_each_window(&tokens, |position, anchor| {
                assert_eq!(position, next);
                next += 1;
                let mut alone = None;
                let window = &tokens[position..position + window_tokens];
                winnowing.for_each_window(window, |_, anchor| alone = Some(anchor));
                let alone = alone.unwrap();
                let alone = (alone.value, alone.position + position);
                assert_eq!(alone, (anchor.value, anchor.position));
            });
            prop_assert_eq!(next, (tokens.len() + 1).saturating_sub(window_tokens));
        }
    }
}
