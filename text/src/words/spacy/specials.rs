//! The special cases: chunks whose tokens are listed, and the pass that finds them among tokens.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

/// An upper bound of the length of a special case in bytes. Lengths are the bits of a `u64`.
const MAX_BYTES: usize = 63;

/// An upper bound of the length in bytes of a pattern's first token.
const MAX_FIRST_BYTES: usize = 8;

/// The special cases.
#[derive(Debug)]
pub(super) struct Specials {
    /// For each special case the lengths of its tokens in bytes.
    pieces: FxHashMap<Box<str>, Box<[u8]>>,
    /// For each first byte the lengths of special cases that start with it, as bits. Most chunks
    /// are rejected by this, without a look-up in `pieces`.
    lengths: [u64; 256],
    /// The patterns (tokens into which the rules split special cases) as a trie: the key is a node
    /// and a token, the value is the next node. Node 0 is the root.
    nodes: FxHashMap<(u16, &'static str), u16>,
    /// For each node, whether a pattern ends there.
    is_end: Vec<bool>,
}

impl Specials {
    /// Reads the table. Each line has the tokens of a special case and, after a tab, the tokens of
    /// its pattern, if the second pass has to search for it.
    pub(super) fn new() -> Self {
        let mut specials = Self {
            pieces: FxHashMap::default(),
            lengths: [0; 256],
            nodes: FxHashMap::default(),
            is_end: vec![false],
        };
        for line in include_str!("../tables/specials.txt").lines() {
            let (tokens, pattern) = line.split_once('\t').unwrap_or((line, ""));
            let lengths = tokens.split(' ').map(|token| token.len() as u8).collect();
            let chunk = tokens.replace(' ', "");
            if let Some(first) = chunk.bytes().next() {
                specials.lengths[first as usize] |= 1 << chunk.len().min(MAX_BYTES);
            }
            specials.pieces.insert(chunk.into_boxed_str(), lengths);
            specials.add_pattern(pattern);
        }
        specials
    }

    /// Adds a pattern, given as tokens separated by spaces, to the trie. An empty pattern adds
    /// nothing.
    fn add_pattern(&mut self, pattern: &'static str) {
        let mut node = 0;
        for token in pattern.split(' ').filter(|token| !token.is_empty()) {
            let next = self.is_end.len() as u16;
            let known = *self.nodes.entry((node, token)).or_insert(next);
            if known == next {
                self.is_end.push(false);
            }
            node = known;
        }
        self.is_end[node as usize] = node > 0;
    }

    /// The lengths in bytes of a special case's tokens, or `None` if the chunk is not a special
    /// case.
    #[inline]
    pub(super) fn get(&self, chunk: &str) -> Option<&[u8]> {
        let first = *chunk.as_bytes().first()?;
        if chunk.len() > MAX_BYTES || self.lengths[first as usize] >> chunk.len() & 1 == 0 {
            return None;
        }
        self.pieces.get(chunk).map(AsRef::as_ref)
    }

    /// Finds special cases among the tokens from index `first` on, and replaces those tokens by the
    /// tokens listed for the special case.
    ///
    /// Of matches that overlap, the longest is used; of equally long ones, the first. As in spaCy,
    /// a match that contains a space is not replaced, but no other match may use its tokens.
    pub(super) fn join<'a>(&self, text: &'a str, tokens: &mut Vec<&'a str>, first: usize) {
        let mut matches = self.matches(text, &tokens[first..]);
        if matches.is_empty() {
            return;
        }
        matches.sort_unstable_by_key(|(start, end)| (Reverse(end - start), *start));
        let mut is_taken = vec![false; tokens.len() - first];
        matches.retain(|&(start, end)| {
            let is_free = !is_taken[start] && !is_taken[end - 1];
            is_taken[start..end].fill(true);
            is_free
        });
        matches.sort_unstable();
        let apart = tokens.split_off(first);
        let base = text.as_ptr() as usize;
        let mut from = 0;
        for (start, end) in matches {
            let byte = apart[start].as_ptr() as usize - base;
            let last = apart[end - 1];
            let whole = &text[byte..last.as_ptr() as usize - base + last.len()];
            // A match that contains a space is not a special case itself.
            let Some(pieces) = self.get(whole) else { continue };
            tokens.extend_from_slice(&apart[from..start]);
            let mut rest = whole;
            for length in pieces {
                let (piece, behind) = rest.split_at(*length as usize);
                tokens.push(piece);
                rest = behind;
            }
            from = end;
        }
        tokens.extend_from_slice(&apart[from..]);
    }

    /// The occurrences of patterns, as ranges of tokens.
    fn matches(&self, text: &str, tokens: &[&str]) -> Vec<(usize, usize)> {
        let mut matches = Vec::new();
        for (start, pair) in tokens.windows(2).enumerate() {
            let is_word = |token: &str| token.as_bytes()[0].is_ascii_alphanumeric();
            // No pattern starts with two words; this skips nearly all places of a prose text.
            if pair[0].len() > MAX_FIRST_BYTES || is_word(pair[0]) && is_word(pair[1]) {
                continue;
            }
            let mut node = self.nodes.get(&(0, pair[0])).copied();
            let mut end = start + 1;
            while let Some(at) = node {
                if self.is_end[at as usize] {
                    matches.push((start, end));
                }
                node = match tokens.get(end) {
                    Some(token) if are_neighbours(text, tokens[end - 1], token) => {
                        self.nodes.get(&(at, *token)).copied()
                    }
                    _ => None,
                };
                end += 1;
            }
        }
        matches
    }
}

/// Whether two tokens are separated by nothing or a single space. For spaCy, any other white space
/// is a token between them.
fn are_neighbours(text: &str, token: &str, next: &str) -> bool {
    let end = token.as_ptr() as usize + token.len();
    match next.as_ptr() as usize - end {
        0 => true,
        1 => text.as_bytes()[end - text.as_ptr() as usize] == b' ',
        _ => false,
    }
}
