//! What can go wrong while documents are compared.

use store::StoreError;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DedupError {
    /// A scratch file could not be written or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// More documents than an algorithm can number.
    #[error("{what}: {count} is more than {limit}; split the run")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        count: u64,
        /// How many there may be.
        limit: u64,
    },
}

/// The result of this crate's operations.
pub type Result<T, E = DedupError> = std::result::Result<T, E>;
