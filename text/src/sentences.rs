//! Sentences as found by spaCy's sentencizer after its English tokenizer. Datatrove 0.10 counts
//! them for the rules of C4.
//!
//! A sentence ends with a token that is one of 128 marks (`.`, `!`, `?`, `。` …) and any punctuation
//! tokens that follow it. The next token starts a new sentence. White space other than a single
//! space is a token too, so a line break after a full stop starts a separate sentence.
//!
//! ```
//! use text::sentences::sentences;
//!
//! assert_eq!(sentences("Stop! Dr. Who (again?) left"), ["Stop!", " Dr. Who (again?)", " left"]);
//! ```

use crate::words::Segmenter;
use crate::words::classes::{Classes, PUNCTUATION, SENTENCE_END, strip};

/// The sentences of a text: slices that together make up the whole text, so white space between two
/// sentences belongs to the second one. A text of white space alone has no sentences.
pub fn sentences(text: &str) -> Vec<&str> {
    if strip(text).is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut start = 0;
    for_each_end(text, |end| {
        found.push(&text[start..end]);
        start = end;
    });
    found.push(&text[start..]);
    found
}

/// The number of [`sentences`].
pub fn count(text: &str) -> usize {
    if strip(text).is_empty() {
        return 0;
    }
    let mut ends = 0;
    for_each_end(text, |_| ends += 1);
    ends + 1
}

/// Calls `call` with the end of every sentence except the last.
fn for_each_end(text: &str, mut call: impl FnMut(usize)) {
    let classes = Classes::get();
    let mut is_ended = false;
    let mut end = 0;
    for token in Segmenter::SpacyEn.segment(text) {
        let start = token.as_ptr() as usize - text.as_ptr() as usize;
        let mut characters = token.chars();
        let is_mark = characters
            .next()
            .is_some_and(|first| classes.is(first, SENTENCE_END) && characters.next().is_none());
        if is_ended {
            // White space that spaCy makes a token: any but a single space.
            let is_behind_space_token = !matches!(&text[end..start], "" | " ");
            let is_punctuation =
                is_mark || token.chars().all(|character| classes.is(character, PUNCTUATION));
            if is_behind_space_token || !is_punctuation {
                call(end);
                is_ended = false;
            }
        }
        is_ended |= is_mark;
        end = start + token.len();
    }
    if is_ended && !matches!(&text[end..], "" | " ") {
        call(end);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sentences_and_what_is_between_them() {
        let check = |text, expected: &[&str]| {
            assert_eq!(sentences(text), expected);
            assert_eq!(count(text), expected.len());
        };
        check("One. Two! (Three?) four", &["One.", " Two! (", "Three?)", " four"]);
        check("He said 'Go.' Dr. Who e.g. this", &["He said 'Go.'", " Dr. Who e.g. this"]);
        check("End.\n", &["End.", "\n"]);
        check("End.  Next… not", &["End.", "  Next… not"]);
        check(" \n", &[]);
    }

    proptest! {
        #[test]
        fn sentences_are_the_text(text in "[ab .!?)'\n。]{0,40}|\\PC{0,40}") {
            let found = sentences(&text);
            prop_assert_eq!(found.len(), count(&text));
            if !found.is_empty() {
                prop_assert_eq!(found.concat(), text);
            }
        }
    }
}
