//! The errors of this crate. Each names the file, the place and what to do.

use std::path::PathBuf;

/// An error of a dataset, a plan or an order.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// A file cannot be read or written, or an address cannot be used.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// A file is damaged or not of the expected format.
    #[error("{path}: {message}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// A token is outside the vocabulary of the shards.
    #[error(
        "document {document}: token {token} is outside the vocabulary of {vocab_size}; the tokenizer \
         and the shards disagree"
    )]
    TokenRange {
        /// The document's id.
        document: String,
        /// The token id.
        token: u32,
        /// The declared vocabulary size.
        vocab_size: usize,
    },
    /// A payload would become larger than other trainers can read.
    #[error(
        "document {document}: its {n_tokens} tokens do not fit into {shard}, which can have at most \
         2 GiB; make smaller shards, or cut the document"
    )]
    ShardFull {
        /// The shard's name.
        shard: String,
        /// The document's id.
        document: String,
        /// Tokens of the document.
        n_tokens: u64,
    },
    /// A state or a plan belongs to another dataset. Continuing would silently change the data.
    #[error("the {what} is {found}, but {expected} was expected; nothing was read")]
    Identity {
        /// What differs ("dataset root", "plan digest", …).
        what: &'static str,
        /// The value in the state or the plan.
        expected: String,
        /// The actual value.
        found: String,
    },
    /// An order is impossible, for example because all weights are zero.
    #[error("{0}")]
    Order(String),
    /// A row, shard or token does not exist.
    #[error("{what} {index} does not exist: there are {count}")]
    OutOfRange {
        /// Its kind ("row", "shard" …).
        what: &'static str,
        /// Its number, from 0.
        index: u64,
        /// How many exist.
        count: u64,
    },
    /// A mistake in gristmill itself.
    #[error("{0}")]
    Bug(#[from] bug::Bug),
}

impl ShardError {
    /// True when the same command succeeds or continues once the cause (disk full, I/O fault) is
    /// gone.
    pub fn is_resumable(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_resumable())
    }
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, ShardError>;
