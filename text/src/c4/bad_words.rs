//! C4's rule against bad words. The caller supplies the list.

use aho_corasick::{AhoCorasick, BuildError};

use crate::words::classes::{Classes, WORD};

/// Words that mC4 allows because they are parts of common words in languages without spaces.
const ALLOWED: [&str; 4] = ["sm", "グロ", "女の子", "性"];

/// Languages written without spaces, in which a bad word is found anywhere in the text.
const DENSE: [&str; 3] = ["ja", "th", "zh"];

/// A list of bad words of one language.
#[derive(Debug, Clone)]
pub struct BadWords {
    search: AhoCorasick,
    is_dense: bool,
}

impl BadWords {
    /// Takes the words or phrases of a list and the two-letter code of its language.
    ///
    /// White space around an item, empty items and the words that mC4 allows are ignored. Items are
    /// matched unchanged against the lower case of a text, so an item in upper case matches
    /// nothing.
    ///
    /// # Errors
    /// If the list is too large for an automaton (about 2 GiB).
    pub fn new<'w>(
        words: impl IntoIterator<Item = &'w str>,
        language: &str,
    ) -> Result<Self, BuildError> {
        let words: Vec<&str> = words
            .into_iter()
            .map(str::trim)
            .filter(|word| !word.is_empty() && !ALLOWED.contains(word))
            .collect();
        Ok(Self { search: AhoCorasick::new(words)?, is_dense: DENSE.contains(&language) })
    }

    /// Whether a text contains a bad word. In languages with spaces it must be a whole word: the
    /// characters around it must not be letters, digits or `_`.
    pub fn are_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let classes = Classes::get();
        let is_inside = |c: Option<char>| c.is_some_and(|c| classes.is(c, WORD));
        self.search.find_overlapping_iter(&text).any(|found| {
            let before = text[..found.start()].chars().next_back();
            let behind = text[found.end()..].chars().next();
            self.is_dense || !is_inside(before) && !is_inside(behind)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_words_stand_alone_where_words_do() {
        let english = BadWords::new(["bad", "very bad", " worse\n", "sm", ""], "en").unwrap();
        for (text, expected) in [
            ("This is BAD.", true),
            ("badly", false),
            ("not_bad", false),
            ("worse", true),
            ("so verybad, bäd", false),
            ("sm", false),
            ("bad-tempered", true),
        ] {
            assert_eq!(english.are_in(text), expected, "{text}");
        }
        let japanese = BadWords::new(["悪"], "ja").unwrap();
        assert!(japanese.are_in("最悪だ"));
        assert!(!BadWords::new([], "en").unwrap().are_in("bad"));
    }
}
