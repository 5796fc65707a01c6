//! Reading and writing `tokenizer.json`, versions 1.0 and 2.0 of Hugging Face's `tokenizers`.
//!
//! Written files have a BPE model in the byte-level alphabet with merges as arrays of two strings,
//! the split as a pre-tokenizer, and the special tokens as added tokens. Such files are read, and
//! others of the byte-level family, including old ones with merges spelled "a b". The
//! post-processor, decoder, truncation and padding of a file are ignored, because encoding adds no
//! ids.
//!
//! BPE over characters is also read if `byte_fallback` makes it lossless, as in SentencePiece's
//! Llama files, with the normalisers Prepend and Replace that spell spaces. Refused with their name
//! are models other than BPE, the pre-tokenizer Metaspace, and normalisers other than these and
//! NFC, because decoding could not restore the text.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::alphabet::{self, BYTE_COUNT};
use crate::joins::Joins;
use crate::json_split::{byte_level, read_split, split_to_json, split_to_json_v2};
use crate::merges::{MAX_RULES, MergeTable};
use crate::model::{AddedToken, Model};
use crate::tokenizer::Tokenizer;
use crate::vocabulary::{MAX_VOCAB_SIZE, Vocabulary};
use crate::{TokenizerError, characters, json_characters};

/// The parts of the file that are read.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Option<Vec<FileToken>>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    model: FileModel,
}

#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the format has these five")]
struct FileToken {
    id: u32,
    content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    #[serde(default)]
    normalized: bool,
    #[serde(default)]
    special: bool,
}

#[derive(Deserialize)]
struct FileModel {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    dropout: Option<f64>,
    #[serde(default)]
    continuing_subword_prefix: Option<String>,
    #[serde(default)]
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    ignore_merges: bool,
    #[serde(default)]
    byte_fallback: bool,
    /// Version 2.0: whether tokens are spelled in the byte-level alphabet.
    #[serde(default)]
    byte_level: bool,
    vocab: BTreeMap<String, u32>,
    merges: Vec<FileMerge>,
}

/// A merge as an array of two strings, or as one string with a space between them.
#[derive(Deserialize)]
#[serde(untagged)]
enum FileMerge {
    Pair(String, String),
    Line(String),
}

impl FileMerge {
    fn tokens(&self) -> Result<(&str, &str), TokenizerError> {
        match self {
            Self::Pair(left, right) => Ok((left, right)),
            Self::Line(line) => split_merge(line),
        }
    }
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// [`TokenizerError::Malformed`] if the text is not such a file,
    /// [`TokenizerError::Unsupported`] for a model other than byte-level BPE, for a normaliser that
    /// is not supported and for a pre-tokenizer that does more than split, and
    /// [`TokenizerError::InvalidPattern`] for a split that cannot be compiled.
    pub fn from_json(text: &str) -> Result<Self, TokenizerError> {
        let file: File = serde_json::from_str(text)
            .map_err(|error| TokenizerError::malformed(error.to_string()))?;
        check_model(&file.model)?;
        let File { added_tokens, normalizer, pre_tokenizer, model } = file;
        let added: Vec<AddedToken> =
            added_tokens.unwrap_or_default().into_iter().map(AddedToken::from).collect();
        let merges = read_merges(&model)?;
        if model.byte_fallback {
            let read = |spelling: &str| Some(characters::read(spelling));
            let byte_tokens = json_characters::read_byte_tokens(&model.vocab)?;
            let mut characters =
                json_characters::read_characters(&model.vocab, &byte_tokens, &normalizer)?;
            // A token that is searched in the normalised text stands for the normalised text.
            let decoded = |token: &AddedToken| match &token.content {
                content if token.normalized => characters.normalize(content).into_owned(),
                content => content.clone(),
            };
            let vocabulary = read_tokens(&model.vocab, &added, read, decoded)?;
            let ignore = model.ignore_merges;
            let split = json_characters::split_for(&pre_tokenizer, ignore, &merges, &vocabulary)?;
            if !ignore {
                characters.joins = Joins::new(&merges, &vocabulary);
            }
            return Self::new(Model {
                split,
                vocabulary,
                byte_tokens,
                merges,
                nfc: false,
                characters: Some(characters),
                ignore_merges: model.ignore_merges,
                added,
            });
        }
        Self::new(Model {
            vocabulary: read_vocabulary(&model.vocab, &added)?,
            byte_tokens: read_byte_tokens(&model.vocab)?,
            merges,
            split: read_split(&pre_tokenizer, model.byte_level)?,
            nfc: reads_nfc(&normalizer)?,
            characters: None,
            ignore_merges: model.ignore_merges,
            added,
        })
    }

    /// Writes a `tokenizer.json`, version 1.0. The same tokenizer always gives the same bytes.
    pub fn to_json(&self) -> String {
        let Model { characters, split, .. } = self.model();
        let pre_tokenizer = if characters.is_none() { split_to_json(*split) } else { Value::Null };
        format!("{:#}\n", self.file("1.0", &pre_tokenizer, &self.model_to_json()))
    }

