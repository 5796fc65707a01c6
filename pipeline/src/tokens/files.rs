//! Tokenizers in the files of others: told apart by their names.

use std::io::ErrorKind;
use std::path::Path;

use tokenizer::{Split, TiktokenEncoding, Tokenizer};

use crate::error::{PipelineError, Result};

/// The token that ends a document in GPT-2's files.
const GPT2_END: &str = "<|endoftext|>";

/// A file of a tokenizer.
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
}

impl TokenizerFile {
    /// The form that the name of a file tells.
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let ends = |ending: &str| name.ends_with(ending);
        match () {
            () if ends(".tiktoken") => Self::Tiktoken,
            () if ends(".gguf") => Self::Gguf,
            () if name == "vocab.json" => Self::VocabMerges,
            () if ends(".v2.json") => Self::JsonV2,
            () => Self::Json,
        }
    }
}

/// Reads a tokenizer from a file of any form of [`TokenizerFile`].
pub fn load(path: &Path) -> Result<Tokenizer> {
    let failed = |source| unreadable(path, source);
    let text = || std::fs::read_to_string(path).map_err(failed);
    match TokenizerFile::of(path) {
        TokenizerFile::Json | TokenizerFile::JsonV2 => Ok(Tokenizer::from_json(&text()?)?),
        TokenizerFile::Gguf => {
            let file = std::fs::File::open(path).map_err(failed)?;
            Ok(Tokenizer::from_gguf(std::io::BufReader::new(file))?)
        }
        TokenizerFile::Tiktoken => {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let encoding: TiktokenEncoding = name.parse()?;
            Ok(Tokenizer::from_tiktoken(&text()?, encoding.split(), encoding.special_tokens())?)
        }
        TokenizerFile::VocabMerges => {
            let beside = path.with_file_name("merges.txt");
            let merges =
                std::fs::read_to_string(&beside).map_err(|source| unreadable(&beside, source))?;
            let vocab = text()?;
            let special: &[&str] = if vocab.contains(GPT2_END) { &[GPT2_END] } else { &[] };
            Ok(Tokenizer::from_vocab_and_merges(&vocab, &merges, Split::Gpt2, special)?)
        }
    }
}

/// A file that is not there will not be there the next time either.
fn unreadable(path: &Path, source: std::io::Error) -> PipelineError {
    let path = path.display().to_string();
    match source.kind() {
        ErrorKind::NotFound => PipelineError::Empty(format!("{path}: there is no such file")),
        _ => PipelineError::Read { path, source },
    }
}

/// The tokenizer as files of a form: the name of each beside `path`, and its bytes.
pub fn files(tokenizer: &Tokenizer, path: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(match TokenizerFile::of(path) {
        TokenizerFile::Json => vec![(name, tokenizer.to_json().into_bytes())],
        TokenizerFile::JsonV2 => vec![(name, tokenizer.to_json_v2().into_bytes())],
        TokenizerFile::Tiktoken => vec![(name, tokenizer.to_tiktoken()?.into_bytes())],
        TokenizerFile::Gguf => vec![(name, tokenizer.to_gguf()?)],
        TokenizerFile::VocabMerges => vec![
            (name, tokenizer.to_vocab_json().into_bytes()),
            ("merges.txt".into(), tokenizer.to_merges_txt().into_bytes()),
        ],
    })
}
