//! Splitting text into pieces; byte-pair encoding never merges across their boundaries.
//!
//! The splits are hand-written equivalents of published regular expressions. Their tests compare
//! them with a regex engine on every short string of the characters that matter. All other regular
//! expressions are matched by that engine.

mod cl100k;
mod classes;
mod gpt2;
mod joined;
mod o200k;
mod regex;
mod scan;

use std::fmt;
use std::iter::FusedIterator;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::TokenizerError;
use crate::joins::Joins;
use regex::Cursor;
use scan::Scan;

pub use regex::RegexSplit;

/// Pieces that are handled together: more than the look-ups that a processor keeps in flight, and
/// few enough for the L1 cache.
pub(crate) const BATCH: usize = 64;

/// The name of a split by a regular expression is this prefix and the pattern.
const REGEX_PREFIX: &str = "regex:";

/// Other patterns that give the same pieces: those of old and new versions of the Python package
/// `tiktoken`.
const OTHER_PATTERNS: [(&str, Split); 5] = [
    (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        Split::Cl100kBase,
    ),
    (r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", Split::Gpt2),
    (
        r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
        Split::Gpt2,
    ),
    (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
        Split::Gpt4,
    ),
    (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
        Split::Gpt4,
    ),
];

/// How text is split into pieces before byte-pair encoding. In files and recipes it has the name
/// that [`Display`](fmt::Display) prints: `gpt2`, `gpt4`, `o200k`, `qwen2`, `cl100k_base`, or
/// `regex:` followed by a pattern.
///
/// ```
/// use tokenizer::Split;
///
/// assert!(Split::Gpt4.pieces("low lower").eq(["low", " lower"]));
/// let letters: Split = "regex:[a-z]+".parse()?;
/// assert!(letters.pieces("low lower").eq(["low", " ", "lower"]));
/// # Ok::<(), tokenizer::TokenizerError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Split {
    /// GPT-2's split.
    Gpt2,
    /// GPT-4's split (`cl100k_base`), also Llama 3's.
    #[default]
    Gpt4,
    /// GPT-4o's split (`o200k_base`).
    O200k,
    /// Qwen2's split: GPT-4's, but each digit is a piece.
    Qwen2,
    /// The split of `cl100k_base` in `tiktoken` since 0.9: GPT-4's, but white space at the end of
    /// the text is one piece even if it contains a newline.
    Cl100kBase,
    /// A user's regular expressions: matches are pieces, and so are the gaps between them. Of
    /// several patterns, one per line, each applies to the pieces of the one before.
    ///
    /// The patterns are kept until the process ends. A text on which the regex engine gives up is
    /// not an error: it is split like GPT-4's there, and [`RegexSplit::failures`] counts it.
    Regex(&'static RegexSplit),
}

impl Split {
    /// All splits with a fixed name.
    pub(crate) const ALL: [Self; 5] =
        [Self::Gpt2, Self::Gpt4, Self::O200k, Self::Qwen2, Self::Cl100kBase];

    /// A split by regular expressions, one per line. The pattern of a named split, in any known
    /// spelling, gives that split, which is much faster.
    ///
    /// # Errors
    /// [`TokenizerError::InvalidPattern`] for a pattern that cannot be compiled or is too long.
    pub(crate) fn regex(patterns: &str) -> Result<Self, TokenizerError> {
        Self::from_pattern(patterns)
            .map_or_else(|| RegexSplit::intern(patterns).map(Self::Regex), Ok)
    }

    /// The regular expression of this split as in `tokenizer.json`; several ones, one per line.
    pub(crate) fn pattern(&self) -> &'static str {
        match self {
            Self::Gpt2 => gpt2::PATTERN,
            Self::Gpt4 => cl100k::PATTERN,
            Self::O200k => o200k::PATTERN,
            Self::Qwen2 => cl100k::QWEN2_PATTERN,
            Self::Cl100kBase => cl100k::BASE_PATTERN,
            Self::Regex(split) => split.patterns(),
        }
    }

    /// The named split that has this regular expression, in any known spelling.
    pub(crate) fn from_pattern(pattern: &str) -> Option<Self> {
        let known = Self::ALL.map(|split| (split.pattern(), split));
        let mut spellings = known.iter().chain(&OTHER_PATTERNS);
        spellings.find(|(known, _)| *known == pattern).map(|&(_, split)| split)
    }

    /// The pieces of `text` in order. Concatenated they give `text`.
    #[inline]
    pub fn pieces<'a>(&self, text: &'a str) -> Pieces<'a> {
        let (scan, cursor) = (Scan::new(text), Cursor::default());
        Pieces { text, scan, at: 0, split: *self, joins: None, cursor }
    }

    /// The pieces of `text`; with `joins`, they end where no merge joins two characters instead.
    #[inline]
    pub(crate) fn pieces_with_joins<'a>(
        &self,
        joins: Option<&'a Joins>,
        text: &'a str,
    ) -> Pieces<'a> {
        Pieces { joins, ..self.pieces(text) }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Gpt2 => "gpt2",
            Self::Gpt4 => "gpt4",
            Self::O200k => "o200k",
            Self::Qwen2 => "qwen2",
            Self::Cl100kBase => "cl100k_base",
            Self::Regex(split) => return write!(formatter, "{REGEX_PREFIX}{}", split.patterns()),
        })
    }
}

