//! Why a barrier stage failed.

use bug::Bug;
use dedup::DedupError;
use sql::SqlError;
use store::StoreError;
use tables::TableError;

use crate::known::Unusable;

/// A barrier stage's result.
pub type Result<T> = std::result::Result<T, BarrierError>;

/// An error of a barrier stage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BarrierError {
    /// A file of the run cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A table of the run cannot be read or written.
    #[error(transparent)]
    Tables(#[from] TableError),
    /// An expression of the stage failed.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// Deduplication failed.
    #[error(transparent)]
    Dedup(#[from] DedupError),
    /// An earlier run cannot be used for comparison.
    #[error(transparent)]
    EarlierRun(#[from] Unusable),
    /// A stage cannot be carried out with its settings.
    #[error("stage `{stage}`: {message}")]
    Stage {
        /// The stage's name.
        stage: String,
        /// What is wrong.
        message: String,
    },
    /// The texts of documents cannot be read. The caller's own error, which it gets back by
    /// downcasting.
    #[error("{0}")]
    Texts(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An invariant of gristmill does not hold.
    #[error("{0}")]
    Bug(#[from] Bug),
}

impl BarrierError {
    /// True if the same command, run again once the cause is fixed, continues where this run
    /// stopped.
    pub fn is_resumable(&self) -> bool {
        match self {
            Self::Store(error) | Self::Dedup(DedupError::Store(error)) => error.is_resumable(),
            Self::Tables(error) => error.is_resumable(),
            _ => false,
        }
    }
}

impl From<arrow::error::ArrowError> for BarrierError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Sql(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_disk_can_be_resumed_and_a_bug_is_found_within() {
        let gone = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        let disk = || StoreError::io("keys", "write", gone());
        for error in [BarrierError::from(disk()), DedupError::from(disk()).into()] {
            assert!(error.is_resumable(), "{error}");
        }
        let unusable = Unusable { run: "before".into(), message: "there is none".into() };
        let unusable = BarrierError::from(unusable);
        assert!(!unusable.is_resumable());
        assert_eq!(unusable.to_string(), "before: there is none");
        assert!(bug::is_bug(&BarrierError::from(Bug::new("no column"))));
    }
}
