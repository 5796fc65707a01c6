//! The classifier for windows of text: a logistic regression on the signals from lists and patterns
//! and on hashed words, word pairs and letter 4-grams. The weights of the hashed features have 8
//! bits.
//!
//! It is trained by `examples/safety_train.rs`, which also names the data. Only the weights are
//! stored, no text.

use std::sync::LazyLock;

use super::lexicon::role;
use super::patterns::Evidence;
use super::tokens::{HASH_START, Token, gap, mix};

/// Binary logarithm of the number of hashed weights.
pub const HASH_BITS: u32 = 18;

/// Length of a letter n-gram; the start and the end of a word count as one letter each.
const GRAM_LETTERS: usize = 4;

/// The letter n-grams of a word are taken from at most this number of bytes.
const WORD_BYTES: usize = 32;

/// Maximum length of a skipped link in bytes, which bounds the time.
const LINK_BYTES: usize = 2048;

/// The names of the signals before the hashed features.
pub const SIGNAL_NAMES: [&str; 17] = [
    "bias",
    "listed_sexual",
    "listed_toxic",
    "listed_profane",
    "hate",
    "insult",
    "threat",
    "contempt",
    "counter",
    "praise",
    "groups",
    "readers",
    "capitals",
    "exclamations",
    "questions",
    "self",
    "length",
];

/// The index of the signal `hate`.
const HATE: usize = 4;

/// The probability that an attack is one if the patterns are certain of it.
const PATTERN_TRUST: f32 = 0.95;

/// Factor for the learned probability if the whole window talks about attacks.
const COUNTER_DISCOUNT: f32 = 0.35;

/// Factor for the learned probability if there is neither a listed term nor a pattern.
const MILD_DISCOUNT: f32 = 0.6;

/// Factor for the learned probability if people use a slur for themselves.
const RECLAIMED_DISCOUNT: f32 = 0.7;

/// Number of bytes of the weights before those of the hashed features: a scale and the weights of
/// the signals.
const FLOAT_BYTES: usize = (1 + SIGNAL_NAMES.len()) * 4;

/// The features of a window of text.
#[derive(Debug, Clone, Default)]
pub struct Features {
    /// The values of the signals in the order of [`SIGNAL_NAMES`], mostly from 0 to 1.
    pub signals: [f32; SIGNAL_NAMES.len()],
    /// The hashes of words and of pairs of words.
    pub words: Vec<u32>,
    /// The hashes of letter n-grams.
    pub grams: Vec<u32>,
    /// Factor for the learned probability: 1, or less in talk about attacks, for reclaimed words
    /// and without any other evidence.
    pub discount: f32,
}

/// The probability that a window is toxic: the learned probability, reduced by the discount, and
/// the attack found by the patterns, combined by a noisy or.
pub fn toxicity(log_odds: f32, features: &Features) -> f32 {
    let learned = features.discount / (1.0 + (-log_odds).exp());
    learned + (1.0 - learned) * features.signals[HATE] * PATTERN_TRUST
}

/// The weights: a scale and the weights of the signals as 32-bit floats, then one byte per hash,
/// all little-endian.
static WEIGHTS: &[u8; FLOAT_BYTES + (1 << HASH_BITS)] = include_bytes!("../../model/safety.bin");

/// The weights as numbers.
struct Model {
    scale: f32,
    signals: [f32; SIGNAL_NAMES.len()],
    /// A signed byte for each hash, to be multiplied by `scale`.
    hashed: &'static [u8],
}

static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let (floats, hashed) = WEIGHTS.split_at(FLOAT_BYTES);
    let float = |at: usize| f32::from_le_bytes(floats.as_chunks::<4>().0[at]);
    Model { scale: float(0), signals: std::array::from_fn(|at| float(1 + at)), hashed }
});

/// The log odds that a reader calls the window toxic.
pub(super) fn log_odds(features: &Features) -> f32 {
    let model = &*MODEL;
    let signals = features.signals.iter().zip(&model.signals);
    let sum_of = |hashes: &[u32]| {
        let sum: i32 =
            hashes.iter().map(|hash| i32::from(model.hashed[*hash as usize] as i8)).sum();
        sum as f32 * model.scale / (hashes.len().max(1) as f32).sqrt()
    };
    let signals: f32 = signals.map(|(value, weight)| value * weight).sum();
    signals + sum_of(&features.words) + sum_of(&features.grams)
}

