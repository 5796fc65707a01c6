//! The simplified form of a text in which near-duplicates are looked for.
//!
//! [`simplify`] follows the definition of datatrove 0.4 to 0.10 (`utils/text.py`), with which
//! FineWeb-2 was deduplicated; the tests replay vectors that were made with datatrove 0.10.

use memchr::memmem;
use unicode_normalization::char::decompose_canonical;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Characters beyond ASCII and the C1 controls that become a space, sorted: the punctuation of
/// datatrove 0.10. Its ASCII part is all of ASCII's punctuation and control characters. The
/// full-width digit one of that set is left out: numbers are replaced first, so it never acts.
const PUNCTUATION: [char; 33] = [
    '«', '´', '»', '–', '—', '’', '“', '”', '„', '…', '∶', '━', '►', '、', '。', '〈', '〉', '《',
    '》', '「', '」', '【', '】', '！', '％', '（', '）', '，', '．', '：', '；', '？', '～',
];

/// Marks that may stand once between two runs of digits of one number: `1,000` and `2.5`.
const DECIMAL_MARKS: [char; 7] = ['.', ',', '،', '٫', '⎖', '⎗', '⎘'];

/// What each ASCII byte becomes: a lower-case letter, `0` for a digit, a space for all else.
const ASCII: [u8; 128] = {
    let mut table = [b' '; 128];
    let mut byte = 0;
    while byte < 128 {
        let c = byte as u8;
        if c.is_ascii_digit() {
            table[byte] = b'0';
        } else if c.is_ascii_alphabetic() {
            table[byte] = c.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

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
    let mut space_is_due = false;
    let mut position = 0;
    while let Some(&byte) = bytes.get(position) {
        if byte < 128 {
            let simple = ASCII[byte as usize];
            if simple == b' ' {
                space_is_due = true;
                position += 1;
                continue;
            }
            push_due_space(out, &mut space_is_due);
            out.push(char::from(simple));
            position = if simple == b'0' { number_end(text, position) } else { position + 1 };
            continue;
        }
        let Some(character) = text[position..].chars().next() else { break };
        if becomes_space(character) {
            space_is_due = true;
            position += character.len_utf8();
            continue;
        }
        if is_decimal_digit(character) {
            push_due_space(out, &mut space_is_due);
            out.push('0');
            position = number_end(text, position);
            continue;
        }
        for lower in character.to_lowercase() {
            push_without_accents(out, &mut space_is_due, lower);
        }
        position += character.len_utf8();
    }
}

fn push_due_space(out: &mut String, is_due: &mut bool) {
    if *is_due && !out.is_empty() {
        out.push(' ');
    }
    *is_due = false;
}

/// Pushes the parts of a character that are not accents. An accent that stands alone leaves
/// nothing, not even the space before it.
fn push_without_accents(out: &mut String, space_is_due: &mut bool, character: char) {
    decompose_canonical(character, |part| {
        if part.is_ascii() || part.general_category() != GeneralCategory::NonspacingMark {
            push_due_space(out, space_is_due);
            out.push(part);
        }
    });
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

    proptest! {
        #[test]
        fn simplified_text_is_lower_case_words_with_single_spaces(
            any in any::<String>(),
            likely in "[0-9١.,٫ aÉΣ\u{301}]{0,20}",
        ) {
            for text in [any, likely] {
                let simple = simplify(&text);
                prop_assert_eq!(simple.trim(), simple.as_str());
                prop_assert!(!simple.contains("  "), "{:?}", simple);
                prop_assert!(!simple.contains(|c: char| c.is_ascii_uppercase()));
            }
        }
    }
}
