//! GPT-4's split (`cl100k_base`, also Llama 3's): contractions in any case, runs of letters with
//! one leading character that is neither letter, number nor newline, numbers of at most three
//! digits, punctuation with the newlines after it, and white space up to its last newline. Two
//! relatives differ in one rule each: Qwen2's split makes each digit a piece, and the current
//! pattern of `cl100k_base` in `tiktoken` keeps white space at the end of the text in one piece.

use super::classes::{KINDS, LETTER, NEWLINE, NUMBER, OTHER, SPACE};
use super::scan::Scan;

/// The pattern as in Llama 3's `tokenizer.json`.
pub(super) const PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Qwen2's pattern as in its `tokenizer.json`.
pub(super) const QWEN2_PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The pattern of `cl100k_base` in `tiktoken` since 0.9, with `\z` instead of its `$`, which some
/// regex engines match at the end of a line.
pub(super) const BASE_PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+\z|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The most numbers in one piece.
pub(super) const MAX_NUMBERS: usize = 3;

/// The end of the piece that begins at `start`, which is before the end of the text. A piece holds
/// at most `NUMBERS` numbers. With `WHOLE_END`, white space at the end of the text is one piece.
#[inline]
pub(super) fn piece_end<const NUMBERS: usize, const WHOLE_END: bool>(
    scan: Scan<'_>,
    start: usize,
) -> usize {
    let (flags, length) = scan.class(start);
    let after = start + length;
    if flags & LETTER != 0 {
        return scan.letters(after);
    }
    if flags & NUMBER != 0 {
        return numbers_end::<NUMBERS>(scan, after);
    }
    let contraction = scan.contraction(start, true);
    if contraction != 0 {
        return start + contraction;
    }
    if flags & NEWLINE == 0 {
        let (next, length) = scan.class(after);
        if next & LETTER != 0 {
            return scan.letters(after + length);
        }
        if let Some(end) = punctuation_end(scan, start, flags, NEWLINE) {
            return end;
        }
    }
    if WHOLE_END {
        let end = scan.run(start, SPACE);
        if end == scan.len() {
            return end;
        }
    }
    scan.white_space(start, true)
}

/// The end of the piece of at most `NUMBERS` numbers whose first number ends at `at`.
#[inline]
pub(super) fn numbers_end<const NUMBERS: usize>(scan: Scan<'_>, mut at: usize) -> usize {
    for _ in 1..NUMBERS {
        let (flags, length) = scan.class(at);
        if flags & NUMBER == 0 {
            break;
        }
        at += length;
    }
    at
}

/// The end of the match of ` ?[^\s\p{L}\p{N}]+` at `start`, followed by a run of the class `tail`.
/// The character at `start` has the class `flags`.
#[inline]
fn punctuation_end(scan: Scan<'_>, start: usize, flags: u8, tail: u8) -> Option<usize> {
    punctuation_run(scan, start, flags).map(|end| scan.run(end, tail))
}

/// The end of the match of ` ?[^\s\p{L}\p{N}]+` at `start`, whose character has the class `flags`.
#[inline]
pub(super) fn punctuation_run(scan: Scan<'_>, start: usize, flags: u8) -> Option<usize> {
    if flags & SPACE == 0 {
        return (flags & KINDS == OTHER).then(|| scan.run(start, OTHER));
    }
    (scan.is(start, b' ') && scan.class(start + 1).0 & OTHER != 0)
        .then(|| scan.run(start + 1, OTHER))
}
