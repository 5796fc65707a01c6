//! One type for all tokenizers, and one for their encoders.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use tokenizer::{Encoder, Tokenizer, TokenizerError};

use crate::error::{EncoderError, Result};
use crate::library::{END_OF_TEXT_NAMES, Library};
use crate::sentencepiece::{self, SentencePiece, SentencePieceModel, Work};

/// A tokenizer of any kind. A clone shares the vocabulary.
#[derive(Debug, Clone)]
pub struct AnyTokenizer {
    pub(crate) inner: Inner,
}

/// The implementation that encodes.
#[derive(Debug, Clone)]
pub(crate) enum Inner {
    /// The crate `tokenizer`.
    Own(Arc<Tokenizer>),
    /// A SentencePiece model that the crate `tokenizer` does not support.
    SentencePiece(Arc<SentencePiece>),
    /// The crate `tokenizers`.
    Library(Arc<Library>),
}

impl From<Tokenizer> for AnyTokenizer {
    fn from(tokenizer: Tokenizer) -> Self {
        Arc::new(tokenizer).into()
    }
}

impl From<Arc<Tokenizer>> for AnyTokenizer {
    fn from(tokenizer: Arc<Tokenizer>) -> Self {
        Self { inner: Inner::Own(tokenizer) }
    }
}

/// The tokenizer of a BPE file, if the crate `tokenizer` supports it. Other files need another
/// implementation, so the reason is not of interest.
pub(crate) fn own_bpe(file: &Value) -> Option<Tokenizer> {
    let is_bpe = file["model"]["type"] == "BPE";
    if is_bpe { Tokenizer::from_json(&file.to_string()).ok() } else { None }
}

impl AnyTokenizer {
    /// Reads a `tokenizer.json`, version 1.0 or 2.0. The crate `tokenizer` encodes BPE if it
    /// supports the file. A file that [`AnyTokenizer::to_json`] made from a SentencePiece model
    /// becomes that model again. The crate `tokenizers`, which reads version 1.0, encodes
    /// everything else.
    ///
    /// # Errors
    /// [`EncoderError::Tokenizer`] for BPE that no implementation supports,
    /// [`EncoderError::Malformed`] for any other file that cannot be read, and
    /// [`EncoderError::Unsupported`] for a model that is not deterministic.
    pub fn from_json(text: &str) -> Result<Self> {
        let file: Value = serde_json::from_str(text).map_err(|error| EncoderError::Malformed {
            file: "tokenizer.json",
            reason: error.to_string(),
        })?;
        let own = match file["model"]["type"].as_str() {
            None | Some("BPE") => Tokenizer::from_json(text),
            Some(_) => return Self::from_other(file),
        };
        match own {
            Ok(tokenizer) => Ok(tokenizer.into()),
            // Dropout is random in the other implementations, too.
            Err(error @ TokenizerError::Unsupported { field: "model.dropout", .. }) => {
                Err(error.into())
            }
            // If no implementation supports a file of BPE, our own reason is the clearest.
            Err(error) => Self::from_other(file).map_err(|_| error.into()),
        }
    }

    /// The tokenizer of a file that the crate `tokenizer` does not support.
    fn from_other(file: Value) -> Result<Self> {
        if let Some(model) = sentencepiece::from_json(&file) {
            return Self::from_sentencepiece_model(model, file);
        }
        Ok(Self { inner: Inner::Library(Arc::new(Library::new(file)?)) })
    }

    /// The tokenizer of a SentencePiece model; `file` is its `tokenizer.json`.
    pub(crate) fn from_sentencepiece_model(model: SentencePieceModel, file: Value) -> Result<Self> {
        Ok(Self { inner: Inner::SentencePiece(Arc::new(SentencePiece::new(model, file)?)) })
    }

    /// An encoder, which a thread can own. It keeps the vocabulary alive and caches words, in at
    /// most 10 MiB for a tokenizer of the crate `tokenizer`, so use one encoder for many texts.
    pub fn encoder(&self) -> AnyEncoder {
        AnyEncoder {
            inner: match &self.inner {
                Inner::Own(tokenizer) => InnerEncoder::Own(Encoder::new(tokenizer)),
                Inner::SentencePiece(model) => {
                    InnerEncoder::SentencePiece(model.clone(), Box::default())
                }
                Inner::Library(library) => InnerEncoder::Library(library.clone()),
            },
        }
    }

    /// The tokenizer of the crate `tokenizer`, if this is one. Some operations exist only for
    /// those, such as cutting to fewer tokens.
    pub fn as_own(&self) -> Option<&Arc<Tokenizer>> {
        match &self.inner {
            Inner::Own(tokenizer) => Some(tokenizer),
            Inner::SentencePiece(_) | Inner::Library(_) => None,
        }
    }

