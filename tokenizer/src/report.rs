//! How well a vocabulary, and the smaller ones cut from it, encode a source. The word counts of the
//! source suffice; no text is encoded again.
//!
//! A trained token comes from exactly one merge, and merges apply in their order. So with only the
//! first merges, the tokens of a word are those of the whole vocabulary, with each later token
//! split into the two that it was merged from. The uses of each token therefore give the uses of
//! each merge, and these give the number of tokens for every vocabulary size.

use crate::{Encoder, Tokenizer};

/// A token with more bytes than this is [`Oddity::Long`]: longer than almost any word of any
/// language.
const LONG_TOKEN_BYTES: usize = 32;

/// A token that repeats one character this many times is [`Oddity::Repeated`].
const REPEATED_CHARACTERS: usize = 8;

/// How well a vocabulary of some size encodes a source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Efficiency {
    /// The number of tokens in the vocabulary.
    pub vocab_size: usize,
    /// The number of tokens in the encoded source.
    pub tokens: u64,
    /// Bytes of the source per token; 0 for a source without text.
    pub bytes_per_token: f64,
    /// Tokens per word: the fertility (Rust et al. 2021, section 3.2). A word is a piece that
    /// contains a letter. 0 for a source without words.
    pub tokens_per_word: f64,
}

/// The efficiency of a tokenizer on one source or language.
#[derive(Debug)]
pub struct SourceReport<'t> {
    tokenizer: &'t Tokenizer,
    encoder: Encoder,
    ids: Vec<u32>,
    bytes: u64,
    words: u64,
    /// The uses of each token, by id: in all pieces, and in words.
    uses: Vec<[u64; 2]>,
}

impl<'t> SourceReport<'t> {
    /// A report without words; [`SourceReport::add_word`] adds them.
    pub fn new(tokenizer: &'t Tokenizer) -> Self {
        Self {
            tokenizer,
            encoder: Encoder::for_length(tokenizer, 0),
            ids: Vec::new(),
            bytes: 0,
            words: 0,
            uses: vec![[0; 2]; tokenizer.vocab_size()],
        }
    }

    /// Adds a piece of text that occurs `count` times, as in a count file. Sums saturate at
    /// [`u64::MAX`].
    pub fn add_word(&mut self, word: &[u8], count: u64) {
        let is_word = String::from_utf8_lossy(word).chars().any(char::is_alphabetic);
        self.bytes = self.bytes.saturating_add(count.saturating_mul(word.len() as u64));
        self.words = self.words.saturating_add(if is_word { count } else { 0 });
        self.ids.clear();
        self.encoder.encode_word(word, &mut self.ids);
        for &id in &self.ids {
            let [all, in_words] = &mut self.uses[id as usize];
            *all = all.saturating_add(count);
            *in_words = in_words.saturating_add(if is_word { count } else { 0 });
        }
    }

    /// The number of bytes of the source.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How often the source uses each token of the whole vocabulary, by id.
    pub fn uses(&self) -> impl Iterator<Item = u64> {
        self.uses.iter().map(|&[all, _]| all)
    }

    /// The efficiency of the whole vocabulary.
    pub fn whole(&self) -> Efficiency {
        let total = |at: usize| self.uses.iter().map(|uses| uses[at]).fold(0, u64::saturating_add);
        self.efficiency(self.tokenizer.vocab_size(), [total(0), total(1)])
    }

    /// The efficiency at each of `vocab_sizes`, to which [`Tokenizer::cut_to`] would cut the
    /// vocabulary. Sizes that it would refuse are skipped; these are all sizes if training did not
    /// make the vocabulary.
    pub fn at_sizes(&self, vocab_sizes: &[usize]) -> Vec<Efficiency> {
        let Some(rules) = self.tokenizer.trained_rules() else { return Vec::new() };
        let smallest = self.tokenizer.vocab_size() - rules.len();
        let mut uses = self.uses.clone();
        // How often each merge is applied, from the last one to the first, because the tokens of
        // later merges contain those of earlier ones.
        let mut applied: Vec<[u64; 2]> = Vec::with_capacity(rules.len());
        for &((left, right), token) in rules.iter().rev() {
            let here = uses[token as usize];
            for part in [left, right] {
                for (sum, count) in uses[part as usize].iter_mut().zip(here) {
                    *sum = sum.saturating_add(count);
                }
            }
            applied.push(here);
        }
        let [mut all, mut in_words] =
            [0, 1].map(|at| self.uses.iter().map(|uses| uses[at]).fold(0, u64::saturating_add));
        let mut tokens = vec![[all, in_words]];
        for [more, more_in_words] in applied {
            all = all.saturating_add(more);
            in_words = in_words.saturating_add(more_in_words);
            tokens.push([all, in_words]);
        }
        let known = |&size: &usize| {
            let cut = self.tokenizer.vocab_size().checked_sub(size)?;
            (size >= smallest).then(|| self.efficiency(size, tokens[cut]))
        };
        vocab_sizes.iter().filter_map(known).collect()
    }

