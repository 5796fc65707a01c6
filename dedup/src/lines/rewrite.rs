//! Texts without their repeated units.

use std::borrow::Cow;

use rustc_hash::FxHashSet;

use super::units::Piece;
use super::{Lines, PartKeys};

/// What happens to repeated units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Action {
    /// They are taken out.
    #[default]
    Remove,
    /// They are counted, and the text stays.
    Count,
}

/// A text and what was repeated in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten<'a> {
    /// The text, without its repeated units if they were to be removed.
    ///
    /// The others stay byte by byte, with their indentation. Of the line ends or spaces between two
    /// that become neighbours the stretch with the most line ends stays, the first of equal ones;
    /// the text begins and ends with those it began and ended with. A text of which nothing is left
    /// is empty.
    pub text: Cow<'a, str>,
    /// Units that were repeated.
    pub repeated_units: u32,
    /// Their bytes, without white space at both ends.
    pub repeated_bytes: u64,
    /// Units in all, short ones included, blank ones not.
    pub units: u32,
}

impl Lines {
    /// Takes out, or counts, the units of the document at `ordinal` that are repeated; `keys` are
    /// those of its part.
    pub fn rewrite<'a>(
        &self,
        text: &'a str,
        ordinal: u64,
        keys: &PartKeys,
        action: Action,
    ) -> Rewritten<'a> {
        self.rewrite_where(text, action, |key| keys.is_repeated(key, ordinal))
    }

    /// Takes out, or counts, the units that stand in the text before.
    pub fn dedup_within<'a>(&self, text: &'a str, action: Action) -> Rewritten<'a> {
        let mut seen = FxHashSet::default();
        self.rewrite_where(text, action, |key| !seen.insert(key))
    }

    fn rewrite_where<'a>(
        &self,
        text: &'a str,
        action: Action,
        mut is_repeated: impl FnMut(u64) -> bool,
    ) -> Rewritten<'a> {
        let pieces = self.options.unit.split(text);
        let keyed = |(index, piece): (usize, &Piece)| Some((index, self.key(piece.of(text))?));
        let (looked_at, keys): (Vec<usize>, Vec<u64>) =
            pieces.iter().enumerate().filter_map(keyed).unzip();
        let mut kept = vec![true; pieces.len()];
        for (run, key) in looked_at.windows(self.options.run_units.max(1)).zip(self.run_keys(&keys))
        {
            if is_repeated(key) {
                run.iter().for_each(|&index| kept[index] = false);
            }
        }
        let removed = pieces.iter().zip(&kept).filter(|(_, kept)| !**kept).map(|(piece, _)| piece);
        let repeated_bytes = removed.clone().map(|piece| piece.of(text).len() as u64).sum();
        let repeated_units = removed.count() as u32;
        let is_same = repeated_units == 0 || action == Action::Count;
        Rewritten {
            text: if is_same { text.into() } else { join(text, &pieces, &kept).into() },
            repeated_units,
            repeated_bytes,
            units: pieces.len() as u32,
        }
    }
}

/// The kept pieces with white space between them. What follows the last line end before a piece is
/// its indentation, which stays or goes with it.
fn join(text: &str, pieces: &[Piece], kept: &[bool]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    let mut space = "";
    let mut is_first = true;
    let mut is_behind_kept = true;
    for (piece, &kept) in pieces.iter().zip(kept) {
        let (before, indent) = split_indent(&text[end..piece.start], end == 0);
        // Until a piece is kept it is what the text begins with.
        if is_behind_kept || (!is_first && line_ends(before) > line_ends(space)) {
            space = before;
        }
        if kept {
            out.extend([space, indent, piece.of(text)]);
            is_first = false;
        }
        is_behind_kept = kept;
        end = piece.end;
    }
    if is_first {
        return String::new();
    }
    out.push_str(&text[end..]);
    out
}

/// White space before a piece, up to its last line end, and the piece's indentation.
fn split_indent(space: &str, is_text_start: bool) -> (&str, &str) {
    let without_line_end = if is_text_start { 0 } else { space.len() };
    space.split_at(space.rfind('\n').map_or(without_line_end, |line_end| line_end + 1))
}

fn line_ends(space: &str) -> usize {
    space.bytes().filter(|&byte| byte == b'\n').count()
}