/// Computes the features of a window from its tokens, the weights of its listed terms and the
/// evidence of the patterns.
pub(super) fn features(
    text: &str,
    tokens: &[Token],
    listed: [f32; 3],
    evidence: &Evidence,
) -> Features {
    let squash = |count: f32| 1.0 - (-count).exp();
    let gaps = |bit: u8| tokens.iter().filter(|token| token.gap & bit != 0).count() as f32;
    let is_loud = |token: &&Token| {
        let word = &text[token.start..token.end];
        word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase())
    };
    let count = tokens.len().max(1) as f32;
    let own = tokens.iter().filter(|token| token.roles & role::SELF != 0).count() as f32;
    let ending = tokens.last().map_or("", |token| &text[token.end..]);
    let ending: &str = ending.get(..4).unwrap_or(ending);
    let exclamations = gaps(gap::EXCLAMATION) + ending.matches('!').count() as f32;
    let questions = gaps(gap::QUESTION) + ending.matches('?').count() as f32;
    let mut features = Features {
        signals: [
            1.0,
            squash(listed[0]),
            squash(listed[1]),
            squash(listed[2]),
            evidence.hate,
            evidence.insult,
            evidence.threat,
            squash(evidence.contempt / 2.0),
            squash(evidence.counter),
            squash(evidence.praise / 2.0),
            squash(evidence.groups),
            squash(evidence.readers / 2.0),
            tokens.iter().filter(is_loud).count() as f32 / count,
            squash(exclamations / 2.0),
            squash(questions),
            squash(own),
            (count / 20.0).min(5.0).ln_1p(),
        ],
        discount: 1.0 - (1.0 - COUNTER_DISCOUNT) * evidence.counter.min(1.0),
        ..Features::default()
    };
    let is_mild = listed.iter().sum::<f32>() <= 0.0
        && evidence.hate.max(evidence.insult).max(evidence.threat) <= 0.0;
    if is_mild {
        features.discount *= MILD_DISCOUNT;
    }
    if evidence.reclaimed {
        features.discount *= RECLAIMED_DISCOUNT;
    }
    hash_words(text, tokens, &mut features);
    features
}

/// Hashes the words, except user names, links and character references, which carry no meaning.
fn hash_words(text: &str, tokens: &[Token], features: &mut Features) {
    let mut previous = HASH_START;
    let mut link_end = 0;
    for token in tokens.iter().filter(|token| token.end > token.start) {
        let bytes = text.as_bytes();
        let word = &bytes[token.start..token.end];
        let is_new = token.start >= link_end;
        if is_new && word.starts_with(b"http") && bytes.get(token.end) == Some(&b':') {
            let rest = &bytes[token.start..bytes.len().min(token.start + LINK_BYTES)];
            let length = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            link_end = token.start + length;
        }
        // The sign before the word shows whether it is a user name or a character reference.
        let sign = token.start.checked_sub(1).map(|at| bytes[at]);
        let is_entity = bytes.get(token.end) == Some(&b';') && matches!(sign, Some(b'&' | b'#'));
        let is_skipped = token.start < link_end
            || sign == Some(b'@')
            || is_entity
            || word.eq_ignore_ascii_case(b"rt");
        if is_skipped {
            continue;
        }
        features.words.push(fold(token.hash));
        features.words.push(fold(previous.rotate_left(5) ^ token.hash.wrapping_mul(3)));
        previous = token.hash;
        hash_grams(word, &mut features.grams);
    }
}

/// Hashes the letter n-grams of a word, including its start and end.
fn hash_grams(word: &[u8], grams: &mut Vec<u32>) {
    let mut letters = [b' '; WORD_BYTES + 2];
    let length = word.len().min(WORD_BYTES);
    for (letter, byte) in letters[1..].iter_mut().zip(&word[..length]) {
        *letter = byte.to_ascii_lowercase();
    }
    for gram in letters[..length + 2].windows(GRAM_LETTERS) {
        grams.push(fold(gram.iter().fold(HASH_START ^ 1, |hash, byte| mix(hash, *byte))));
    }
}

/// A hash as the index of a weight.
fn fold(hash: u64) -> u32 {
    (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - HASH_BITS)) as u32
}
