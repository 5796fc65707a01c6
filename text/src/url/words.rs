//! Rules on the words of a URL: words that block it, soft words several of which block it, and
//! strings that block it wherever they occur.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use memchr::memmem;
use rustc_hash::FxHashMap;

use super::reason::Reason;

/// The maximum total length of all words, and of all subwords, in bytes. It keeps the automaton
/// small.
const LETTERS_LIMIT: usize = 1 << 20;

/// Up to this total length of all subwords the automaton is a DFA, the fastest kind, which takes a
/// quarter of a kilobyte for each letter.
const FAST_LETTERS_LIMIT: usize = 1 << 13;

/// The words that will make a [`WordRules`].
#[derive(Debug, Default)]
pub(super) struct WordLists {
    words: FxHashMap<Box<[u8]>, Role>,
    subwords: Vec<String>,
    word_letters: usize,
    subword_letters: usize,
}

/// The lists that contain a word. It can be in both.
#[derive(Clone, Copy, Debug, Default)]
struct Role {
    is_banned: bool,
    is_soft: bool,
}

impl WordLists {
    /// Adds a word that blocks a URL. Returns `false` if there is no room.
    pub(super) fn insert_banned(&mut self, word: &str) -> bool {
        self.role(word).map(|role| role.is_banned = true).is_some()
    }

    /// Adds a soft word, which blocks a URL together with others. Returns `false` if there is no
    /// room.
    pub(super) fn insert_soft(&mut self, word: &str) -> bool {
        self.role(word).map(|role| role.is_soft = true).is_some()
    }

    /// The role of a word, which is added if it is new. `None` if there is no room.
    fn role(&mut self, word: &str) -> Option<&mut Role> {
        self.word_letters += word.len();
        let has_room = self.word_letters <= LETTERS_LIMIT;
        has_room.then(|| self.words.entry(word.as_bytes().into()).or_default())
    }

    /// Adds a string that blocks a URL wherever it occurs. Returns `false` if there is no room.
    pub(super) fn insert_subword(&mut self, subword: String) -> bool {
        self.subword_letters += subword.len();
        let has_room = self.subword_letters <= LETTERS_LIMIT;
        if has_room {
            self.subwords.push(subword);
        }
        has_room
    }

    /// Builds the rules. `soft_words_minimum` is the number of different soft words that block a
    /// URL; `has_case` says whether words are compared case-sensitively.
    pub(super) fn finish(mut self, soft_words_minimum: usize, has_case: bool) -> WordRules {
        self.subwords.sort_unstable();
        self.subwords.dedup();
        let is_small = self.subword_letters <= FAST_LETTERS_LIMIT;
        let kind = is_small.then_some(AhoCorasickKind::DFA);
        // Building fails only if there are too many states for 32-bit numbers, which
        // `LETTERS_LIMIT` prevents. Without an automaton the subwords are searched for one by one.
        let automaton = AhoCorasick::builder().kind(kind).build(&self.subwords).ok();
        let lengths = self.words.keys().fold(0, |lengths, word| lengths | length_bit(word.len()));
        WordRules {
            words: self.words,
            lengths,
            soft_words_minimum,
            has_case,
            subwords: self.subwords,
            automaton,
        }
    }
}

/// The rules on the words of a URL.
#[derive(Debug)]
pub(super) struct WordRules {
    words: FxHashMap<Box<[u8]>, Role>,
    /// The lengths of the words, as bits. Most words of a URL have a length that no listed word
    /// has, and need no look-up.
    lengths: u64,
    soft_words_minimum: usize,
    /// Whether a whole word of a URL must be in lower case to be found.
    has_case: bool,
    /// Sorted, without duplicates.
    subwords: Vec<String>,
    /// Finds `subwords`.
    automaton: Option<AhoCorasick>,
}

impl WordRules {
    /// The reason why the words of a URL block it, or `None`.
    pub(super) fn check(&self, url: &str) -> Option<Reason> {
        if self.words.is_empty() && self.subwords.is_empty() {
            return None;
        }
        let url = url.as_bytes();
        // All letters and digits in lower case; subwords may span the separators between them.
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
        let is_found = !self.subwords.is_empty() && self.has_subword(&letters);
        is_found.then_some(Reason::BlacklistedSubword)
    }

    /// Whether a URL's letters and digits contain a subword.
    fn has_subword(&self, letters: &[u8]) -> bool {
        if let Some(automaton) = &self.automaton {
            return automaton.is_match(letters);
        }
        let is_in = |subword: &String| memmem::find(letters, subword.as_bytes()).is_some();
        self.subwords.iter().any(is_in)
    }

    /// The numbers of different banned words, soft words and subwords.
    pub(super) fn counts(&self) -> [usize; 3] {
        let count =
            |is_in: fn(&Role) -> bool| self.words.values().filter(|role| is_in(role)).count();
        [count(|role| role.is_banned), count(|role| role.is_soft), self.subwords.len()]
    }
}

/// The bit for the length of a word. All long words share the last bit.
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

    #[test]
    fn subwords_are_found_without_an_automaton() {
        let rules = WordRules { automaton: None, ..rules(false) };
        assert_eq!(rules.check("/aVery-badly"), Some(Reason::BlacklistedSubword));
        assert_eq!(rules.check("/very"), None);
    }
}
