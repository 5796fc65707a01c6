//! Training: from word counts to a tokenizer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::alphabet;
use crate::learn::{
    FirstOccurrence, GreatestBytes, Limits, LowestIds, Spellings, Symbol, Words, learn,
};
use crate::merges::{MergeTable, Pair};
use crate::model::{AddedToken, Model};
use crate::tokenizer::Tokenizer;
use crate::vocabulary::{MAX_VOCAB_SIZE, Vocabulary};
use crate::{Profile, Split, TokenizerError, WordCounts};

/// The settings of training, as in the section `[tokenizer]` of a recipe. A setting that is not
/// given has its default.
///
/// ```
/// use tokenizer::{Profile, TrainConfig};
///
/// let config: TrainConfig = serde_json::from_str(r#"{"vocab_size": 4096, "profile": "cs336"}"#)?;
/// assert_eq!((config.vocab_size, config.profile), (4096, Profile::Cs336));
/// assert_eq!(config.min_frequency, 2);
/// config.validate()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// The number of tokens to train, including the special tokens and the 256 bytes; 32,768 by
    /// default. There are fewer if the words run out of pairs.
    pub vocab_size: usize,
    /// How text is split into words, `gpt4` by default. It is written into the tokenizer.
    pub split: Split,
    /// The lowest count at which a pair becomes a token; 2 by default. Hugging Face's default is 0,
    /// which takes every pair that occurs.
    pub min_frequency: u64,
    /// A pair that a merge creates becomes a token only if it has fewer bytes than this; no limit
    /// by default. Pairs of two single bytes are always allowed. This is exactly Hugging Face's
    /// rule.
    pub max_token_length: Option<usize>,
    /// The special tokens, `<|endoftext|>` by default; the first one ends each document. They get
    /// the first ids in this order, or the last ids if the profile says so.
    pub special_tokens: Vec<String>,
    /// Which trainer's order of equally frequent pairs and of ids is used: `hf` (the default),
    /// `rustbpe`, `minbpe` or `cs336`.
    pub profile: Profile,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            vocab_size: 32_768,
            split: Split::default(),
            min_frequency: 2,
            max_token_length: None,
            special_tokens: vec!["<|endoftext|>".into()],
            profile: Profile::default(),
        }
    }
}

impl TrainConfig {
    /// Checks everything about the settings that can be checked before training.
    ///
    /// # Errors
    /// [`TokenizerError::InvalidConfig`] with the name of the first field that cannot be used, its
    /// value and the reason.
    pub fn validate(&self) -> Result<(), TokenizerError> {
        for (index, special) in self.special_tokens.iter().enumerate() {
            let fault = if special.is_empty() {
                "a special token needs a name, such as <|endoftext|>"
            } else if self.special_tokens[..index].contains(special) {
                "this special token is listed twice; remove one"
            } else if reads_as_bytes(special) {
                "its letters spell other bytes in the byte-level alphabet; \
                 use two or more ASCII characters, such as <|endoftext|>"
            } else if self.split.pieces(special).count() == 1 {
                "ordinary text could become this token, because the split keeps it in one piece; \
                 mix letters and punctuation, such as <|endoftext|>"
            } else {
                continue;
            };
            return Err(invalid("special_tokens", format!("{special:?}"), fault.into()));
        }
        let smallest = alphabet::BYTE_COUNT + self.special_tokens.len();
        if !(smallest..=MAX_VOCAB_SIZE).contains(&self.vocab_size) {
            let reason = format!(
                "must be from {smallest} (256 bytes and {} special tokens) to {MAX_VOCAB_SIZE}",
                self.special_tokens.len()
            );
            return Err(invalid("vocab_size", self.vocab_size.to_string(), reason));
        }
        if let Some(length @ ..=1) = self.max_token_length {
            let reason = "must be at least 2; omit it for no limit".into();
            return Err(invalid("max_token_length", length.to_string(), reason));
        }
        Ok(())
    }
}

/// Whether the spelling of a special token can be confused with an ordinary token: in the
/// byte-level alphabet it stands for a single byte, or for bytes other than its own.
fn reads_as_bytes(special: &str) -> bool {
    let Some(bytes) = alphabet::read(special) else { return false };
    bytes.len() == 1 || bytes != special.as_bytes()
}

fn invalid(field: &'static str, value: String, reason: String) -> TokenizerError {
    TokenizerError::InvalidConfig { field, value, reason }
}

/// Trains a byte-level BPE tokenizer on word counts.
///
/// The vocabulary consists of the special tokens in their order, the 256 bytes in the order of
/// their byte-level characters, and one token per merge; other [profiles](Profile) have other
/// orders. Each merge takes the pair with the highest count. The result depends only on the counts
/// and the settings. [`Profile::Minbpe`] depends on the order of the words: here it is their byte
/// order, and with a [`Trainer`] the caller chooses it. Call [`TrainConfig::validate`] first; if
/// `vocab_size` is too small, the tokenizer has no merges.
///
/// `progress` is called after every merge with the number of merges made and the number that would
/// fill the vocabulary. Early merges take longer than later ones, because they occur in more words.
///
/// # Errors
/// Those of [`Trainer::train`].
pub fn train(
    counts: &WordCounts,
    config: &TrainConfig,
    progress: &mut (dyn FnMut(usize, usize) + Send),
) -> Result<Tokenizer, TokenizerError> {
    let mut trainer = Trainer::new(config);
    trainer.add_tables(std::slice::from_ref(counts));
    trainer.train(progress)
}

