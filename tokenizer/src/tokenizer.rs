//! The tokenizer: a vocabulary, merge rules, a split and added tokens.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
// Hugging Face's library composes by this crate's tables, of Unicode 9; others order later marks otherwise.
use unicode_normalization_alignments::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::added::Finder;
use crate::alphabet::BYTE_COUNT;
use crate::bpe::BytePairs;
use crate::characters::Characters;
use crate::encode::Encoder;
use crate::merges::MergeTable;
use crate::vocabulary::Vocabulary;
use crate::words::WholeWords;
use crate::{Split, TokenizerError};

/// Names under which tokenizers keep the token that ends a document, the most common first.
const END_OF_TEXT_NAMES: [&str; 5] =
    ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|eos|>"];

/// How many parts per thread [`Tokenizer::encode_batch`] cuts its texts into, to even out texts of
/// different length.
const BATCH_PARTS_PER_THREAD: usize = 16;

/// A token beside the byte-pair vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the format has these five")]
pub(crate) struct AddedToken {
    pub(crate) id: u32,
    pub(crate) content: String,
    /// Whether it is a control token, which text by default cannot spell.
    pub(crate) special: bool,
    /// Whether it is looked for in the normalised text, after the tokens without this flag.
    pub(crate) normalized: bool,
    /// Whether it counts only where no letter, mark, digit or underscore is beside it.
    pub(crate) single_word: bool,
    /// Whether the white space before it belongs to it.
    pub(crate) lstrip: bool,
    /// Whether the white space after it belongs to it.
    pub(crate) rstrip: bool,
}

impl AddedToken {
    /// A control token, as training makes them.
    pub(crate) fn special(id: u32, content: String) -> Self {
        Self {
            id,
            content,
            special: true,
            normalized: false,
            single_word: false,
            lstrip: false,
            rstrip: false,
        }
    }
}

/// What a tokenizer is made of.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) vocabulary: Vocabulary,
    /// The token of each single byte; [`u32::MAX`] for bytes without one, which UTF-8 never has.
    pub(crate) byte_tokens: [u32; BYTE_COUNT],
    pub(crate) merges: MergeTable,
    pub(crate) split: Split,
    /// Whether text is brought to Unicode's composed form first.
    pub(crate) nfc: bool,
    /// What texts are spelled in before merging, where that is not bytes.
    pub(crate) characters: Option<Characters>,
    /// Whether a piece that is a token becomes that token without merging.
    pub(crate) ignore_merges: bool,
    pub(crate) added: Vec<AddedToken>,
}

impl Model {
    /// The text in the form the tokenizer asks for.
    pub(crate) fn normalize<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if let Some(characters) = &self.characters {
            return characters.normalize(text);
        }
        // Every character below U+0300 is composed (Unicode Standard Annex #15, section 9): their
        // first bytes are below 0xcc.
        let may_change = || text.bytes().any(|byte| byte >= 0xcc);
        let composed = || is_nfc_quick(text.chars()) == IsNormalized::Yes;
        if self.nfc && may_change() && !composed() {
            Cow::Owned(text.nfc().map(|(character, _)| character).collect())
        } else {
            Cow::Borrowed(text)
        }
    }
}

/// Which added tokens are looked for in text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Finders {
    /// Tokens looked for before normalisation.
    pub(crate) raw: Finder,
    /// Tokens looked for after normalisation.
    pub(crate) normalized: Finder,
    /// Whether neither finder has a token.
    pub(crate) idle: bool,
}

/// A byte-level BPE tokenizer.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    pub(crate) model: Model,
    pub(crate) whole_words: WholeWords,
    pub(crate) byte_pairs: BytePairs,
    /// Added tokens that are not special.
    pub(crate) ordinary: Finders,
    /// All added tokens.
    pub(crate) all: Finders,
}

impl Tokenizer {
    /// A tokenizer that training made: its added tokens are all special.
    pub(crate) fn new(model: Model) -> Self {
        let special = Finders { idle: model.added.is_empty(), ..Finders::default() };
        let ordinary = Finders { idle: true, ..Finders::default() };
        let all = finders(&model, |_| true).unwrap_or(special);
        let byte_pairs = BytePairs::new(&model);
        let whole_words = WholeWords::new(&model, &byte_pairs);
        Self { model, whole_words, byte_pairs, ordinary, all }
    }

    /// A tokenizer with any added tokens.
    ///
    /// # Errors
    /// [`TokenizerError::Malformed`] where no automaton can be made of the added tokens.
    pub(crate) fn with_added_tokens(model: Model) -> Result<Self, TokenizerError> {
        let ordinary = finders(&model, |token| !token.special)?;
        let all = finders(&model, |_| true)?;
        let byte_pairs = BytePairs::new(&model);
        let whole_words = WholeWords::new(&model, &byte_pairs);
        Ok(Self { model, whole_words, byte_pairs, ordinary, all })
    }

