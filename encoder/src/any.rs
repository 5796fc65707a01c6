//! One type for all tokenizers, and one for what a thread encodes with.

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

/// Who encodes.
#[derive(Debug, Clone)]
pub(crate) enum Inner {
    /// The crate `tokenizer`.
    Own(Arc<Tokenizer>),
    /// A model of SentencePiece that the crate `tokenizer` does not read.
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

/// The tokenizer that the crate `tokenizer` reads from a file of BPE, if it does.
pub(crate) fn own_bpe(file: &Value) -> Option<Tokenizer> {
    let is_bpe = file["model"]["type"] == "BPE";
    if is_bpe { Tokenizer::from_json(&file.to_string()).ok() } else { None }
}

impl AnyTokenizer {
    /// Reads a `tokenizer.json`, version 1.0 or 2.0. BPE goes to the crate `tokenizer` where that
    /// reads it; a file that [`AnyTokenizer::to_json`] made of a model of SentencePiece is read back to
    /// that; all else goes to the crate `tokenizers`, which reads version 1.0.
    ///
    /// # Errors
    /// [`EncoderError::Tokenizer`] for BPE that neither reads, [`EncoderError::Malformed`] for another
    /// file that is not read, and [`EncoderError::Unsupported`] for a model that is not deterministic.
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
            // Which merges a dropout leaves out is random, with either crate.
            Err(error @ TokenizerError::Unsupported { field: "model.dropout", .. }) => {
                Err(error.into())
            }
            Err(error) => Self::from_other(file).map_err(|_| error.into()),
        }
    }

    /// A file that the crate `tokenizer` does not read.
    fn from_other(file: Value) -> Result<Self> {
        if let Some(model) = sentencepiece::from_json(&file) {
            return Self::from_sentencepiece_model(model, file);
        }
        Ok(Self { inner: Inner::Library(Arc::new(Library::new(file)?)) })
    }

    /// A model of SentencePiece, of which `file` is the `tokenizer.json`.
    pub(crate) fn from_sentencepiece_model(model: SentencePieceModel, file: Value) -> Result<Self> {
        Ok(Self { inner: Inner::SentencePiece(Arc::new(SentencePiece::new(model, file)?)) })
    }

    /// What a thread encodes with. It keeps the vocabulary alive and remembers words, in 10 MiB at
    /// most for a tokenizer of the crate `tokenizer`, so one is worth keeping for many texts.
    pub fn encoder(&self) -> AnyEncoder {
        AnyEncoder {
            inner: match &self.inner {
                Inner::Own(tokenizer) => InnerEncoder::Own(Encoder::shared(tokenizer.clone())),
                Inner::SentencePiece(model) => {
                    InnerEncoder::SentencePiece(model.clone(), Box::default())
                }
                Inner::Library(library) => InnerEncoder::Library(library.clone()),
            },
        }
    }

    /// The byte-level tokenizer that this is, if it is one of the crate `tokenizer`: for what only
    /// those can do, such as being cut to fewer tokens.
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

    /// What kind of model this is, by the name that `tokenizer.json` gives it: `BPE`, `Unigram`,
    /// `WordPiece` or `WordLevel`.
    pub fn kind(&self) -> &str {
        match &self.inner {
            Inner::Own(_) => "BPE",
            Inner::SentencePiece(model) => model.kind(),
            Inner::Library(library) => library.kind(),
        }
    }

    /// The bytes that `ids` stand for; ids not in the vocabulary stand for nothing. Kinds that
    /// normalise text do not give it back as it was.
    ///
    /// # Errors
    /// [`EncoderError::Library`], from the crate `tokenizers` only.
    pub fn decode(&self, ids: &[u32]) -> Result<Vec<u8>> {
        match &self.inner {
            Inner::Own(tokenizer) => Ok(tokenizer.decode(ids)),
            Inner::SentencePiece(model) => Ok(model.decode(ids)),
            Inner::Library(library) => library.decode(ids),
        }
    }

    /// How many ids there are, special and added tokens included; every id is below this.
    pub fn vocab_size(&self) -> usize {
        match &self.inner {
            Inner::Own(tokenizer) => tokenizer.vocab_size(),
            Inner::SentencePiece(model) => model.vocab_size(),
            Inner::Library(library) => library.vocab_size(),
        }
    }

    /// The id of the token that ends a document, if there is one: see [`Tokenizer::end_of_text`]. For
    /// WordPiece that is `[SEP]`.
    pub fn end_of_text(&self) -> Option<u32> {
        match &self.inner {
            Inner::Own(tokenizer) => tokenizer.end_of_text(),
            Inner::SentencePiece(_) => {
                END_OF_TEXT_NAMES.iter().find_map(|name| self.special_id(name))
            }
            Inner::Library(library) => library.end_of_text(),
        }
    }

    /// The id of the special token spelled `content`.
    pub fn special_id(&self, content: &str) -> Option<u32> {
        match &self.inner {
            Inner::Own(tokenizer) => tokenizer.special_id(content),
            Inner::SentencePiece(model) => {
                model.special_tokens().find(|&(name, _)| name == content).map(|(_, id)| id)
            }
            Inner::Library(library) => library.special_id(content),
        }
    }

    /// The special tokens and their ids; those of the crate `tokenizers` by id.
    pub fn special_tokens(&self) -> Vec<(&str, u32)> {
        match &self.inner {
            Inner::Own(tokenizer) => tokenizer.special_tokens().collect(),
            Inner::SentencePiece(model) => model.special_tokens().collect(),
            Inner::Library(library) => library.special_tokens().collect(),
        }
    }

    /// The bytes that a token stands for within a text, without what decoding puts between tokens or
    /// takes away at the start; those of its name for a special token.
    pub fn token_bytes(&self, id: u32) -> Option<Cow<'_, [u8]>> {
        match &self.inner {
            Inner::Own(tokenizer) => tokenizer.token_bytes(id).map(Cow::Borrowed),
            Inner::SentencePiece(model) => model.token_bytes(id).map(Cow::Owned),
            Inner::Library(library) => library.token_bytes(id).map(Cow::Owned),
        }
    }

    /// A token to be read by people: its text, with U+FFFD for bytes that are not whole characters,
    /// for the crate `tokenizer`; as its file spells it for the crate `tokenizers`.
    pub fn piece(&self, id: u32) -> Option<Cow<'_, str>> {
        match &self.inner {
            Inner::Own(tokenizer) => tokenizer.token_text(id),
            Inner::SentencePiece(model) => model.piece(id).map(Cow::Borrowed),
            Inner::Library(library) => library.piece(id).map(Cow::Owned),
        }
    }

    /// This tokenizer as a `tokenizer.json`, version 1.0, which [`AnyTokenizer::from_json`] reads to
    /// the same tokenizer.
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
    Own(Encoder<'static>),
    SentencePiece(Arc<SentencePiece>, Box<Work>),
    Library(Arc<Library>),
}

impl AnyEncoder {
    /// Appends the ids of `text` to `out`. A special token spelled in the text is encoded as the
    /// ordinary text it is, and no ids are added at either end.
    ///
    /// # Errors
    /// [`EncoderError::Text`] where this text cannot be encoded, as others may; from the crate
    /// `tokenizers` only. Nothing was appended then.
    pub fn encode(&mut self, text: &str, out: &mut Vec<u32>) -> Result<()> {
        match &mut self.inner {
            InnerEncoder::Own(encoder) => encoder.encode(text, out),
            InnerEncoder::SentencePiece(model, work) => model.encode(text, work, out),
            InnerEncoder::Library(library) => library.encode(text, out)?,
        }
        Ok(())
    }

    /// How many ids [`AnyEncoder::encode`] gives for `text`.
    ///
    /// # Errors
    /// Those of [`AnyEncoder::encode`].
    pub fn count(&mut self, text: &str) -> Result<usize> {
        match &mut self.inner {
            InnerEncoder::Own(encoder) => Ok(encoder.count(text)),
            InnerEncoder::SentencePiece(..) | InnerEncoder::Library(_) => {
                let mut ids = Vec::new();
                self.encode(text, &mut ids)?;
                Ok(ids.len())
            }
        }
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
