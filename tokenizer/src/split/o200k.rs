//! GPT-4o's split (`o200k_base`). It differs from GPT-4's in this: a word ends where an upper-case
//! letter follows a lower-case one, marks count as letters of both cases, contractions stay with
//! their word, and slashes stay with the punctuation before them.

use super::cl100k::{MAX_NUMBERS, numbers_end, punctuation_run};
use super::classes::{LETTER, LOWER, NEWLINE, NUMBER, UPPER};
use super::scan::Scan;

/// The pattern as OpenAI published it.
pub(super) const PATTERN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The end of the piece that begins at `start`, which is before the end of the text.
#[inline]
pub(super) fn piece_end(scan: Scan<'_>, start: usize) -> usize {
    let (flags, length) = scan.class(start);
    let after = start + length;
    if flags & NUMBER != 0 {
        return numbers_end::<MAX_NUMBERS>(scan, after);
    }
    if flags & NEWLINE == 0 {
        // A mark can lead a word like other characters, but can also be a word itself.
        let is_letter = flags & (LETTER | LOWER) != 0;
        let first = if is_letter { start } else { after };
        if is_letter || scan.class(after).0 & (UPPER | LOWER) != 0 {
            let end =
                ascii_word_end(scan, first).unwrap_or_else(|| word_end(scan, start, flags, after));
            return end + scan.contraction(end, true);
        }
        if let Some(end) = punctuation_run(scan, start, flags) {
            return tail_end(scan, end);
        }
    }
    scan.white_space(start, true)
}

/// The end of the usual kind of word at `first`: ASCII capitals, then ASCII small letters. `None`
/// for other words.
#[inline]
fn ascii_word_end(scan: Scan<'_>, first: usize) -> Option<usize> {
    let end = scan.small_letters(scan.capitals(first));
    (end > first && scan.is_ascii(end)).then_some(end)
}

/// The end of the letters in the pattern's first two alternatives. The order is the pattern's: with
/// lower case and a leading character, with lower case, all upper case. The character at `start`,
/// which has the class `flags`, or the one after it is a letter or a mark.
fn word_end(scan: Scan<'_>, start: usize, flags: u8, after: usize) -> usize {
    if flags & LETTER != 0 {
        let (lower, upper) = cased_run(scan, start);
        return lower.unwrap_or(upper);
    }
    let (lower, upper) = cased_run(scan, after);
    // Where a mark leads no word of the first alternative, it is such a word itself. The letters
    // after it are then all upper case, and no later character is in both sets.
    lower.unwrap_or(if flags & LOWER != 0 { after } else { upper })
}

/// Matches `[UPPER]*[LOWER]+` at `start`. Returns the end of the match, if there is one, and the
/// end of the run of UPPER. One scan replaces the backtracking, because UPPER gives back characters
/// only as far as the last one that is in both sets.
#[inline]
fn cased_run(scan: Scan<'_>, start: usize) -> (Option<usize>, usize) {
    let (mut at, mut after_both) = (start, None);
    loop {
        let (flags, length) = scan.class(at);
        if flags & UPPER == 0 {
            break;
        }
        at += length;
        if flags & LOWER != 0 {
            after_both = Some(at);
        }
    }
    let end = scan.lower_case(at);
    (if end > at { Some(end) } else { after_both }, at)
}

/// The end of the tail `[\r\n/]*` that begins at `at`.
#[inline]
fn tail_end(scan: Scan<'_>, mut at: usize) -> usize {
    while scan.is(at, b'\r') || scan.is(at, b'\n') || scan.is(at, b'/') {
        at += 1;
    }
    at
}
