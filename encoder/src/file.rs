//! Reading and writing tokenizer files. The name of a file tells its format.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use tokenizer::{Split, TiktokenEncoding, Tokenizer};

use crate::any::{AnyTokenizer, own_bpe};
use crate::error::{EncoderError, Result};
use crate::sentencepiece::{self, SentencePieceModel};
use crate::{gguf, word_piece};

/// The token that ends a document in GPT-2's files.
const GPT2_END: &str = "<|endoftext|>";

/// The largest file that is read into memory: sixteen times the largest vocabulary published.
const MAX_FILE_BYTES: u64 = 1 << 29;

/// The format of a tokenizer file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenizerFile {
    /// `tokenizer.json` of Hugging Face.
    Json,
    /// `NAME.v2.json`: the same in version 2.0 of the format.
    JsonV2,
    /// `NAME.tiktoken`: ranks. The name tells the pattern and the special tokens.
    Tiktoken,
    /// `vocab.json`, with `merges.txt` in the same folder.
    VocabMerges,
    /// `NAME.gguf`, of which the keys of the vocabulary are read.
    Gguf,
    /// `vocab.txt` of WordPiece: one token per line. A `tokenizer_config.json` in the same folder
    /// can say how text is normalised.
    WordPiece,
    /// `NAME.model` of SentencePiece.
    SentencePiece,
}

impl TokenizerFile {
    /// The format of a file, by its name. Any other name means `tokenizer.json`.
    pub(crate) fn of(path: &Path) -> Self {
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
    /// Reads a tokenizer from a file. Its name tells the format: `tokenizer.json`, `NAME.tiktoken`,
    /// `vocab.json` with `merges.txt` in the same folder, `vocab.txt` of WordPiece, `NAME.gguf`, or
    /// `NAME.model` of SentencePiece.
    ///
    /// # Errors
    /// [`EncoderError::Read`] if the file cannot be read, and otherwise the errors of
    /// [`AnyTokenizer::from_json`]; other formats have the same kinds of errors.
    pub fn load(path: &Path) -> Result<Self> {
        match TokenizerFile::of(path) {
            TokenizerFile::Json | TokenizerFile::JsonV2 => Self::from_json(&text(path)?),
            TokenizerFile::Gguf => {
                let file = File::open(path).map_err(|source| unreadable(path, source))?;
                let facts = file.metadata().map_err(|source| unreadable(path, source))?;
                Ok(gguf::read(file, facts.len())?.into())
            }
            TokenizerFile::Tiktoken => {
                // A name that is not UTF-8 is no encoding's, and the error shows it.
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
                let config = match text(&path.with_file_name("tokenizer_config.json")) {
                    Ok(config) => Some(config),
                    Err(EncoderError::Read { source, .. })
                        if source.kind() == std::io::ErrorKind::NotFound =>
                    {
                        None
                    }
                    Err(error) => return Err(error),
                };
                Self::from_word_piece(&text(path)?, config.as_deref())
            }
            TokenizerFile::SentencePiece => Self::from_sentencepiece(&bytes(path)?),
        }
    }

    /// Reads a `vocab.txt` of WordPiece, with one token per line, and the `tokenizer_config.json`
    /// of the same folder, if there is one. Without it, text is lower-cased unless the vocabulary
    /// has capital letters.
    ///
    /// # Errors
    /// [`EncoderError::Malformed`] if either is not such a file.
    pub(crate) fn from_word_piece(vocab: &str, config: Option<&str>) -> Result<Self> {
        Self::from_json(&word_piece::to_json(vocab, config)?.to_string())
    }

    /// Reads a `.model` of SentencePiece, Unigram or BPE. The ids are those of SentencePiece.
    ///
    /// # Errors
    /// [`EncoderError::Malformed`] if it is not such a file, and [`EncoderError::Unsupported`] for
    /// models of words or characters and for spaces at the end of words.
    pub(crate) fn from_sentencepiece(bytes: &[u8]) -> Result<Self> {
        let model = SentencePieceModel::read(bytes)?;
        let file = sentencepiece::to_json(&model)?;
        if let Some(own) = own_bpe(&file) {
            return Ok(own.into());
        }
        Self::from_sentencepiece_model(model, file)
    }

    /// Writes the tokenizer in the format that the name of `path` tells. Returns the names and the
    /// bytes of one or two files, for the folder of `path`.
    ///
    /// # Errors
    /// [`EncoderError::Tokenizer`] and [`EncoderError::Unsupported`] if the format cannot express
    /// this tokenizer, or if the name is not UTF-8.
    pub fn files(&self, path: &Path) -> Result<Vec<(String, Vec<u8>)>> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| unwritable("the name of the file is not UTF-8"))?.to_owned();
        let own = || {
            let reason = "only byte-level BPE is written in this format; write tokenizer.json";
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
                return Err(unwritable("this format can only be read; write tokenizer.json"));
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

/// The bytes of a file, unless it is too large.
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
