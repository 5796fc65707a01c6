//! The rules of C4 (Raffel et al. 2020, section 2.2) and mC4 (Xue et al. 2021), as datatrove 0.10
//! applies them: [`clean`] removes lines from a text and has three reasons to drop the whole text.
//!
//! The order of the rules is part of their definition. A line that an earlier rule has dropped can
//! no longer drop the document, so a curly bracket in a line of two words, or in a line about
//! JavaScript, is harmless. Words are counted before citations are removed.
//!
//! ```
//! use text::c4::{Rules, clean};
//!
//! let rules = Rules { min_num_sentences: 1, ..Rules::default() };
//! let cleaned = clean("The mill grinds corn.[3]\nMenu\nPlease enable JavaScript.", &rules);
//! assert_eq!(cleaned.text, "The mill grinds corn.");
//! assert_eq!((cleaned.lines_no_terminal_punct, cleaned.lines_javascript), (1, 1));
//! ```

mod bad_words;

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
pub use bad_words::BadWords;

use crate::sentences::{self, sentences};
use crate::signals::split_lines;
use crate::words::classes::{Classes, DIGIT, is_space, strip};

/// [`paragraph_reason`] requires [`MIN_PARAGRAPHS`] lines of at least this many characters.
const MIN_PARAGRAPH_CHARACTERS: usize = 200;
/// Lines of at least [`MIN_PARAGRAPH_CHARACTERS`] characters that [`paragraph_reason`] requires.
const MIN_PARAGRAPHS: usize = 3;

/// The options of datatrove's `C4QualityFilter`, with the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of datatrove's filter")]
pub struct Rules {
    /// Apply the rules to lines instead of sentences.
    pub split_paragraph: bool,
    /// Remove `[12]`, `[]`, `[edit]` and `[citation needed]`.
    pub remove_citations: bool,
    /// Drop lines that do not end with `.`, `?`, `!`, `"` or `'`, or end with `...`.
    pub filter_no_terminal_punct: bool,
    /// Drop documents whose remaining lines have fewer sentences than this.
    pub min_num_sentences: usize,
    /// Drop lines with fewer words than this; words are separated by white space.
    pub min_words_per_line: usize,
    /// Drop lines that contain a word of more characters than this.
    pub max_word_length: usize,
    /// Drop documents that contain `lorem ipsum`, in upper or lower case.
    pub filter_lorem_ipsum: bool,
    /// Drop lines that contain `javascript`, in upper or lower case.
    pub filter_javascript: bool,
    /// Drop documents that contain `{`.
    pub filter_curly_bracket: bool,
    /// Drop lines about cookies, privacy policies and terms of use.
    pub filter_policy: bool,
}

impl Default for Rules {
    /// The values of C4.
    fn default() -> Self {
        Self {
            split_paragraph: true,
            remove_citations: true,
            filter_no_terminal_punct: true,
            min_num_sentences: 5,
            min_words_per_line: 3,
            max_word_length: 1000,
            filter_lorem_ipsum: true,
            filter_javascript: true,
            filter_curly_bracket: true,
            filter_policy: true,
        }
    }
}

/// The result of [`clean`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cleaned {
    /// The remaining lines, joined by line feeds, or the remaining sentences, joined by spaces. The
    /// original text if the document is dropped.
    pub text: String,
    /// Why the document is dropped: `lorem_ipsum`, `curly_bracket` or `too_few_sentences`.
    pub drop_reason: Option<&'static str>,
    /// Lines examined: all of them, unless a line dropped the document.
    pub lines: u64,
    /// Remaining lines.
    pub lines_kept: u64,
    /// Lines dropped because a word has too many characters.
    pub lines_too_long_word: u64,
    /// Lines dropped because they do not end like a sentence.
    pub lines_no_terminal_punct: u64,
    /// Lines dropped because they have too few words.
    pub lines_too_few_words: u64,
    /// Lines dropped because they contain `javascript`.
    pub lines_javascript: u64,
    /// Lines dropped because they are about cookies, privacy policies or terms of use.
    pub lines_policy: u64,
}

/// The index of `lorem ipsum` in [`PHRASES`].
const LOREM_IPSUM: usize = 0;

/// The index of `javascript` in [`PHRASES`].
const JAVASCRIPT: usize = 1;

/// The phrases that one pass over a line searches for; all but the first two are about policies.
const PHRASES: [&str; 8] = [
    "lorem ipsum",
    "javascript",
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
];

/// The automaton that finds [`PHRASES`].
static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let mut builder = AhoCorasick::builder();
    builder.ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA));
    let built = builder.build(PHRASES);
    // Building fails only for patterns of gigabytes, and these eight never change.
    debug_assert!(built.is_ok(), "the automaton of the phrases cannot be built: {built:?}");
    built.ok()
});

