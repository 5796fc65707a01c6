//! A text cut into windows of about a hundred words, each read for listed terms and patterns.

use super::lexicon::{HIDDEN_BYTES, LEXICON, Lexicon, is_mask, role};
use super::model::{self, Features};
use super::patterns;
use super::tokens::{HASH_START, Token, Tokens, gap, mix};

/// Words from which a window ends with its sentence.
const WINDOW_WORDS: usize = 100;

/// Words of the longest window.
const MAX_WINDOW_WORDS: usize = 160;

/// Weight of listed terms from which the classifier reads a window of a longer text.
const HOT_WEIGHT: f32 = 0.25;

/// Letters in a row, each a word, that may spell one: `h a t e`.
const SPACED_LETTERS: usize = 3;

/// Letters of the longest spaced word.
const MAX_SPACED_LETTERS: usize = 16;

/// Bytes of a word that may be two words without their space.
const JOINED_BYTES: std::ops::RangeInclusive<usize> = 5..=24;

/// Words of a window in which joined words are looked for.
const JOINED_WINDOW_WORDS: usize = 40;

/// What is known of a window.
pub(super) struct Window<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Token>,
    /// The weights of the English lists' terms, by category.
    pub(super) english: [f32; 3],
    /// The weights of the other lists' terms, by category.
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

    /// What the classifier sees.
    pub(super) fn features(&mut self) -> Features {
        if self.is_whole && self.tokens.len() <= JOINED_WINDOW_WORDS {
            self.split_joined(&LEXICON);
        }
        let evidence = patterns::read(&self.tokens);
        model::features(self.text, &self.tokens, self.english, &evidence)
    }

    /// Undoes digits, signs, stretched letters and spaces that hide listed words.
    fn unmask(&mut self, lexicon: &Lexicon) {
        let bytes = self.text.as_bytes();
        let mut hidden_to = 0;
        for at in 0..self.tokens.len() {
            let token = self.tokens[at];
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
            let written = self.text.get(token.start..end).unwrap_or_default();
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

    /// Joins letters that stand alone and spell a listed word together.
    fn join_spaced(&mut self, lexicon: &Lexicon) {
        let is_single = |token: &Token| token.end - token.start == 1;
        let mut at = 0;
        while at < self.tokens.len() {
            let run = self.tokens[at..].iter().take_while(|token| is_single(token));
            let length = run.take(MAX_SPACED_LETTERS).count();
            let joined = (SPACED_LETTERS..=length).rev().find_map(|length| {
                let letters = &self.tokens[at..at + length];
                let bytes = self.text.as_bytes();
                let written: String = letters
                    .iter()
                    .filter_map(|token| bytes.get(token.start).map(|byte| char::from(*byte)))
                    .collect();
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

    /// Gives a word that is a word of a role and another known word, without the space between
    /// them, the roles of both.
    fn split_joined(&mut self, lexicon: &Lexicon) {
        let strong = role::IDENTITY | role::CONTEMPT | role::LIKENED | role::HATE | role::HARM;
        for token in &mut self.tokens {
            let Some(word) = self.text.get(token.start..token.end) else { continue };
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

/// Whether enough letters stand alone in a row to spell a word.
fn singles_in_a_row(tokens: &[Token]) -> bool {
    tokens.windows(SPACED_LETTERS).any(|row| row.iter().all(|token| token.end - token.start == 1))
}