    /// Whether this is a clone of `other`.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.inner, &other.inner) {
            (Inner::Own(a), Inner::Own(b)) => Arc::ptr_eq(a, b),
            (Inner::SentencePiece(a), Inner::SentencePiece(b)) => Arc::ptr_eq(a, b),
            (Inner::Library(a), Inner::Library(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// The kind of the model, as in `tokenizer.json`: `BPE`, `Unigram`, `WordPiece` or `WordLevel`.
    pub fn kind(&self) -> &str {
        match &self.inner {
            Inner::Own(_) => "BPE",
            Inner::SentencePiece(model) => model.kind(),
            Inner::Library(library) => library.kind(),
        }
    }

    /// The bytes that `ids` stand for. Ids that are not in the vocabulary stand for nothing. If the
    /// tokenizer normalises text, decoding gives the normalised text.
    ///
    /// # Errors
    /// [`EncoderError::Library`], only from the crate `tokenizers`.
    pub fn decode(&self, ids: &[u32]) -> Result<Vec<u8>> {
        match &self.inner {
            Inner::Own(tokenizer) => Ok(tokenizer.decode(ids)),
            Inner::SentencePiece(model) => Ok(model.decode(ids)),
            Inner::Library(library) => library.decode(ids),
        }
    }

    /// The number of ids, special and added tokens included; every id is below it.
    pub fn vocab_size(&self) -> usize {
        match &self.inner {
            Inner::Own(tokenizer) => tokenizer.vocab_size(),
            Inner::SentencePiece(model) => model.vocab_size(),
            Inner::Library(library) => library.vocab_size(),
        }
    }

    /// The id of the token that ends a document, if there is one: see [`Tokenizer::end_of_text`].
    /// For WordPiece it is `[SEP]`.
    pub fn end_of_text(&self) -> Option<u32> {
        match &self.inner {
            Inner::Own(tokenizer) => tokenizer.end_of_text(),
            Inner::SentencePiece(_) | Inner::Library(_) => {
                let special = self.special_tokens();
                let id = |name: &&str| special.iter().find(|(known, _)| known == name);
                END_OF_TEXT_NAMES.iter().find_map(id).map(|&(_, id)| id)
            }
        }
    }

    /// The special tokens and their ids.
    pub fn special_tokens(&self) -> Vec<(&str, u32)> {
        match &self.inner {
            Inner::Own(tokenizer) => tokenizer.special_tokens().collect(),
            Inner::SentencePiece(model) => model.special_tokens().collect(),
            Inner::Library(library) => library.special_tokens().collect(),
        }
    }

    /// The bytes that a token stands for within a text; for a special token, those of its name.
    /// Decoding a whole text may also add spaces between tokens, or remove one at the start.
    pub fn token_bytes(&self, id: u32) -> Option<Cow<'_, [u8]>> {
        match &self.inner {
            Inner::Own(tokenizer) => tokenizer.token_bytes(id).map(Cow::Borrowed),
            Inner::SentencePiece(model) => model.token_bytes(id).map(Cow::Owned),
            Inner::Library(library) => library.token_bytes(id).map(Cow::Owned),
        }
    }

    /// A token in readable form: its text, with U+FFFD for bytes that are not whole characters.
    /// Tokens of SentencePiece and of the crate `tokenizers` have the spelling of their file.
    pub fn piece(&self, id: u32) -> Option<Cow<'_, str>> {
        match &self.inner {
            Inner::Own(tokenizer) => tokenizer.token_text(id),
            Inner::SentencePiece(model) => model.piece(id).map(Cow::Borrowed),
            Inner::Library(library) => library.piece(id).map(Cow::Owned),
        }
    }

    /// Writes the tokenizer as a `tokenizer.json`, version 1.0. [`AnyTokenizer::from_json`] gives
    /// the same tokenizer back.
    pub fn to_json(&self) -> String {
        match &self.inner {
            Inner::Own(tokenizer) => tokenizer.to_json(),
            Inner::SentencePiece(model) => model.to_json(),
            Inner::Library(library) => library.to_json(),
        }
    }
}

/// Encodes texts one after the other.
pub struct AnyEncoder {
    inner: InnerEncoder,
}

enum InnerEncoder {
    Own(Encoder),
    SentencePiece(Arc<SentencePiece>, Box<Work>),
    Library(Arc<Library>),
}

impl AnyEncoder {
    /// Appends the ids of `text` to `out`. A special token spelled in the text is encoded as
    /// ordinary text, and no ids are added at either end.
    ///
    /// # Errors
    /// [`EncoderError::Text`] if this text cannot be encoded, although others may; only from the
    /// crate `tokenizers`. Nothing is appended in that case.
    pub fn encode(&mut self, text: &str, out: &mut Vec<u32>) -> Result<()> {
        match &mut self.inner {
            InnerEncoder::Own(encoder) => encoder.encode(text, out),
            InnerEncoder::SentencePiece(model, work) => model.encode(text, work, out),
            InnerEncoder::Library(library) => library.encode(text, out)?,
        }
        Ok(())
    }
}

impl fmt::Debug for AnyEncoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner {
            InnerEncoder::Own(encoder) => encoder.fmt(formatter),
            InnerEncoder::SentencePiece(model, _) => model.fmt(formatter),
            InnerEncoder::Library(library) => library.fmt(formatter),
        }
    }
}