impl FromStr for Split {
    type Err = TokenizerError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "gpt2" => Ok(Self::Gpt2),
            "gpt4" | "cl100k" => Ok(Self::Gpt4),
            "o200k" => Ok(Self::O200k),
            "qwen2" => Ok(Self::Qwen2),
            "cl100k_base" => Ok(Self::Cl100kBase),
            _ => match name.strip_prefix(REGEX_PREFIX) {
                Some(pattern) => Self::regex(pattern),
                None => Err(TokenizerError::UnknownSplit { name: name.into() }),
            },
        }
    }
}

impl Serialize for Split {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Split {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The pieces of a text: see [`Split::pieces`].
#[derive(Clone)]
pub struct Pieces<'a> {
    text: &'a str,
    scan: Scan<'a>,
    at: usize,
    split: Split,
    /// If set, pieces end where no merge joins two characters, and the split is not used.
    joins: Option<&'a Joins>,
    cursor: Cursor,
}

impl Pieces<'_> {
    /// Fills `cuts` with the starts of the next pieces, followed by the end of the last one.
    /// Returns the number of pieces.
    #[inline]
    pub(crate) fn fill(&mut self, cuts: &mut [usize; BATCH + 1]) -> usize {
        const NUMBERS: usize = cl100k::MAX_NUMBERS;
        if let Some(joins) = self.joins {
            return self.fill_with(cuts, |scan, start| joined::piece_end(scan, joins, start));
        }
        match self.split {
            Split::Gpt2 => self.fill_with(cuts, gpt2::piece_end),
            Split::Gpt4 => self.fill_with(cuts, cl100k::piece_end::<NUMBERS, false>),
            Split::O200k => self.fill_with(cuts, o200k::piece_end),
            Split::Qwen2 => self.fill_with(cuts, cl100k::piece_end::<1, false>),
            Split::Cl100kBase => self.fill_with(cuts, cl100k::piece_end::<NUMBERS, true>),
            Split::Regex(split) => {
                let (text, mut cursor) = (self.text, self.cursor);
                let end = |_: Scan<'_>, start| split.piece_end(&mut cursor, text, start);
                let count = self.fill_with(cuts, end);
                self.cursor = cursor;
                count
            }
        }
    }

