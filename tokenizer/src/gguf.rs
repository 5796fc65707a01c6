//! Reading and writing a vocabulary as GGUF, the format of llama.cpp: the keys `tokenizer.ggml.*` in
//! a file of version 3 without tensors.
//!
//! Layout: the four bytes `GGUF`, the version, how many tensors and how many keys; each key as a
//! string, the type of its value and the value. Numbers are little-endian; a string is its length in
//! eight bytes and its bytes; an array is the type of its elements, how many there are, and these.
//!
//! llama.cpp knows splits by name only: those of GPT-2, Llama 3, GPT-4o and Qwen2, which are
//! [`Split::Gpt2`], [`Split::Gpt4`], [`Split::O200k`] and [`Split::Qwen2`]. Its rendering of GPT-4o's
//! pattern tells upper from lower case in ASCII only.

use std::collections::BTreeMap;
use std::io::{self, Read};

use crate::json::{make_merges, read_byte_tokens, read_vocabulary, split_merge};
use crate::tokenizer::{AddedToken, Model, Tokenizer};
use crate::train::MAX_VOCAB_SIZE;
use crate::{Split, TokenizerError};

const MAGIC: &[u8; 4] = b"GGUF";
const VERSION: u32 = 3;

/// Types of values.
const UINT32: u32 = 4;
const INT32: u32 = 5;
const BOOL: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// The bytes of a value by its type; 0 for strings and arrays.
const SIZES: [u64; 13] = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

/// Values of `tokenizer.ggml.token_type`.
const NORMAL: i32 = 1;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;

/// The most keys a file may have, the longest string, and the most elements of an array.
const MAX_KEYS: u64 = 1 << 16;
const MAX_STRING_BYTES: u64 = 1 << 24;
const MAX_ELEMENTS: u64 = 1 << 25;

/// How deep arrays of arrays may be.
const MAX_DEPTH: usize = 4;

/// llama.cpp's names of the splits.
const NAMES: [(Split, &str); 4] = [
    (Split::Gpt2, "gpt-2"),
    (Split::Gpt4, "llama-bpe"),
    (Split::O200k, "gpt-4o"),
    (Split::Qwen2, "qwen2"),
];

impl Tokenizer {
    /// Writes the vocabulary as a GGUF file, which llama.cpp loads as a model without tensors.
    ///
    /// # Errors
    /// [`TokenizerError::CannotExpress`] where llama.cpp would encode otherwise: it has no name for
    /// the split, composes no characters, and takes whole tokens without merging.
    pub fn to_gguf(&self) -> Result<Vec<u8>, TokenizerError> {
        let refuse = |reason| Err(TokenizerError::CannotExpress { file: "GGUF", reason });
        let model = &self.model;
        let Some((_, name)) = NAMES.iter().find(|(split, _)| *split == model.split) else {
            return refuse("llama.cpp has no name for its split");
        };
        if model.nfc {
            return refuse("llama.cpp composes no characters, and this tokenizer does");
        }
        if model.characters.is_some() {
            return refuse("only byte-level vocabularies are written");
        }
        if !self.merges_reach_all_tokens() {
            return refuse("some tokens are not what merging their own bytes leads to");
        }
        let mut types = vec![NORMAL; model.vocabulary.len()];
        for token in &model.added {
            types[token.id as usize] = if token.special { CONTROL } else { USER_DEFINED };
        }
        let mut spellings = self.spellings();
        for (id, spelling) in spellings.iter_mut().enumerate().filter(|(_, name)| name.is_empty()) {
            // Names must differ; these are in the style of llama.cpp's own converter.
            *spelling = format!("[PAD{id}]");
            types[id] = UNUSED;
        }
        let merges: Vec<String> = (model.merges.pairs().iter())
            .map(|&(left, right)| {
                format!("{} {}", spellings[left as usize], spellings[right as usize])
            })
            .collect();
        let mut out = Writer::default();
        out.string("general.architecture", "gpt2");
        out.string("tokenizer.ggml.model", "gpt2");
        out.string("tokenizer.ggml.pre", name);
        out.strings("tokenizer.ggml.tokens", &spellings);
        out.integers("tokenizer.ggml.token_type", &types);
        out.strings("tokenizer.ggml.merges", &merges);
        if let Some(id) = self.end_of_text() {
            out.number("tokenizer.ggml.bos_token_id", id);
            out.number("tokenizer.ggml.eos_token_id", id);
        }
        out.boolean("tokenizer.ggml.add_bos_token", false);
        out.boolean("tokenizer.ggml.add_space_prefix", false);
        Ok(out.finish())
    }

