//! Cutting a text into units, so that it can be put together again without some of them.

use text::sentences::sentences;

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// What is between line ends.
    #[default]
    Line,
    /// Lines up to one or more blank ones.
    Paragraph,
    /// The sentences of [`text::sentences`], which do not end at line ends by themselves.
    Sentence,
}

/// Where a unit is: its content without white space at both ends. What is between two of them is
/// white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Piece {
    /// The content.
    pub(super) fn of<'a>(&self, text: &'a str) -> &'a str {
        &text[self.start..self.end]
    }
}

impl Unit {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Line, Self::Paragraph, Self::Sentence];

    /// The name in recipes: `line`, `paragraph` or `sentence`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Paragraph => "paragraph",
            Self::Sentence => "sentence",
        }
    }

    /// The units of a text that hold more than white space, in order.
    pub(super) fn split(self, text: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut position = 0;
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
