//! The public tokenizer: encoding and decoding, and questions about its tokens.

use std::borrow::Cow;
use std::sync::Arc;

use crate::encode::Encoder;
use crate::model::Model;
use crate::tables::Tables;
use crate::{Split, TokenizerError};

/// Names under which tokenizers keep the token that ends a document, the most common first.
const END_OF_TEXT_NAMES: [&str; 5] =
    ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|eos|>"];

/// A byte-level BPE tokenizer. A clone shares the vocabulary.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    tables: Arc<Tables>,
}

impl Encoder {
    /// An encoder for long or many texts. It keeps the vocabulary alive, so a thread can own it.
    pub fn new(tokenizer: &Tokenizer) -> Self {
        Self::for_length(tokenizer, usize::MAX)
    }

    /// An encoder for texts of `length` bytes in total.
    pub(crate) fn for_length(tokenizer: &Tokenizer, length: usize) -> Self {
        Self::with_tables(tokenizer.tables.clone(), length)
    }
}

impl Tokenizer {
    /// The tokenizer of a model.
    ///
    /// # Errors
    /// [`TokenizerError::Malformed`] where no automaton can be built from the added tokens.
    pub(crate) fn new(model: Model) -> Result<Self, TokenizerError> {
        Ok(Self { tables: Arc::new(Tables::new(model)?) })
    }

    /// The parts of this tokenizer.
    pub(crate) fn model(&self) -> &Model {
        &self.tables.model
    }

    /// Appends the ids of `text` to `out`.
    ///
    /// A special token spelled in the text is encoded as ordinary text, so a document cannot
    /// contain an end of text. Use [`Tokenizer::encode_with_specials`] for text that may contain
    /// them. To encode many texts, create one [`Encoder`]: it remembers words.
    pub fn encode(&self, text: &str, out: &mut Vec<u32>) {
        Encoder::for_length(self, text.len()).encode(text, out);
    }

    /// Appends the ids of `text` to `out`; special tokens spelled in it become their ids.
    pub fn encode_with_specials(&self, text: &str, out: &mut Vec<u32>) {
        Encoder::for_length(self, text.len()).encode_with_specials(text, out);
    }

    /// The bytes that `ids` stand for. For ids from `encode`, these are the bytes of the text: of
    /// its composed form where the file requires NFC, and with spaces instead of `▁` where the file
    /// comes from SentencePiece. Ids that are not in the vocabulary stand for nothing. A prefix of
    /// a text's ids can end inside a character.
    pub fn decode(&self, ids: &[u32]) -> Vec<u8> {
        let mut bytes = self.model().vocabulary.decode(ids);
        let space_before = self.model().characters.as_ref().is_some_and(|known| known.space_before);
        if space_before && bytes.first() == Some(&b' ') {
            bytes.remove(0);
        }
        bytes
    }

    /// The number of ids, special and added tokens included; every id is below it.
    pub fn vocab_size(&self) -> usize {
        self.model().vocabulary.len()
    }

    /// The id of the special token spelled `content`.
    pub fn special_id(&self, content: &str) -> Option<u32> {
        self.special_tokens().find(|&(name, _)| name == content).map(|(_, id)| id)
    }

    /// The special tokens and their ids, in the order of the file or of training.
    pub fn special_tokens(&self) -> impl Iterator<Item = (&str, u32)> {
        let specials = self.model().added.iter().filter(|token| token.special);
        specials.map(|token| (token.content.as_str(), token.id))
    }

    /// The id of the token that ends a document: of `<|endoftext|>`, or of the first special token
    /// with another common name (`<|end_of_text|>`, `</s>`, `<eos>`, `<|eos|>`).
    pub fn end_of_text(&self) -> Option<u32> {
        END_OF_TEXT_NAMES.iter().find_map(|name| self.special_id(name))
    }

    /// The bytes of a token; for a special token, the bytes of its name.
    pub fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        self.model().vocabulary.get(id)
    }

    /// The text of a token, with U+FFFD for bytes that are not whole characters.
    pub fn token_text(&self, id: u32) -> Option<Cow<'_, str>> {
        self.token_bytes(id).map(String::from_utf8_lossy)
    }

    /// How text is split into pieces.
    pub fn split(&self) -> Split {
        self.model().split
    }
}