    /// Whether every token but the added ones is what its own bytes merge to.
    fn merges_reach_all_tokens(&self) -> bool {
        let mut added: Vec<u32> = self.model.added.iter().map(|token| token.id).collect();
        added.sort_unstable();
        let mut ids = 0..self.model.vocabulary.len() as u32;
        let mut encoder = crate::Encoder::for_length(self, 0);
        let mut merged = Vec::new();
        ids.all(|id| {
            let bytes = self.token_bytes(id).unwrap_or_default();
            merged.clear();
            encoder.merge_bytes(bytes, &mut merged);
            bytes.is_empty() || added.binary_search(&id).is_ok() || merged == [id]
        })
    }

    /// Reads the vocabulary of a GGUF file, up to its last key: tensors are not read.
    ///
    /// # Errors
    /// [`TokenizerError::Malformed`] where it is not such a file or a part is missing, and
    /// [`TokenizerError::CannotExpress`] for another vocabulary than byte-level BPE with one of the
    /// named splits.
    pub fn from_gguf(input: impl Read) -> Result<Self, TokenizerError> {
        let mut found = Found::default();
        found.read(&mut Reader(input)).map_err(|error| malformed(error.to_string()))?;
        let other = |reason| TokenizerError::CannotExpress { file: "GGUF", reason };
        if found.model != "gpt2" {
            return Err(other("tokenizer.ggml.model is not gpt2, so it is not byte-level BPE"));
        }
        let known = NAMES.iter().find(|(_, name)| *name == found.pre);
        let Some(&(split, _)) = known else {
            return Err(other("tokenizer.ggml.pre is not gpt-2, llama-bpe, gpt-4o or qwen2"));
        };
        let kind = |id: usize| found.types.get(id).copied().unwrap_or(NORMAL);
        let (mut vocab, mut added) = (BTreeMap::new(), Vec::new());
        for (id, token) in found.tokens.iter().enumerate().filter(|&(id, _)| kind(id) != UNUSED) {
            if vocab.insert(token.clone(), id as u32).is_some() {
                return Err(malformed(format!("the token {token:?} is there twice")));
            }
            if matches!(kind(id), CONTROL | USER_DEFINED) {
                let special = kind(id) == CONTROL;
                added.push(AddedToken { special, ..AddedToken::special(id as u32, token.clone()) });
            }
        }
        let merges: Result<Vec<_>, _> = found.merges.iter().map(|line| split_merge(line)).collect();
        Self::with_added_tokens(Model {
            vocabulary: read_vocabulary(&vocab, &added)?,
            byte_tokens: read_byte_tokens(&vocab)?,
            merges: make_merges(&vocab, &merges?)?,
            split,
            nfc: false,
            characters: None,
            // llama.cpp takes whole tokens with this split.
            ignore_merges: split == Split::Gpt4,
            added,
        })
    }
}

fn malformed(reason: String) -> TokenizerError {
    TokenizerError::Malformed { file: "GGUF", reason }
}

/// Keys and values, one after the other.
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

/// The values that a vocabulary is made of.
#[derive(Default)]
struct Found {
    model: String,
    pre: String,
    tokens: Vec<String>,
    types: Vec<i32>,
    merges: Vec<String>,
}

