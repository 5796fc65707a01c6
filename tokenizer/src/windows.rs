//! Byte-pair encoding of one very long piece in windows. The time is then linear in its length, and
//! the memory stays within the processor's caches.
//!
//! A sequence of tokens is the encoding of its text if and only if every two neighbours are the
//! encoding of theirs. The reason: until a merge crosses the boundary between two tokens, each side
//! evolves as if it were alone. So the first merge that crosses a boundary would also cross it in
//! the text of the two tokens next to it. Therefore the encodings of two overlapping windows can be
//! joined where both have the same two neighbours. If there is no such place, a longer overlap is
//! tried, up to the whole text.

use crate::bpe::{BytePairs, Merger};
use crate::model::Model;
use crate::vocabulary::Vocabulary;

/// How a long piece is cut into windows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    /// New bytes per window, or as many as it repeats if those are more. Longer pieces are cut.
    pub(crate) bytes: usize,
    /// The number of tokens of the window before that each window begins with.
    pub(crate) overlap: usize,
}

impl Windows {
    /// The usual sizes: the symbols and the heap of a window take about 100 KB.
    pub(crate) const USUAL: Self = Self { bytes: 4096, overlap: 16 };

    /// Appends the tokens of `piece` to `out`.
    pub(crate) fn merge(
        self,
        merger: &mut Merger,
        model: &Model,
        byte_pairs: &BytePairs,
        piece: &[u8],
        out: &mut Vec<u32>,
    ) {
        let mut encode = |bytes: &[u8], out: &mut Vec<u32>| {
            merger.merge(model, byte_pairs, bytes, out);
        };
        let base = out.len();
        let mut end = character_end(piece, self.bytes);
        encode(&piece[..end], out);
        let mut window = Vec::new();
        let mut stretch = 1;
        while end < piece.len() {
            let first = out.len().saturating_sub(self.overlap * stretch).max(base);
            let length: usize = out[first..].iter().map(|&id| length(&model.vocabulary, id)).sum();
            // If tokens are as long as windows, the overlap would be most of the work.
            let next_end = character_end(piece, end + (self.bytes * stretch).max(length));
            window.clear();
            if first == base {
                encode(&piece[..next_end], &mut window);
                out.truncate(base);
                out.append(&mut window);
            } else {
                encode(&piece[end.saturating_sub(length)..next_end], &mut window);
                let Some((old, new)) = common(&model.vocabulary, &out[first..], &window) else {
                    stretch *= 2;
                    continue;
                };
                out.truncate(first + old);
                out.extend_from_slice(&window[new..]);
            }
            end = next_end;
            stretch = 1;
        }
    }
}

/// The end of the character that contains the place `end`, or the end of the piece. Merging over
/// characters starts from whole characters, so no window may end inside one.
fn character_end(piece: &[u8], end: usize) -> usize {
    let is_within = |&&byte: &&u8| byte & 0xc0 == 0x80;
    let rest = piece.iter().skip(end);
    piece.len().min(end + rest.take_while(is_within).count())
}

/// The number of bytes that a token takes.
fn length(vocabulary: &Vocabulary, id: u32) -> usize {
    let token = vocabulary.get(id);
    debug_assert!(token.is_some(), "merging gave the id {id}, which has no token");
    token.map_or(0, <[u8]>::len)
}

/// The first place where two encodings that begin together have the same two neighbours.
fn common(vocabulary: &Vocabulary, old: &[u32], new: &[u32]) -> Option<(usize, usize)> {
    let (mut at_old, mut at_new) = (0, 0);
    let (mut end_old, mut end_new) = (0, 0);
    while at_old + 1 < old.len() && at_new + 1 < new.len() {
        if end_old == end_new && old[at_old..at_old + 2] == new[at_new..at_new + 2] {
            return Some((at_old, at_new));
        }
        if end_old <= end_new {
            end_old += length(vocabulary, old[at_old]);
            at_old += 1;
        } else {
            end_new += length(vocabulary, new[at_new]);
            at_new += 1;
        }
    }
    None
}
