//! Tokenizers in files, told apart by their names.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use tokenizer::{Split, TiktokenEncoding, Tokenizer};

use crate::any::{AnyTokenizer, own_bpe};
use crate::error::{EncoderError, Result};
use crate::sentencepiece::{self, SentencePieceModel};
use crate::word_piece;

/// The token that ends a document in GPT-2's files.
const GPT2_END: &str = "<|endoftext|>";

/// The largest file that is read whole: sixteen times the largest vocabulary published.
const MAX_FILE_BYTES: u64 = 1 << 29;

/// The form of a tokenizer's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenizerFile {
    /// `tokenizer.json` of Hugging Face.
    Json,
    /// The same in the form of version 2.0.
    JsonV2,
    /// `NAME.tiktoken`: ranks; the pattern and the special tokens follow from the name.
    Tiktoken,
    /// `vocab.json`, with `merges.txt` beside it.
    VocabMerges,
    /// `NAME.gguf`: the vocabulary's keys.
    Gguf,
    /// `vocab.txt` of WordPiece, a token a line; `tokenizer_config.json` beside it may say how text is
    /// normalised.
    WordPiece,
    /// `NAME.model` of SentencePiece.
    SentencePiece,
}

impl TokenizerFile {
    /// The form that the name of a file tells.
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let ends = |ending: &str| name.ends_with(ending);
        match () {
            () if ends(".tiktoken") => Self::Tiktoken,
            () if ends(".gguf") => Self::Gguf,
            () if ends(".model") => Self::SentencePiece,
            () if ends("vocab.txt") => Self::WordPiece,
            () if name == "vocab.json" => Self::VocabMerges,
            () if ends(".v2.json") => Self::JsonV2,
            () => Self::Json,
        }
    }
}

impl AnyTokenizer {
    /// Reads a tokenizer from a file of any form of [`TokenizerFile`].
    ///
    /// # Errors
    /// [`EncoderError::Read`] for a file that is not there or cannot be read; else those of
    /// [`AnyTokenizer::from_json`] and of the other forms.
    pub fn load(path: &Path) -> Result<Self> {
        match TokenizerFile::of(path) {
            TokenizerFile::Json | TokenizerFile::JsonV2 => Self::from_json(&text(path)?),
            TokenizerFile::Gguf => {
                let file = File::open(path).map_err(|source| unreadable(path, source))?;
                Ok(Tokenizer::from_gguf(BufReader::new(file))?.into())
            }
            TokenizerFile::Tiktoken => {
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                let encoding: TiktokenEncoding = name.parse()?;
                let (split, special) = (encoding.split(), encoding.special_tokens());
                Ok(Tokenizer::from_tiktoken(&text(path)?, split, special)?.into())
            }
            TokenizerFile::VocabMerges => {
                let merges = text(&path.with_file_name("merges.txt"))?;
                let vocab = text(path)?;
                let special: &[&str] = if vocab.contains(GPT2_END) { &[GPT2_END] } else { &[] };
                Ok(Tokenizer::from_vocab_and_merges(&vocab, &merges, Split::Gpt2, special)?.into())
            }
            TokenizerFile::WordPiece => {
                let beside = path.with_file_name("tokenizer_config.json");
                let config = if beside.is_file() { Some(text(&beside)?) } else { None };
                Self::from_word_piece(&text(path)?, config.as_deref())
            }
            TokenizerFile::SentencePiece => Self::from_sentencepiece(&bytes(path)?),
        }
    }

    /// Reads a `vocab.txt` of WordPiece, a token a line, and the `tokenizer_config.json` that may lie
    /// beside it. Without one, text is lower-cased unless the vocabulary has capital letters.
    ///
    /// # Errors
    /// [`EncoderError::Malformed`] where either is not such a file.
    pub fn from_word_piece(vocab: &str, config: Option<&str>) -> Result<Self> {
        Self::from_json(&word_piece::to_json(vocab, config)?.to_string())
    }

    /// Reads a `.model` of SentencePiece, Unigram or BPE. Ids are those that SentencePiece gives.
    ///
    /// # Errors
    /// [`EncoderError::Malformed`] where it is not such a file, [`EncoderError::Unsupported`] for
    /// models of words or characters and for spaces at the end of words.
    pub fn from_sentencepiece(bytes: &[u8]) -> Result<Self> {
        let model = SentencePieceModel::read(bytes)?;
        let file = sentencepiece::to_json(&model)?;
        if let Some(own) = own_bpe(&file) {
            return Ok(own.into());
        }
        Self::from_sentencepiece_model(model, file)
    }

    /// The tokenizer as files of the form that the name of `path` tells: the name of each beside
    /// `path`, and its bytes.
    ///
    /// # Errors
    /// [`EncoderError::Tokenizer`] and [`EncoderError::Unsupported`] where the form cannot express
    /// this tokenizer.
    pub fn files(&self, path: &Path) -> Result<Vec<(String, Vec<u8>)>> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let own = || {
            let reason = "only byte-level BPE is written in this form; write tokenizer.json";
            self.as_own().ok_or_else(|| unwritable(reason))
        };
        Ok(match TokenizerFile::of(path) {
            TokenizerFile::Json => vec![(name, self.to_json().into_bytes())],
            TokenizerFile::JsonV2 => vec![(name, own()?.to_json_v2().into_bytes())],
            TokenizerFile::Tiktoken => vec![(name, own()?.to_tiktoken()?.into_bytes())],
            TokenizerFile::Gguf => vec![(name, own()?.to_gguf()?)],
            TokenizerFile::VocabMerges => vec![
                (name, own()?.to_vocab_json().into_bytes()),
                ("merges.txt".into(), own()?.to_merges_txt().into_bytes()),
            ],
            TokenizerFile::WordPiece | TokenizerFile::SentencePiece => {
                return Err(unwritable("this form is only read; write tokenizer.json"));
            }
        })
    }
}

fn unwritable(reason: &str) -> EncoderError {
    EncoderError::Unsupported { file: "export", reason: reason.to_owned() }
}

fn unreadable(path: &Path, source: std::io::Error) -> EncoderError {
    EncoderError::Read { path: path.to_owned(), source }
}

/// The bytes of a file, if they are not too many.
fn bytes(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(|source| unreadable(path, source))?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| unreadable(path, source))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let reason = format!("more than {MAX_FILE_BYTES} bytes");
        return Err(EncoderError::Malformed { file: "tokenizer file", reason });
    }
    Ok(bytes)
}

fn text(path: &Path) -> Result<String> {
    String::from_utf8(bytes(path)?).map_err(|error| {
        unreadable(path, std::io::Error::new(std::io::ErrorKind::InvalidData, error))
    })
}