impl Found {
    fn read<R: Read>(&mut self, input: &mut Reader<R>) -> io::Result<()> {
        if input.bytes::<4>()? != *MAGIC {
            return Err(invalid("it does not begin with GGUF"));
        }
        if !matches!(input.u32()?, 2 | VERSION) {
            return Err(invalid("only versions 2 and 3 are read"));
        }
        input.u64()?;
        let keys = input.u64()?;
        if keys > MAX_KEYS {
            return Err(invalid("it has too many keys"));
        }
        for _ in 0..keys {
            let key = input.string()?;
            let kind = input.u32()?;
            match (key.as_str(), kind) {
                ("tokenizer.ggml.model", STRING) => self.model = input.string()?,
                ("tokenizer.ggml.pre", STRING) => self.pre = input.string()?,
                ("tokenizer.ggml.tokens", ARRAY) => {
                    self.tokens = input.array(STRING, MAX_VOCAB_SIZE as u64, Reader::string)?;
                }
                ("tokenizer.ggml.token_type", ARRAY) => {
                    self.types = input.array(INT32, MAX_VOCAB_SIZE as u64, |input| {
                        Ok(i32::from_le_bytes(input.bytes()?))
                    })?;
                }
                ("tokenizer.ggml.merges", ARRAY) => {
                    self.merges = input.array(STRING, MAX_ELEMENTS, Reader::string)?;
                }
                _ => input.skip(kind, 0)?,
            }
        }
        Ok(())
    }
}

fn invalid(fault: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault.to_owned())
}

/// Reads values.
struct Reader<R>(R);

impl<R: Read> Reader<R> {
    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn u32(&mut self) -> io::Result<u32> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> io::Result<u64> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    fn string(&mut self) -> io::Result<String> {
        let length = self.u64()?;
        if length > MAX_STRING_BYTES {
            return Err(invalid("a string is too long"));
        }
        let mut bytes = Vec::new();
        if self.0.by_ref().take(length).read_to_end(&mut bytes)? as u64 != length {
            return Err(invalid("it ends too early"));
        }
        String::from_utf8(bytes).map_err(|_| invalid("a string is not UTF-8"))
    }

    fn array<T>(
        &mut self,
        kind: u32,
        limit: u64,
        mut element: impl FnMut(&mut Self) -> io::Result<T>,
    ) -> io::Result<Vec<T>> {
        if self.u32()? != kind {
            return Err(invalid("an array has elements of another type than its key asks for"));
        }
        let length = self.u64()?;
        if length > limit {
            return Err(invalid("an array is too long"));
        }
        (0..length).map(|_| element(self)).collect()
    }

    /// Passes over a value.
    fn skip(&mut self, kind: u32, depth: usize) -> io::Result<()> {
        match kind {
            STRING => self.string().map(|_| ()),
            ARRAY if depth < MAX_DEPTH => {
                let kind = self.u32()?;
                let length = self.u64()?;
                if length > MAX_ELEMENTS {
                    return Err(invalid("an array is too long"));
                }
                match SIZES.get(kind as usize) {
                    Some(&size) if size > 0 => self.pass(length * size),
                    _ => (0..length).try_for_each(|_| self.skip(kind, depth + 1)),
                }
            }
            _ => match SIZES.get(kind as usize) {
                Some(&size) if size > 0 => self.pass(size),
                _ => Err(invalid("a value has an unknown type")),
            },
        }
    }

    fn pass(&mut self, length: u64) -> io::Result<()> {
        let passed = io::copy(&mut self.0.by_ref().take(length), &mut io::sink())?;
        if passed == length { Ok(()) } else { Err(invalid("it ends too early")) }
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
        let config = TrainConfig { vocab_size: 290, split, special_tokens, ..Default::default() };
        train(&counts, &config, &mut |_, _| {})
    }

    #[test]
    fn vocabularies_come_back() {
        for (split, _) in NAMES {
            let tokenizer = trained(split);
            let file = tokenizer.to_gguf().unwrap();
            let again = Tokenizer::from_gguf(&file[..]).unwrap();
            assert_eq!(again.to_gguf().unwrap(), file, "{split}");
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
    fn damage_is_an_error() {
        let file = trained(Split::Gpt2).to_gguf().unwrap();
        for length in [0, 3, 20, 100, file.len() / 2, file.len() - 1] {
            assert!(Tokenizer::from_gguf(&file[..length]).is_err(), "{length}");
        }
        for at in 0..200 {
            let mut damaged = file.clone();
            damaged[at] ^= 0xff;
            // No panic, and no endless reading.
            let _ = Tokenizer::from_gguf(&damaged[..]);
        }
    }
}
