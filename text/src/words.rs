//! Word segmentation for signals and MinHash.
//!
//! [`words`] is fast, the same for every language, and simpler than Unicode's UAX 29: a word is a
//! maximal run of letters, digits and combining marks; an apostrophe (`'` or `’`) between two of
//! them belongs to the word (`don't`), all other punctuation separates. In scripts that are written
//! without spaces a word has to be something shorter: each Han or kana character is a word, and so
//! is each cluster (base character with its vowel signs and tone marks) of Thai, Lao, Khmer and
//! Myanmar. This counts more words there than a dictionary would: about 1.5 for Chinese and about 3
//! for Thai.
//!
//! [`Segmenter::SpacyEn`] gives the tokens of spaCy's English tokenizer instead, with which
//! datatrove 0.10, and so FineWeb-2, count; there punctuation is a token too.

pub(crate) mod classes;
mod spacy;

use std::str::FromStr;
use std::sync::LazyLock;

use unicode_normalization::char::is_combining_mark;

use crate::plane::Plane;

/// A way to cut a text into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Segmenter {
    /// Runs of letters, as [`words`] gives them; never punctuation.
    #[default]
    Unicode,
    /// The tokens of spaCy 3.8's blank English tokenizer, as datatrove 0.10 takes them: with
    /// punctuation, without white space.
    SpacyEn,
}

/// The name of no segmenter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownSegmenter;

impl std::fmt::Display for UnknownSegmenter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a segmenter is `unicode` or `spacy-en`")
    }
}

impl std::error::Error for UnknownSegmenter {}

impl FromStr for Segmenter {
    type Err = UnknownSegmenter;

    fn from_str(name: &str) -> Result<Self, UnknownSegmenter> {
        let named = |segmenter: &&Self| segmenter.as_str() == name;
        Self::ALL.iter().find(named).copied().ok_or(UnknownSegmenter)
    }
}

impl Segmenter {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Unicode, Self::SpacyEn];

    /// The name in recipes and SQL: `unicode` or `spacy-en`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unicode => "unicode",
            Self::SpacyEn => "spacy-en",
        }
    }

    /// The words of a text, in order, as slices of it: none is empty or holds white space.
    pub fn segment(self, text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        self.segment_into(text, &mut found);
        found
    }

    /// Appends the words of a text; see [`Self::segment`].
    pub fn segment_into<'a>(self, text: &'a str, found: &mut Vec<&'a str>) {
        match self {
            Self::Unicode => found.extend(words(text)),
            Self::SpacyEn => spacy::tokenize(text, found),
        }
    }

    /// Appends the tokens of a text: its words, and the marks of punctuation as spaCy splits them
    /// off, of which some published rules count the share.
    ///
    /// With `unicode` these are the rules of spaCy that hold for every language, without special
    /// cases and URLs; in scripts without spaces the words are those of [`words`].
    pub(crate) fn tokens_into<'a>(self, text: &'a str, found: &mut Vec<&'a str>) {
        match self {
            Self::Unicode => spacy::tokenize_any(text, found),
            Self::SpacyEn => spacy::tokenize(text, found),
        }
    }
}

/// Splits a text into its words, in order, without copying.
pub fn words(text: &str) -> Words<'_> {
    Words { text, position: 0 }
}

/// The iterator of [`words`].
#[derive(Debug, Clone)]
pub struct Words<'a> {
    text: &'a str,
    position: usize,
}

/// What a character does to the word around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// White space, punctuation, a symbol: ends a word.
    Separator,
    /// A letter or digit of a script with spaces: prolongs a word.
    Letter,
    /// A mark, or a joiner without width: prolongs whatever it follows.
    Mark,
    /// A Han or kana character: a word of its own.
    Ideograph,
    /// A character of a script of clusters: starts a word that only marks prolong.
    Base,
    /// A Thai or Lao vowel that is written before its consonant: starts a word and takes the base
    /// that follows.
    LeadingVowel,
}