/// What a rule decides about a line.
enum Verdict<'a> {
    Keep(Cow<'a, str>),
    DropLine,
    DropDocument(&'static str),
}

/// Applies the rules of C4 to a text.
pub fn clean(text: &str, rules: &Rules) -> Cleaned {
    let mut cleaned = Cleaned::default();
    let mut kept = String::with_capacity(text.len());
    let mut n_sentences = 0;
    let lines: Box<dyn Iterator<Item = &str>> = if rules.split_paragraph {
        Box::new(split_lines(text))
    } else if text.is_empty() {
        // datatrove splits an empty text into one empty sentence.
        Box::new(std::iter::once(""))
    } else {
        Box::new(sentences_or_all(text))
    };
    for line in lines {
        cleaned.lines += 1;
        match cleaned.judge(strip(line), rules) {
            Verdict::DropLine => {}
            Verdict::DropDocument(reason) => return cleaned.dropped(text, reason),
            Verdict::Keep(line) => {
                // Finding sentences is slow, so counting stops once there are enough.
                if !rules.split_paragraph {
                    n_sentences += 1;
                } else if n_sentences < rules.min_num_sentences {
                    n_sentences += sentences::count(&line).max(1);
                }
                if cleaned.lines_kept > 0 {
                    kept.push(if rules.split_paragraph { '\n' } else { ' ' });
                }
                kept.push_str(&line);
                cleaned.lines_kept += 1;
            }
        }
    }
    if n_sentences < rules.min_num_sentences {
        return cleaned.dropped(text, "too_few_sentences");
    }
    // White space is left at an edge only where a citation was removed.
    cleaned.text = if strip(&kept).len() == kept.len() { kept } else { strip(&kept).to_owned() };
    cleaned
}

/// The sentences of a text, or the whole text if it is white space alone.
fn sentences_or_all(text: &str) -> impl Iterator<Item = &str> {
    let found = sentences(text);
    let all = found.is_empty().then_some(text);
    found.into_iter().chain(all)
}

impl Cleaned {
    fn dropped(mut self, text: &str, reason: &'static str) -> Self {
        text.clone_into(&mut self.text);
        self.drop_reason = Some(reason);
        self
    }

    /// Applies the rules, in datatrove's order, to a line that has no white space around it.
    fn judge<'a>(&mut self, line: &'a str, rules: &Rules) -> Verdict<'a> {
        if line.len() > rules.max_word_length
            && words(line).any(|word| word.chars().count() > rules.max_word_length)
        {
            self.lines_too_long_word += 1;
            return Verdict::DropLine;
        }
        let bare =
            if rules.remove_citations { without_citations(line) } else { Cow::Borrowed(line) };
        let is_ended = bare.ends_with(['.', '?', '!', '"', '\'']) && !bare.ends_with("...");
        if rules.filter_no_terminal_punct && !is_ended {
            self.lines_no_terminal_punct += 1;
            return Verdict::DropLine;
        }
        if words(line).take(rules.min_words_per_line).count() < rules.min_words_per_line {
            self.lines_too_few_words += 1;
            return Verdict::DropLine;
        }
        let found = Phrases::of(&bare);
        if rules.filter_lorem_ipsum && found.lorem_ipsum {
            return Verdict::DropDocument("lorem_ipsum");
        }
        if rules.filter_javascript && found.javascript {
            self.lines_javascript += 1;
            return Verdict::DropLine;
        }
        if rules.filter_curly_bracket && bare.contains('{') {
            return Verdict::DropDocument("curly_bracket");
        }
        if rules.filter_policy && found.policy {
            self.lines_policy += 1;
            return Verdict::DropLine;
        }
        Verdict::Keep(bare)
    }
}

/// The words of a line, as Python's `str.split` returns them.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(is_space).filter(|word| !word.is_empty())
}

/// Removes the citations of Wikipedia from a line: `[]`, brackets around digits of any script,
/// `[edit]` and `[citation needed]`.
fn without_citations(line: &str) -> Cow<'_, str> {
    if !line.contains('[') {
        return Cow::Borrowed(line);
    }
    let classes = Classes::get();
    let mut bare = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once('[') {
        bare.push_str(before);
        let inside = behind.split_once(']').filter(|(inside, _)| {
            matches!(*inside, "edit" | "citation needed")
                || inside.chars().all(|c| classes.is(c, DIGIT))
        });
        if inside.is_none() {
            bare.push('[');
        }
        rest = inside.map_or(behind, |(_, behind)| behind);
    }
    bare.push_str(rest);
    Cow::Owned(bare)
}

/// Which of [`PHRASES`] a line contains, in upper or lower case.
#[derive(Debug, Default)]
struct Phrases {
    lorem_ipsum: bool,
    javascript: bool,
    policy: bool,
}

