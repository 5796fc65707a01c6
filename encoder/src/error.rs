//! What can be wrong with a tokenizer's file, or keep a text from being encoded.

use std::path::PathBuf;

/// A file that cannot be used, or a text that cannot be encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// A file that cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that the crate `tokenizer` refuses, and no other is there for.
    #[error(transparent)]
    Tokenizer(#[from] tokenizer::TokenizerError),
    /// A file that is not what its format says, or lacks a part.
    #[error("{file}: {reason}")]
    Malformed {
        /// The format, by the name that its files usually have.
        file: &'static str,
        /// Where the file is wrong and what was expected there.
        reason: String,
    },
    /// A file that asks for something that is not done here.
    #[error("{file}: {reason}")]
    Unsupported {
        /// The format, by the name that its files usually have.
        file: &'static str,
        /// What it asks for, and what to do in its place.
        reason: String,
    },
    /// A text that this tokenizer cannot encode, where others may well be: a word without a token in a
    /// vocabulary that has none for unknown words, a pattern that takes too many steps. Only
    /// [`AnyEncoder`](crate::AnyEncoder) returns this, and only for tokenizers of the crate `tokenizers`.
    #[error("the text cannot be encoded: {reason}")]
    Text {
        /// What the crate says.
        reason: String,
    },
    /// Ids that the crate `tokenizers` cannot decode.
    #[error("the crate `tokenizers` could not decode: {reason}")]
    Library {
        /// What it says.
        reason: String,
    },
}

impl EncoderError {
    /// Whether only the text is at fault, so that the same encoder may go on with the next one.
    pub fn is_of_text(&self) -> bool {
        matches!(self, Self::Text { .. })
    }
}

/// What this crate's functions return.
pub(crate) type Result<T> = std::result::Result<T, EncoderError>;
