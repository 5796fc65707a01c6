//! Training: from word counts to a tokenizer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::alphabet;
use crate::learn::arena::{Symbol, Words};
use crate::learn::order::{FirstOccurrence, GreatestBytes, LowestIds};
use crate::learn::symbols::Spellings;
use crate::learn::{Limits, learn};
use crate::merges::{MergeTable, Pair};
use crate::tokenizer::{AddedToken, Model, Tokenizer};
use crate::vocabulary::Vocabulary;
use crate::{Profile, Split, TokenizerError, WordCounts};

/// The largest vocabulary that may be asked for or read: eight times the largest in wide use.
pub const MAX_VOCAB_SIZE: usize = 1 << 21;

/// Settings of [`train`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// How many tokens the vocabulary has at most: the special tokens, 256 bytes and the merges.
    /// There are fewer when the words run out of pairs.
    pub vocab_size: usize,
    /// How the words were split; written into the tokenizer.
    pub split: Split,
    /// The lowest count at which a pair becomes a token. The default 0 is Hugging Face's and takes
    /// every pair that occurs.
    pub min_frequency: u64,
    /// A pair that a merge creates becomes a token only if it has fewer bytes than this. Pairs of
    /// two single bytes always may. This is Hugging Face's rule to the letter.
    pub max_token_length: Option<usize>,
    /// Tokens with a meaning of their own, which get the first ids in this order, or the last where
    /// the profile puts them there.
    pub special_tokens: Vec<String>,
    /// Whose order of equally frequent pairs and of ids.
    pub profile: Profile,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            vocab_size: 32_768,
            split: Split::default(),
            min_frequency: 0,
            max_token_length: None,
            special_tokens: vec!["<|endoftext|>".into()],
            profile: Profile::default(),
        }
    }
}

impl TrainConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`TokenizerError::InvalidConfig`] names the first field that cannot be used, and why.
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
            let reason = "must be at least 2; leave it out for no limit".into();
            return Err(invalid("max_token_length", length.to_string(), reason));
        }
        Ok(())
    }
}

/// Whether a special token's spelling is that of a single byte's token or of other bytes than its
/// own, so that a token of the alphabet or a merge could be taken for it.
fn reads_as_bytes(special: &str) -> bool {
    let Some(bytes) = alphabet::read(special) else { return false };
    bytes.len() == 1 || bytes != special.as_bytes()
}

fn invalid(field: &'static str, value: String, reason: String) -> TokenizerError {
    TokenizerError::InvalidConfig { field, value, reason }
}

/// Learns a byte-level BPE tokenizer from word counts.
///
/// The vocabulary is: the special tokens in their order, the 256 bytes in the order of their
/// byte-level characters, then a token for each merge; other [profiles](Profile) order it otherwise.
/// Each merge takes the pair with the highest count. The result depends on nothing but the counts
/// and the settings; the profile that goes by first occurrence gets the words in byte order here,
/// and in an order of the caller's from [`Trainer`]. Call [`TrainConfig::validate`] first; a
/// `vocab_size` that is too small gives a tokenizer without merges.
///
/// `progress` is called after every merge with the number of merges made and the number that would
/// fill the vocabulary. Early merges take longer than later ones, since they are in more words: the
/// time that is left is at most what the past merges took, in proportion.
pub fn train(
    counts: &WordCounts,
    config: &TrainConfig,
    progress: &mut (dyn FnMut(usize, usize) + Send),
) -> Tokenizer {
    let mut trainer = Trainer::new(config);
    trainer.add_tables(std::slice::from_ref(counts));
    trainer.train(progress)
}

/// The words, with symbols as wide as the vocabulary needs.
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
}

/// Training from words that come one after the other, such as those of merged count files: two
/// bytes of memory a symbol, four with 65,535 tokens and more, and eight a word, without a table of
/// the words.
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

    /// Adds a word that occurs `count` times. A word may come more than once, and in any order
    /// unless the profile is [`Profile::Minbpe`].
    pub fn add_word(&mut self, word: &[u8], count: u64) {
        let symbols = word.iter().map(|&byte| self.byte_tokens[usize::from(byte)]);
        match &mut self.words {
            AnyWords::Narrow(words) => words.push(symbols, count),
            AnyWords::Wide(words) => words.push(symbols, count),
        }
    }

    /// Adds all words of tables, each with the sum of its counts. The tables may go before
    /// [`Trainer::train`] needs memory of its own.
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
    pub fn train(mut self, progress: &mut (dyn FnMut(usize, usize) + Send)) -> Tokenizer {
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
    // On a thread of the pool work is handed over at once; from outside each merge would wait.
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
        let merged: Vec<_> = (257..261).filter_map(|id| tokenizer.token_bytes(id)).collect();
        assert_eq!(merged, [&b"ef"[..], b"ab", b"gh", b"cd"]);
        assert_eq!(calls, [(1, 4), (2, 4), (3, 4), (4, 4)]);
    }
}