    /// Writes a `tokenizer.json` of format version 2.0. `tokenizers` reads this format since its
    /// release 1.0.
    pub fn to_json_v2(&self) -> String {
        let Model { characters, split, .. } = self.model();
        let mut model = self.model_to_json();
        model["byte_level"] = characters.is_none().into();
        let pre_tokenizer =
            if characters.is_none() { split_to_json_v2(*split) } else { Value::Null };
        format!("{:#}\n", self.file("2.0", &pre_tokenizer, &model))
    }

    fn file(&self, version: &str, pre_tokenizer: &Value, model: &Value) -> Value {
        let Model { added, characters, nfc, .. } = self.model();
        let added: Vec<Value> = added.iter().map(added_to_json).collect();
        let (normalizer, decoder) = match characters {
            Some(characters) => (
                json_characters::normalizer_to_json(characters),
                json_characters::decoder_to_json(characters),
            ),
            None if *nfc => (json!({"type": "NFC"}), byte_level(true)),
            None => (Value::Null, byte_level(true)),
        };
        json!({
            "version": version,
            "truncation": null,
            "padding": null,
            "added_tokens": added,
            "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer,
            "post_processor": null,
            "decoder": decoder,
            "model": model,
        })
    }

    fn model_to_json(&self) -> Value {
        let spellings = self.spellings();
        let Model { merges, characters, ignore_merges, .. } = self.model();
        let pairs = merges.pairs().iter();
        let merges: Vec<Value> = pairs
            .map(|&(left, right)| json!([spellings[left as usize], spellings[right as usize]]))
            .collect();
        json!({
            "type": "BPE",
            "dropout": null,
            "unk_token": null,
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": false,
            "byte_fallback": characters.is_some(),
            "ignore_merges": ignore_merges,
            "vocab": vocab_to_json(&spellings),
            "merges": merges,
        })
    }
}

impl Tokenizer {
    /// The spelling of every token in `tokenizer.json`, by id; empty for an id without a token.
    pub(crate) fn spellings(&self) -> Vec<String> {
        let Model { vocabulary, byte_tokens, added, characters, .. } = self.model();
        let names: BTreeMap<u32, &str> =
            added.iter().map(|token| (token.id, token.content.as_str())).collect();
        let spell = |(id, bytes): (u32, &[u8])| match (names.get(&id), bytes) {
            (Some(&name), _) => name.to_owned(),
            (None, bytes) if characters.is_none() => alphabet::spell(bytes),
            (None, &[byte]) if byte_tokens[usize::from(byte)] == id => characters::spell_byte(byte),
            (None, bytes) => {
                String::from_utf8_lossy(bytes).replace(' ', &characters::SPACE.to_string())
            }
        };
        vocabulary.iter().map(spell).collect()
    }
}

/// The object of ids by spelling.
pub(crate) fn vocab_to_json(spellings: &[String]) -> Map<String, Value> {
    let named = spellings.iter().zip(0_u32..).filter(|(spelling, _)| !spelling.is_empty());
    named.map(|(spelling, id)| (spelling.clone(), id.into())).collect()
}

fn added_to_json(token: &AddedToken) -> Value {
    json!({
        "id": token.id,
        "content": token.content,
        "single_word": token.single_word,
        "lstrip": token.lstrip,
        "rstrip": token.rstrip,
        "normalized": token.normalized,
        "special": token.special,
    })
}

fn check_model(model: &FileModel) -> Result<(), TokenizerError> {
    let refuse =
        |field, value: &str, reason| Err(TokenizerError::unsupported(field, value, reason));
    match model.kind.as_deref() {
        None | Some("BPE") => {}
        Some(kind) => return refuse("model.type", kind, "only BPE is supported"),
    }
    if let Some(dropout) = model.dropout.filter(|&dropout| dropout != 0.0) {
        let reason = "encoding is deterministic; set it to null";
        return refuse("model.dropout", &dropout.to_string(), reason);
    }
    let affixes = [
        ("model.continuing_subword_prefix", &model.continuing_subword_prefix),
        ("model.end_of_word_suffix", &model.end_of_word_suffix),
    ];
    for (field, affix) in affixes {
        if let Some(affix) = affix.as_deref().filter(|affix| !affix.is_empty()) {
            return refuse(field, affix, "byte-level vocabularies do not have it");
        }
    }
    Ok(())
}

/// Whether the normaliser is NFC.
fn reads_nfc(normalizer: &Value) -> Result<bool, TokenizerError> {
    if normalizer.is_null() {
        return Ok(false);
    }
    if normalizer["type"] == "NFC" {
        return Ok(true);
    }
    if let (Value::Array(steps), Some("Sequence")) =
        (&normalizer["normalizers"], normalizer["type"].as_str())
        && steps.iter().all(|step| step["type"] == "NFC")
    {
        return Ok(!steps.is_empty());
    }
    let reason = "only null and NFC are supported";
    Err(TokenizerError::unsupported("normalizer", &normalizer.to_string(), reason))
}

