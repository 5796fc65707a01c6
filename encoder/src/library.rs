//! A tokenizer that the crate `tokenizers` runs.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;
use tokenizers::Tokenizer;

use crate::error::{EncoderError, Result};
use crate::guard::guarded;

/// Names of the token that ends a document, the most common first.
const END_OF_TEXT_NAMES: [&str; 7] =
    ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|eos|>", "<sep>", "[SEP]"];

/// How SentencePiece spells a space.
const SPACE: char = '▁';

/// How the tokens of a model spell the bytes they stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Spelling {
    /// In the byte-level alphabet.
    ByteLevel,
    /// As text; one with this prefix goes on where the token before it ends.
    WordPiece { prefix: String },
    /// As text with `▁` for spaces, and where `bytes` is set `<0x00>` to `<0xFF>` for single bytes.
    Characters { bytes: bool },
}

/// A model of the crate `tokenizers`, with the file it came from.
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
    /// The tokenizer of a `tokenizer.json`, version 1.0. Truncation and padding are left out.
    pub(crate) fn new(mut file: Value) -> Result<Self> {
        file["truncation"] = Value::Null;
        file["padding"] = Value::Null;
        check(&file["model"])?;
        let names = special_names(&file);
        let guard = guarded(&file["pre_tokenizer"], names.iter().map(String::as_str));
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
        let encoding = guard_panics("encode", || self.tokenizer.encode_fast(text, false))?;
        out.extend_from_slice(encoding.get_ids());
        Ok(())
    }

    pub(crate) fn decode(&self, ids: &[u32]) -> Result<Vec<u8>> {
        guard_panics("decode", || self.tokenizer.decode(ids, false)).map(String::into_bytes)
    }

    pub(crate) fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    pub(crate) fn special_tokens(&self) -> impl Iterator<Item = (&str, u32)> {
        self.special.iter().map(|(&id, name)| (name.as_str(), id))
    }

    pub(crate) fn special_id(&self, content: &str) -> Option<u32> {
        self.special_tokens().find(|&(name, _)| name == content).map(|(_, id)| id)
    }

    pub(crate) fn end_of_text(&self) -> Option<u32> {
        END_OF_TEXT_NAMES.iter().find_map(|name| self.special_id(name))
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

/// The crate panics on some broken files and says so only when a text leads there.
fn guard_panics<T>(task: &'static str, work: impl FnOnce() -> tokenizers::Result<T>) -> Result<T> {
    let failed = |reason: String| EncoderError::Library { task, reason };
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| failed("it stopped at a part of the file that is broken".into()))?
        .map_err(|error| failed(error.to_string()))
}

fn parse(file: &Value) -> Result<Tokenizer> {
    guard_panics("read the file", || file.to_string().parse::<Tokenizer>()).map_err(|error| {
        EncoderError::Malformed { file: "tokenizer.json", reason: error.to_string() }
    })
}

/// Refuses models that would be random, and those that fail on text they do not know.
fn check(model: &Value) -> Result<()> {
    let refuse = |reason: &str| {
        Err(EncoderError::Unsupported { file: "tokenizer.json", reason: reason.to_owned() })
    };
    if model["dropout"].as_f64().is_some_and(|dropout| dropout != 0.0) {
        return refuse("model.dropout makes encoding random; set it to null");
    }
    let unknown = model["unk_token"].as_str();
    let has_unknown = unknown.is_some_and(|name| !model["vocab"][name].is_null());
    match model["type"].as_str() {
        Some("Unigram") if model["unk_id"].as_u64().is_none() => {
            refuse("model.unk_id is null, so text without a piece cannot be encoded")
        }
        Some("WordPiece" | "WordLevel") if !has_unknown => {
            refuse("model.unk_token is not in model.vocab, so words not in it cannot be encoded")
        }
        Some("BPE") | None if unknown.is_some() && !has_unknown => {
            refuse("model.unk_token is not in model.vocab")
        }
        _ => Ok(()),
    }
}

/// The names of special tokens and of bytes: what a text must not become by spelling it.
fn special_names(file: &Value) -> Vec<String> {
    let added = file["added_tokens"].as_array().into_iter().flatten();
    let mut names: Vec<String> = added
        .filter(|token| token["special"] == true)
        .filter_map(|token| token["content"].as_str().map(str::to_owned))
        .collect();
    if file["model"]["byte_fallback"] == true {
        names.extend((0..=u8::MAX).map(|byte| format!("<0x{byte:02X}>")));
    }
    names
}

/// The byte that a token of byte fallback stands for.
fn read_byte(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    u8::from_str_radix(digits, 16).ok().filter(|byte| format!("{byte:02X}") == digits)
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
