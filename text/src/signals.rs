//! Numbers that tell good prose from lists, menus, spam, code and noise.
//!
//! The rules of Gopher (Rae et al., "Scaling Language Models", 2021, appendix A1.1), C4 (Raffel et
//! al., 2020, §2.2), FineWeb (Penedo et al., 2024, §3.5) and RedPajama-V2 (Weber et al., 2024)
//! compare such numbers with thresholds; here are the numbers alone, so that a threshold can be
//! chosen, and changed, later.
//!
//! Definitions that hold for all of them: a word is one of [`words`](crate::words::words), which
//! are never punctuation; a character is a code point; a line ends at `\n`, and blank lines count
//! only in the number of line breaks; a paragraph is a run of lines without a blank one between.
//! Lines are compared without the white space around them. A share of nothing is 0.

mod characters;
mod lines;
mod ngrams;
mod table;

use lines::LineScan;
use ngrams::Repetition;
pub use table::{FIELDS, Field, FieldKind, Signals, Value};

/// Measures a text.
pub fn measure(text: &str) -> Signals {
    let mut signals = Signals { bytes: text.len() as u64, ..Signals::default() };
    let mut scan = LineScan::default();
    scan.run(text, &mut signals);
    Repetition::of(&scan.words).write(&mut signals);
    signals
}

/// `part / whole`, 0 when there is nothing to divide.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[expect(clippy::float_cmp, reason = "shares of small counts are exact")]
    fn check(text: &str, name: &str, expected: f64) {
        let at = FIELDS.iter().position(|field| field.name == name).unwrap();
        assert_eq!(measure(text).values()[at].as_f64(), expected, "{name} of {text:?}");
    }

    #[test]
    fn counts() {
        let text = "The cat, and the dog.\r\n\r\nIt's a naïve cat…\n";
        check(text, "characters", 43.0);
        check(text, "words", 9.0);
        check(text, "lines", 2.0);
        check(text, "paragraphs", 2.0);
        check(text, "stop_words", 2.0);
        check(text, "ellipsis_line_fraction", 0.5);
        check(text, "new_line_word_ratio", 3.0 / 9.0);
        check(text, "mean_word_length", 28.0 / 9.0);
        check(text, "median_word_length", 3.0);
        check("# one ... two … three", "symbol_word_ratio", 1.0);
        check("see http://a.example and https://b.example", "url_count", 2.0);
        check("f() { }\u{fffd}\u{7}", "curly_brackets", 2.0);
        check("f() { }\u{fffd}\u{7}", "replacement_characters", 1.0);
        check("f() { }\u{fffd}\u{7}", "control_characters", 1.0);
        check("Lorem ipsum dolor", "lorem_ipsum", 1.0);
        check("lorem dolor ipsum", "lorem_ipsum", 0.0);
        check("Enable JavaScript.\nbody\nThe javascript", "javascript_lines", 2.0);
        check("ABcd 12!?", "uppercase_fraction", 2.0 / 8.0);
        check("ABcd 12!?", "digit_fraction", 2.0 / 8.0);
        check("ABcd 12!?", "punctuation_fraction", 2.0 / 8.0);
        check("• one\n- two\nthree\n* four", "bullet_line_fraction", 0.75);
        check("One.\n\"Two!\"\nthree\n四。", "terminal_punctuation_line_fraction", 0.75);
        check("12 ab 3c", "alphabetic_word_fraction", 2.0 / 3.0);
    }

    #[test]
    fn repetition() {
        check("one\n two\none \n\none", "duplicate_line_fraction", 0.5);
        check("one\n two\none \n\none", "duplicate_line_char_fraction", 0.5);
        check("a b\nc\n\nd\n\na b\nc", "duplicate_paragraph_fraction", 1.0 / 3.0);
        check("a b\nc\n\nd\n\na b\nc", "duplicate_paragraph_char_fraction", 4.0 / 9.0);
        check("ab cd ef ab cd gh", "top_2gram_char_fraction", 8.0 / 12.0);
        check("ab cd ef gh", "top_2gram_char_fraction", 0.0);
        // The second `a b c d e` is the copy; what overlaps counts once.
        check("a b c d e f a b c d e", "duplicated_5gram_char_fraction", 5.0 / 11.0);
        check("a b c d e f a b c d e", "duplicated_6gram_char_fraction", 0.0);
        check("a a a a a a a a a a a a", "duplicated_10gram_char_fraction", 11.0 / 12.0);
        check("a b a b", "unique_word_fraction", 0.5);
        check("a b a b", "word_entropy", std::f64::consts::LN_2);
    }

    proptest! {
        #[test]
        fn fractions_are_within_0_and_1(text in any::<String>(), words in "([ab. \\n#•…]|cde){0,60}") {
            for text in [&text, &words] {
                for (field, value) in FIELDS.iter().zip(measure(text).values()) {
                    let value = value.as_f64();
                    prop_assert!(value.is_finite() && value >= 0.0, "{} is {value}", field.name);
                    if field.kind == FieldKind::Fraction {
                        prop_assert!(value <= 1.0, "{} is {value} of {text:?}", field.name);
                    }
                }
            }
        }

        #[test]
        fn duplicate_ngrams_are_those_of_the_definition(text in "([ab] ){0,40}") {
            let words: Vec<&str> = text.split_whitespace().collect();
            let mut covered = vec![false; words.len()];
            let grams: Vec<&[&str]> = words.windows(6).collect();
            for (at, gram) in grams.iter().enumerate() {
                if grams[..at].contains(gram) {
                    covered[at..at + 6].fill(true);
                }
            }
            let share = covered.iter().filter(|c| **c).count() as f64 / words.len().max(1) as f64;
            prop_assert!((measure(&text).duplicated_6gram_char_fraction - share).abs() < 1e-12);
        }
    }
}
