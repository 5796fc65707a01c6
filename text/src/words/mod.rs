//! Word segmentation for signals and MinHash.
//!
//! [`words`] is fast, the same for every language, and simpler than Unicode's UAX 29. A word is a
//! maximal run of letters, digits and combining marks. An apostrophe (`'` or `’`) between two of
//! them belongs to the word (`don't`); all other punctuation separates words. In scripts that are
//! written without spaces, words must be shorter units: each Han or kana character is a word, and
//! so is each cluster (a base character with its vowel signs and tone marks) of Thai, Lao, Khmer
//! and Myanmar. There this gives more words than a dictionary would: about 1.5 times as many for
//! Chinese, and about 3 times as many for Thai.
//!
//! [`Segmenter::SpacyEn`] returns the tokens of spaCy's English tokenizer, which datatrove 0.10,
//! and therefore FineWeb-2, uses to count words. With it, punctuation marks are tokens too.
//!
//! ```
//! use text::words::{Segmenter, words};
//!
//! assert_eq!(words("Don't stop: 我是").collect::<Vec<_>>(), ["Don't", "stop", "我", "是"]);
//! assert_eq!(Segmenter::SpacyEn.segment("Don't stop!"), ["Do", "n't", "stop", "!"]);
//! ```

pub(crate) mod classes;
mod spacy;

use std::str::FromStr;
use std::sync::LazyLock;

use unicode_normalization::char::is_combining_mark;

use crate::plane::Plane;

/// A method of splitting a text into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Segmenter {
    /// The words of [`words`], without punctuation.
    #[default]
    Unicode,
    /// The tokens of spaCy 3.8's blank English tokenizer, as used by datatrove 0.10: with
    /// punctuation, but without white space.
    SpacyEn,
}

/// The error for a name that is not the name of a [`Segmenter`].
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
    /// All segmenters.
    pub const ALL: [Self; 2] = [Self::Unicode, Self::SpacyEn];

    /// The name in recipes and SQL: `unicode` or `spacy-en`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unicode => "unicode",
            Self::SpacyEn => "spacy-en",
        }
    }

    /// The words of a text, in order, as slices of it. No slice is empty or contains white space.
    pub fn segment(self, text: &str) -> Vec<&str> {
        match self {
            Self::Unicode => words(text).collect(),
            Self::SpacyEn => {
                let mut found = Vec::new();
                spacy::tokenize(text, &mut found);
                found
            }
        }
    }

    /// Appends the tokens of a text to `found`: its words, and the punctuation marks that spaCy
    /// splits off. Some published rules measure the share of such tokens.
    ///
    /// With `unicode`, tokens are split by the rules of spaCy that hold for every language, without
    /// special cases and URLs. In scripts without spaces, the words are those of [`words`].
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

/// The effect of a character on the words around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// White space, punctuation or a symbol: ends a word.
    Separator,
    /// A letter or digit of a script with spaces: starts or extends a word.
    Letter,
    /// A combining mark, a soft hyphen or a zero-width joiner: extends whatever it follows.
    Mark,
    /// A Han or kana character: is a word by itself.
    Ideograph,
    /// A base character of Thai, Lao, Khmer or Myanmar: starts a cluster, which only marks extend.
    Base,
    /// A Thai or Lao vowel that is written before its consonant: starts a cluster to which the next
    /// base belongs too.
    LeadingVowel,
}

/// For each byte, whether it is an ASCII letter or digit.
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
    /// Reads the rest of the word that starts at `start`. Its first letter has already been read.
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

    /// Reads the marks that follow, and returns the word that starts at `start`.
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

/// The class and the length in bytes of the character at a position, or `None` at the end of the
/// text. The position must be a character boundary.
fn class_at(text: &str, position: usize) -> Option<(Class, usize)> {
    let character = text[position..].chars().next()?;
    Some((CLASSES.get(character), character.len_utf8()))
}

/// The class of a character.
pub(crate) fn class(character: char) -> Class {
    match character {
        '\0'..='\x7f' => {
            if character.is_ascii_alphanumeric() {
                Class::Letter
            } else {
                Class::Separator
            }
        }
        // The soft hyphen and the zero-width non-joiner and joiner occur inside words.
        '\u{ad}' | '\u{200c}' | '\u{200d}' => Class::Mark,
        // Latin, most of Greek and Cyrillic, and Hangul, without a look-up of properties.
        '\u{c0}'..='\u{d6}'
        | '\u{d8}'..='\u{f6}'
        | '\u{f8}'..='\u{2af}'
        | '\u{3a3}'..='\u{3f5}'
        | '\u{400}'..='\u{481}'
        | '\u{48a}'..='\u{52f}'
        | '\u{ac00}'..='\u{d7a3}' => Class::Letter,
        '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{3004}' => Class::Separator,
        'เ'..='ไ' | 'ເ'..='ໄ' => Class::LeadingVowel,
        // Thai, Lao, Myanmar and Khmer, without their digits and punctuation.
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
    // Thai and Lao `am`, `aa` and `a` follow their consonant, but Unicode classifies them as
    // letters.
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
        // The second pass joins special cases that the rules have split.
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
