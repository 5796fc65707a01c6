//! Encoding with a Unigram model: the most probable pieces (Kudo 2018), found by Viterbi's algorithm.
//!
//! Scores are added up from the start of a text with the precision that SentencePiece has, since pieces
//! of nearly the same score are told apart by it.

use super::model::{Piece, PieceKind, SentencePieceModel};
use super::normalizer::character_length;
use super::trie::{ROOT, Trie};

/// How much less than the least probable piece an unknown character scores: `kUnkPenalty`.
const UNKNOWN_PENALTY: f32 = 10.0;

/// Below this, scores are counted from here on, so that single precision stays enough.
const LEAST_SCORE: f32 = -100_000.0;

/// What a user's token scores less than its length times the best score.
const USER_PENALTY: f64 = 0.1;

/// A piece of a known score.
#[derive(Debug, Clone, Copy)]
enum Score {
    /// One of the model's scores.
    Own(f32),
    /// A user's token: it scores by its length.
    ByLength,
    /// A piece that is not used.
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
    /// How many bytes the longest piece has, or the longest character.
    longest: usize,
}

/// The best pieces up to a place in the text: the last of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Best {
    score: f32,
    id: u32,
    /// How many bytes the piece takes; 0 where no pieces end.
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
            // SentencePiece begins with the smallest positive number.
            best_score: scores().fold(f32::MIN_POSITIVE, f32::max),
        }
    }

    /// Calls `visit` for the pieces of a normalised text in order: their ids and how many bytes of it
    /// they take. `best` is working memory.
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
        // The pieces of the best path are read from its end; their places are noted on the way.
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

    /// Counts scores from a place on.
    #[cold]
    fn rebase(&self, best: &mut [Best], at: usize) {
        let base = best[at].score;
        let end = best.len().min(at + self.longest + 1);
        let reached = best[at..end].iter_mut().filter(|best| best.length > 0);
        reached.for_each(|best| best.score -= base);
    }

    /// Takes all pieces that begin at `at` after the best ones that end there.
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
                // The product is one of single precision.
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

/// Takes the pieces if they are better, which is judged before the score is rounded.
#[inline]
fn offer(best: &mut Best, score: f32, id: u32, length: usize) {
    if best.length == 0 || score > best.score {
        *best = Best { score, id, length: length as u32 };
    }
}
