//! Cuts a text into units, so that it can be joined again without some of them.

use serde::{Deserialize, Serialize};
use text::sentences::sentences;

/// A kind of piece of a text. Recipes use the names in lower case: `line`, `paragraph`, `sentence`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// The text between line ends.
    #[default]
    Line,
    /// The lines between blank lines.
    Paragraph,
    /// A sentence of [`text::sentences`]. A line end alone does not end a sentence.
    Sentence,
}

/// The position of a unit in its text, in bytes, without white space at both ends. Between two
/// units there is only white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Piece {
    /// Returns the content of the unit.
    pub(super) fn of<'a>(&self, text: &'a str) -> &'a str {
        &text[self.start..self.end]
    }
}

impl Unit {
    /// Returns the units of a text in order, without blank ones.
    pub(super) fn split(self, text: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut position = 0;
        // Adds the next stretch of the text, or extends the last piece by it if it `continues`.
        let mut add = |content: &str, length: usize, continues: bool| {
            let start = position + content.len() - content.trim_start().len();
            position += length;
            let end = start + content.trim().len();
            match pieces.last_mut() {
                _ if start >= end => {}
                Some(Piece { end: last, .. }) if continues => *last = end,
                _ => pieces.push(Piece { start, end }),
            }
        };
        match self {
            Self::Line => text.split_inclusive('\n').for_each(|line| add(line, line.len(), false)),
            Self::Paragraph => {
                let mut continues = false;
                for line in text.split_inclusive('\n') {
                    add(line, line.len(), continues);
                    continues = !line.trim().is_empty();
                }
            }
            Self::Sentence => sentences(text).iter().for_each(|s| add(s, s.len(), false)),
        }
        pieces
    }
}
