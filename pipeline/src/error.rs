//! Why a run was refused, stopped or failed.

use std::path::PathBuf;

use barrier::BarrierError;
use bug::Bug;
use sql::SqlError;
use training::TrainingError;

use crate::recipe::RecipeError;

/// The pipeline's result.
pub type Result<T> = std::result::Result<T, PipelineError>;

/// An error of the pipeline.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// The recipe or a file that it names is wrong; nothing was run.
    #[error(transparent)]
    Recipe(#[from] Box<RecipeError>),
    /// The run directory or an input cannot be used.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// A table of the run cannot be read or written.
    #[error(transparent)]
    Tables(#[from] tables::TableError),
    /// A query or a stage failed.
    #[error(transparent)]
    Sql(SqlError),
    /// The settings of a tokenizer are invalid.
    #[error(transparent)]
    Tokenizer(#[from] tokenizer::TokenizerError),
    /// A tokenizer file is invalid, or a text cannot be encoded.
    #[error(transparent)]
    Encoder(#[from] encoder::EncoderError),
    /// A dataset of shards cannot be read or written.
    #[error(transparent)]
    Shards(#[from] shards::ShardError),
    /// A barrier stage failed.
    #[error(transparent)]
    Barrier(BarrierError),
    /// Pretraining failed.
    #[error(transparent)]
    Training(TrainingError),
    /// The report cannot be written.
    #[error(transparent)]
    Report(#[from] report::ReportError),
    /// An input file cannot be read: the disk or the network failed.
    #[error("{path}: {source}; run the same command again to continue")]
    Read {
        /// The file.
        path: String,
        /// The system's message.
        source: std::io::Error,
    },
    /// Too many records are damaged.
    #[error(
        "{bad} of {read} records are damaged ({percent:.1} %, at most {limit_percent:.1} % are \
         accepted): {reasons}"
    )]
    TooMuchBadData {
        /// Damaged records.
        bad: u64,
        /// Records read.
        read: u64,
        /// Damaged records in percent.
        percent: f64,
        /// The recipe's limit in percent.
        limit_percent: f64,
        /// A few damaged records: the reason and the place of each.
        reasons: String,
    },
    /// A file of word counts cannot be used.
    #[error("{path}: {message}")]
    Counts {
        /// The file.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// The words of documents are counted in too many groups.
    #[error(
        "`by` of the tokenizer: the documents have more than {groups_max} different values of \
         `{by}`; group by a source or a language"
    )]
    Groups {
        /// The column.
        by: String,
        /// The most groups.
        groups_max: usize,
    },
    /// There is no text to train on, or the settings exclude all of it.
    #[error("{0}")]
    NothingToLearn(String),
    /// The tokenizer has no token that ends a text.
    #[error(
        "the tokenizer has no token that ends a text; give it one with \
         `special_tokens = [\"<|endoftext|>\"]`"
    )]
    NoEndOfText,
    /// No classifier can be trained on the labelled texts.
    #[error("{0}")]
    Labels(String),
    /// The name of an output does not say in which format to write it.
    #[error(
        "{}: the name of an output ends with .jsonl, .jsonl.zst or .parquet; \
         without an ending it is a folder of Parquet parts", .0.display()
    )]
    OutputName(PathBuf),
    /// The system refuses to start worker threads.
    #[error("no worker threads: {0}")]
    Threads(String),
    /// The run was asked to stop.
    #[error("stopped; run the same command again to continue")]
    Stopped,
    /// A mistake in gristmill itself; no output should be trusted.
    #[error("{0}")]
    Bug(#[from] Bug),
}

impl PipelineError {
    /// True if the same command, run again once the cause is fixed, continues where this run
    /// stopped.
    pub fn is_resumable(&self) -> bool {
        match self {
            Self::Stopped | Self::Read { .. } => true,
            Self::Store(error) => error.is_resumable(),
            Self::Barrier(error) => error.is_resumable(),
            Self::Tables(error) => error.is_resumable(),
            Self::Shards(error) => error.is_resumable(),
            Self::Training(error) => error.is_resumable(),
            _ => false,
        }
    }
}

impl From<RecipeError> for PipelineError {
    fn from(error: RecipeError) -> Self {
        Self::Recipe(Box::new(error))
    }
}

impl From<SqlError> for PipelineError {
    /// Unwraps a [`PipelineError`] that passed through the SQL engine.
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Input(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => Self::Sql(SqlError::Input(other)),
            },
            other => Self::Sql(other),
        }
    }
}

impl From<BarrierError> for PipelineError {
    /// Unwraps a [`PipelineError`] that passed through a barrier stage.
    fn from(error: BarrierError) -> Self {
        match error {
            BarrierError::Texts(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => Self::Barrier(BarrierError::Texts(other)),
            },
            other => Self::Barrier(other),
        }
    }
}

impl From<arrow::error::ArrowError> for PipelineError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Sql(error.into())
    }
}

impl From<TrainingError> for PipelineError {
    /// A run that is stopped during training can be resumed, like one stopped anywhere else.
    fn from(error: TrainingError) -> Self {
        match error {
            TrainingError::Stopped => Self::Stopped,
            other => Self::Training(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_our_own_comes_through_a_barrier_stage_as_it_was() {
        let through = PipelineError::from(BarrierError::Texts(PipelineError::Stopped.into()));
        assert!(matches!(through, PipelineError::Stopped), "{through}");
        let bug = PipelineError::from(BarrierError::from(Bug::new("x")));
        assert!(bug::is_bug(&bug));
    }

    #[test]
    fn an_error_of_our_own_comes_through_the_engine_as_it_was() {
        let own = PipelineError::Threads("none".into());
        let through = PipelineError::from(SqlError::input(own));
        assert!(matches!(through, PipelineError::Threads(_)), "{through}");
        let other = PipelineError::from(SqlError::input(std::fmt::Error));
        assert!(matches!(other, PipelineError::Sql(SqlError::Input(_))), "{other}");
    }

    #[test]
    fn what_a_later_start_can_continue_is_resumable() {
        let gone = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let read = PipelineError::Read { path: "a".into(), source: gone() };
        let table = tables::TableError::Read { path: "a".into(), source: gone() };
        for error in [PipelineError::Stopped, read, table.into(), TrainingError::Stopped.into()] {
            assert!(error.is_resumable(), "{error}");
        }
        assert!(!PipelineError::NoEndOfText.is_resumable());
        assert!(!PipelineError::from(Bug::new("x")).is_resumable());
    }
}
