//! Splits a text into windows of about a hundred words, and finds listed terms and patterns in
//! them.

use super::lexicon::{HIDDEN_BYTES, LEXICON, Lexicon, is_mask, role};
use super::model::{self, Features};
use super::patterns;
use super::tokens::{HASH_START, Token, Tokens, gap, mix};

/// A window with at least this number of words ends with the current sentence.
const WINDOW_WORDS: usize = 100;

/// Maximum number of words in a window.
const MAX_WINDOW_WORDS: usize = 160;

/// In a text of several windows, the classifier reads a window if the total weight of its listed
/// terms is at least this.
const HOT_WEIGHT: f32 = 0.25;

/// Minimum number of single letters in a row that may spell a word, as in `h a t e`.
const SPACED_LETTERS: usize = 3;

/// Maximum number of such letters.
const MAX_SPACED_LETTERS: usize = 16;

/// Length in bytes of words that may be two words without a space between them.
const JOINED_BYTES: std::ops::RangeInclusive<usize> = 5..=24;

/// Joined words are only searched for in windows with at most this number of words.
const JOINED_WINDOW_WORDS: usize = 40;

/// A window and the listed terms in it.
pub(super) struct Window<'a> {
    /// The whole text.
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Token>,
    /// The total weights of the terms from the English list, by category.
    pub(super) english: [f32; 3],
    /// The total weights of the terms from the other lists, by category.
    pub(super) other: [f32; 3],
    /// Whether it is the whole text.
    pub(super) is_whole: bool,
}