/// The words, with symbols of the width that the vocabulary needs.
#[derive(Debug)]
enum AnyWords {
    Narrow(Words<u16>),
    Wide(Words<u32>),
}

impl AnyWords {
    fn new(vocab_size: usize) -> Self {
        if vocab_size < usize::from(u16::MAX) {
            Self::Narrow(Words::default())
        } else {
            Self::Wide(Words::default())
        }
    }

    fn is_full(&self) -> bool {
        match self {
            Self::Narrow(words) => words.is_full(),
            Self::Wide(words) => words.is_full(),
        }
    }
}

/// Trains on words that are added one by one, such as those of merged count files. It takes eight
/// bytes of memory per word and two per byte of the words, or four from 65,535 tokens on, and needs
/// no table of the words.
#[derive(Debug)]
pub struct Trainer {
    config: TrainConfig,
    spellings: Spellings,
    vocabulary: Vocabulary,
    byte_tokens: [u32; alphabet::BYTE_COUNT],
    words: AnyWords,
    added: Vec<AddedToken>,
}

impl Trainer {
    /// A trainer without words. Call [`TrainConfig::validate`] first.
    pub fn new(config: &TrainConfig) -> Self {
        let mut trainer = Self {
            config: config.clone(),
            spellings: Spellings::default(),
            vocabulary: Vocabulary::default(),
            byte_tokens: [0; alphabet::BYTE_COUNT],
            words: AnyWords::new(config.vocab_size),
            added: Vec::new(),
        };
        if config.profile.specials_first() {
            for special in config.special_tokens.iter().filter(|special| !special.is_empty()) {
                trainer.spellings.reserve(special);
                if trainer.vocabulary.len() < trainer.spellings.len() {
                    trainer.add_special(special);
                }
            }
        }
        for byte in config.profile.bytes() {
            let id = trainer.spellings.letter(alphabet::character(byte));
            trainer.byte_tokens[usize::from(byte)] = id;
            if id as usize == trainer.vocabulary.len() {
                trainer.vocabulary.push(&[byte]);
            }
        }
        trainer
    }

    fn add_special(&mut self, special: &str) {
        let id = self.vocabulary.push(special.as_bytes());
        self.added.push(AddedToken::special(id, special.to_owned()));
    }

    /// Adds a word that occurs `count` times. A word may be added more than once. The order of the
    /// words matters only for [`Profile::Minbpe`].
    pub fn add_word(&mut self, word: &[u8], count: u64) {
        let symbols = word.iter().map(|&byte| self.byte_tokens[usize::from(byte)]);
        match &mut self.words {
            AnyWords::Narrow(words) => words.push(symbols, count),
            AnyWords::Wide(words) => words.push(symbols, count),
        }
    }

    /// Adds all words of tables, each with the sum of its counts. The tables can be dropped before
    /// [`Trainer::train`], which needs memory itself.
    pub fn add_tables(&mut self, tables: &[WordCounts]) {
        if self.config.profile == Profile::Minbpe {
            let mut words = BTreeMap::new();
            WordCounts::for_each_of(tables, |word, count| _ = words.insert(word.to_vec(), count));
            words.iter().for_each(|(word, &count)| self.add_word(word, count));
            return;
        }
        let words = tables.iter().map(WordCounts::len).sum();
        let bytes = tables.iter().map(WordCounts::bytes).sum();
        match &mut self.words {
            AnyWords::Narrow(arena) => arena.reserve(words, bytes),
            AnyWords::Wide(arena) => arena.reserve(words, bytes),
        }
        WordCounts::for_each_of(tables, |word, count| self.add_word(word, count));
    }

    /// Learns the merges: see [`train`].
    ///
    /// # Errors
    /// [`TokenizerError::TooManyWords`] if the words were too many, and
    /// [`TokenizerError::Malformed`] if no automaton can be built from the special tokens.
    pub fn train(
        mut self,
        progress: &mut (dyn FnMut(usize, usize) + Send),
    ) -> Result<Tokenizer, TokenizerError> {
        if self.words.is_full() {
            return Err(TokenizerError::TooManyWords);
        }
        let merges = self.learn(progress);
        for &((left, right), token) in &merges {
            if token as usize == self.vocabulary.len() {
                let bytes = self.vocabulary.decode(&[left, right]);
                self.vocabulary.push(&bytes);
            }
        }
        if !self.config.profile.specials_first() {
            for special in self.config.special_tokens.clone() {
                self.add_special(&special);
            }
        }
        Tokenizer::new(Model {
            vocabulary: self.vocabulary,
            byte_tokens: self.byte_tokens,
            merges: MergeTable::new(merges),
            split: self.config.split,
            nfc: false,
            characters: None,
            ignore_merges: false,
            added: self.added,
        })
    }

