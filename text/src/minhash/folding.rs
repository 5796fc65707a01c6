//! The words of text with digits or non-ASCII characters, folded: in lower case, without accents,
//! and with numbers as `0`.
//!
//! Words are those of [`words`](crate::words::words), except that apostrophes separate words, as
//! they do in [simplified](crate::normalise::simplify) text. Each Han or kana character is a word,
//! and so is each cluster of Thai, Lao, Khmer and Myanmar. Marks only extend a word.

use std::sync::LazyLock;

use unicode_normalization::char::decompose_canonical;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::word_hash::WordHasher;
use crate::plane::Plane;
use crate::words;

/// What a character adds to its word and where it starts or ends a word, packed to keep the table
/// small: the bytes to hash (24 bits), their number (2 bits) and the role (3 bits).
type Folded = u32;

const COUNT_SHIFT: u32 = 24;
const ROLE_SHIFT: u32 = 26;

/// Role: ends a word.
const SEPARATOR: u32 = 0;
/// Role: extends a word of letters, or starts one.
const LETTER: u32 = 1;
/// Role: like a letter, but a run of digits counts as one digit.
const DIGIT: u32 = 2;
/// Role: extends any word.
const MARK: u32 = 3;
/// Role: is a word by itself.
const IDEOGRAPH: u32 = 4;
/// Role: starts a cluster.
const BASE: u32 = 5;
/// Role: starts a cluster to which the next base belongs too.
const LEADING_VOWEL: u32 = 6;

/// Set in the bytes of non-ASCII characters, so that they differ from those of ASCII characters.
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

/// The character in lower case without its accents. `None` for an accent, a soft hyphen and a
/// zero-width joiner or non-joiner.
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
        // A Hangul syllable, or a letter with marks that are not accents.
        _ => Some(character),
    }
}

/// Whether a mark is an accent of Latin, Greek or Cyrillic. Vowel signs of other scripts are not:
/// they are part of the word.
fn is_accent(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}')
}

/// The kind of the word that is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    /// A word of letters whose last character is not a digit.
    Letters,
    /// A word of letters whose last character is a digit.
    Digits,
    /// A character that only marks extend.
    Cluster,
    /// A leading vowel whose base has not been read yet.
    LeadingVowel,
}

/// Calls `call` with the hash of every word of a run. Words that fold to ASCII have the same hashes
/// as the ASCII words.
pub(super) fn for_each_word(run: &str, mut call: impl FnMut(u64)) {
    let plane = &*PLANE;
    let mut word = WordHasher::default();
    let mut open = Open::Nothing;
    for character in run.chars() {
        let folded = plane.get(character);
        let role = folded >> ROLE_SHIFT;
        // The most common case, without the tests below.
        if role == LETTER && open == Open::Letters {
            push(&mut word, folded);
            continue;
        }
        let extends_word = match role {
            LETTER | DIGIT => matches!(open, Open::Letters | Open::Digits),
            MARK => open != Open::Nothing,
            BASE => open == Open::LeadingVowel,
            _ => false,
        };
        if !extends_word {
            word.take().into_iter().for_each(&mut call);
        }
        let is_repeated_digit = role == DIGIT && open == Open::Digits;
        // A mark that does not follow a word does not start one.
        if !is_repeated_digit && (extends_word || role != MARK) {
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

    /// Checks that the words of a text have the hashes of the given folded words.
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
