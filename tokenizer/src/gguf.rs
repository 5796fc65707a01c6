//! The vocabulary of a GGUF file, the format of llama.cpp: the keys `tokenizer.ggml.*`. It is
//! written here as a file of version 3 without tensors. The crate `encoder` reads files, with
//! candle's reader.
//!
//! Layout: the four bytes `GGUF`, the version, the number of tensors and the number of keys. Each
//! key is a string, the type of its value and the value. Numbers are little-endian; a string is its
//! length in eight bytes and its bytes; an array is the type of its elements, their number and the
//! elements.
//!
//! llama.cpp knows splits by name only: those of GPT-2, Llama 3, GPT-4o and Qwen2, which are
//! [`Split::Gpt2`], [`Split::Gpt4`], [`Split::O200k`] and [`Split::Qwen2`]. Its version of GPT-4o's
//! pattern distinguishes upper and lower case in ASCII only.

use std::collections::BTreeMap;

use crate::json::{make_merges, read_byte_tokens, read_vocabulary, split_merge};
use crate::model::{AddedToken, Model};
use crate::tokenizer::Tokenizer;
use crate::{Encoder, Split, TokenizerError};

const MAGIC: &[u8; 4] = b"GGUF";
const VERSION: u32 = 3;

/// Types of values.
const UINT32: u32 = 4;
const INT32: u32 = 5;
const BOOL: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// Values of `tokenizer.ggml.token_type`.
const NORMAL: i32 = 1;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;

/// `tokenizer.ggml.model` of byte-level BPE.
const BYTE_LEVEL_BPE: &str = "gpt2";

/// llama.cpp's names of the splits.
const NAMES: [(Split, &str); 4] = [
    (Split::Gpt2, "gpt-2"),
    (Split::Gpt4, "llama-bpe"),
    (Split::O200k, "gpt-4o"),
    (Split::Qwen2, "qwen2"),
];

/// The vocabulary of a GGUF file. Each field is the key `tokenizer.ggml.*` of its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GgufVocabulary {
    /// The kind of vocabulary; `gpt2` is byte-level BPE.
    pub model: String,
    /// llama.cpp's name of the split.
    pub pre: String,
    /// The spelling of each token, by id.
    pub tokens: Vec<String>,
    /// The type of each token, by id. Tokens beyond the end of the list are normal ones.
    pub token_type: Vec<i32>,
    /// The merges in the order of their ranks: two tokens, separated by a space.
    pub merges: Vec<String>,
}

impl Tokenizer {
    /// The tokenizer of a GGUF file's vocabulary.
    ///
    /// # Errors
    /// [`TokenizerError::Malformed`] where a token or a merge is wrong or missing, and
    /// [`TokenizerError::CannotExpress`] for vocabularies other than byte-level BPE with a split
    /// that llama.cpp has a name for.
    pub fn from_gguf_vocabulary(found: &GgufVocabulary) -> Result<Self, TokenizerError> {
        let other = |reason| TokenizerError::CannotExpress { file: "GGUF", reason };
        if found.model != BYTE_LEVEL_BPE {
            return Err(other("tokenizer.ggml.model is not gpt2, so it is not byte-level BPE"));
        }
        let known = NAMES.iter().find(|(_, name)| *name == found.pre);
        let Some(&(split, _)) = known else {
            return Err(other("tokenizer.ggml.pre is not gpt-2, llama-bpe, gpt-4o or qwen2"));
        };
        let kind = |id: usize| found.token_type.get(id).copied().unwrap_or(NORMAL);
        let (mut vocab, mut added) = (BTreeMap::new(), Vec::new());
        for (id, token) in found.tokens.iter().enumerate().filter(|&(id, _)| kind(id) != UNUSED) {
            if vocab.insert(token.clone(), id as u32).is_some() {
                let reason = format!("the token {token:?} occurs twice");
                return Err(TokenizerError::Malformed { file: "GGUF", reason });
            }
            if matches!(kind(id), CONTROL | USER_DEFINED) {
                let special = kind(id) == CONTROL;
                added.push(AddedToken { special, ..AddedToken::special(id as u32, token.clone()) });
            }
        }
        let merges: Result<Vec<_>, _> = found.merges.iter().map(|line| split_merge(line)).collect();
        Self::new(Model {
            vocabulary: read_vocabulary(&vocab, &added)?,
            byte_tokens: read_byte_tokens(&vocab)?,
            merges: make_merges(&vocab, &merges?)?,
            split,
            nfc: false,
            characters: None,
            // llama.cpp does not merge whole tokens with this split.
            ignore_merges: split == Split::Gpt4,
            added,
        })
    }

