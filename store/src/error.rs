//! What can go wrong in a run directory, with the file, the value and the way out.

use std::path::PathBuf;

use crate::Difference;

/// An error of the store; each names the file and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refused an operation.
    #[error("{path}: {action}: {source}")]
    Io {
        /// The file or folder concerned.
        path: PathBuf,
        /// What was being done ("write", "rename" …).
        action: &'static str,
        /// The system's own message.
        source: std::io::Error,
    },
    /// Another process works in the same run directory.
    #[error(
        "{path} is in use by process {pid}; wait for it, stop it, or give this run another output"
    )]
    Locked {
        /// The run directory.
        path: PathBuf,
        /// The other process, "?" when it cannot be read.
        pid: String,
    },
    /// The folder holds files, but no run of ours.
    #[error("{path} is not empty and is not a gristmill run; choose another output")]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// The run was made by another recipe, other inputs or another version.
    #[error("{path} was made with something else: {}", crate::fingerprint::list(differences))]
    Changed {
        /// The run directory.
        path: PathBuf,
        /// Each field that differs.
        differences: Vec<Difference>,
    },
    /// A file that should describe the run cannot be read.
    #[error("{path}: {message}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// A name that may not be written.
    #[error(
        "`{name}` cannot be a file name in a run directory: use a-z, 0-9, `.`, `_`, `-`, at most 100 characters a part, and no name of the run's own files"
    )]
    BadName {
        /// The refused name.
        name: String,
    },
    /// No file matches, or an address cannot be understood.
    #[error("{address}: {message}")]
    Input {
        /// The path, glob or URL as written.
        address: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// A token does not fit the shards' type.
    #[error(
        "document {document}: token {token} is outside the vocabulary of {vocab_size}; the tokenizer and the shards disagree"
    )]
    TokenRange {
        /// What names the document.
        document: String,
        /// The token id.
        token: u32,
        /// The declared vocabulary size.
        vocab_size: usize,
    },
    /// A payload would become larger than other trainers' readers take.
    #[error(
        "document {document}: its {n_tokens} tokens have no room in {shard}, of 2 GiB at most; ask for smaller shards, or cut the document"
    )]
    ShardFull {
        /// The shard's name.
        shard: String,
        /// What names the document.
        document: String,
        /// Tokens of the document.
        n_tokens: u64,
    },
}

impl StoreError {
    /// Wraps an I/O error with the file and the action.
    pub fn io(path: impl Into<PathBuf>, action: &'static str, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), action, source }
    }

    /// True when running again after the cause is gone goes on (disk full, I/O fault).
    pub fn is_resumable(&self) -> bool {
        matches!(self, Self::Io { .. })
    }
}
