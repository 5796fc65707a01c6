//! The errors of this crate.

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
        /// The reason.
        source: std::io::Error,
    },
    /// A file that the crate `tokenizer` refuses and no other implementation supports.
    #[error(transparent)]
    Tokenizer(#[from] tokenizer::TokenizerError),
    /// A file that violates its format or lacks a part.
    #[error("{file}: {reason}")]
    Malformed {
        /// The format, by the usual name of its files.
        file: &'static str,
        /// Where the file is wrong and what was expected there.
        reason: String,
    },
    /// A file that requires something unsupported.
    #[error("{file}: {reason}")]
    Unsupported {
        /// The format, by the usual name of its files.
        file: &'static str,
        /// What it requires, and what to do instead.
        reason: String,
    },
    /// A text that this tokenizer cannot encode, although it can encode others. For example, a word
    /// has no token in a vocabulary without a token for unknown words, or a pattern takes too many
    /// steps. Only [`AnyEncoder`](crate::AnyEncoder) returns this, for tokenizers of the crate
    /// `tokenizers`.
    #[error("the text cannot be encoded: {reason}")]
    Text {
        /// The reason that the crate gives.
        reason: String,
    },
    /// Ids that the crate `tokenizers` cannot decode.
    #[error("the crate `tokenizers` could not decode: {reason}")]
    Library {
        /// The reason that it gives.
        reason: String,
    },
}

impl EncoderError {
    /// Whether only the text is at fault, so that the encoder can continue with the next text.
    pub fn is_of_text(&self) -> bool {
        matches!(self, Self::Text { .. })
    }
}

/// The result of this crate's functions.
pub(crate) type Result<T> = std::result::Result<T, EncoderError>;
