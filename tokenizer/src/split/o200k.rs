//! GPT-4o's split (`o200k_base`): like GPT-4's, with letters cut where a lower-case run is followed
//! by an upper-case letter, marks counted as letters of both cases, contractions kept with their
//! word, and slashes kept with the punctuation before them.

use super::cl100k::{MAX_NUMBERS, numbers_end, punctuation_run};
use super::classes::{LETTER, LOWER, NEWLINE, NUMBER, UPPER};
use super::scan::Scan;

/// The pattern as OpenAI published it.
pub(super) const PATTERN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Where the piece that begins at `start`, before the end of the text, ends.
#[inline]
pub(super) fn piece_end(scan: Scan<'_>, start: usize) -> usize {
    let (flags, length) = scan.class(start);
    let after = start + length;
    if flags & NUMBER != 0 {
        return numbers_end::<MAX_NUMBERS>(scan, after);
    }
    if flags & NEWLINE == 0 {
        // Marks lead as other characters do, but are words of their own too.
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

/// Where the usual word that begins at `first` ends: of ASCII letters, none of them a capital after
/// a small one.
#[inline]
fn ascii_word_end(scan: Scan<'_>, first: usize) -> Option<usize> {
    let end = scan.small_letters(scan.capitals(first));
    (end > first && scan.is_ascii(end)).then_some(end)
}

/// Where the letters of the pattern's first two alternatives end, tried in its order: with lower
/// case and a leading character, with lower case, all upper case. The character at `start`, of the
/// class `flags`, or the one after it is a letter or a mark.
fn word_end(scan: Scan<'_>, start: usize, flags: u8, after: usize) -> usize {
    if flags & LETTER != 0 {
        let (lower, upper) = cased_run(scan, start);
        return lower.unwrap_or(upper);
    }
    let (lower, upper) = cased_run(scan, after);
    // A mark is itself a word of the first alternative where it cannot lead one: then the letters after
    // it are all upper case and no later character is in both sets.
    lower.unwrap_or(if flags & LOWER != 0 { after } else { upper })
}

/// Reads `[UPPER]*[LOWER]+` at `start`. The first value is where it ends, if it matches; the second
/// is where the run of UPPER ends. One scan replaces the backtracking: UPPER gives back characters
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

/// Where the tail `[\r\n/]*` that begins at `at` ends.
#[inline]
fn tail_end(scan: Scan<'_>, mut at: usize) -> usize {
    while scan.is(at, b'\r') || scan.is(at, b'\n') || scan.is(at, b'/') {
        at += 1;
    }
    at
}