    #[inline]
    fn fill_with(
        &mut self,
        cuts: &mut [usize; BATCH + 1],
        mut piece_end: impl FnMut(Scan<'_>, usize) -> usize,
    ) -> usize {
        let mut count = 0;
        cuts[0] = self.at;
        for cut in &mut cuts[1..] {
            if self.at >= self.scan.len() {
                break;
            }
            self.at = piece_end(self.scan, self.at);
            *cut = self.at;
            count += 1;
        }
        count
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        const NUMBERS: usize = cl100k::MAX_NUMBERS;
        if self.at >= self.scan.len() {
            return None;
        }
        let start = self.at;
        if let Some(joins) = self.joins {
            self.at = joined::piece_end(self.scan, joins, start);
            return Some(&self.text[start..self.at]);
        }
        self.at = match self.split {
            Split::Gpt2 => gpt2::piece_end(self.scan, start),
            Split::Gpt4 => cl100k::piece_end::<NUMBERS, false>(self.scan, start),
            Split::O200k => o200k::piece_end(self.scan, start),
            Split::Qwen2 => cl100k::piece_end::<1, false>(self.scan, start),
            Split::Cl100kBase => cl100k::piece_end::<NUMBERS, true>(self.scan, start),
            Split::Regex(split) => split.piece_end(&mut self.cursor, self.text, start),
        };
        Some(&self.text[start..self.at])
    }
}

impl FusedIterator for Pieces<'_> {}

impl fmt::Debug for Pieces<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pieces").field("rest", &&self.text[self.at..]).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static REGEXES: LazyLock<[fancy_regex::Regex; 5]> =
        LazyLock::new(|| Split::ALL.map(|split| fancy_regex::Regex::new(split.pattern()).unwrap()));

    fn oracle<'a>(regex: &fancy_regex::Regex, text: &'a str) -> Vec<&'a str> {
        regex.find_iter(text).map(|piece| piece.unwrap().as_str()).collect()
    }

    /// One or more characters of every class that a pattern distinguishes: contraction letters,
    /// cases, title case, modifier and other letters, marks, numbers of each kind, spaces,
    /// newlines.
    const NASTY: [char; 24] = [
        'a', 'S', 't', 'r', 'E', 'l', '\u{17f}', 'ǅ', 'ʰ', '日', '\u{301}', '1', '½', '\'', '!',
        '/', ' ', '\t', '\n', '\r', '\u{a0}', '\u{2028}', '🙂', '\0',
    ];

    #[test]
    fn short_strings_match_the_regex_engine() {
        let exported = Split::ALL.map(|split| (split.pattern(), split, 4)).into_iter();
        let others = OTHER_PATTERNS.map(|(pattern, split)| (pattern, split, 3));
        for (pattern, split, length) in exported.chain(others) {
            assert_eq!(Split::from_pattern(pattern), Some(split));
            let regex = fancy_regex::Regex::new(pattern).unwrap();
            let mut text = String::new();
            for code in 0..NASTY.len().pow(length) {
                text.clear();
                let mut rest = code;
                for _ in 0..length {
                    text.push(NASTY[rest % NASTY.len()]);
                    rest /= NASTY.len();
                }
                let pieces: Vec<&str> = split.pieces(&text).collect();
                assert_eq!(pieces, oracle(&regex, &text), "{pattern} {text:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn random_strings_match_the_regex_engine(
            nasty in prop::collection::vec(prop::sample::select(&NASTY[..]), 0..40),
            any in any::<String>(),
        ) {
            for text in [nasty.into_iter().collect(), any] {
                for (split, regex) in Split::ALL.iter().zip(REGEXES.iter()) {
                    let pieces: Vec<&str> = split.pieces(&text).collect();
                    prop_assert_eq!(&pieces, &oracle(regex, &text));
                    prop_assert_eq!(pieces.concat(), text.clone());
                }
            }
        }
    }

    #[test]
    fn names_come_back() {
        for split in Split::ALL {
            assert_eq!(split.to_string().parse::<Split>().unwrap(), split);
            let name = serde_json::to_string(&split).unwrap();
            assert_eq!(name, format!("\"{split}\""));
            assert_eq!(serde_json::from_str::<Split>(&name).unwrap(), split);
        }
        assert_eq!("cl100k".parse::<Split>().unwrap(), Split::Gpt4);
        assert!("gpt5".parse::<Split>().unwrap_err().to_string().contains("gpt4"));
    }
}
