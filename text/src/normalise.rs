//! The simplified form of a text in which near-duplicates are looked for.
//!
//! [`simplify`] follows the definition of datatrove 0.4 to 0.10 (`utils/text.py`), with which
//! FineWeb-2 was deduplicated; the tests replay vectors that were made with datatrove 0.10.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem;
use unicode_normalization::char::decompose_canonical;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::plane::Plane;
use crate::runs::for_each_run;

/// Characters beyond ASCII and the C1 controls that become a space, sorted: the punctuation of
/// datatrove 0.10. Its ASCII part is all of ASCII's punctuation and control characters. The
/// full-width digit one of that set is left out: numbers are replaced first, so it never acts.
const PUNCTUATION: [char; 33] = [
    '«', '´', '»', '–', '—', '’', '“', '”', '„', '…', '∶', '━', '►', '、', '。', '〈', '〉', '《',
    '》', '「', '」', '【', '】', '！', '％', '（', '）', '，', '．', '：', '；', '？', '～',
];

/// Marks that may stand once between two runs of digits of one number: `1,000` and `2.5`.
const DECIMAL_MARKS: [char; 7] = ['.', ',', '،', '٫', '⎖', '⎗', '⎘'];

/// What becomes of a character beyond ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Simple {
    Space,
    Digit,
    /// An accent leaves nothing, not even the space before it.
    Nothing,
    One(char),
    /// More than one character.
    Several,
}

static PLANE: LazyLock<Plane<Simple>> = LazyLock::new(|| Plane::new(simple, Simple::Nothing));

fn simple(character: char) -> Simple {
    if becomes_space(character) {
        return Simple::Space;
    }
    if is_decimal_digit(character) {
        return Simple::Digit;
    }
    let mut simple = Simple::Nothing;
    for_each_part(character, |part| {
        simple = if simple == Simple::Nothing { Simple::One(part) } else { Simple::Several };
    });
    simple
}

/// Calls with the parts of a character in lower case that are not accents.
fn for_each_part(character: char, mut call: impl FnMut(char)) {
    for lower in character.to_lowercase() {
        decompose_canonical(lower, |part| {
            if part.is_ascii() || part.general_category() != GeneralCategory::NonspacingMark {
                call(part);
            }
        });
    }
}

/// Simplifies a text: lower case, each number to `0`, punctuation and runs of white space to one
/// space, accents away, no space at either end; in this order.
///
/// A number is a run of decimal digits of any script, with at most one decimal mark and a second
/// run. Accents go by canonical decomposition (NFD) and removal of nonspacing marks (category Mn);
/// this also takes vowel signs from Indic scripts, as the definition does.
pub fn simplify(text: &str) -> String {
    let mut out = String::new();
    simplify_into(text, &mut out);
    out
}

/// Puts the simplified text into `out`, replacing what is there; see [`simplify`].
pub fn simplify_into(text: &str, out: &mut String) {
    out.clear();
    out.reserve(text.len());
    // The lower case of a final capital sigma depends on its neighbours; no other character's does.
    if !text.is_ascii() && memmem::find(text.as_bytes(), "Σ".as_bytes()).is_some() {
        return append_simplified(&text.to_lowercase(), out);
    }
    append_simplified(text, out);
}

fn append_simplified(text: &str, out: &mut String) {
    let bytes = text.as_bytes();
    let mut writer = Writer { text, out, words: 0..0, space_is_due: false };
    // The offset to which the text has been dealt with: a number may reach into the next run.
    let mut done = 0;
    for_each_run(bytes, |start, end, is_special| {
        if is_special {
            writer.copy_words();
            writer.space_is_due |= start > done;
            done = writer.push_run(start.max(done), end);
        } else {
            writer.push_word(start..end, start > done);
            done = end;
        }
    });
    writer.copy_words();
    out.make_ascii_lowercase();
}

/// Appends to simplified text; ASCII letters keep their case.
struct Writer<'t> {
    text: &'t str,
    out: &'t mut String,
    /// Where words that stay as they are, with a space between two of them, have yet to be copied.
    words: Range<usize>,
    /// Whether a space comes before the next character that stays, if it is not the first.
    space_is_due: bool,
}

