//! Tokenizers that the crate `tokenizers` runs.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;
use tokenizers::Tokenizer;

use crate::bytes::{SPACE, read_byte, spell_byte};
use crate::error::{EncoderError, Result};
use crate::guard::guarded;

/// Names of the token that ends a document, the most common first.
pub(crate) const END_OF_TEXT_NAMES: [&str; 7] =
    ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|eos|>", "<sep>", "[SEP]"];

/// How the tokens of a model spell the bytes that they stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Spelling {
    /// In the byte-level alphabet.
    ByteLevel,
    /// As text. A token with this prefix continues the token before it.
    WordPiece { prefix: String },
    /// As text with `▁` for spaces; if `bytes` is set, `<0x00>` to `<0xFF>` are single bytes.
    Characters { bytes: bool },
}

/// A model of the crate `tokenizers`, with its file.
pub(crate) struct Library {
    tokenizer: Tokenizer,
    file: Value,
    kind: String,
    spelling: Spelling,
    vocab_size: usize,
    /// The special tokens by id.
    special: BTreeMap<u32, String>,
}

impl Library {
    /// The tokenizer of a `tokenizer.json`, version 1.0, without its truncation and padding.
    pub(crate) fn new(mut file: Value) -> Result<Self> {
        file["truncation"] = Value::Null;
        file["padding"] = Value::Null;
        check(&file["model"])?;
        let names = special_names(&file);
        let guard = guarded(&file["pre_tokenizer"], names.iter().map(String::as_str));
        // Old files have no type; they are BPE.
        let kind = file["model"]["type"].as_str().unwrap_or("BPE").to_owned();
        let mut tokenizer = match guard.filter(|_| kind != "BPE") {
            Some(guard) => {
                let plain = std::mem::replace(&mut file["pre_tokenizer"], guard);
                let tokenizer = parse(&file)?;
                file["pre_tokenizer"] = plain;
                tokenizer
            }
            None => parse(&file)?,
        };
        tokenizer.set_encode_special_tokens(true);
        let added = tokenizer.get_added_tokens_decoder();
        let special = added
            .into_iter()
            .filter(|(_, token)| token.special)
            .map(|(id, token)| (id, token.content))
            .collect();
        let vocab_size = tokenizer.get_vocab(true).values().max().map_or(0, |&id| id as usize + 1);
        let spelling = spelling(&file);
        Ok(Self { tokenizer, file, kind, spelling, vocab_size, special })
    }

    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    pub(crate) fn encode(&self, text: &str, out: &mut Vec<u32>) -> Result<()> {
        let encoding = guard_panics(|| self.tokenizer.encode_fast(text, false))
            .map_err(|reason| EncoderError::Text { reason })?;
        out.extend_from_slice(encoding.get_ids());
        Ok(())
    }

    pub(crate) fn decode(&self, ids: &[u32]) -> Result<Vec<u8>> {
        guard_panics(|| self.tokenizer.decode(ids, false))
            .map(String::into_bytes)
            .map_err(|reason| EncoderError::Library { reason })
    }

    pub(crate) fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    pub(crate) fn special_tokens(&self) -> impl Iterator<Item = (&str, u32)> {
        self.special.iter().map(|(&id, name)| (name.as_str(), id))
    }

    pub(crate) fn piece(&self, id: u32) -> Option<String> {
        self.tokenizer.id_to_token(id)
    }

    pub(crate) fn token_bytes(&self, id: u32) -> Option<Vec<u8>> {
        let piece = self.piece(id)?;
        if self.special.contains_key(&id) {
            return Some(piece.into_bytes());
        }
        Some(match &self.spelling {
            Spelling::ByteLevel => {
                tokenizer::byte_level_bytes(&piece).unwrap_or_else(|| piece.into_bytes())
            }
            Spelling::WordPiece { prefix } => {
                piece.strip_prefix(prefix.as_str()).unwrap_or(&piece).as_bytes().to_vec()
            }
            Spelling::Characters { bytes } => match read_byte(&piece).filter(|_| *bytes) {
                Some(byte) => vec![byte],
                None => piece.replace(SPACE, " ").into_bytes(),
            },
        })
    }

    pub(crate) fn to_json(&self) -> String {
        format!("{:#}\n", self.file)
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct("Library");
        fields.field("kind", &self.kind).field("vocab_size", &self.vocab_size);
        fields.finish_non_exhaustive()
    }
}

/// Runs `work` and turns a panic into an error: the crate panics on some broken files, in some
/// cases only when a text reaches the broken part.
fn guard_panics<T>(work: impl FnOnce() -> tokenizers::Result<T>) -> std::result::Result<T, String> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| "the crate panicked at a broken part of the file".to_owned())?
        .map_err(|error| error.to_string())
}

fn parse(file: &Value) -> Result<Tokenizer> {
    guard_panics(|| file.to_string().parse::<Tokenizer>())
        .map_err(|reason| EncoderError::Malformed { file: "tokenizer.json", reason })
}

/// Refuses models whose encoding is random.
fn check(model: &Value) -> Result<()> {
    if model["dropout"].as_f64().is_some_and(|dropout| dropout != 0.0) {
        let reason = "model.dropout makes encoding random; set it to null".to_owned();
        return Err(EncoderError::Unsupported { file: "tokenizer.json", reason });
    }
    Ok(())
}

/// The names of special tokens and of byte tokens, which a text must not be able to spell.
fn special_names(file: &Value) -> Vec<String> {
    let added = file["added_tokens"].as_array().into_iter().flatten();
    let mut names: Vec<String> = added
        .filter(|token| token["special"] == true)
        .filter_map(|token| token["content"].as_str().map(str::to_owned))
        .collect();
    if file["model"]["byte_fallback"] == true {
        names.extend((0..=u8::MAX).map(spell_byte));
    }
    names
}

/// How a file spells its tokens.
fn spelling(file: &Value) -> Spelling {
    let model = &file["model"];
    let decoder = &file["decoder"];
    if decoder["type"] == "ByteLevel" {
        return Spelling::ByteLevel;
    }
    match model["continuing_subword_prefix"].as_str() {
        Some(prefix) => Spelling::WordPiece { prefix: prefix.to_owned() },
        None => Spelling::Characters { bytes: model["byte_fallback"] == true },
    }
}