/// Whether an ASCII byte is a letter or digit.
const ASCII_LETTER: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    table
};

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        loop {
            let byte = *bytes.get(self.position)?;
            if ASCII_LETTER[byte as usize] {
                let start = self.position;
                self.position += 1;
                return Some(self.take_letters(start));
            }
            if byte < 128 {
                self.position += 1;
                continue;
            }
            let start = self.position;
            let (class, length) = class_at(self.text, start)?;
            self.position += length;
            match class {
                Class::Separator | Class::Mark => {}
                Class::Letter => return Some(self.take_letters(start)),
                Class::Ideograph | Class::Base => return Some(self.take_marks(start)),
                Class::LeadingVowel => {
                    if let Some((Class::Base, length)) = class_at(self.text, self.position) {
                        self.position += length;
                    }
                    return Some(self.take_marks(start));
                }
            }
        }
    }
}

impl<'a> Words<'a> {
    /// The word from `start`, of which the first letter is taken, to the end of its letters.
    fn take_letters(&mut self, start: usize) -> &'a str {
        let bytes = self.text.as_bytes();
        loop {
            while let Some(&byte) = bytes.get(self.position)
                && ASCII_LETTER[byte as usize]
            {
                self.position += 1;
            }
            match bytes.get(self.position) {
                Some(b'\'') if self.is_letter_at(self.position + 1) => self.position += 1,
                Some(128..) => match class_at(self.text, self.position) {
                    Some((Class::Letter | Class::Mark, length)) => self.position += length,
                    Some((Class::Separator, length))
                        if self.text[self.position..].starts_with('’')
                            && self.is_letter_at(self.position + length) =>
                    {
                        self.position += length;
                    }
                    _ => break,
                },
                _ => break,
            }
        }
        &self.text[start..self.position]
    }

    /// The word from `start`, prolonged by the marks that follow.
    fn take_marks(&mut self, start: usize) -> &'a str {
        while let Some((Class::Mark, length)) = class_at(self.text, self.position) {
            self.position += length;
        }
        &self.text[start..self.position]
    }

    fn is_letter_at(&self, position: usize) -> bool {
        matches!(class_at(self.text, position), Some((Class::Letter, _)))
    }
}

static CLASSES: LazyLock<Plane<Class>> = LazyLock::new(|| Plane::new(class, Class::Separator));

/// The class and the length in bytes of the character at a position, which is on a boundary.
fn class_at(text: &str, position: usize) -> Option<(Class, usize)> {
    let character = text.get(position..)?.chars().next()?;
    Some((CLASSES.get(character), character.len_utf8()))
}

pub(crate) fn class(character: char) -> Class {
    match character {
        '\0'..='\x7f' => {
            if character.is_ascii_alphanumeric() {
                Class::Letter
            } else {
                Class::Separator
            }
        }
        // Soft hyphen, zero-width non-joiner and joiner stand inside words.
        '\u{ad}' | '\u{200c}' | '\u{200d}' => Class::Mark,
        // Latin, the bulk of Greek and Cyrillic, and Hangul, without a look-up.
        '\u{c0}'..='\u{d6}'
        | '\u{d8}'..='\u{f6}'
        | '\u{f8}'..='\u{2af}'
        | '\u{3a3}'..='\u{3f5}'
        | '\u{400}'..='\u{481}'
        | '\u{48a}'..='\u{52f}'
        | '\u{ac00}'..='\u{d7a3}' => Class::Letter,
        '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{3004}' => Class::Separator,
        'เ'..='ไ' | 'ເ'..='ໄ' => Class::LeadingVowel,
        // Thai, Lao, Myanmar, Khmer, without their digits and marks of punctuation.
        '\u{e01}'..='\u{e4e}'
        | '\u{e80}'..='\u{ece}'
        | '\u{edc}'..='\u{edf}'
        | '\u{1000}'..='\u{103f}'
        | '\u{1050}'..='\u{109f}'
        | '\u{1780}'..='\u{17d3}'
        | '\u{17dc}'
        | '\u{17dd}' => cluster(character),
        // Iteration mark, ideographic zero and numerals; kana with their long-vowel mark, Bopomofo;
        // Han.
        '\u{3005}'..='\u{3007}'
        | '\u{3021}'..='\u{3029}'
        | '\u{3041}'..='\u{3096}'
        | '\u{309d}'..='\u{309f}'
        | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'..='\u{312f}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{ff66}'..='\u{ff9d}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}' => Class::Ideograph,
        _ if is_combining_mark(character) => Class::Mark,
        _ if character.is_alphanumeric() => Class::Letter,
        _ => Class::Separator,
    }
}

