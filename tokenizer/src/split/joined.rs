//! Cutting wherever no merge joins two characters: see [`Joins`].

use std::ops::RangeInclusive;

use super::scan::Scan;
use crate::joins::Joins;

/// The letters a to z.
const SMALL_LETTERS: RangeInclusive<u32> = 'a' as u32..='z' as u32;

/// Where the piece that begins at `start`, before the end of the text, ends. Words of small letters
/// stay whole, which costs nothing where they are words.
#[inline]
pub(super) fn piece_end(scan: Scan<'_>, joins: &Joins, start: usize) -> usize {
    let (mut left, length) = scan.scalar(start);
    let mut at = start + length;
    loop {
        if SMALL_LETTERS.contains(&left) {
            at = scan.small_letters(at);
            left = scan.scalar(at - 1).0;
        }
        let (right, length) = scan.scalar(at);
        if length == 0 || !joins.has(left, right) {
            return at;
        }
        at += length;
        left = right;
    }
}
