//! Removes the repeated units of a text.

use std::borrow::Cow;

use rustc_hash::FxHashSet;

use super::units::Piece;
use super::{Lines, PartKeys};

/// What happens to repeated units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Action {
    /// They are removed.
    #[default]
    Remove,
    /// They are counted, and the text is left unchanged.
    Count,
}

/// A text without its repeated units, and their number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten<'a> {
    /// The text, without its repeated units for [`Action::Remove`].
    ///
    /// The other units are unchanged, with their indentation. Where units become neighbours, one of
    /// the stretches of white space between them is kept: the one with the most line ends, or the
    /// first of equal ones. White space at the beginning and at the end of the text is kept. If no
    /// unit is left, the text is empty.
    pub text: Cow<'a, str>,
    /// The number of repeated units.
    pub repeated_units: u32,
    /// The size of the repeated units in bytes, without white space at both ends.
    pub repeated_bytes: u64,
    /// The number of all units, including short ones but not blank ones.
    pub units: u32,
}

impl Lines {
    /// Removes or counts the repeated units of the document with the index `ordinal`, given the
    /// repeated keys of its part.
    pub fn rewrite<'a>(
        &self,
        text: &'a str,
        ordinal: u64,
        keys: &PartKeys,
        action: Action,
    ) -> Rewritten<'a> {
        self.rewrite_where(text, action, |key| keys.is_repeated(key, ordinal))
    }

    /// Removes or counts the units that occur earlier in the same text.
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
        // Runs overlap, so a unit is removed if any run that holds it is repeated.
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

/// Joins the kept pieces with white space between them. The white space after the last line end
/// before a piece is its indentation, which is kept or removed with it.
fn join(text: &str, pieces: &[Piece], kept: &[bool]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    let mut space = "";
    let mut is_first = true;
    let mut is_behind_kept = true;
    for (piece, &kept) in pieces.iter().zip(kept) {
        let (before, indent) = split_indent(&text[end..piece.start], end == 0);
        // Before the first kept piece, `space` stays the white space that the text begins with.
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

/// Splits the white space before a piece into the part up to its last line end and the piece's
/// indentation.
fn split_indent(space: &str, is_text_start: bool) -> (&str, &str) {
    let without_line_end = if is_text_start { 0 } else { space.len() };
    space.split_at(space.rfind('\n').map_or(without_line_end, |line_end| line_end + 1))
}

fn line_ends(space: &str) -> usize {
    space.bytes().filter(|&byte| byte == b'\n').count()
}