/// The class of a letter or sign of Thai, Lao, Khmer or Myanmar.
fn cluster(character: char) -> Class {
    // Thai and Lao `am`, `aa` and `a` follow their consonant but are letters, not marks.
    let follows_its_base = matches!(character, 'ะ' | 'า' | 'ำ' | 'ๅ' | 'ະ' | 'າ' | 'ຳ');
    if follows_its_base || is_combining_mark(character) { Class::Mark } else { Class::Base }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(words(text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn words_of_scripts_with_spaces() {
        check("Don't stop: it’s 3.5 km!", &["Don't", "stop", "it’s", "3", "5", "km"]);
        check("'quoted' rock'n'roll x'", &["quoted", "rock'n'roll", "x"]);
        check("naïve cafe\u{301} ЖИЗНЬ हिन्दी", &["naïve", "cafe\u{301}", "ЖИЗНЬ", "हिन्दी"]);
        check("", &[]);
        check(" — ", &[]);
    }

    #[test]
    fn words_of_scripts_without_spaces() {
        check("我是GPT。カナ", &["我", "是", "GPT", "カ", "ナ"]);
        check("ภาษาไทย", &["ภา", "ษา", "ไท", "ย"]);
        check("မြန်မာ", &["မြ", "န်", "မာ"]);
    }

    fn check_spacy(text: &str, expected: &str) {
        let expected: Vec<&str> = expected.split_whitespace().collect();
        assert_eq!(Segmenter::SpacyEn.segment(text), expected, "{text}");
    }

    #[test]
    fn tokens_of_spacy() {
        check_spacy(
            "I can't; cannot, gonna. He's it's",
            "I ca n't ; can not , gon na . He 's it 's",
        );
        check_spacy("10km at 8am, 50% (of $5)", "10 km at 8 am , 50 % ( of $ 5 )");
        check_spacy("see www.a.org/x?y=1. me@b.com!", "see www.a.org/x?y=1 . me@b.com !");
        check_spacy(
            "well-known and/or 1-2 a,b 3,4 a/b",
            "well - known and/or 1 - 2 a , b 3,4 a / b",
        );
        check_spacy("(e.g. the U.S.) :) wait...what", "( e.g. the U.S. ) :) wait ... what");
        check_spacy("http://192.168.0.1/a 8.8.8.8:80", "http://192.168.0.1 / a 8.8.8.8:80");
        // The second pass: apart by the rules alone, and with a space that keeps others away.
        check_spacy("x-a. 20°C. x/Mr.", "x - a. 20 ° C . x / Mr.");
        check_spacy("", "");
    }

    #[test]
    fn segmenters_have_names() {
        for segmenter in Segmenter::ALL {
            assert_eq!(segmenter.as_str().parse(), Ok(segmenter));
        }
        assert_eq!("spacy".parse::<Segmenter>(), Err(UnknownSegmenter));
    }

    proptest! {
        #[test]
        fn segments_are_slices_in_order(
            text in any::<String>(),
            tricky in "([a-cS0-9.'’\"(),:;/@_%°$\\-… \n\u{a0}]|n't|http://|\\.\\.|…|é|中|km|US\\$){0,40}",
        ) {
            for text in [&text, &tricky] {
                let mut end = 0;
                for token in Segmenter::SpacyEn.segment(text) {
                    let start = token.as_ptr() as usize - text.as_ptr() as usize;
                    prop_assert!(start >= end && !token.is_empty());
                    prop_assert!(text[end..start].chars().all(classes::is_space));
                    prop_assert!(!token.contains(classes::is_space));
                    end = start + token.len();
                }
                prop_assert!(text[end..].chars().all(classes::is_space));
            }
        }

        #[test]
        fn words_are_in_order_and_hold_every_letter(text in any::<String>()) {
            let mut end = 0;
            for word in words(&text) {
                let start = word.as_ptr() as usize - text.as_ptr() as usize;
                prop_assert!(start >= end && !word.is_empty());
                let gap_has_letter = text[end..start].chars().any(|c| class(c) == Class::Letter);
                prop_assert!(!gap_has_letter);
                end = start + word.len();
            }
            prop_assert!(!text[end..].chars().any(|c| class(c) == Class::Letter));
        }
    }
}
