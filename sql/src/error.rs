//! Why a piece of SQL was refused or failed.

use std::ops::Range;

use bug::Bug;
use datafusion::common::DataFusionError;

/// A refused or failed piece of SQL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqlError {
    /// The statement was not accepted, and nothing was run.
    #[error("{message}")]
    Refused {
        /// What is wrong; starts with a lower-case letter.
        message: String,
        /// Where it is wrong: a range of bytes of the SQL text.
        span: Option<Range<usize>>,
        /// How to fix it.
        help: Option<String>,
    },
    /// The engine failed while the statement ran.
    #[error("{0}")]
    Failed(String),
    /// The caller's iterator of documents failed. The caller gets its own error back by
    /// downcasting.
    #[error("{0}")]
    Input(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An invariant of gristmill does not hold.
    #[error("{0}")]
    Bug(#[from] Bug),
}

impl SqlError {
    /// The error of an item of the documents that a caller gives to [`crate::Segment::run`].
    pub fn input(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Input(error.into())
    }

    /// A refusal that has no place in the SQL text.
    pub(crate) fn refused(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::refused_at(message, None, help)
    }

    /// A refusal with its place in the SQL text.
    pub(crate) fn refused_at(
        message: impl Into<String>,
        span: Option<Range<usize>>,
        help: impl Into<String>,
    ) -> Self {
        Self::Refused { message: message.into(), span, help: Some(help.into()) }
    }
}

impl From<DataFusionError> for SqlError {
    fn from(error: DataFusionError) -> Self {
        let error = match error {
            // Our functions pass their own errors through the engine in this variant.
            DataFusionError::External(inner) => match inner.downcast::<Bug>() {
                Ok(bug) => return Self::Bug(*bug),
                Err(inner) => DataFusionError::External(inner),
            },
            other => other,
        };
        match error.find_root() {
            // The lines after the first name the consumers that hold the memory.
            DataFusionError::ResourcesExhausted(message) => Self::Failed(message.clone()),
            root => Self::Failed(engine_message(root)),
        }
    }
}

impl From<arrow::error::ArrowError> for SqlError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// The first line of the engine's message, without the name of the error's kind where that tells a
/// user nothing. Further lines list candidates, backtraces and addresses of bug trackers.
pub(crate) fn engine_message(error: &DataFusionError) -> String {
    let message = match error {
        DataFusionError::Plan(message) | DataFusionError::NotImplemented(message) => {
            message.clone()
        }
        DataFusionError::SchemaError(error, _) => error.to_string(),
        other => other.strip_backtrace(),
    };
    message.lines().next().unwrap_or("").to_owned()
}
