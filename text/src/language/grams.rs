//! The features of the model: character n-grams of the words of a text, as 64-bit hashes.

use std::ops::Range;

use super::script::{self, Role, SCRIPTS, Script};

/// Maximum length of an n-gram; the marks of a word's start and end count as characters. Five, as
/// in most work on language identification since Cavnar and Trenkle 1994, "N-Gram-Based Text
/// Categorization".
const LONGEST_GRAM: usize = 5;

/// Longer words are cut into pieces of this length. They are file names, hashes and the like, or
/// text of a script without spaces, such as Thai or Chinese, which must not be skipped.
const WORD_CHARACTERS_MAX: usize = 40;

/// If more letters than this are skipped per kept one, the skipped words are probably not code.
const SKIPPED_MAX: usize = 4;

/// Marks the start and the end of a word. It is not a letter.
const EDGE: char = ' ';

/// Start value for the hash of a whole word, so that it differs from the hash of an n-gram of the
/// same characters.
const WHOLE: u64 = 1 << 40;

/// Multiplier of the hash, taken from FxHash: it is odd, and its bits have no pattern.
const MULTIPLIER: u64 = 0x517c_c1b7_2722_0a95;

/// The words of a text in lower case, and how much of the text is in which script.
#[derive(Debug)]
pub(super) struct Words {
    /// All words, concatenated, each with an edge on both sides.
    characters: Vec<char>,
    /// The range of each word in `characters`, including its edges, and its script.
    ranges: Vec<(Range<u32>, Script)>,
    /// Number of letters of each script, multiplied by their weight.
    weights: [usize; SCRIPTS],
    /// Number of letters in words that were skipped.
    skipped: usize,
}

impl Words {
    /// No words.
    pub(super) fn new() -> Self {
        Self { characters: Vec::new(), ranges: Vec::new(), weights: [0; SCRIPTS], skipped: 0 }
    }

    /// Splits a text into words, where the script changes or a character is not a letter. Latin
    /// words that look like code are skipped, unless there are no others.
    pub(super) fn push(&mut self, text: &str) {
        let before = self.ranges.len();
        self.split(text, true);
        if self.ranges.len() == before {
            self.split(text, false);
        }
    }

    /// Whether so much was skipped that it is probably not code, but text with a tag at each word
    /// or with slashes instead of spaces.
    pub(super) fn is_mostly_skipped(&self) -> bool {
        self.weights.iter().sum::<usize>() * SKIPPED_MAX < self.skipped
    }

    /// Like [`Words::push`], but skips nothing.
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

    /// Ends the current word, if any, before the byte `end` of its text.
    fn end(&mut self, word: &mut Option<Word>, text: &str, end: usize, skips_code: bool) {
        let Some(word) = word.take() else { return };
        let (before, after) = (&text.as_bytes()[..word.place], &text.as_bytes()[end..]);
        if skips_code && word.script == Script::Latin && is_code(before, after) {
            self.characters.truncate(word.start);
            self.skipped += word.letters;
            return;
        }
        self.characters.push(EDGE);
        self.ranges.push((word.start as u32..self.characters.len() as u32, word.script));
        self.weights[word.script as usize] += word.letters * word.script.weight();
    }

    /// The script of most letters and its share of all letters, both by weight.
    pub(super) fn script(&self) -> Option<(Script, f32)> {
        let total: usize = self.weights.iter().sum();
        let mut weights = self.weights;
        // Japanese is written in Han and kana, but Chinese has kana only in names and quotations.
        // So from one kana in nine characters on, the Han characters count as Japanese.
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
                    // An edge alone carries no information.
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

/// The word that is currently read.
struct Word {
    /// Its first byte in the text.
    place: usize,
    /// Its start in [`Words::characters`], including the edge.
    start: usize,
    script: Script,
    letters: usize,
}

/// Whether a word belongs to an address, the name of a file or function, a number or markup,
/// judging by the text before and after it. In texts of all languages such words are English or not
/// a language at all.
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

/// Adds a value to a hash.
fn mix(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(5) ^ value).wrapping_mul(MULTIPLIER)
}

/// Appends the lower case of a character, which can be several characters.
fn push_lower(characters: &mut Vec<char>, character: char) {
    if character.is_ascii() {
        characters.push(character.to_ascii_lowercase());
    } else {
        characters.extend(character.to_lowercase());
    }
}
