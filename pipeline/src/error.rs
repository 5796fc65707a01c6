//! Why a run was refused, stopped or failed.

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
    /// The run directory or an input.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// A query or a stage.
    #[error(transparent)]
    Sql(#[from] sql::SqlError),
    /// The settings of a tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] tokenizer::TokenizerError),
    /// The file of a tokenizer, or a text that it cannot encode.
    #[error(transparent)]
    Encoder(#[from] encoder::EncoderError),
    /// A dataset's plan, order or rows.
    #[error(transparent)]
    Shards(#[from] shards::ShardError),
    /// A dataset in another trainer's form.
    #[error(transparent)]
    Format(#[from] shards::formats::FormatError),
    /// Deduplication.
    #[error(transparent)]
    Dedup(#[from] dedup::DedupError),
    /// The model.
    #[error(transparent)]
    Model(#[from] model::ModelError),
    /// A Parquet file of ours cannot be written or read.
    #[error("{path}: {message}")]
    Parquet {
        /// The file.
        path: String,
        /// The library's message.
        message: String,
    },
    /// An input file cannot be read: the disk or the network failed.
    #[error("{path}: {source}; run the same command again to go on")]
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
        /// Their share.
        percent: f64,
        /// The recipe's limit.
        limit_percent: f64,
        /// The commonest reasons with a place each.
        reasons: String,
    },
    /// The report cannot be drawn.
    #[error("the report cannot be drawn: {0}")]
    Report(String),
    /// The run was asked to stop.
    #[error("stopped; run the same command again to go on")]
    Stopped,
    /// A pretraining without a recipe was asked to stop.
    #[error("stopped; the same command with --resume goes on")]
    StoppedTraining,
    /// There is nothing to work on.
    #[error("{0}")]
    Empty(String),
    /// The account does not balance: a bug of ours, and no data should be trusted.
    #[error("the ledger does not balance: {0}; please report this")]
    Unbalanced(String),
}

impl PipelineError {
    /// True when running again, once the cause is gone, goes on where this run stopped.
    pub fn is_resumable(&self) -> bool {
        match self {
            Self::Stopped | Self::StoppedTraining | Self::Read { .. } => true,
            Self::Store(error) | Self::Dedup(dedup::DedupError::Store(error)) => {
                error.is_resumable()
            }
            _ => false,
        }
    }
}

impl From<RecipeError> for PipelineError {
    fn from(error: RecipeError) -> Self {
        Self::Recipe(Box::new(error))
    }
}
