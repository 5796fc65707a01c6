//! Splitting a text wherever no merge joins two characters: see [`Joins`].

use std::ops::RangeInclusive;

use super::scan::Scan;
use crate::joins::Joins;

/// The letters a to z.
const SMALL_LETTERS: RangeInclusive<u32> = 'a' as u32..='z' as u32;

/// The end of the piece that begins at `start`, which is before the end of the text. Runs of small
/// letters are never cut, although they could be: the table would keep most of them whole anyway,
/// and skipping them is fast.
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
