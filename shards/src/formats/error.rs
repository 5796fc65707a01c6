//! What can go wrong between formats, with the file, the place and the way out.

use std::path::PathBuf;

use store::StoreError;

use super::Format;

/// An error of an export or import.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The dataset cannot be read, or the output not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The format cannot hold such a dataset, or cannot be imported.
    #[error("{format}: {message}")]
    Unsupported {
        /// The format.
        format: Format,
        /// What it cannot hold and what to do.
        message: String,
    },
    /// A file is not what its format says.
    #[error("{path}, byte {offset}: {message}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where it is wrong.
        offset: u64,
        /// What is wrong.
        message: String,
    },
    /// A token id of a file is not in the vocabulary.
    #[error(
        "{path}, token {position} (byte {offset}): id {token} is outside the vocabulary of \
         {vocab_size}; is the vocabulary's size right?"
    )]
    TokenRange {
        /// The file.
        path: PathBuf,
        /// The token's number in the file, from 0.
        position: u64,
        /// The token's first byte in the file.
        offset: u64,
        /// The id, negative when the file's type allows that.
        token: i64,
        /// The declared vocabulary size.
        vocab_size: usize,
    },
    /// A document is too long to be held.
    #[error(
        "{path}, document {document}: longer than {limit_tokens} tokens; name the token that ends \
         a document, or cut the file"
    )]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The document's number in the file, from 0.
        document: u64,
        /// The limit.
        limit_tokens: usize,
    },
    /// Fewer or more documents were named than the dataset has.
    #[error("{named} documents are named, the dataset has {documents}")]
    Names {
        /// Names that came.
        named: u64,
        /// Documents there are.
        documents: u64,
    },
}
