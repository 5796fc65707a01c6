//! What can be wrong with a tokenizer's file, or keep a text from being encoded.

use std::path::PathBuf;

/// A file that cannot be used, or a text that the library gives up on.
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
    /// A text, or ids, on which the crate `tokenizers` gives up: a pattern that takes it too many
    /// steps, say. Tokenizers of the crate `tokenizer` never do.
    #[error("the crate `tokenizers` could not {task}: {reason}")]
    Library {
        /// `encode` or `decode`.
        task: &'static str,
        /// What it says.
        reason: String,
    },
}

/// What this crate's functions return.
pub(crate) type Result<T> = std::result::Result<T, EncoderError>;
