//! Concatenation: documents follow each other and are cut wherever a row is full.

use super::Segment;

/// Arranges a stream of documents in rows that overlap by one token.
///
/// Row `r` holds the stream's tokens `r · S` to `r · S + S`. Its last token is only a label there and
/// is the next row's first input. So every token except the stream's first is predicted once.
pub(super) struct Concat {
    row_tokens: u32,
    row: Vec<Segment>,
    filled: u32,
    /// True when the row holds only the token that is repeated from the row before.
    only_repeated: bool,
}

impl Concat {
    pub(super) fn new(row_tokens: u32) -> Self {
        Self { row_tokens, row: Vec::new(), filled: 0, only_repeated: false }
    }

    /// Adds a document of at least one token and calls `row` with the segments of each full row.
    /// Returns the number of rows that the document lies in, not counting its repeated tokens.
    pub(super) fn add<E>(
        &mut self,
        document: Segment,
        mut row: impl FnMut(&[Segment]) -> Result<(), E>,
    ) -> Result<u64, E> {
        let (mut next, end) = (document.start, document.start + document.length);
        let mut rows = 0;
        while next < end {
            rows += 1;
            let length = (end - next).min(self.row_tokens - self.filled);
            match self.row.last_mut() {
                // The document continues after its repeated token.
                Some(last)
                    if last.shard == document.shard
                        && last.start + last.length == next
                        && next > document.start =>
                {
                    last.length += length;
                }
                _ => self.row.push(Segment { shard: document.shard, start: next, length }),
            }
            next += length;
            self.filled += length;
            self.only_repeated = false;
            if self.filled == self.row_tokens {
                row(&self.row)?;
                self.row.clear();
                self.row.push(Segment { shard: document.shard, start: next - 1, length: 1 });
                self.filled = 1;
                self.only_repeated = true;
            }
        }
        Ok(rows)
    }

    /// Ends the source: calls `row` with the last row if it is not full and holds tokens.
    pub(super) fn finish<E>(
        &mut self,
        mut row: impl FnMut(&[Segment]) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.row.is_empty() && !self.only_repeated {
            row(&self.row)?;
        }
        self.row.clear();
        (self.filled, self.only_repeated) = (0, false);
        Ok(())
    }
}