    fn learn(&mut self, progress: &mut (dyn FnMut(usize, usize) + Send)) -> Vec<(Pair, u32)> {
        let config = &self.config;
        let later_tokens =
            if config.profile.specials_first() { 0 } else { config.special_tokens.len() };
        let limits = Limits {
            vocab_size: config.vocab_size.min(MAX_VOCAB_SIZE).saturating_sub(later_tokens),
            min_frequency: config.min_frequency,
            max_token_length: config.max_token_length.unwrap_or(usize::MAX),
        };
        let spellings = &mut self.spellings;
        match std::mem::replace(&mut self.words, AnyWords::new(0)) {
            AnyWords::Narrow(words) => learn_by(config.profile, words, spellings, limits, progress),
            AnyWords::Wide(words) => learn_by(config.profile, words, spellings, limits, progress),
        }
    }
}

/// Learns merges in the order of a profile.
fn learn_by<S: Symbol>(
    profile: Profile,
    words: Words<S>,
    spellings: &mut Spellings,
    limits: Limits,
    progress: &mut (dyn FnMut(usize, usize) + Send),
) -> Vec<(Pair, u32)> {
    // Threads of the pool hand work to each other at once. From outside, every merge would wait
    // until the pool wakes up.
    rayon::scope(|_| match profile {
        Profile::Hf | Profile::Rustbpe => learn(LowestIds, words, spellings, limits, progress),
        Profile::Minbpe => learn(FirstOccurrence::default(), words, spellings, limits, progress),
        Profile::Cs336 => learn(GreatestBytes, words, spellings, limits, progress),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faulty_settings_are_named_with_a_way_out() {
        let message = |config: TrainConfig| config.validate().unwrap_err().to_string();
        let base = TrainConfig::default();
        assert_eq!(base.validate(), Ok(()));
        let field = TrainConfig { max_token_length: Some(0), ..base.clone() }.validate();
        let is_named = |error| {
            matches!(error, TokenizerError::InvalidConfig { field: "max_token_length", .. })
        };
        assert!(field.is_err_and(is_named));
        let small = message(TrainConfig { vocab_size: 256, ..base.clone() });
        assert!(small.starts_with("vocab_size = 256: must be from 257"), "{small}");
        let special = |name: &str| {
            let special_tokens = vec!["<s>".to_owned(), name.to_owned()];
            message(TrainConfig { special_tokens, ..base.clone() })
        };
        assert!(special("").contains("needs a name"));
        assert!(special("<s>").contains("listed twice"));
        assert!(special("the").contains("ordinary text") && special("###").contains("one piece"));
        assert!(special("a").contains("ASCII") && special("Ã©").contains("ASCII"));
        let short = message(TrainConfig { max_token_length: Some(1), ..base.clone() });
        assert!(short.contains("at least 2"), "{short}");
    }

    #[test]
    fn counts_above_32_bits_decide() {
        let mut counts = WordCounts::new();
        counts.add(b"ab", (1 << 31) + 1);
        counts.add(b"cd", (1 << 31) - 1);
        counts.add(b"ef", 1 << 40);
        counts.add(b"gh", 1 << 31);
        let config = TrainConfig { vocab_size: 261, ..TrainConfig::default() };
        let mut calls = Vec::new();
        let tokenizer = train(&counts, &config, &mut |done, total| calls.push((done, total)));
        let tokenizer = tokenizer.unwrap();
        let merged: Vec<_> = (257..261).filter_map(|id| tokenizer.token_bytes(id)).collect();
        assert_eq!(merged, [&b"ef"[..], b"ab", b"gh", b"cd"]);
        assert_eq!(calls, [(1, 4), (2, 4), (3, 4), (4, 4)]);
    }

    /// The section of a recipe: its keys in order, its defaults, and other keys beside them.
    #[test]
    fn settings_are_the_section_of_a_recipe() {
        #[derive(Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Section {
            file: Option<String>,
            #[serde(flatten)]
            config: TrainConfig,
            #[serde(default)]
            also: Vec<usize>,
        }
        let read = |text: &str| toml::from_str::<Section>(text);
        let Section { config, also, .. } = read("also = [512]\nmin_frequency = 5\n").unwrap();
        assert_eq!(also, [512]);
        assert_eq!(config, TrainConfig { min_frequency: 5, ..TrainConfig::default() });
        let config = TrainConfig { max_token_length: Some(16), ..TrainConfig::default() };
        let written = toml::to_string(&Section { file: None, config, also: vec![] }).unwrap();
        assert_eq!(
            written,
            "vocab_size = 32768\nsplit = \"gpt4\"\nmin_frequency = 2\nmax_token_length = 16\n\
             special_tokens = [\"<|endoftext|>\"]\nprofile = \"hf\"\nalso = []\n"
        );
        assert_eq!(read(&written).unwrap().config.max_token_length, Some(16));
        assert!(read("vocab_sise = 300").is_err());
    }
}
