//! Character n-grams of the words of a text, as 64-bit hashes: the features of the model.

use std::ops::Range;

use super::script::{self, Role, SCRIPTS, Script};

/// The longest n-gram, with the marks of a word's start and end counted as characters. Five, as in
/// most work on language identification since Cavnar and Trenkle, N-Gram-Based Text
/// Categorization, 1994.
const LONGEST_GRAM: usize = 5;

/// Words above this length are names of files, hashes or other machine text; Thai, Chinese and
/// their like have no spaces, so that a longer run is cut there rather than left out.
const WORD_CHARACTERS_MAX: usize = 40;

/// Letters that may be left out for each that is not.
const LEFT_OUT_MAX: usize = 4;

/// Stands before the first and after the last character of a word: no letter.
const EDGE: char = ' ';

/// Marks the hash of a whole word, which differs from that of an n-gram of the same characters.
const WHOLE: u64 = 1 << 40;

/// Multiplier of the hash, that of FxHash: odd, its bits without a pattern.
const MULTIPLIER: u64 = 0x517c_c1b7_2722_0a95;

/// The words of a text in lower case, and how much of the text is in which script.
#[derive(Debug)]
pub(super) struct Words {
    /// All words one after the other, each between two edges.
    characters: Vec<char>,
    /// Where in `characters` a word with its edges is, and its script.
    ranges: Vec<(Range<u32>, Script)>,
    /// Letters of each script times their weight.
    weights: [usize; SCRIPTS],
    /// Letters of words that were left out.
    left_out: usize,
}

impl Words {
    /// No words.
    pub(super) fn new() -> Self {
        Self { characters: Vec::new(), ranges: Vec::new(), weights: [0; SCRIPTS], left_out: 0 }
    }

    /// Splits a text where the script changes or a character is no letter. Latin words that look
    /// like code are left out, unless nothing else is there.
    pub(super) fn push(&mut self, text: &str) {
        let before = self.ranges.len();
        self.split(text, true);
        if self.ranges.len() == before {
            self.split(text, false);
        }
    }

    /// Whether so much was left out that it will not have been code: text with a tag at each word
    /// or with slashes for spaces.
    pub(super) fn is_mostly_left_out(&self) -> bool {
        self.weights.iter().sum::<usize>() * LEFT_OUT_MAX < self.left_out
    }

    /// Splits a text as `push` does, but leaves nothing out.
    pub(super) fn push_all(&mut self, text: &str) {
        self.split(text, false);
    }

    fn split(&mut self, text: &str, skips_code: bool) {
        let mut word: Option<Word> = None;
        for (place, character) in text.char_indices() {
            let current = word.as_ref().map(|word| word.script);
            let role = script::role(character);
            let ((Role::Letter(script), _) | (Role::Mark, Some(script))) = (role, current) else {
                self.end(&mut word, text, place, skips_code);
                continue;
            };
            let fits = word.as_ref().is_some_and(|word| {
                word.script == script && self.characters.len() - word.start <= WORD_CHARACTERS_MAX
            });
            if !fits {
                self.end(&mut word, text, place, skips_code);
                word = Some(Word { place, start: self.characters.len(), script, letters: 0 });
                self.characters.push(EDGE);
            }
            if let Some(word) = &mut word {
                word.letters += 1;
            }
            push_lower(&mut self.characters, character);
        }
        self.end(&mut word, text, text.len(), skips_code);
    }

    /// Ends the word that is being read, if any, before the byte `end` of its text.
    fn end(&mut self, word: &mut Option<Word>, text: &str, end: usize, skips_code: bool) {
        let Some(word) = word.take() else { return };
        let (before, after) = (&text.as_bytes()[..word.place], &text.as_bytes()[end..]);
        if skips_code && word.script == Script::Latin && is_code(before, after) {
            self.characters.truncate(word.start);
            self.left_out += word.letters;
            return;
        }
        self.characters.push(EDGE);
        self.ranges.push((word.start as u32..self.characters.len() as u32, word.script));
        self.weights[word.script as usize] += word.letters * word.script.weight();
    }

    /// The script that most of the text is in, and its share of all letters: both by weight.
    pub(super) fn script(&self) -> Option<(Script, f32)> {
        let total: usize = self.weights.iter().sum();
        let mut weights = self.weights;
        // Japanese is written with Han and kana; Chinese has no kana but in names and quotations.
        let (han, kana) = (weights[Script::Han as usize], weights[Script::Kana as usize]);
        if kana * 8 >= han {
            weights[Script::Kana as usize] += han;
            weights[Script::Han as usize] = 0;
        }
        let heaviest = script::ALL.into_iter().max_by_key(|&script| weights[script as usize])?;
        let weight = weights[heaviest as usize];
        if weight == 0 {
            return None;
        }
        Some((heaviest, weight as f32 / total as f32))
    }

    /// Calls `visit` with the hash of every n-gram of 1 to 5 characters of every word of a script,
    /// and with the hash of every word that is longer than that.
    pub(super) fn grams(&self, script: Script, mut visit: impl FnMut(u64)) {
        for (range, _) in self.ranges.iter().filter(|&&(_, other)| other == script) {
            let word = &self.characters[range.start as usize..range.end as usize];
            for start in 0..word.len() - 1 {
                let mut hash = 0;
                for (index, &character) in word[start..].iter().take(LONGEST_GRAM).enumerate() {
                    hash = mix(hash, character as u64);
                    // The edge alone says nothing.
                    if index > 0 || start > 0 {
                        visit(hash);
                    }
                }
            }
            if word.len() > LONGEST_GRAM {
                visit(word.iter().fold(WHOLE, |hash, &character| mix(hash, character as u64)));
            }
        }
    }
}

/// A word that is being read.
struct Word {
    /// Byte of the text where it starts.
    place: usize,
    /// Where its characters start, with the edge.
    start: usize,
    script: Script,
    letters: usize,
}

/// Whether a word between two parts of a text belongs to an address, the name of a file or a
/// function, a number or mark-up: their words are English or nobody's in texts of all languages.
fn is_code(before: &[u8], after: &[u8]) -> bool {
    let sign = |byte: u8| {
        byte.is_ascii_digit() || matches!(byte, b'_' | b'/' | b'\\' | b'@' | b'=' | b'<' | b'>')
    };
    let starts = match before {
        [.., other, b'.'] => other.is_ascii_alphanumeric(),
        [.., b'-', b'-'] | [.., b'#' | b'$' | b'%' | b'&'] => true,
        [.., last] => sign(*last),
        [] => false,
    };
    starts
        || match after {
            [b'.', other, ..] => other.is_ascii_alphanumeric(),
            [b':', b'/' | b':', ..] | [b'(' | b'$', ..] => true,
            [next, ..] => sign(*next),
            [] => false,
        }
}

/// One step of the hash.
fn mix(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(5) ^ value).wrapping_mul(MULTIPLIER)
}

/// Lower case of a character, which may be more than one.
fn push_lower(characters: &mut Vec<char>, character: char) {
    if character.is_ascii() {
        characters.push(character.to_ascii_lowercase());
    } else {
        characters.extend(character.to_lowercase());
    }
}
