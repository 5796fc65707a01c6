//! A user's regular expressions as a split. They are matched by `fancy-regex`, so look-around and
//! possessive repetition work.
//!
//! A match is a piece, and so is the text between two matches: Hugging Face's `Split` with the
//! behaviour `Isolated`. Several patterns apply one after the other; each sees the pieces of the
//! one before as separate texts.
//!
//! A pattern can need far too many steps on some texts. Where the engine gives up, the text is
//! split like GPT-4's up to the end of the line; after [`MAX_FAILURES`] failures, up to the end of
//! the text. [`RegexSplit::failures`] counts the failures.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use fancy_regex::{Regex, RegexBuilder};

use super::cl100k;
use super::scan::Scan;
use crate::TokenizerError;

/// The most patterns of one split. Published files have up to four.
pub(super) const MAX_STEPS: usize = 8;

/// The most bytes of a split's patterns together: ten times the longest published ones.
const MAX_PATTERN_BYTES: usize = 8192;

/// The most regex splits in one process. They are never freed, so that a [`Split`](crate::Split)
/// can be a `Copy` value.
const MAX_SPLITS: usize = 1024;

/// Backtracking steps after which the engine gives up on a piece: some milliseconds.
const BACKTRACK_LIMIT: usize = 100_000;

/// After this many failures in a text, the rest of it is split without the engine.
const MAX_FAILURES: u32 = 16;

static SPLITS: LazyLock<Mutex<BTreeMap<String, &'static RegexSplit>>> =
    LazyLock::new(Mutex::default);

/// A split by regular expressions: see [`Split::Regex`](crate::Split::Regex).
pub struct RegexSplit {
    /// The patterns, one per line.
    patterns: String,
    steps: Vec<Regex>,
    failures: AtomicU64,
}

impl RegexSplit {
    /// The split by `patterns`, one per line. They are compiled at the first call.
    ///
    /// # Errors
    /// [`TokenizerError::InvalidPattern`] for a pattern that cannot be compiled, or too many.
    pub(super) fn intern(patterns: &str) -> Result<&'static Self, TokenizerError> {
        // The map only gains whole entries, so it is usable even if another thread panicked.
        let mut splits = SPLITS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = splits.get(patterns) {
            return Ok(known);
        }
        let invalid = |reason: String| TokenizerError::InvalidPattern {
            pattern: patterns.chars().take(200).collect(),
            reason,
        };
        if patterns.is_empty() || patterns.len() > MAX_PATTERN_BYTES {
            return Err(invalid(format!("expected 1 to {MAX_PATTERN_BYTES} bytes")));
        }
        if splits.len() >= MAX_SPLITS {
            return Err(invalid(format!(
                "more than {MAX_SPLITS} different patterns in one process"
            )));
        }
        let compile = |pattern| RegexBuilder::new(pattern).backtrack_limit(BACKTRACK_LIMIT).build();
        let steps: Result<Vec<Regex>, _> = patterns.split('\n').map(compile).collect();
        let steps = steps.map_err(|error| invalid(error.to_string()))?;
        if steps.len() > MAX_STEPS {
            return Err(invalid(format!("more than {MAX_STEPS} patterns in one split")));
        }
        let failures = AtomicU64::new(0);
        let split: &'static Self =
            Box::leak(Box::new(Self { patterns: patterns.to_owned(), steps, failures }));
        splits.insert(patterns.to_owned(), split);
        Ok(split)
    }

    /// The patterns, one per line.
    pub(super) fn patterns(&self) -> &str {
        &self.patterns
    }

    /// How often the engine has given up in this process, on all texts together.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// The end of the piece of `text` that begins at `start`, which is before the end of the text.
    /// The pieces of a text must be requested in order, with the same cursor.
    pub(super) fn piece_end(&self, cursor: &mut Cursor, text: &str, start: usize) -> usize {
        let mut outer = (0, text.len());
        for (level, regex) in self.steps.iter().enumerate() {
            if cursor.segments[level].1 <= start {
                let segment = &text[outer.0..outer.1];
                let end = self.match_end(regex, cursor, segment, outer.0, start - outer.0);
                cursor.segments[level] = (start, outer.0 + end);
            }
            outer = cursor.segments[level];
        }
        outer.1
    }

    /// The end of the match that begins at `start`, or of the gap before the next match. `base` is
    /// the start of `text` in the whole text.
    fn match_end(
        &self,
        regex: &Regex,
        cursor: &mut Cursor,
        text: &str,
        base: usize,
        start: usize,
    ) -> usize {
        let mut from = start;
        while base + start >= cursor.fallback_end && from < text.len() {
            match regex.find_from_pos(text, from) {
                Ok(None) => return text.len(),
                Ok(Some(found)) if found.start() > start => return found.start(),
                Ok(Some(found)) if found.end() > start => return found.end(),
                // An empty match would cut at `start`, where the piece begins anyway.
                Ok(Some(_)) => from = text.ceil_char_boundary(start + 1),
                Err(_) => {
                    self.failures.fetch_add(1, Ordering::Relaxed);
                    cursor.failures += 1;
                    let line = text[start..].find('\n').map_or(text.len(), |at| start + at + 1);
                    let rest = cursor.failures >= MAX_FAILURES;
                    cursor.fallback_end = if rest { usize::MAX } else { base + line };
                }
            }
        }
        if base + start >= cursor.fallback_end {
            return text.len();
        }
        cl100k::piece_end::<{ cl100k::MAX_NUMBERS }, false>(Scan::new(text), start)
    }
}

