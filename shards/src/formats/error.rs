//! The errors of exports and imports. Each names the file, the place and what to do.

use std::path::PathBuf;

use store::StoreError;

use crate::ShardError;

/// An error of an export or import.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The dataset cannot be read.
    #[error(transparent)]
    Shards(#[from] ShardError),
    /// The output cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The format cannot hold the dataset, or it cannot be imported.
    #[error("{format}: {message}")]
    Unsupported {
        /// The format.
        format: &'static str,
        /// What is not possible and what to do.
        message: String,
    },
    /// A file breaks the rules of its format.
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
        /// The id, which may be negative when the file's type is signed.
        token: i64,
        /// The declared vocabulary size.
        vocab_size: usize,
    },
    /// A document is too long to be held in memory.
    #[error(
        "{path}, document {document}: longer than {limit_tokens} tokens; give the token that ends \
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
    /// The number of given names is not the number of documents.
    #[error("{named} names were given for {documents} documents")]
    Names {
        /// Names that were given.
        named: u64,
        /// Documents of the dataset.
        documents: u64,
    },
}