    /// Writes the vocabulary as a GGUF file, which llama.cpp loads as a model without tensors.
    ///
    /// # Errors
    /// [`TokenizerError::CannotExpress`] where llama.cpp would give other ids: it has no name for
    /// the split, it does not normalise text, and it does not merge whole tokens.
    pub fn to_gguf(&self) -> Result<Vec<u8>, TokenizerError> {
        let vocabulary = self.gguf_vocabulary()?;
        let mut out = Writer::default();
        out.string("general.architecture", "gpt2");
        out.string("tokenizer.ggml.model", &vocabulary.model);
        out.string("tokenizer.ggml.pre", &vocabulary.pre);
        out.strings("tokenizer.ggml.tokens", &vocabulary.tokens);
        out.integers("tokenizer.ggml.token_type", &vocabulary.token_type);
        out.strings("tokenizer.ggml.merges", &vocabulary.merges);
        if let Some(id) = self.end_of_text() {
            out.number("tokenizer.ggml.bos_token_id", id);
            out.number("tokenizer.ggml.eos_token_id", id);
        }
        out.boolean("tokenizer.ggml.add_bos_token", false);
        out.boolean("tokenizer.ggml.add_space_prefix", false);
        Ok(out.finish())
    }

    fn gguf_vocabulary(&self) -> Result<GgufVocabulary, TokenizerError> {
        let refuse = |reason| Err(TokenizerError::CannotExpress { file: "GGUF", reason });
        let model = self.model();
        let Some((_, name)) = NAMES.iter().find(|(split, _)| *split == model.split) else {
            return refuse("llama.cpp has no name for its split");
        };
        if model.nfc {
            return refuse("llama.cpp does not normalise text, and this tokenizer does");
        }
        if model.characters.is_some() {
            return refuse("only byte-level vocabularies are written");
        }
        if !self.merges_reach_all_tokens() {
            return refuse("merging the bytes of some tokens does not give the token");
        }
        let mut token_type = vec![NORMAL; model.vocabulary.len()];
        for token in &model.added {
            token_type[token.id as usize] = if token.special { CONTROL } else { USER_DEFINED };
        }
        let mut tokens = self.spellings();
        for (id, token) in tokens.iter_mut().enumerate().filter(|(_, token)| token.is_empty()) {
            // Names must differ; these are in the style of llama.cpp's converter.
            *token = format!("[PAD{id}]");
            token_type[id] = UNUSED;
        }
        let spelled = |&(left, right): &(u32, u32)| {
            format!("{} {}", tokens[left as usize], tokens[right as usize])
        };
        let merges = model.merges.pairs().iter().map(spelled).collect();
        Ok(GgufVocabulary {
            model: BYTE_LEVEL_BPE.to_owned(),
            pre: (*name).to_owned(),
            tokens,
            token_type,
            merges,
        })
    }

    /// Whether merging the bytes of a token gives the token, for all tokens except the added ones.
    fn merges_reach_all_tokens(&self) -> bool {
        let mut encoder = Encoder::for_length(self, 0);
        let mut merged = Vec::new();
        self.model().ordinary_tokens().all(|(id, bytes)| {
            merged.clear();
            encoder.merge_bytes(bytes, &mut merged);
            merged == [id]
        })
    }
}

/// Writes keys and values one after the other.
#[derive(Default)]
struct Writer {
    keys: u64,
    bytes: Vec<u8>,
}

