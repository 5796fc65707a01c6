//! C4's rule against bad words, for a list that the caller brings.

use aho_corasick::{AhoCorasick, BuildError};

use crate::words::classes::{Classes, WORD};

/// Words that mC4 allows since, in languages without spaces, they are parts of common ones.
const ALLOWED: [&str; 4] = ["sm", "グロ", "女の子", "性"];

/// Languages without spaces, in which a word may stand inside others.
const DENSE: [&str; 3] = ["ja", "th", "zh"];

/// A list of bad words of one language.
#[derive(Debug, Clone)]
pub struct BadWords {
    search: AhoCorasick,
    is_dense: bool,
}

impl BadWords {
    /// datatrove's reason for dropping a document with a bad word.
    pub const DROP_REASON: &'static str = "document_removed_with_badwords";

    /// Takes a list, one word or phrase an item, for a language by its code of two letters.
    ///
    /// White space around an item, empty items and the words that mC4 allows do not count. Items are
    /// matched as they are against the lower case of a text. Fails when the list is too large for an
    /// automaton (2 GiB).
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

    /// Whether a text holds a bad word: between characters other than letters, digits and `_`, in
    /// languages with spaces.
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
