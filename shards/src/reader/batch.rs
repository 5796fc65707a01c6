//! The rows of a step, as tokens.

use xxhash_rust::xxh3::Xxh3;

/// Bytes that are hashed at once.
const DIGEST_BUFFER_TOKENS: usize = 1 << 12;

/// Rows of tokens, and the bounds of the documents in each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// The rows' numbers in the plan.
    pub rows: Vec<u64>,
    /// Tokens of a row: one more than the positions to learn from.
    pub row_tokens: usize,
    /// The tokens, of shape `(rows, row_tokens)`. Padding has the dataset's end-of-text id, or 0 when it
    /// has none.
    pub tokens: Vec<u32>,
    /// The ends of the documents of all rows, row by row, each counted from the row's start.
    pub(super) ends: Vec<u32>,
    /// For each row, the end of its part of `ends`.
    pub(super) row_ends: Vec<usize>,
}

impl Batch {
    /// The tokens of the `row`-th row. All but the last are inputs, all but the first are labels.
    pub fn tokens_of(&self, row: usize) -> &[u32] {
        &self.tokens[row * self.row_tokens..(row + 1) * self.row_tokens]
    }

    /// The ends of the documents of the `row`-th row, ascending. Only padding follows the last end.
    ///
    /// Attention and positions restart at each end. The label at the position before an end is a token
    /// of another document, or padding.
    pub fn document_ends(&self, row: usize) -> &[u32] {
        let start = row.checked_sub(1).map_or(0, |before| self.row_ends[before]);
        &self.ends[start..self.row_ends[row]]
    }

    /// The XXH3-64 of the tokens as u32, little-endian, row after row, including padding. Two runs that
    /// read the same global batch have the same digest.
    pub fn digest(&self) -> u64 {
        let mut hash = Xxh3::new();
        let mut bytes = Vec::with_capacity(DIGEST_BUFFER_TOKENS * 4);
        for tokens in self.tokens.chunks(DIGEST_BUFFER_TOKENS) {
            bytes.clear();
            bytes.extend(tokens.iter().flat_map(|token| token.to_le_bytes()));
            hash.update(&bytes);
        }
        hash.digest()
    }
}
