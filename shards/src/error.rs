//! What can go wrong between a dataset and a step, with the file, the place and the way out.

use std::path::PathBuf;

/// An error of this crate; each names what it is about and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// A file is not what its name says.
    #[error("{path}: {message}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// A state or a plan belongs to something else; going on would silently change the data.
    #[error("the {what} is {found}, but {expected} was expected; nothing was read")]
    Identity {
        /// What differs ("dataset root", "plan digest", …).
        what: &'static str,
        /// What the state or the plan names.
        expected: String,
        /// What is there.
        found: String,
    },
    /// An order that cannot be carried out, such as weights that are all zero.
    #[error("{0}")]
    Order(String),
    /// Something that does not exist was asked for.
    #[error("{what} {index} does not exist: there are {count}")]
    OutOfRange {
        /// What was asked for ("row", "shard" …).
        what: &'static str,
        /// Its number, from 0.
        index: u64,
        /// How many there are.
        count: u64,
    },
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, ShardError>;
