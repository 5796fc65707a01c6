//! Numbers that distinguish good prose from lists, menus, spam, code and noise.
//!
//! The rules of Gopher (Rae et al., "Scaling Language Models", 2021, appendix A1.1), FineWeb
//! (Penedo et al., 2024, §3.5) and RedPajama-V2 (Weber et al., 2024) compare such numbers with
//! thresholds. This module only computes the numbers, so thresholds can be chosen and changed
//! later. Numbers that datatrove 0.10, the code of FineWeb-2, also computes have the same values
//! here. Fields whose names end in `fineweb_v1` have the values of datatrove 0.2, the code of the
//! first FineWeb.
//!
//! Common definitions: a token is a word or a punctuation mark, as split by the [`Segmenter`]. A
//! character is a code point. White space is defined as in Python. A share of nothing is 0.
//!
//! ```
//! use text::signals::measure;
//! use text::words::Segmenter;
//!
//! let signals = measure("The mill grinds the corn.", Segmenter::SpacyEn);
//! assert_eq!((signals.tokens, signals.words, signals.stop_words), (6, 5, 1));
//! ```

mod characters;
mod duplicates;
mod lines;
mod ngrams;
mod stop_words;
mod table;
mod tokens;

use characters::CharacterCounts;
pub(crate) use lines::split_lines;
pub use stop_words::StopWords;
pub use table::{FIELDS, Field, FieldKind, Signals, Value};
use tokens::{Token, Totals};

use crate::words::Segmenter;

/// Buffers of [`measure_with`], to be reused from text to text.
#[derive(Debug, Default)]
pub struct Scratch {
    slices: Vec<&'static str>,
    tokens: Vec<Token>,
    /// For each token the number of characters of the tokens before it; at the end that of all.
    ends: Vec<u64>,
    lines: lines::Scratch,
    ngrams: ngrams::Scratch,
    duplicates: duplicates::Scratch,
}

/// Measures a text. Only its first 2^32 - 1 tokens are used.
///
/// With [`Segmenter::SpacyEn`] the fields of Gopher's and FineWeb's rules equal those of datatrove.
/// With [`Segmenter::Unicode`] tokens are split at the same marks in every language, but there are
/// no special cases for contractions, abbreviations and emoticons, and the words of scripts without
/// spaces are those of [`words`](crate::words::words).
pub fn measure(text: &str, segmenter: Segmenter) -> Signals {
    measure_with(text, segmenter, &mut Scratch::default())
}

/// [`measure`] with buffers that can be reused.
pub fn measure_with(text: &str, segmenter: Segmenter, scratch: &mut Scratch) -> Signals {
    let mut signals = Signals { bytes: text.len() as u64, ..Signals::default() };
    let counts = CharacterCounts::of(text);
    counts.write(&mut signals);
    lines::measure(text, counts.all, &mut scratch.lines, &mut signals);
    // An empty `Vec<&'static str>` becomes a `Vec<&str>`: the standard library reuses the memory.
    let mut slices: Vec<&str> = std::mem::take(&mut scratch.slices).into_iter().collect();
    segmenter.tokens_into(text, &mut slices);
    slices.truncate(u32::MAX as usize);
    let tokens = &mut scratch.tokens;
    tokens.clear();
    let totals = Totals::of(&slices, tokens);
    totals.write(tokens.len(), counts.hash_marks, counts.ellipses, &mut signals);
    let ends = &mut scratch.ends;
    ends.clear();
    ends.push(0);
    ends.extend(tokens.iter().scan(0, |end, token| {
        *end += u64::from(token.characters);
        Some(*end)
    }));
    ngrams::measure(tokens, ends, counts.all, &mut scratch.ngrams, &mut signals);
    duplicates::measure(text, &slices, ends, counts.all, &mut scratch.duplicates, &mut signals);
    slices.clear();
    scratch.slices = slices.into_iter().map(|_| "").collect();
    signals
}