impl From<FileToken> for AddedToken {
    fn from(token: FileToken) -> Self {
        let FileToken { id, content, single_word, lstrip, rstrip, normalized, special } = token;
        Self { id, content, special, normalized, single_word, lstrip, rstrip }
    }
}

/// The bytes of all ids. Ids that the file skips get no bytes.
pub(crate) fn read_vocabulary(
    vocab: &BTreeMap<String, u32>,
    added: &[AddedToken],
) -> Result<Vocabulary, TokenizerError> {
    read_tokens(vocab, added, alphabet::read, |token| token.content.clone())
}

/// [`read_vocabulary`] with functions that read the spelling of a token and decode an added token.
fn read_tokens(
    vocab: &BTreeMap<String, u32>,
    added: &[AddedToken],
    read: impl Fn(&str) -> Option<Vec<u8>>,
    decoded: impl Fn(&AddedToken) -> String,
) -> Result<Vocabulary, TokenizerError> {
    let ids = vocab.values().copied().chain(added.iter().map(|token| token.id));
    let size = ids.max().map_or(0, |id| id as usize + 1);
    if size > MAX_VOCAB_SIZE {
        let reason = format!("model.vocab has the id {}, not below {MAX_VOCAB_SIZE}", size - 1);
        return Err(TokenizerError::malformed(reason));
    }
    let mut tokens: Vec<Option<Vec<u8>>> = vec![None; size];
    for token in added {
        tokens[token.id as usize] = Some(decoded(token).into_bytes());
    }
    let named: BTreeMap<u32, &str> =
        added.iter().map(|token| (token.id, token.content.as_str())).collect();
    for (spelling, &id) in vocab {
        if named.get(&id) == Some(&spelling.as_str()) {
            continue;
        }
        let bytes = read(spelling).ok_or_else(|| {
            let reason = format!("model.vocab: {spelling:?} is not in the byte-level alphabet");
            TokenizerError::malformed(reason)
        })?;
        if tokens[id as usize].replace(bytes).is_some() {
            let reason = format!("model.vocab: the id {id} of {spelling:?} is given twice");
            return Err(TokenizerError::malformed(reason));
        }
    }
    let mut vocabulary = Vocabulary::default();
    for token in &tokens {
        vocabulary.push(token.as_deref().unwrap_or(&[]));
    }
    Ok(vocabulary)
}

/// The token of each byte, by its spelling in the byte-level alphabet.
pub(crate) fn read_byte_tokens(
    vocab: &BTreeMap<String, u32>,
) -> Result<[u32; BYTE_COUNT], TokenizerError> {
    let mut byte_tokens = [u32::MAX; BYTE_COUNT];
    for byte in 0..=u8::MAX {
        let character = alphabet::character(byte);
        match vocab.get(character.encode_utf8(&mut [0; 4]) as &str) {
            Some(&id) => byte_tokens[usize::from(byte)] = id,
            // These bytes never occur in UTF-8 (RFC 3629, section 1), so a file may omit them.
            None if matches!(byte, 0xc0 | 0xc1 | 0xf5..) => {}
            None => {
                let reason = format!("model.vocab: no token {character:?} for the byte {byte:#x}");
                return Err(TokenizerError::malformed(reason));
            }
        }
    }
    Ok(byte_tokens)
}

fn read_merges(model: &FileModel) -> Result<MergeTable, TokenizerError> {
    let merges: Result<Vec<_>, _> = model.merges.iter().map(FileMerge::tokens).collect();
    make_merges(&model.vocab, &merges?)
}

/// The two tokens of a merge that is written as one line.
pub(crate) fn split_merge(line: &str) -> Result<(&str, &str), TokenizerError> {
    line.split_once(' ').ok_or_else(|| {
        TokenizerError::malformed(format!("model.merges: {line:?} is not two tokens"))
    })
}

/// The rules for merges given by the spellings of their tokens.
pub(crate) fn make_merges(
    vocab: &BTreeMap<String, u32>,
    merges: &[(&str, &str)],
) -> Result<MergeTable, TokenizerError> {
    let id = |spelling: &str| {
        vocab.get(spelling).copied().ok_or_else(|| {
            TokenizerError::malformed(format!("model.merges: {spelling:?} is not in model.vocab"))
        })
    };
    if merges.len() > MAX_RULES {
        let reason = format!("model.merges: {} rules, not at most {MAX_RULES}", merges.len());
        return Err(TokenizerError::malformed(reason));
    }
    let rule = |&(left, right): &(&str, &str)| {
        Ok(((id(left)?, id(right)?), id(&format!("{left}{right}"))?))
    };
    Ok(MergeTable::new(merges.iter().map(rule).collect::<Result<Vec<_>, _>>()?))
}
