//! The errors of a run directory. Each names the file, the value and what to do.

use std::path::PathBuf;

use crate::Difference;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refused an operation.
    #[error("{path}: {action}: {source}")]
    Io {
        /// The file or folder concerned.
        path: PathBuf,
        /// The operation ("write", "rename" …).
        action: &'static str,
        /// The system's own message.
        source: std::io::Error,
    },
    /// Another process uses the same run directory.
    #[error(
        "{path} is in use by process {pid}; wait for it, stop it, or give this run another output"
    )]
    Locked {
        /// The run directory.
        path: PathBuf,
        /// The other process's id, "?" when it is unknown.
        pid: String,
    },
    /// The folder holds files, but not a gristmill run.
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
    /// A file cannot be understood or is not what was written.
    #[error("{path}: {message}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// A file name that is not allowed.
    #[error(
        "`{name}` cannot be a file name in a run directory: use a-z, 0-9, `.`, `_` and `-`, at most \
         100 characters per part, and not the name of one of the run's own files"
    )]
    BadName {
        /// The refused name.
        name: String,
    },
    /// A path or an address that the user gave cannot be used.
    #[error("{address}: {message}")]
    Input {
        /// The path, glob or URL as written.
        address: String,
        /// What is wrong and what to do.
        message: String,
    },
}

impl StoreError {
    /// Wraps an I/O error with the file and the action.
    pub fn io(path: impl Into<PathBuf>, action: &'static str, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), action, source }
    }

    /// True when running again continues once the cause (disk full, I/O fault) is gone.
    pub fn is_resumable(&self) -> bool {
        matches!(self, Self::Io { .. })
    }
}