/// `part / whole`, or 0 if `whole` is 0.
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
        let value = measure(text, Segmenter::SpacyEn).values()[at].as_f64();
        assert_eq!(value, expected, "{name} of {text:?}");
    }

    #[test]
    fn counts() {
        let text = "The cat, and the dog.\r\n\r\nIt's a naïve cat…\n";
        check(text, "characters", 43.0);
        check(text, "tokens", 13.0);
        check(text, "words", 10.0);
        check(text, "lines", 2.0);
        check(text, "line_breaks", 3.0);
        check(text, "stop_words", 2.0);
        check(text, "ellipsis_line_fraction", 1.0 / 3.0);
        check(text, "new_line_word_ratio", 3.0 / 13.0);
        check(text, "mean_word_length", 28.0 / 10.0);
        check(text, "median_word_length", 3.0);
        check("# one ... two … three", "symbol_word_ratio", 0.5);
        check("# one ... two … three", "ellipsis_word_ratio", 2.0 / 6.0);
        check("see http://a.example and https://b.example", "url_count", 2.0);
        check("f() { }\u{fffd}\u{7}", "curly_brackets", 2.0);
        check("f() { }\u{fffd}\u{7}", "replacement_characters", 1.0);
        check("f() { }\u{fffd}\u{7}", "control_characters", 1.0);
        check("Lorem ipsum dolor", "lorem_ipsum", 1.0);
        check("lorem dolor ipsum", "lorem_ipsum", 0.0);
        check("Enable JavaScript.\nbody\nThe javascript javascript", "javascript_lines", 2.0);
        check("ABcd 12!?", "uppercase_fraction", 2.0 / 8.0);
        check("ABcd 12!?", "digit_fraction", 2.0 / 8.0);
        check("ABcd 12!?", "punctuation_fraction", 2.0 / 8.0);
        check("• one\n- two\nthree\n * four", "bullet_line_fraction", 0.5);
        check("One.\n\"Two!\"\nthree\n四。", "terminal_punctuation_line_fraction", 0.5);
        check("One.\n\"Two!\"\n\n四。", "terminal_punctuation_line_fraction_fineweb_v1", 0.5);
        check("12 ab 3c .", "alphabetic_word_fraction", 0.5);
        check("the The the be", "stop_words", 2.0);
        check("the The the be", "stop_word_occurrences", 3.0);
    }

    #[test]
    fn repetition() {
        check("one\n\n two\none\n\none", "duplicate_line_fraction", 0.5);
        check("\none\n", "duplicate_line_fraction", 1.0 / 3.0);
        check("one\n\n\rtwo\n", "duplicate_line_fraction_fineweb_v1", 0.25);
        check("one\n\ntwo\n\none", "duplicate_line_fraction_fineweb_v1", 0.4);
        check("a b\nc\n\nd\n\n\na b\nc", "duplicate_paragraph_fraction", 1.0 / 3.0);
        check("a b\nc\n\nd\n\n\na b\nc", "duplicate_paragraph_char_fraction", 5.0 / 16.0);
        check("ab cd ef ab cd gh", "top_2gram_char_fraction", 10.0 / 17.0);
        check("ab cd ef gh", "top_2gram_char_fraction", 5.0 / 11.0);
        check("ab", "top_2gram_char_fraction", 0.0);
        // The second `a b c d e` is the copy; the next 5-gram overlaps it.
        check("a b c d e f a b c d e f", "duplicated_5gram_char_fraction", 5.0 / 23.0);
        check("a b c d e f a b c d e f", "duplicated_7gram_char_fraction", 0.0);
        // The same letters, but different tokens.
        check("aa b cc dd ee . a ab cc dd ee", "duplicated_5gram_char_fraction", 9.0 / 29.0);
        check("a b a b", "unique_word_fraction", 0.5);
        check("a b a b .", "word_entropy", std::f64::consts::LN_2);
    }

    /// The scan of datatrove, written out.
    fn duplicated(words: &[&str], ngram: usize) -> usize {
        let mut seen = std::collections::BTreeSet::new();
        let (mut at, mut repeated) = (0, 0);
        while at + ngram <= words.len() {
            let joined = words[at..at + ngram].concat();
            let characters = joined.chars().count();
            if seen.insert(joined) {
                at += 1;
            } else {
                repeated += characters;
                at += ngram;
            }
        }
        repeated
    }

    proptest! {
        #[test]
        fn fractions_are_within_0_and_1(
            text in any::<String>(),
            words in "([ab. \\n\\r#•…]|cde|中){0,60}",
        ) {
            for (text, segmenter) in
                [&text, &words].into_iter().flat_map(|t| Segmenter::ALL.map(|s| (t, s)))
            {
                let values = measure(text, segmenter).values();
                for (field, value) in FIELDS.iter().zip(values) {
                    let value = value.as_f64();
                    prop_assert!(value.is_finite() && value >= 0.0, "{} is {value}", field.name);
                    if field.kind == FieldKind::Fraction {
                        prop_assert!(value <= 1.0, "{} is {value} of {text:?}", field.name);
                    }
                }
            }
        }

        #[test]
        fn duplicate_ngrams_are_those_of_the_definition(text in "((a|b|ab|ba|long|words) ){0,60}") {
            let words: Vec<&str> = text.split_whitespace().collect();
            let signals = measure(&text, Segmenter::SpacyEn);
            let share = |ngram| duplicated(&words, ngram) as f64 / text.len().max(1) as f64;
            prop_assert!((signals.duplicated_5gram_char_fraction - share(5)).abs() < 1e-12);
            prop_assert!((signals.duplicated_10gram_char_fraction - share(10)).abs() < 1e-12);
        }
    }
}