    /// Appends the ids of `text` to `out`.
    ///
    /// A special token spelled in the text is encoded as the ordinary text it is; a document cannot
    /// smuggle in an end of text. Use [`Tokenizer::encode_with_specials`] for text that may.
    /// For many texts make one [`Encoder`]: it remembers words.
    pub fn encode(&self, text: &str, out: &mut Vec<u32>) {
        Encoder::for_length(self, text.len()).encode(text, out);
    }

    /// Appends the ids of `text` to `out`; special tokens spelled in it become their ids.
    pub fn encode_with_specials(&self, text: &str, out: &mut Vec<u32>) {
        Encoder::for_length(self, text.len()).encode_with_specials(text, out);
    }

    /// The ids of each text, in the order of the texts, made on all threads of the present pool.
    pub fn encode_batch(&self, texts: &[&str]) -> Vec<Vec<u32>> {
        let parts = rayon::current_num_threads() * BATCH_PARTS_PER_THREAD;
        let length = texts.iter().map(|text| text.len()).sum();
        // Encoders that have learnt words and are not at work: at most one a thread is ever made.
        let idle = Mutex::new(Vec::new());
        let lock = || idle.lock().unwrap_or_else(PoisonError::into_inner);
        texts
            .par_chunks(texts.len().div_ceil(parts).max(1))
            .flat_map_iter(|part| {
                let warm = lock().pop();
                let mut encoder = warm.unwrap_or_else(|| Encoder::for_length(self, length));
                let mut encode = |text: &&str| {
                    let mut ids = Vec::new();
                    encoder.encode(text, &mut ids);
                    ids
                };
                let encoded: Vec<Vec<u32>> = part.iter().map(&mut encode).collect();
                lock().push(encoder);
                encoded
            })
            .collect()
    }

    /// How many ids [`Tokenizer::encode`] gives for `text`.
    pub fn count(&self, text: &str) -> usize {
        Encoder::for_length(self, text.len()).count(text)
    }

    /// The bytes that `ids` stand for. For ids that `encode` gave, these are the bytes of the text
    /// (of its composed form, where the file asks for NFC; with spaces in place of `▁`, where the file
    /// is one of SentencePiece's). Ids not in the vocabulary stand for
    /// nothing. A prefix of a text's ids can end inside a character.
    pub fn decode(&self, ids: &[u32]) -> Vec<u8> {
        let mut bytes = self.model.vocabulary.decode(ids);
        let space_before = self.model.characters.as_ref().is_some_and(|known| known.space_before);
        if space_before && bytes.first() == Some(&b' ') {
            bytes.remove(0);
        }
        bytes
    }

    /// The text that `ids` stand for, with U+FFFD for bytes that are not UTF-8.
    pub fn decode_lossy(&self, ids: &[u32]) -> String {
        String::from_utf8_lossy(&self.decode(ids)).into_owned()
    }

    /// How many ids there are, special and added tokens included; every id is below this.
    pub fn vocab_size(&self) -> usize {
        self.model.vocabulary.len()
    }

    /// The id of the special token spelled `content`.
    pub fn special_id(&self, content: &str) -> Option<u32> {
        let mut specials = self.model.added.iter().filter(|token| token.special);
        specials.find(|token| token.content == content).map(|token| token.id)
    }

    /// The special tokens and their ids, in the order of the file or of training.
    pub fn special_tokens(&self) -> impl Iterator<Item = (&str, u32)> {
        let specials = self.model.added.iter().filter(|token| token.special);
        specials.map(|token| (token.content.as_str(), token.id))
    }

    /// The id of the token that ends a document: of `<|endoftext|>`, or of the first special token
    /// under another common name (`<|end_of_text|>`, `</s>`, `<eos>`, `<|eos|>`).
    pub fn end_of_text(&self) -> Option<u32> {
        END_OF_TEXT_NAMES.iter().find_map(|name| self.special_id(name))
    }

    /// The bytes of a token; those of its name for a special token.
    pub fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        self.model.vocabulary.get(id)
    }

    /// The text of a token, with U+FFFD for bytes that are not whole characters.
    pub fn token_text(&self, id: u32) -> Option<Cow<'_, str>> {
        self.token_bytes(id).map(String::from_utf8_lossy)
    }

    /// How text is cut into pieces.
    pub fn split(&self) -> Split {
        self.model.split
    }
}

/// The finders of those added tokens that `wanted` selects.
fn finders(model: &Model, wanted: impl Fn(&AddedToken) -> bool) -> Result<Finders, TokenizerError> {
    let select = |normalized: bool| {
        let tokens = model.added.iter();
        Finder::new(tokens.filter(|token| wanted(token) && token.normalized == normalized).map(
            |token| {
                let content = &token.content;
                let text = if normalized { model.normalize(content) } else { content.into() };
                (token, text.into_owned())
            },
        ))
    };
    let idle = !model.added.iter().any(&wanted);
    Ok(Finders { raw: select(false)?, normalized: select(true)?, idle })
}
