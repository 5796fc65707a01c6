//! The simplified form of a text, in which near-duplicates are compared.
//!
//! [`simplify`] follows the definition of datatrove 0.4 to 0.10 (`utils/text.py`), with which
//! FineWeb-2 was deduplicated. The tests compare it with the results of datatrove 0.10.
//!
//! ```
//! assert_eq!(text::normalise::simplify("Café: 1,234 €!"), "cafe 0 €");
//! ```

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem;
use unicode_normalization::char::decompose_canonical;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::plane::Plane;
use crate::runs::for_each_run;

/// The punctuation of datatrove 0.10 above the C1 control characters, sorted. Each character
/// becomes a space. The ASCII part of datatrove's set is all punctuation and control characters of
/// ASCII. The set also has the full-width digit one, which is omitted here: numbers are replaced
/// first, so it would have no effect.
const PUNCTUATION: [char; 33] = [
    '«', '´', '»', '–', '—', '’', '“', '”', '„', '…', '∶', '━', '►', '、', '。', '〈', '〉', '《',
    '》', '「', '」', '【', '】', '！', '％', '（', '）', '，', '．', '：', '；', '？', '～',
];

/// Marks that may occur once between two runs of digits of a number: `1,000` and `2.5`.
const DECIMAL_MARKS: [char; 7] = ['.', ',', '،', '٫', '⎖', '⎗', '⎘'];

/// What replaces a non-ASCII character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Simple {
    Space,
    Digit,
    /// Nothing, not even a space: the character is an accent.
    Nothing,
    One(char),
    /// More than one character.
    Several,
}

static PLANE: LazyLock<Plane<Simple>> = LazyLock::new(|| Plane::new(simple, Simple::Nothing));

/// The replacement of a character.
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

/// Calls `call` with the parts of a character's lower case that are not accents.
fn for_each_part(character: char, mut call: impl FnMut(char)) {
    for lower in character.to_lowercase() {
        decompose_canonical(lower, |part| {
            if part.is_ascii() || part.general_category() != GeneralCategory::NonspacingMark {
                call(part);
            }
        });
    }
}

/// Simplifies a text in these steps: lower case; each number becomes `0`; punctuation and runs of
/// white space become one space; accents are removed; spaces at both ends are removed.
///
/// A number is a run of decimal digits of any script, optionally followed by one decimal mark and
/// another run. Accents are removed by canonical decomposition (NFD) and by deleting nonspacing
/// marks (category Mn). As in the definition, this also deletes vowel signs of Indic scripts.
pub fn simplify(text: &str) -> String {
    let mut out = String::new();
    simplify_into(text, &mut out);
    out
}

/// Writes the simplified text into `out`, replacing its contents; see [`simplify`].
pub(crate) fn simplify_into(text: &str, out: &mut String) {
    out.clear();
    out.reserve(text.len());
    // The lower case of capital sigma depends on whether it ends a word. It is the only such
    // character.
    if !text.is_ascii() && memmem::find(text.as_bytes(), "Σ".as_bytes()).is_some() {
        return append_simplified(&text.to_lowercase(), out);
    }
    append_simplified(text, out);
}

/// Appends the simplified text to `out`, one run at a time, in one pass.
fn append_simplified(text: &str, out: &mut String) {
    let bytes = text.as_bytes();
    let mut writer = Writer { text, out, words: 0..0, space_is_due: false };
    // The end of the part that has been simplified. A number may reach into the next run.
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

/// Appends to the simplified text. ASCII letters keep their case until the end.
struct Writer<'t> {
    text: &'t str,
    out: &'t mut String,
    /// Words, separated by single spaces, that do not change and will be copied together.
    words: Range<usize>,
    /// Whether a space precedes the next character of the output, unless it is the first one.
    space_is_due: bool,
}

impl Writer<'_> {
    /// Adds a word of ASCII letters. `is_apart` says whether something separates it from the text
    /// before.
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

    /// Copies the words that have not been copied yet.
    fn copy_words(&mut self) {
        let words = &self.text[std::mem::take(&mut self.words)];
        if !words.is_empty() {
            self.push_due_space();
            self.out.push_str(words);
        }
    }

    /// Adds a run of ASCII letters, digits and non-ASCII characters. Returns the offset of its end,
    /// or of the end of the number with which it ends.
    fn push_run(&mut self, start: usize, end: usize) -> usize {
        let plane = &*PLANE;
        let mut position = start;
        while position < end {
            let Some(character) = self.text[position..].chars().next() else { break };
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

/// The offset of the end of the number that starts at an offset.
fn number_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    // The common case is a few ASCII digits followed by a letter, a space or the end of the text.
    match bytes.get(start + length) {
        Some(b'.' | b',' | 128..) => text.len() - behind_number(&text[start..]).len(),
        _ => start + length,
    }
}

/// The text after the number with which `rest` starts.
fn behind_number(rest: &str) -> &str {
    let after_digits = rest.trim_start_matches(is_decimal_digit);
    match after_digits.strip_prefix(DECIMAL_MARKS) {
        Some(fraction) if fraction.starts_with(is_decimal_digit) => {
            fraction.trim_start_matches(is_decimal_digit)
        }
        _ => after_digits,
    }
}

/// Whether a character is a decimal digit (category Nd) of any script.
fn is_decimal_digit(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_digit();
    }
    character.is_numeric() && character.general_category() == GeneralCategory::DecimalNumber
}

/// Whether a character is white space, a control character or punctuation (see [`PUNCTUATION`]).
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
        #[expect(clippy::disallowed_methods, reason = "names the folder of the golden vectors")]
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

    /// Follows the definition step by step.
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