impl Writer<'_> {
    /// Adds a word of ASCII letters.
    #[inline]
    fn push_word(&mut self, word: Range<usize>, is_apart: bool) {
        if word.start == self.words.end + 1
            && !self.words.is_empty()
            && self.text.as_bytes()[self.words.end] == b' '
        {
            self.words.end = word.end;
            return;
        }
        self.copy_words();
        self.space_is_due |= is_apart;
        self.words = word;
    }

    /// Copies the words that are left.
    fn copy_words(&mut self) {
        let words = std::mem::take(&mut self.words);
        if let Some(words) = self.text.get(words).filter(|words| !words.is_empty()) {
            self.push_due_space();
            self.out.push_str(words);
        }
    }

    /// Adds a run of ASCII letters, digits and characters beyond ASCII. Returns the offset behind
    /// it, or behind the number with which it ends.
    fn push_run(&mut self, start: usize, end: usize) -> usize {
        let plane = &*PLANE;
        let mut position = start;
        while position < end {
            let Some(character) = self.text.get(position..).and_then(|rest| rest.chars().next())
            else {
                break;
            };
            let simple = match character {
                '0'..='9' => Simple::Digit,
                '\0'..='\x7f' => Simple::One(character),
                _ => plane.get(character),
            };
            match simple {
                Simple::Space => self.space_is_due = true,
                Simple::Nothing => {}
                Simple::One(part) => self.push(part),
                Simple::Several => for_each_part(character, |part| self.push(part)),
                Simple::Digit => {
                    self.push('0');
                    position = number_end(self.text, position);
                    continue;
                }
            }
            position += character.len_utf8();
        }
        position
    }

    #[inline]
    fn push(&mut self, character: char) {
        self.push_due_space();
        self.out.push(character);
    }

    #[inline]
    fn push_due_space(&mut self) {
        if self.space_is_due && !self.out.is_empty() {
            self.out.push(' ');
        }
        self.space_is_due = false;
    }
}

/// The offset behind the number that starts at an offset.
fn number_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    // The common case: one to a few ASCII digits and then a letter, space or the end.
    match bytes.get(start + length) {
        Some(b'.' | b',' | 128..) => text.len() - behind_number(&text[start..]).len(),
        _ => start + length,
    }
}

/// What follows the number that `rest` starts with.
fn behind_number(rest: &str) -> &str {
    let after_digits = rest.trim_start_matches(is_decimal_digit);
    match after_digits.strip_prefix(DECIMAL_MARKS) {
        Some(fraction) if fraction.starts_with(is_decimal_digit) => {
            fraction.trim_start_matches(is_decimal_digit)
        }
        _ => after_digits,
    }
}

/// Whether the character is a decimal digit (category Nd) of any script.
fn is_decimal_digit(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_digit();
    }
    character.is_numeric() && character.general_category() == GeneralCategory::DecimalNumber
}

/// Whether the character is white space or punctuation as defined above.
fn becomes_space(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_alphanumeric();
    }
    character < '\u{a0}'
        || character.is_whitespace()
        || PUNCTUATION.binary_search(&character).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_punctuation_case_and_accents() {
        let text = "  I can't: 1,234.56 e-mails at 8am, $5.00/6 50% C++ (v1.2.3)\t\r\n.5 5. end ";
        assert_eq!(simplify(text), "i can t 0 0 e mails at 0am 0 0 0 c v0 0 0 0 end");
        assert_eq!(simplify("ÉTÉ «ΟΔΥΣΣΕΥΣ» ١٢٫٥ 3،4 7é"), "ete οδυσσευς 0 0 0e");
    }

    #[test]
    fn simplified_text_equals_datatrove() {
        #[expect(clippy::disallowed_methods, reason = "where the golden vectors lie")]
        let data = std::env::var("GRISTMILL_DATA");
        let Ok(data) = data else {
            println!("skipped: GRISTMILL_DATA is not set");
            return;
        };
        let json = std::fs::read_to_string(format!("{data}/golden/datatrove_0.10_golden.json"));
        let golden: serde_json::Value = serde_json::from_str(&json.unwrap()).unwrap();
        let texts = golden["texts"].as_object().unwrap();
        assert!(!texts.is_empty());
        for (name, entry) in texts {
            let text = entry["text"].as_str().unwrap();
            assert_eq!(simplify(text), entry["simplified"].as_str().unwrap(), "text {name:?}");
        }
    }

    /// The definition, step by step.
    fn by_definition(text: &str) -> String {
        let lower = text.to_lowercase();
        let mut numbers = String::new();
        let mut rest = lower.as_str();
        while let Some(character) = rest.chars().next() {
            if is_decimal_digit(character) {
                numbers.push('0');
                rest = behind_number(rest);
            } else {
                numbers.push(character);
                rest = &rest[character.len_utf8()..];
            }
        }
        let mut parts = String::new();
        for character in numbers.replace(becomes_space, " ").chars() {
            decompose_canonical(character, |part| parts.push(part));
        }
        parts.retain(|c| c.general_category() != GeneralCategory::NonspacingMark);
        let words: Vec<&str> = parts.split(' ').filter(|word| !word.is_empty()).collect();
        words.join(" ")
    }

    proptest! {
        #[test]
        fn simplified_text_is_lower_case_words_with_single_spaces(
            any in any::<String>(),
            likely in "([0-9١.,٫ aÉΣİ\u{301}्가’]|Word|  |word word){0,20}",
        ) {
            for text in [any, likely] {
                let simple = simplify(&text);
                prop_assert_eq!(simple.trim(), simple.as_str());
                prop_assert!(!simple.contains("  "), "{:?}", simple);
                prop_assert!(!simple.contains(|c: char| c.is_ascii_uppercase()));
                prop_assert_eq!(simple, by_definition(&text));
            }
        }
    }
}
