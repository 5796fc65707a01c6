//! The classifier of short texts: a logistic regression on hashed words, pairs of words and letter
//! 4-grams beside the signals of the patterns, with weights of 8 bits.
//!
//! `examples/safety_train.rs` trains it and says on what; the weights are all that is kept.

use std::sync::LazyLock;

use super::lexicon::role;
use super::patterns::Evidence;
use super::tokens::{HASH_START, Token, gap, mix};

/// Binary logarithm of the number of hashed weights.
pub const HASH_BITS: u32 = 18;

/// Letters of a letter n-gram; a word's start and end count as one each.
const GRAM_LETTERS: usize = 4;

/// Bytes of a word that are cut into letter n-grams.
const WORD_BYTES: usize = 32;

/// Bytes of the longest link that is skipped.
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

/// How often an attack that the patterns are sure of is one.
const PATTERN_TRUST: f32 = 0.95;

/// What is left of the learned probability when a whole window talks about attacks.
const COUNTER_DISCOUNT: f32 = 0.35;

/// What is left of the learned probability when neither a listed term nor a pattern bears it out.
const MILD_DISCOUNT: f32 = 0.6;

/// What is left of the learned probability when a slur is used of oneself.
const RECLAIMED_DISCOUNT: f32 = 0.7;

/// What the classifier sees of a window of text.
#[derive(Debug, Clone, Default)]
pub struct Features {
    /// One value a signal, in the order of [`SIGNAL_NAMES`], about 0 to 1 each.
    pub signals: [f32; SIGNAL_NAMES.len()],
    /// The hashes of words and pairs of words.
    pub words: Vec<u32>,
    /// The hashes of letter n-grams.
    pub grams: Vec<u32>,
    /// What is left of the learned probability in talk about attacks and in reclaimed words.
    pub discount: f32,
}

/// The probability that a window is toxic: the learned one, discounted where bad words are only
/// talked about, and beside it the attack that the patterns see, by a noisy or.
pub fn toxicity(log_odds: f32, features: &Features) -> f32 {
    let learned = features.discount / (1.0 + (-log_odds).exp());
    learned + (1.0 - learned) * features.signals[HATE] * PATTERN_TRUST
}

/// The weights: a scale and the signals' weights as 32-bit floats, then one byte a hash, all little
/// endian.
static WEIGHTS: &[u8] = include_bytes!("../../model/safety.bin");

/// The weights as numbers.
struct Model {
    scale: f32,
    signals: [f32; SIGNAL_NAMES.len()],
    hashed: &'static [u8],
}

static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let (floats, _) = WEIGHTS.as_chunks::<4>();
    let mut floats = floats.iter().map(|bytes| f32::from_le_bytes(*bytes));
    let scale = floats.next().unwrap_or_default();
    let signals = std::array::from_fn(|_| floats.next().unwrap_or_default());
    let hashed = WEIGHTS.get((1 + SIGNAL_NAMES.len()) * 4..).unwrap_or_default();
    Model { scale, signals, hashed }
});

/// The log odds that a reader calls the text toxic.
pub(super) fn log_odds(features: &Features) -> f32 {
    let model = &*MODEL;
    let signals = features.signals.iter().zip(&model.signals);
    let sum_of = |hashes: &[u32]| {
        let sum: i32 = hashes
            .iter()
            .map(|hash| model.hashed.get(*hash as usize).map_or(0, |byte| i32::from(*byte as i8)))
            .sum();
        sum as f32 * model.scale / (hashes.len().max(1) as f32).sqrt()
    };
    let signals: f32 = signals.map(|(value, weight)| value * weight).sum();
    signals + sum_of(&features.words) + sum_of(&features.grams)
}

/// The features of a window: its tokens, the weights of its listed terms and its patterns.
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

/// Hashes the words that carry meaning: names of users, links and entities do not.
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

/// Hashes the letter n-grams of a word with its ends.
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
