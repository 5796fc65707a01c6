//! The rows of a step, as tokens.

use xxhash_rust::xxh3::Xxh3;

/// Bytes handed to the hash at once.
const DIGEST_BUFFER_TOKENS: usize = 1 << 12;

/// Rows of tokens, with the documents' bounds in each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// The rows' numbers in the plan.
    pub rows: Vec<u64>,
    /// Tokens of a row: one more than the positions to learn from.
    pub row_tokens: usize,
    /// `(rows, row_tokens)`: the tokens, row by row; places that hold none have the dataset's
    /// end-of-text id, or 0 where it has none.
    pub tokens: Vec<u32>,
    /// For each row, where its documents end, counted from the row's start; row by row.
    pub(super) ends: Vec<u32>,
    /// For each row, where its ends end in `ends`.
    pub(super) row_ends: Vec<usize>,
}

impl Batch {
    /// The tokens of the `row`-th row. Inputs are all but the last, labels all but the first.
    pub fn tokens_of(&self, row: usize) -> &[u32] {
        &self.tokens[row * self.row_tokens..(row + 1) * self.row_tokens]
    }

    /// Where each document of the `row`-th row ends, ascending; after the last end there is only
    /// padding.
    ///
    /// Attention and positions start anew at each end; the label at the place before an end is a
    /// token of another document, or padding.
    pub fn document_ends(&self, row: usize) -> &[u32] {
        let start = row.checked_sub(1).map_or(0, |before| self.row_ends[before]);
        &self.ends[start..self.row_ends[row]]
    }

    /// The bounds of the documents among the inputs of the `row`-th row, from 0 to the number of
    /// inputs, as variable-length attention takes them (`cu_seqlens`); padding counts as a document.
    pub fn input_bounds(&self, row: usize) -> Vec<u32> {
        let inputs = self.row_tokens as u32 - 1;
        let mut bounds = vec![0];
        bounds.extend(self.document_ends(row).iter().filter(|end| **end < inputs));
        bounds.push(inputs);
        bounds
    }

    /// XXH3-64 of the tokens as u32, little-endian, row after row, padding included. Of a global
    /// batch it says whether two runs read the same.
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
