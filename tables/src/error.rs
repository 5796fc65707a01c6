//! Why a table cannot be written or read.

use std::path::PathBuf;

/// The crate's result.
pub type Result<T> = std::result::Result<T, TableError>;

/// An error of a table; each names its file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The run directory refused to publish the table.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The Parquet library refused the file or the rows.
    #[error("{path}: {message}")]
    Parquet {
        /// The file.
        path: String,
        /// The library's message.
        message: String,
    },
    /// The file cannot be read: the disk failed, or the file is gone.
    #[error("{path}: {source}; run the same command again to continue")]
    Read {
        /// The file.
        path: String,
        /// The system's message.
        source: std::io::Error,
    },
    /// The run directory does not exist.
    #[error("{}: there is no run here", .0.display())]
    NoRun(PathBuf),
    /// A mistake in gristmill itself.
    #[error("{0}")]
    Bug(#[from] bug::Bug),
}

impl TableError {
    /// True if the same command continues the work once the cause, such as a full disk, is gone.
    pub fn is_resumable(&self) -> bool {
        match self {
            Self::Read { .. } => true,
            Self::Store(error) => error.is_resumable(),
            _ => false,
        }
    }
}
