//! Words in an address: whole words that condemn it, words of which it takes several, and strings
//! that condemn it wherever they stand.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use rustc_hash::FxHashMap;

use super::block_list::Reason;

/// Letters of all words, or of all subwords, at most: what keeps the automaton small.
const LETTERS_LIMIT: usize = 1 << 20;

/// Letters of all subwords for which the automaton is the fastest kind, which takes a
/// quarter of a kilobyte a letter.
const FAST_LETTERS_LIMIT: usize = 1 << 13;

/// An unfinished [`WordRules`].
#[derive(Debug, Default)]
pub(super) struct WordLists {
    words: FxHashMap<Box<[u8]>, Role>,
    subwords: Vec<String>,
    word_letters: usize,
    subword_letters: usize,
}

/// What a listed word does; a word can be in both lists.
#[derive(Clone, Copy, Debug, Default)]
struct Role {
    is_banned: bool,
    is_soft: bool,
}

impl WordLists {
    /// Adds a word that condemns an address; `false` when there are too many.
    pub(super) fn insert_banned(&mut self, word: &str) -> bool {
        self.role(word).map(|role| role.is_banned = true).is_some()
    }

    /// Adds a word that condemns an address along with others; `false` when there are too many.
    pub(super) fn insert_soft(&mut self, word: &str) -> bool {
        self.role(word).map(|role| role.is_soft = true).is_some()
    }

    fn role(&mut self, word: &str) -> Option<&mut Role> {
        self.word_letters += word.len();
        let has_room = self.word_letters <= LETTERS_LIMIT;
        has_room.then(|| self.words.entry(word.as_bytes().into()).or_default())
    }

    /// Adds a string that condemns an address; `false` when there are too many.
    pub(super) fn insert_subword(&mut self, subword: String) -> bool {
        self.subword_letters += subword.len();
        let has_room = self.subword_letters <= LETTERS_LIMIT;
        if has_room {
            self.subwords.push(subword);
        }
        has_room
    }

    /// Makes the rules, with as many different soft words as condemn an address.
    pub(super) fn finish(mut self, soft_words_minimum: usize, has_case: bool) -> WordRules {
        self.subwords.sort_unstable();
        self.subwords.dedup();
        // The automaton of no strings matches nothing; one of at most `LETTERS_LIMIT` letters is
        // never too large for its 32-bit states.
        let is_small = self.subword_letters <= FAST_LETTERS_LIMIT;
        let kind = is_small.then_some(AhoCorasickKind::DFA);
        let subwords = (!self.subwords.is_empty())
            .then(|| AhoCorasick::builder().kind(kind).build(&self.subwords).ok())
            .flatten();
        let lengths = self.words.keys().fold(0, |lengths, word| lengths | length_bit(word.len()));
        WordRules {
            words: self.words,
            lengths,
            soft_words_minimum,
            has_case,
            subword_count: self.subwords.len(),
            subwords,
        }
    }
}

/// The rules on the words of an address.
#[derive(Debug)]
pub(super) struct WordRules {
    words: FxHashMap<Box<[u8]>, Role>,
    /// The lengths of the words, bit by bit: most words of an address have a length of no word.
    lengths: u64,
    soft_words_minimum: usize,
    /// Whether a whole word in an address must be in lower case to be found.
    has_case: bool,
    subword_count: usize,
    subwords: Option<AhoCorasick>,
}

impl WordRules {
    /// Why the words of an address condemn it, or `None`.
    pub(super) fn check(&self, url: &str) -> Option<Reason> {
        if self.words.is_empty() && self.subwords.is_none() {
            return None;
        }
        let url = url.as_bytes();
        let mut letters = Vec::with_capacity(url.len());
        let mut soft_words: Vec<&[u8]> = Vec::new();
        let mut at = 0;
        while at < url.len() {
            let start = at;
            let first_letter = letters.len();
            while let Some(letter) = url.get(at).filter(|byte| byte.is_ascii_alphanumeric()) {
                letters.push(letter.to_ascii_lowercase());
                at += 1;
            }
            let word = if self.has_case { &url[start..at] } else { &letters[first_letter..] };
            at += 1;
            if self.lengths & length_bit(word.len()) == 0 {
                continue;
            }
            let Some((listed, role)) = self.words.get_key_value(word) else { continue };
            if role.is_banned {
                return Some(Reason::HardBlacklisted);
            }
            if role.is_soft && !soft_words.contains(&&**listed) {
                soft_words.push(listed);
            }
        }
        if !self.words.is_empty() && soft_words.len() >= self.soft_words_minimum {
            return Some(Reason::SoftBlacklisted);
        }
        let is_found = self.subwords.as_ref().is_some_and(|subwords| subwords.is_match(&letters));
        is_found.then_some(Reason::BlacklistedSubword)
    }

    /// Number of different words that condemn an address by themselves, along with others, and
    /// as a part.
    pub(super) fn counts(&self) -> [usize; 3] {
        let count =
            |is_in: fn(&Role) -> bool| self.words.values().filter(|role| is_in(role)).count();
        [count(|role| role.is_banned), count(|role| role.is_soft), self.subword_count]
    }
}

/// The bit of a length of a word; all long words share the last.
fn length_bit(len: usize) -> u64 {
    1 << len.min(63)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(has_case: bool) -> WordRules {
        let mut lists = WordLists::default();
        assert!(lists.insert_banned("bad"));
        assert!(lists.insert_soft("dim") && lists.insert_soft("dull") && lists.insert_soft("bad"));
        assert!(lists.insert_subword("verybad".to_owned()));
        lists.finish(2, has_case)
    }

    #[test]
    fn reasons() {
        for (url, expected) in [
            ("http://a.example/bad", Some(Reason::HardBlacklisted)),
            ("http://a.example/badly", None),
            ("http://a.example/dim-dull", Some(Reason::SoftBlacklisted)),
            ("http://a.example/dim-dim", None),
            ("http://a.example/dim-dull-bad", Some(Reason::HardBlacklisted)),
            ("http://a.example/aVery-badly", Some(Reason::BlacklistedSubword)),
            ("http://a.example/é", None),
            ("", None),
        ] {
            assert_eq!(rules(false).check(url), expected, "{url:?}");
            assert_eq!(rules(true).check(url), expected, "{url:?}");
        }
        assert_eq!(rules(false).check("/BAD"), Some(Reason::HardBlacklisted));
        assert_eq!(rules(true).check("/BAD"), None);
        assert_eq!(rules(true).counts(), [1, 3, 1]);
    }
}
