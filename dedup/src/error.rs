//! The errors of this crate.

use bug::Bug;
use store::StoreError;

/// An error while documents are compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DedupError {
    /// A scratch file could not be written or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A broken invariant of this crate.
    #[error("{0}")]
    Bug(#[from] Bug),
}

/// The result of this crate's operations.
pub type Result<T, E = DedupError> = std::result::Result<T, E>;
