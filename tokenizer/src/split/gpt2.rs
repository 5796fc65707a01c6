//! GPT-2's split (Radford et al. 2019): contractions in lower case; runs of letters, of numbers or
//! of anything else with at most one space before them; white space.

use super::classes::{KINDS, LETTER, NUMBER, OTHER, SPACE};
use super::scan::Scan;

/// The pattern as OpenAI published it and as Hugging Face's `ByteLevel` uses it.
pub(super) const PATTERN: &str =
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// The end of the piece that begins at `start`, which is before the end of the text.
#[inline]
pub(super) fn piece_end(scan: Scan<'_>, start: usize) -> usize {
    let (flags, length) = scan.class(start);
    let after = start + length;
    if flags & SPACE == 0 {
        let contraction = scan.contraction(start, false);
        if contraction != 0 {
            return start + contraction;
        }
        return kind_end(scan, after, flags & KINDS);
    }
    if scan.is(start, b' ') {
        let (flags, length) = scan.class(after);
        let kind = flags & (LETTER | NUMBER | OTHER);
        if kind != 0 {
            return kind_end(scan, after + length, kind);
        }
    }
    scan.white_space(start, false)
}

/// The end of the run of characters of one kind that begins at `at`.
#[inline]
fn kind_end(scan: Scan<'_>, at: usize, kind: u8) -> usize {
    if kind == LETTER { scan.letters(at) } else { scan.run(at, kind) }
}