    fn efficiency(&self, vocab_size: usize, [tokens, in_words]: [u64; 2]) -> Efficiency {
        let ratio = |of: u64, by: u64| if by == 0 { 0.0 } else { of as f64 / by as f64 };
        Efficiency {
            vocab_size,
            tokens,
            bytes_per_token: ratio(self.bytes, tokens),
            tokens_per_word: ratio(in_words, self.words),
        }
    }
}

/// Why a token is odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Oddity {
    /// Its bytes are not whole characters.
    PartialCharacters,
    /// It contains a control character other than a tab or the end of a line.
    Control,
    /// It repeats one character eight times or more.
    Repeated,
    /// It has more than 32 bytes.
    Long,
}

impl Tokenizer {
    /// The odd tokens of two bytes or more, by id, each with the first [`Oddity`] that applies.
    /// Added tokens are skipped.
    pub fn odd_tokens(&self) -> Vec<(u32, Oddity)> {
        let tokens = self.model().ordinary_tokens().filter(|(_, bytes)| bytes.len() > 1);
        tokens.filter_map(|(id, bytes)| Some((id, oddity(bytes)?))).collect()
    }
}

fn oddity(bytes: &[u8]) -> Option<Oddity> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Some(Oddity::PartialCharacters) };
    let first = text.chars().next()?;
    let control = |letter: char| letter.is_control() && !matches!(letter, '\t' | '\n' | '\r');
    if text.chars().any(control) {
        Some(Oddity::Control)
    } else if text.chars().count() >= REPEATED_CHARACTERS && text.chars().all(|next| next == first)
    {
        Some(Oddity::Repeated)
    } else {
        (bytes.len() > LONG_TOKEN_BYTES).then_some(Oddity::Long)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Profile, Split, TrainConfig, WordCounts, train};

    const TEXT: &str = "the lower low lowest newest naïve naïveté 日本語の日本 12345 ---------- \n\
        the newer, the lower; the widest wide low low lower lower";

    #[test]
    fn smaller_vocabularies_are_those_of_training_and_of_the_report() {
        for profile in Profile::ALL {
            let mut counts = WordCounts::new();
            counts.add_text(Split::Gpt4, TEXT);
            let config = TrainConfig {
                vocab_size: 300,
                min_frequency: 0,
                profile,
                ..TrainConfig::default()
            };
            let whole = train(&counts, &config, &mut |_, _| {}).unwrap();
            let mut report = SourceReport::new(&whole);
            WordCounts::for_each_of(std::slice::from_ref(&counts), |word, count| {
                report.add_word(word, count);
            });
            let sizes: Vec<usize> = (250..310).collect();
            let found = report.at_sizes(&sizes);
            assert_eq!(found.len(), whole.vocab_size() - 256, "{profile}");
            assert_eq!(found.last(), Some(&report.whole()));
            for efficiency in found {
                let vocab_size = efficiency.vocab_size;
                let cut = whole.cut_to(vocab_size).unwrap();
                let config = TrainConfig { vocab_size, ..config.clone() };
                let trained = train(&counts, &config, &mut |_, _| {}).unwrap();
                assert_eq!(cut.to_json(), trained.to_json());
                let count = |text| {
                    let mut ids = Vec::new();
                    cut.encode(text, &mut ids);
                    ids.len()
                };
                assert_eq!(efficiency.tokens, count(TEXT) as u64, "{profile} {vocab_size}");
                let words: Vec<&str> = Split::Gpt4
                    .pieces(TEXT)
                    .filter(|piece| piece.chars().any(char::is_alphabetic))
                    .collect();
                let tokens: usize = words.iter().map(|word| count(word)).sum();
                let expected = tokens as f64 / words.len() as f64;
                assert!((efficiency.tokens_per_word - expected).abs() < 1e-12);
            }
            assert!(whole.cut_to(256).is_err() && whole.cut_to(301).is_err());
        }
    }

    #[test]
    fn bytes_without_a_token_are_not_counted() {
        let plain = train(&WordCounts::new(), &TrainConfig::default(), &mut |_, _| {}).unwrap();
        let mut file: serde_json::Value = serde_json::from_str(&plain.to_json()).unwrap();
        // The spelling of the byte 0xc0.
        file["model"]["vocab"].as_object_mut().unwrap().remove("À").unwrap();
        let tokenizer = Tokenizer::from_json(&file.to_string()).unwrap();
        let mut report = SourceReport::new(&tokenizer);
        report.add_word(b"a\xc0", 3);
        assert_eq!((report.whole().tokens, report.bytes()), (3, 6));
    }

    #[test]
    fn odd_tokens_are_named() {
        assert_eq!(oddity("naïve".as_bytes()), None);
        assert_eq!(oddity(b" na\xc3"), Some(Oddity::PartialCharacters));
        assert_eq!(oddity(b"a\0"), Some(Oddity::Control));
        assert_eq!(oddity("--------".as_bytes()), Some(Oddity::Repeated));
        assert_eq!(oddity("ab".repeat(17).as_bytes()), Some(Oddity::Long));
    }
}