/// Calls a function with each window of a text, in order.
pub(super) fn each_window(text: &str, mut visit: impl FnMut(&mut Window<'_>)) {
    let mut window =
        Window { text, tokens: Vec::new(), english: [0.0; 3], other: [0.0; 3], is_whole: false };
    let mut is_first = true;
    for token in Tokens::of(text) {
        let length = window.tokens.len();
        let is_full = length >= WINDOW_WORDS && token.gap & gap::SENTENCE != 0;
        if is_full || length >= MAX_WINDOW_WORDS {
            window.mark();
            visit(&mut window);
            window.tokens.clear();
            is_first = false;
        }
        window.tokens.push(token);
    }
    window.is_whole = is_first;
    window.mark();
    visit(&mut window);
}

impl Window<'_> {
    /// Finds the listed terms and the roles of the words.
    fn mark(&mut self) {
        let lexicon = &*LEXICON;
        (self.english, self.other) = ([0.0; 3], [0.0; 3]);
        self.unmask(lexicon);
        let mut listed_to = 0;
        for at in 0..self.tokens.len() {
            if !lexicon.may_know(self.tokens[at].hash) {
                continue;
            }
            let Some((length, meaning)) = lexicon.mark(&mut self.tokens[at..]) else { continue };
            // A term inside a listed term does not count again.
            if at >= listed_to {
                listed_to = at + length;
                let sums = if meaning.is_english { &mut self.english } else { &mut self.other };
                sums[meaning.category] += meaning.weight;
            }
        }
    }

    /// Whether the classifier has to read the window.
    pub(super) fn is_hot(&self) -> bool {
        if self.is_whole || self.english.iter().sum::<f32>() >= HOT_WEIGHT {
            return true;
        }
        let roles = self.tokens.iter().fold(0, |roles, token| roles | token.roles);
        roles & role::IDENTITY != 0 && roles & (role::HATE | role::CONTEMPT) != 0
    }

    /// The features for the classifier.
    pub(super) fn features(&mut self) -> Features {
        // Every word would have to be split in all ways, so only do this for short texts.
        if self.is_whole && self.tokens.len() <= JOINED_WINDOW_WORDS {
            self.split_joined(&LEXICON);
        }
        let evidence = patterns::read(&self.tokens);
        model::features(self.text, &self.tokens, self.english, &evidence)
    }

    /// Recognizes listed words that are disguised by digits, signs, repeated letters or spaces.
    fn unmask(&mut self, lexicon: &Lexicon) {
        let bytes = self.text.as_bytes();
        let mut hidden_to = 0;
        for at in 0..self.tokens.len() {
            let token = self.tokens[at];
            // The token is the rest of a disguised word, such as the `t` of `sh!t`.
            if token.start < hidden_to {
                self.tokens[at].hash = 0;
                continue;
            }
            let is_masked = bytes.get(token.end).is_some_and(|byte| is_mask(*byte));
            if !is_masked && !token.is_mixed && !token.is_stretched {
                continue;
            }
            let mut end = token.end;
            while end <= token.start + HIDDEN_BYTES
                && bytes.get(end).is_some_and(|byte| is_mask(*byte) || byte.is_ascii_alphanumeric())
            {
                end += 1;
            }
            let written = &self.text[token.start..end];
            // An exclamation mark at the end is a masked letter or just punctuation.
            let whole = written.trim_end_matches('!');
            for written in [written, whole] {
                if let Some(hash) = lexicon.unmask(written) {
                    self.tokens[at].hash = hash;
                    self.tokens[at].end = token.start + written.len();
                    hidden_to = self.tokens[at].end;
                    break;
                }
            }
        }
        if singles_in_a_row(&self.tokens) {
            self.join_spaced(lexicon);
        }
    }

    /// Joins single letters that together spell a listed word.
    fn join_spaced(&mut self, lexicon: &Lexicon) {
        let is_single = |token: &Token| token.end - token.start == 1;
        let mut at = 0;
        while at < self.tokens.len() {
            let run = self.tokens[at..].iter().take_while(|token| is_single(token));
            let length = run.take(MAX_SPACED_LETTERS).count();
            let joined = (SPACED_LETTERS..=length).rev().find_map(|length| {
                let letters = &self.tokens[at..at + length];
                let bytes = self.text.as_bytes();
                let written: String =
                    letters.iter().map(|token| char::from(bytes[token.start])).collect();
                let hash = lexicon.unmask(&written.to_ascii_lowercase())?;
                Some((length, hash))
            });
            let Some((length, hash)) = joined else {
                at += 1;
                continue;
            };
            self.tokens[at].hash = hash;
            self.tokens[at].end = self.tokens[at + length - 1].end;
            self.tokens.drain(at + 1..at + length);
            at += 1;
        }
    }

    /// Gives a word that consists of two known words without a space between them the roles of
    /// both.
    fn split_joined(&mut self, lexicon: &Lexicon) {
        let strong = role::IDENTITY | role::CONTEMPT | role::LIKENED | role::HATE | role::HARM;
        for token in &mut self.tokens {
            let word = &self.text[token.start..token.end];
            let is_candidate = token.roles == 0
                && JOINED_BYTES.contains(&word.len())
                && word.bytes().all(|byte| byte.is_ascii_alphabetic());
            if !is_candidate || lexicon.word(token.hash).is_some() {
                continue;
            }
            let bytes = word.as_bytes();
            let roles_of = |part: &[u8]| {
                let lower = part.iter().map(u8::to_ascii_lowercase);
                lexicon.word(lower.fold(HASH_START, mix)).map_or(0, |entry| entry.roles)
            };
            for at in 1..bytes.len() - 1 {
                let (left, right) = (roles_of(&bytes[..at]), roles_of(&bytes[at..]));
                let is_long = (left & strong != 0 && at >= 4)
                    || (right & strong != 0 && bytes.len() - at >= 4);
                if left != 0 && right != 0 && is_long {
                    token.roles |= left | right;
                    break;
                }
            }
        }
    }
}

/// Whether there are enough single letters in a row to spell a word.
fn singles_in_a_row(tokens: &[Token]) -> bool {
    tokens.windows(SPACED_LETTERS).any(|row| row.iter().all(|token| token.end - token.start == 1))
}
