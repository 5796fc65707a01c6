//! Shingles: hashes of the sequences of n consecutive words of a text.

use super::folding;
use super::mix::{GOLDEN, fold};
use super::word_hash::{CASE, hash_word};
use crate::runs::for_each_run;
use crate::words::words;

/// Only this many bytes of a text are used. A word and its separator are at least two bytes, so the
/// hashes of the words take at most 128 MiB.
const MAX_TEXT_BYTES: usize = 32 << 20;

/// The base of the polynomial that combines the hashes of words. It is odd, so multiplying by it
/// loses no bits.
const BASE: u64 = 0xD6E8_FEB8_6659_FD93;

/// The hash of `0`, which stands for every number.
fn number_hash() -> u64 {
    hash_word(b"0", 0, 1, 0)
}

/// The part of a text that is used.
pub(super) fn counted(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}

/// Writes the hashes of a text's words into `hashes`. Words are runs of letters and digits, without
/// case and accents, and numbers become `0`; see [`folding`].
pub(super) fn hash_folded_words(text: &str, hashes: &mut Vec<u64>) {
    hashes.clear();
    let bytes = text.as_bytes();
    let number = number_hash();
    for_each_run(bytes, |start, end, is_special| {
        if !is_special {
            hashes.push(hash_word(bytes, start, end, CASE));
        } else if bytes[start..end].iter().all(u8::is_ascii_digit) {
            hashes.push(number);
        } else {
            // A run has ASCII characters around it, so it is cut at character boundaries.
            folding::for_each_word(&text[start..end], |hash| hashes.push(hash));
        }
    });
}

/// Writes the hashes of the [`words`] of a [simplified](crate::normalise::simplify) text into
/// `hashes`. Such a text has only spaces, ASCII letters, `0` and non-ASCII characters.
pub(super) fn hash_simplified_words(simplified: &str, hashes: &mut Vec<u64>) {
    hashes.clear();
    let bytes = simplified.as_bytes();
    for_each_run(bytes, |start, end, is_special| {
        if !is_special || bytes[start..end].is_ascii() {
            hashes.push(hash_word(bytes, start, end, 0));
        } else {
            let words = words(&simplified[start..end]);
            hashes.extend(words.map(|word| hash_word(word.as_bytes(), 0, word.len(), 0)));
        }
    });
}

/// Replaces the hashes of words by those of the sequences of `ngram_words` consecutive words: a
/// rolling polynomial, which is then mixed. If there are fewer words, nothing is left.
pub(super) fn join_words(hashes: &mut Vec<u64>, ngram_words: usize) {
    let Some(count) = (hashes.len() + 1).checked_sub(ngram_words).filter(|count| *count > 0) else {
        hashes.clear();
        return;
    };
    let oldest_weight = (0..ngram_words).fold(1_u64, |power, _| power.wrapping_mul(BASE));
    // The result is written into the same vector: the place of a word that has left the window.
    let mut rolling = hashes[..ngram_words - 1].iter().fold(0_u64, |sum, hash| roll(sum, *hash));
    let mut oldest = 0_u64;
    for first in 0..count {
        rolling = roll(rolling, hashes[first + ngram_words - 1])
            .wrapping_sub(oldest.wrapping_mul(oldest_weight));
        oldest = std::mem::replace(&mut hashes[first], fold(rolling ^ BASE, GOLDEN));
    }
    hashes.truncate(count);
}

/// Appends the hash of a word to a polynomial.
#[inline]
fn roll(sum: u64, hash: u64) -> u64 {
    sum.wrapping_mul(BASE).wrapping_add(hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::normalise::simplify;

    proptest! {
        #[test]
        fn shingles_are_those_of_their_words(
            words in prop::collection::vec(0_u64..4, 0..20),
            ngram_words in 1_usize..7,
        ) {
            let mut all = words.clone();
            join_words(&mut all, ngram_words);
            let alone = |window: &[u64]| {
                let mut hashes = window.to_vec();
                join_words(&mut hashes, ngram_words);
                hashes[0]
            };
            prop_assert_eq!(all, words.windows(ngram_words).map(alone).collect::<Vec<_>>());
        }

        #[test]
        fn words_of_simplified_text_are_words(
            any in any::<String>(),
            likely in "([A-Za-z]{1,9}|[0-9]|é|中|ไท|\u{301}|’|'| ){0,40}",
        ) {
            for text in [any, likely] {
                let simplified = simplify(&text);
                let mut hashes = Vec::new();
                hash_simplified_words(&simplified, &mut hashes);
                let hash = |word: &str| hash_word(word.as_bytes(), 0, word.len(), 0);
                prop_assert_eq!(hashes, words(&simplified).map(hash).collect::<Vec<_>>());
            }
        }

        #[test]
        fn folding_ascii_gives_the_same_words(text in "([A-Za-z]{1,40}|[0-9]{1,4}| |-){0,30}") {
            let (mut by_runs, mut by_characters) = (Vec::new(), Vec::new());
            hash_folded_words(&text, &mut by_runs);
            folding::for_each_word(&text, |hash| by_characters.push(hash));
            prop_assert_eq!(by_runs, by_characters);
        }
    }
}