impl Phrases {
    fn of(line: &str) -> Self {
        // The Kelvin sign is the only non-ASCII character whose lower case is a letter of a phrase.
        let line = if line.contains('\u{212a}') {
            Cow::Owned(line.replace('\u{212a}', "k"))
        } else {
            Cow::Borrowed(line)
        };
        let mut phrases = Self::default();
        for found in SEARCH.iter().flat_map(|search| search.find_iter(line.as_bytes())) {
            match found.pattern().as_usize() {
                LOREM_IPSUM => phrases.lorem_ipsum = true,
                JAVASCRIPT => phrases.javascript = true,
                _ => phrases.policy = true,
            }
        }
        phrases
    }
}

/// mC4's rule: the reason to drop a text that has fewer than three lines of at least 200
/// characters, or `None`.
pub fn paragraph_reason(text: &str) -> Option<&'static str> {
    let is_long = |line: &&str| {
        line.len() >= MIN_PARAGRAPH_CHARACTERS && line.chars().count() >= MIN_PARAGRAPH_CHARACTERS
    };
    let long = text.split('\n').filter(is_long).take(MIN_PARAGRAPHS).count();
    (long < MIN_PARAGRAPHS).then_some("< 3 paragraphs")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Four sentences that every rule keeps.
    const GOOD: &str = "This is one. That is two. Those are three. These are four.";

    fn check(lines: &str, reason: Option<&str>, expected: &str) {
        let text = format!("{GOOD}\n{lines}");
        let cleaned = clean(&text, &Rules::default());
        assert_eq!(cleaned.drop_reason, reason, "{lines:?}");
        let expected = if reason.is_none() { format!("{GOOD}{expected}") } else { text };
        assert_eq!(cleaned.text, expected);
    }

    #[test]
    fn rules_of_c4() {
        check("And this is five. [3]", Some("too_few_sentences"), "");
        check(
            "And this[edit] is five[12][].\u{85} It goes on.",
            None,
            "\nAnd this is five.\nIt goes on.",
        );
        check("This is five!\nno end here\nToo short.\nIt goes on...", None, "\nThis is five!");
        check("This is five?\nWe use of Cookies here.", None, "\nThis is five?");
        check("Now Lorem Ipsum comes.", Some("lorem_ipsum"), "");
        check("Now one { comes.", Some("curly_bracket"), "");
        check("Harmless {.\nSo is JavaScript {.\nThis is \"five\"", None, "\nThis is \"five\"");
        check("This is five.\nUses cooKies now.", None, "\nThis is five.");
        check(&format!("This is five.\na b {}.", "x".repeat(1000)), None, "\nThis is five.");
        let rules = Rules { filter_no_terminal_punct: false, ..Rules::default() };
        assert_eq!(clean("a b [1]\n", &Rules { min_num_sentences: 1, ..rules }).text, "a b");
        assert_eq!(clean("", &rules).drop_reason, Some("too_few_sentences"));
    }

    #[test]
    fn sentences_instead_of_lines() {
        let rules = Rules { split_paragraph: false, ..Rules::default() };
        let cleaned = clean(
            "One is here. Two is here.\nThree is here. No. Four is here. And five is.",
            &rules,
        );
        assert_eq!(cleaned.drop_reason, None);
        assert_eq!(
            cleaned.text,
            "One is here. Two is here. Three is here. Four is here. And five is."
        );
        // The line feed is a separate sentence without words.
        assert_eq!(
            (cleaned.lines, cleaned.lines_no_terminal_punct, cleaned.lines_too_few_words),
            (6, 0, 1)
        );
    }

    #[test]
    fn paragraphs_of_mc4() {
        let long = "é".repeat(200);
        assert_eq!(paragraph_reason(&[long.as_str(); 3].join("\n")), None);
        assert_eq!(paragraph_reason(&[long.as_str(); 2].join("\n")), Some("< 3 paragraphs"));
        assert_eq!(paragraph_reason(&long), Some("< 3 paragraphs"));
    }

    proptest! {
        #[test]
        fn kept_lines_were_in_the_text(
            text in "([a-c .!{\n\r]|\\[[1e]?|edit\\]|\\]|one two. ){0,60}",
            split_paragraph: bool,
        ) {
            let rules = Rules { split_paragraph, min_num_sentences: 0, ..Rules::default() };
            let cleaned = clean(&text, &rules);
            prop_assert!(cleaned.lines_kept <= cleaned.lines);
            // Sentences may touch each other, and a space is put between those that are kept.
            let joints = if split_paragraph { 0 } else { cleaned.lines_kept.saturating_sub(1) };
            prop_assert!(cleaned.text.len() <= text.len() + joints as usize);
            prop_assert!(cleaned.drop_reason.is_none() || cleaned.text == text);
        }
    }
}