impl Writer {
    fn text(&mut self, text: &str) {
        self.bytes.extend((text.len() as u64).to_le_bytes());
        self.bytes.extend(text.as_bytes());
    }

    fn key(&mut self, key: &str, kind: u32) {
        self.keys += 1;
        self.text(key);
        self.bytes.extend(kind.to_le_bytes());
    }

    fn string(&mut self, key: &str, value: &str) {
        self.key(key, STRING);
        self.text(value);
    }

    fn number(&mut self, key: &str, value: u32) {
        self.key(key, UINT32);
        self.bytes.extend(value.to_le_bytes());
    }

    fn boolean(&mut self, key: &str, value: bool) {
        self.key(key, BOOL);
        self.bytes.push(value.into());
    }

    fn array(&mut self, key: &str, kind: u32, length: usize) {
        self.key(key, ARRAY);
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend((length as u64).to_le_bytes());
    }

    fn strings(&mut self, key: &str, values: &[String]) {
        self.array(key, STRING, values.len());
        values.iter().for_each(|value| self.text(value));
    }

    fn integers(&mut self, key: &str, values: &[i32]) {
        self.array(key, INT32, values.len());
        self.bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    fn finish(self) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        file.extend(VERSION.to_le_bytes());
        file.extend(0_u64.to_le_bytes());
        file.extend(self.keys.to_le_bytes());
        file.extend(self.bytes);
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TrainConfig, WordCounts, train};

    fn trained(split: Split) -> Tokenizer {
        let mut counts = WordCounts::new();
        counts.add_text(split, "low lower lowest, naïve naïve 2024 日本日本\n");
        let special_tokens = vec!["<|endoftext|>".into(), "<|pad|>".into()];
        let config = TrainConfig {
            vocab_size: 290,
            split,
            min_frequency: 0,
            special_tokens,
            ..TrainConfig::default()
        };
        train(&counts, &config, &mut |_, _| {}).unwrap()
    }

    #[test]
    fn vocabularies_come_back() {
        for (split, _) in NAMES {
            let tokenizer = trained(split);
            let vocabulary = tokenizer.gguf_vocabulary().unwrap();
            let again = Tokenizer::from_gguf_vocabulary(&vocabulary).unwrap();
            assert_eq!(again.gguf_vocabulary().unwrap(), vocabulary, "{split}");
            assert_eq!(again.to_vocab_json(), tokenizer.to_vocab_json(), "{split}");
            assert_eq!(again.to_merges_txt(), tokenizer.to_merges_txt(), "{split}");
            let (mut ids, mut expected) = (Vec::new(), Vec::new());
            again.encode("the lowest naïve 日", &mut ids);
            tokenizer.encode("the lowest naïve 日", &mut expected);
            assert_eq!(ids, expected, "{split}");
        }
        let refused = trained(Split::Cl100kBase).to_gguf().unwrap_err().to_string();
        assert!(refused.contains("no name"), "{refused}");
    }

    #[test]
    fn faulty_vocabularies_are_refused() {
        let whole = trained(Split::Gpt2).gguf_vocabulary().unwrap();
        let refused = |change: &dyn Fn(&mut GgufVocabulary)| {
            let mut vocabulary = whole.clone();
            change(&mut vocabulary);
            Tokenizer::from_gguf_vocabulary(&vocabulary).unwrap_err().to_string()
        };
        assert!(refused(&|found| found.model = "llama".into()).contains("byte-level"));
        assert!(refused(&|found| found.pre = "deepseek".into()).contains("tokenizer.ggml.pre"));
        assert!(refused(&|found| found.tokens[7] = found.tokens[8].clone()).contains("twice"));
        assert!(refused(&|found| found.tokens.truncate(9)).contains("no token"));
        assert!(refused(&|found| found.merges[0] = "a".into()).contains("not two tokens"));
        assert!(refused(&|found| found.merges[0] = "a ?b".into()).contains("?b"));
    }
}