/// The progress of a split's patterns in a text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cursor {
    /// The start and end of each pattern's current piece.
    segments: [(usize, usize); MAX_STEPS],
    /// Before this place, the text is split without the engine.
    fallback_end: usize,
    failures: u32,
}

impl PartialEq for RegexSplit {
    fn eq(&self, other: &Self) -> bool {
        self.patterns == other.patterns
    }
}

impl Eq for RegexSplit {}

impl PartialOrd for RegexSplit {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RegexSplit {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.patterns.cmp(&other.patterns)
    }
}

impl std::hash::Hash for RegexSplit {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.patterns.hash(state);
    }
}

impl fmt::Debug for RegexSplit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("RegexSplit").field(&self.patterns).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Split;
    use proptest::prelude::*;

    fn split(patterns: &str) -> Split {
        Split::Regex(RegexSplit::intern(patterns).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn the_engine_cuts_as_the_hand_written_splits(
            nasty in "[ \n\r\taé1Ǆ'sS!/日\u{301}\u{a0}]{0,30}", any in any::<String>(),
        ) {
            for text in [nasty, any] {
                for known in Split::ALL {
                    let pieces: Vec<&str> = known.pieces(&text).collect();
                    let found: Vec<&str> = split(known.pattern()).pieces(&text).collect();
                    prop_assert_eq!(found, pieces, "{}", known);
                }
            }
        }

        #[test]
        fn nothing_is_lost(text in any::<String>(), pattern in "[ab]|\\PC{0,6}") {
            if let Ok(split) = Split::regex(&pattern) {
                prop_assert_eq!(split.pieces(&text).collect::<String>(), text);
            }
        }
    }

    #[test]
    fn gaps_and_empty_matches_are_cut_and_steps_see_pieces() {
        let pieces = |patterns, text| split(patterns).pieces(text).collect::<Vec<_>>();
        assert_eq!(pieces("b+", "abba日b"), ["a", "bb", "a日", "b"]);
        assert_eq!(pieces("(?=b)|x*", "abxxcb"), ["a", "b", "xx", "c", "b"]);
        assert_eq!(pieces(r"\p{N}", "a12"), ["a", "1", "2"]);
        assert_eq!(pieces("[a-z]+\n^.", "12ab3c"), ["1", "2", "a", "b", "3", "c"]);
        assert!(Split::regex("(").unwrap_err().to_string().contains('('));
    }

    #[test]
    fn an_engine_that_gives_up_is_counted() {
        let text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa one two\nb ".repeat(40);
        let split = split(r"(?:(?:a|a)+)+(?=b)|\w+|\W");
        assert_eq!(split.pieces(&text).collect::<String>(), text);
        let Split::Regex(regex) = split else { unreachable!() };
        assert_eq!(regex.failures(), u64::from(MAX_FAILURES));
        assert!(split.pieces("one  two").eq(["one", " ", " ", "two"]));
    }
}
