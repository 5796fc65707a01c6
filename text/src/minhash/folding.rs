//! The words of text that is not of ASCII letters only, folded: lower case, without accents,
//! numbers as `0`.
//!
//! The words are those of [`words`](crate::words::words) but for apostrophes, which separate here
//! as they do in [simplified](crate::normalise::simplify) text: each Han or kana character is a
//! word, so is each cluster of Thai, Lao, Khmer and Myanmar, and marks only prolong a word.

use std::sync::LazyLock;

use unicode_normalization::char::decompose_canonical;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::word_hash::WordHasher;
use crate::plane::Plane;
use crate::words;

/// What a character adds to its word and what it does to the word's edges, packed so that the table
/// of the plane stays small: the bytes to hash (24 bits), their number (2 bits), the role (3 bits).
type Folded = u32;

const COUNT_SHIFT: u32 = 24;
const ROLE_SHIFT: u32 = 26;

/// Ends a word.
const SEPARATOR: u32 = 0;
/// Prolongs a word of letters, or starts one.
const LETTER: u32 = 1;
/// As a letter; a run of digits counts as one.
const DIGIT: u32 = 2;
/// Prolongs any word.
const MARK: u32 = 3;
/// A word of its own.
const IDEOGRAPH: u32 = 4;
/// Starts a cluster.
const BASE: u32 = 5;
/// Starts a cluster and takes the base that follows.
const LEADING_VOWEL: u32 = 6;

/// Marks characters beyond ASCII, so that no bytes of theirs look like ASCII.
const WIDE: u32 = 0x80_0000;

static PLANE: LazyLock<Plane<Folded>> = LazyLock::new(|| Plane::new(folded, SEPARATOR));

fn folded(character: char) -> Folded {
    let role = role(character);
    let (bytes, count) = match role {
        SEPARATOR => (0, 0),
        DIGIT => (u32::from('0'), 1),
        _ => match base(character) {
            None => (0, 0),
            Some(base) if base.is_ascii() => (u32::from(base), 1),
            Some(base) => (u32::from(base) | WIDE, 3),
        },
    };
    bytes | (count << COUNT_SHIFT) | (role << ROLE_SHIFT)
}

fn role(character: char) -> u32 {
    match words::class(character) {
        words::Class::Separator => SEPARATOR,
        words::Class::Letter => {
            if character.general_category() == GeneralCategory::DecimalNumber {
                DIGIT
            } else {
                LETTER
            }
        }
        words::Class::Mark => MARK,
        words::Class::Ideograph => IDEOGRAPH,
        words::Class::Base => BASE,
        words::Class::LeadingVowel => LEADING_VOWEL,
    }
}

/// The character in lower case without its accents; none if it is nothing but an accent, or a
/// hyphen or joiner without width.
fn base(character: char) -> Option<char> {
    if matches!(character, '\u{ad}' | '\u{200c}' | '\u{200d}') {
        return None;
    }
    let mut parts = Vec::new();
    for lower in character.to_lowercase() {
        decompose_canonical(lower, |part| parts.push(part));
    }
    parts.retain(|part| !is_accent(*part));
    match parts[..] {
        [] => None,
        [base] => Some(base),
        // A syllable of Hangul, or a letter with marks that are no accents.
        _ => Some(character),
    }
}

/// Whether the mark is one of Latin, Greek and Cyrillic. Vowel signs of other scripts count.
fn is_accent(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}')
}

/// What the word that is being read is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    /// A word of letters whose last character is no digit.
    Letters,
    /// A word of letters whose last character is a digit.
    Digits,
    /// A character that only marks prolong.
    Cluster,
    /// A vowel that waits for its base.
    LeadingVowel,
}

/// Calls with the hash of every word of a run; the same words in ASCII give the same hashes.
pub(super) fn for_each_word(run: &str, mut call: impl FnMut(u64)) {
    let plane = &*PLANE;
    let mut word = WordHasher::default();
    let mut open = Open::Nothing;
    for character in run.chars() {
        let folded = plane.get(character);
        let role = folded >> ROLE_SHIFT;
        if role == LETTER && open == Open::Letters {
            push(&mut word, folded);
            continue;
        }
        let goes_on = match role {
            LETTER | DIGIT => matches!(open, Open::Letters | Open::Digits),
            MARK => open != Open::Nothing,
            BASE => open == Open::LeadingVowel,
            _ => false,
        };
        if !goes_on {
            word.take().into_iter().for_each(&mut call);
        }
        let is_repeated_digit = role == DIGIT && open == Open::Digits;
        // A mark without a word before it starts none.
        if !is_repeated_digit && (goes_on || role != MARK) {
            push(&mut word, folded);
        }
        open = match role {
            LETTER => Open::Letters,
            DIGIT => Open::Digits,
            MARK if open == Open::LeadingVowel => Open::Cluster,
            MARK => open,
            IDEOGRAPH | BASE => Open::Cluster,
            LEADING_VOWEL => Open::LeadingVowel,
            _ => Open::Nothing,
        };
    }
    word.take().into_iter().for_each(call);
}

#[inline]
fn push(word: &mut WordHasher, folded: Folded) {
    word.push(folded & 0xFF_FFFF, (folded >> COUNT_SHIFT & 3) as usize);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that the words of a text are those of a text of ASCII letters and spaces, in number
    /// and in which are equal.
    fn check(text: &str, words: &[&str]) {
        let mut found = Vec::new();
        for_each_word(text, |hash| found.push(hash));
        let hash = |word: &&str| {
            let mut hasher = WordHasher::default();
            for character in word.chars() {
                let wide = if character.is_ascii() { 0 } else { WIDE };
                let count = if character.is_ascii() { 1 } else { 3 };
                hasher.push(u32::from(character) | wide, count);
            }
            hasher.take().unwrap()
        };
        assert_eq!(found, words.iter().map(hash).collect::<Vec<_>>(), "{text}");
    }

    #[test]
    fn words_are_folded() {
        check("Café CAFE\u{301} naïve’s", &["cafe", "cafe", "naive", "s"]);
        check("2024 v12b3 ١٢x ٣", &["0", "v0b0", "0x", "0"]);
        check("ЖИЗНЬ й हिन्दी", &["жизнь", "и", "हिन्दी"]);
        check("\u{301}a soft\u{ad}hyphen İ", &["a", "softhyphen", "i"]);
        check("한국어", &["한국어"]);
    }

    #[test]
    fn scripts_without_spaces() {
        check("我是GPT4。カナ", &["我", "是", "gpt0", "カ", "ナ"]);
        check("ภาษาไทย", &["ภา", "ษา", "ไท", "ย"]);
        check("မြန်မာ", &["မြ", "န်", "မာ"]);
        check("𠀀𠀁 😀", &["𠀀", "𠀁"]);
    }
}
