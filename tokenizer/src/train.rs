//! Training: from word counts to a tokenizer.

use serde::{Deserialize, Serialize};

use crate::alphabet;
use crate::learn::{Limits, Spellings, Words, learn};
use crate::merges::MergeTable;
use crate::tokenizer::{AddedToken, Model, Tokenizer};
use crate::vocabulary::Vocabulary;
use crate::{Split, TokenizerError, WordCounts};

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
    /// Tokens with a meaning of their own, which get the first ids in this order.
    pub special_tokens: Vec<String>,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            vocab_size: 32_768,
            split: Split::default(),
            min_frequency: 0,
            max_token_length: None,
            special_tokens: vec!["<|endoftext|>".into()],
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
/// byte-level characters, then a token for each merge. Each merge takes the pair with the highest
/// count; of pairs with the same count the one with the lowest left id, then the lowest right id.
/// The result depends on nothing but the counts and the settings. Call [`TrainConfig::validate`]
/// first; a `vocab_size` that is too small gives a tokenizer without merges.
///
/// `progress` is called after every merge with the number of merges made and the number that would
/// fill the vocabulary.
pub fn train(
    counts: &WordCounts,
    config: &TrainConfig,
    progress: &mut dyn FnMut(usize, usize),
) -> Tokenizer {
    let mut spellings = Spellings::default();
    let mut vocabulary = Vocabulary::default();
    let mut added = Vec::new();
    for special in config.special_tokens.iter().filter(|special| !special.is_empty()) {
        spellings.reserve(special);
        if vocabulary.len() < spellings.len() {
            let id = vocabulary.push(special.as_bytes());
            added.push(AddedToken::special(id, special.clone()));
        }
    }
    let mut byte_tokens = [0_u32; alphabet::BYTE_COUNT];
    for &byte in alphabet::bytes_by_codepoint() {
        let id = spellings.letter(alphabet::character(byte));
        byte_tokens[usize::from(byte)] = id;
        if id as usize == vocabulary.len() {
            vocabulary.push(&[byte]);
        }
    }
    let mut words = Words::default();
    counts.for_each(|word, count| {
        words.push(word.iter().map(|&byte| byte_tokens[usize::from(byte)]), count);
    });
    let limits = Limits {
        vocab_size: config.vocab_size.min(MAX_VOCAB_SIZE),
        min_frequency: config.min_frequency,
        max_token_length: config.max_token_length.unwrap_or(usize::MAX),
    };
    let merges = learn(words, &mut spellings, limits, progress);
    for &((left, right), token) in &merges {
        if token as usize == vocabulary.len() {
            let bytes = vocabulary.decode(&[left, right]);
            vocabulary.push(&bytes);
        }
    }
    Tokenizer::new(Model {
        vocabulary,
        byte_tokens,
        merges: MergeTable::new(merges),
        split: config.split,
        nfc: false,
        ignore_merges: false,
        added,
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
