//! Encoding with a Unigram model: the most probable sequence of pieces (Kudo 2018), found by the
//! Viterbi algorithm.
//!
//! Scores are summed from the start of a text in SentencePiece's precision, because rounding
//! decides between sequences of nearly the same score.

use super::model::{Piece, PieceKind, SentencePieceModel};
use super::normalizer::character_length;
use super::trie::{ROOT, Trie};

/// The score of an unknown character is that of the least probable piece minus this: `kUnkPenalty`.
const UNKNOWN_PENALTY: f32 = 10.0;

/// When the sum falls below this, it starts again from zero, so that single precision suffices.
const LEAST_SCORE: f32 = -100_000.0;

/// The score of a user-defined token is its length times the best score, minus this.
const USER_PENALTY: f64 = 0.1;

/// The score of a piece.
#[derive(Debug, Clone, Copy)]
enum Score {
    /// A score of the model.
    Own(f32),
    /// The score of a user-defined token, which depends on its length.
    ByLength,
    /// The piece is never used.
    None,
}

/// The pieces of a Unigram model.
#[derive(Debug)]
pub(super) struct Unigram {
    trie: Trie,
    scores: Vec<Score>,
    unknown_id: u32,
    unknown_score: f32,
    best_score: f32,
    /// The length in bytes of the longest piece, at least that of the longest character.
    longest: usize,
}

/// The last piece of the best sequence up to a place in the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Best {
    score: f32,
    id: u32,
    /// The length of the piece in bytes; 0 if no sequence ends here.
    length: u32,
}

const NOTHING: Best = Best { score: 0.0, id: 0, length: 0 };

impl Unigram {
    pub(super) fn new(model: &SentencePieceModel, unknown_id: u32) -> Self {
        let found = |piece: &&Piece| piece.kind == PieceKind::Normal;
        let scores = || model.pieces.iter().filter(found).map(|piece| piece.score);
        let worst = scores().fold(f32::MAX, f32::min);
        let score = |piece: &Piece| match piece.kind {
            PieceKind::Normal => Score::Own(piece.score),
            PieceKind::UserDefined => Score::ByLength,
            _ => Score::None,
        };
        Self {
            trie: model.trie(),
            scores: model.pieces.iter().map(score).collect(),
            longest: model.pieces.iter().map(|piece| piece.text.len()).max().unwrap_or(0).max(4),
            unknown_id,
            unknown_score: worst - UNKNOWN_PENALTY,
            // SentencePiece starts from the smallest positive number, not from the lowest one.
            best_score: scores().fold(f32::MIN_POSITIVE, f32::max),
        }
    }

    /// Calls `visit` with the id and the bytes of each piece of a normalised text, in order. `best`
    /// is working memory.
    pub(super) fn encode(
        &self,
        text: &[u8],
        best: &mut Vec<Best>,
        mut visit: impl FnMut(u32, &[u8]),
    ) {
        best.clear();
        best.resize(text.len() + 1, NOTHING);
        let mut at = 0;
        while at < text.len() {
            self.extend(text, at, best);
            at += character_length(&text[at..]);
        }
        // The best path is known from its end. Going backwards, each piece is stored at its start,
        // so that the second loop can go forwards.
        let mut at = text.len();
        let mut ending = best[at];
        while at > 0 {
            at -= ending.length as usize;
            ending = std::mem::replace(&mut best[at], ending);
        }
        while at < text.len() {
            let Best { id, length, .. } = best[at];
            let end = at + length as usize;
            visit(id, &text[at..end]);
            at = end;
        }
    }

    /// Makes the score at a place zero, and those after it relative to it.
    #[cold]
    fn rebase(&self, best: &mut [Best], at: usize) {
        let base = best[at].score;
        let end = best.len().min(at + self.longest + 1);
        let reached = best[at..end].iter_mut().filter(|best| best.length > 0);
        reached.for_each(|best| best.score -= base);
    }

    /// Extends the best sequence that ends at `at` by every piece that begins there.
    #[inline]
    fn extend(&self, text: &[u8], at: usize, best: &mut [Best]) {
        if best[at].score < LEAST_SCORE {
            self.rebase(best, at);
        }
        let before = best[at].score;
        let character = character_length(&text[at..]);
        let mut has_character = false;
        let mut node = ROOT;
        for (&byte, length) in text[at..].iter().zip(1_usize..) {
            let Some(child) = self.trie.child(node, byte) else { break };
            node = child;
            let Some(id) = self.trie.value(node) else { continue };
            let score = match self.scores[id as usize] {
                Score::Own(score) => score,
                // SentencePiece multiplies in single precision and subtracts in double precision.
                Score::ByLength => {
                    (f64::from(length as f32 * self.best_score) - USER_PENALTY) as f32
                }
                Score::None => continue,
            };
            has_character |= length == character;
            offer(&mut best[at + length], score + before, id, length);
        }
        if !has_character {
            let score = self.unknown_score + before;
            offer(&mut best[at + character], score, self.unknown_id, character);
        }
    }
}

/// Stores a piece if its sequence is better than the best one so far.
#[inline]
fn offer(best: &mut Best, score: f32, id: u32, length: usize) {
    if best.length == 0 || score > best.score {
        *best = Best { score, id, length: length as u32 };
    }
}
