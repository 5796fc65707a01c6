//! Rows of tokens as the model reads them: inputs, the ids they should predict, and where sequences
//! begin.
//!
//! A row may hold several documents, and each of them is a separate sequence: attention does not
//! look across, positions start again at 0, and the last token of one document does not predict the
//! first of the next. So the loss of packed rows is the loss of their documents, one by one. Rows
//! may differ in length, so they need no padding either.

use std::sync::Arc;

/// A target that is not predicted.
pub(crate) const IGNORED: u32 = u32::MAX;

/// A batch, or a slice of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    inputs: Vec<u32>,
    targets: Vec<u32>,
    /// Where each sequence ends among the inputs, ascending.
    ends: Vec<usize>,
}

impl Rows {
    /// `rows` rows of equal length, one after the other in `ids`, each a single sequence. Position
    /// `i` predicts position `i + 1`, so a row has one id more than inputs.
    pub fn of(ids: &[u32], rows: usize) -> Self {
        let mut this = Self::default();
        for row in ids.chunks_exact((ids.len() / rows.max(1)).max(1)) {
            this.push(row, &[]);
        }
        this
    }

    /// Adds a row of `ids`. A new document begins at each of `boundaries`, which are ascending
    /// positions in `ids`; positions outside the row are ignored. A row of fewer than two ids has
    /// nothing to predict and adds nothing.
    pub fn push(&mut self, ids: &[u32], boundaries: &[usize]) {
        let Some((_, inputs)) = ids.split_last().filter(|(_, inputs)| !inputs.is_empty()) else {
            return;
        };
        let first = self.inputs.len();
        self.inputs.extend_from_slice(inputs);
        self.targets.extend_from_slice(&ids[1..]);
        let mut previous = 0;
        for &boundary in boundaries {
            if boundary <= previous || boundary > inputs.len() {
                continue;
            }
            self.targets[first + boundary - 1] = IGNORED;
            // A document of the last id alone has no input, so no sequence begins there.
            if boundary < inputs.len() {
                self.ends.push(first + boundary);
            }
            previous = boundary;
        }
        self.ends.push(self.inputs.len());
    }

    /// The ids that the model reads.
    pub(crate) fn inputs(&self) -> &[u32] {
        &self.inputs
    }

    /// For each input the id that follows it, or [`IGNORED`].
    pub(crate) fn targets(&self) -> &[u32] {
        &self.targets
    }

    /// Where each sequence ends among the inputs.
    pub(crate) fn ends(&self) -> Arc<[usize]> {
        self.ends.as_slice().into()
    }

    /// Positions of the longest sequence.
    pub(crate) fn longest(&self) -> usize {
        let starts = std::iter::once(&0).chain(&self.ends);
        self.ends.iter().zip(starts).map(|(end, start)| end - start).max().unwrap_or(0)
    }

    /// Number of predicted tokens.
    pub fn loss_tokens(&self) -> usize {
        self.targets.iter().filter(|&&target| target != IGNORED).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_starts_a_sequence_and_predicts_nothing_across() {
        let mut rows = Rows::default();
        rows.push(&[1, 2, 3, 4, 5], &[2, 4]);
        rows.push(&[6, 7], &[]);
        assert_eq!(rows.inputs(), [1, 2, 3, 4, 6]);
        assert_eq!(rows.targets(), [2, IGNORED, 4, IGNORED, 7]);
        assert_eq!(*rows.ends(), [2, 4, 5]);
        assert_eq!((rows.longest(), rows.loss_tokens()), (2, 3));
        let odd = [0, 9, 3, 3, 2];
        let mut rows = Rows::default();
        rows.push(&[1, 2, 3, 4, 5], &odd);
        assert_eq!(*rows.ends(), [3, 4]);
    }
}
