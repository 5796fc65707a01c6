//! Why pretraining, an evaluation or an export was refused, stopped or failed.

/// The crate's result.
pub type Result<T> = std::result::Result<T, TrainingError>;

/// An error of training, evaluation, generation or export.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingError {
    /// The run directory cannot be used.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// A table of the run cannot be read or written.
    #[error(transparent)]
    Tables(#[from] tables::TableError),
    /// A tokenizer's file cannot be read, or a text cannot be encoded.
    #[error(transparent)]
    Encoder(#[from] encoder::EncoderError),
    /// A dataset's plan, order or rows cannot be used.
    #[error(transparent)]
    Shards(#[from] shards::ShardError),
    /// A dataset cannot be converted from or to another trainer's format.
    #[error(transparent)]
    Format(#[from] shards::formats::FormatError),
    /// The model cannot be loaded, trained or run.
    #[error(transparent)]
    Model(#[from] model::ModelError),
    /// A file cannot be read: the disk failed, or the file is gone.
    #[error("{path}: {source}; run the same command again to continue")]
    Read {
        /// The file.
        path: String,
        /// The system's message.
        source: std::io::Error,
    },
    /// The request does not fit the data or the model; the message says how to change it.
    #[error("{0}")]
    Refused(String),
    /// The training was asked to stop.
    #[error("stopped; the same command with --resume continues")]
    Stopped,
    /// A mistake in gristmill itself.
    #[error("{0}")]
    Bug(#[from] bug::Bug),
}

impl TrainingError {
    /// True if the same command continues the work once the cause is gone.
    pub fn is_resumable(&self) -> bool {
        match self {
            Self::Stopped | Self::Read { .. } => true,
            Self::Store(error) => error.is_resumable(),
            Self::Shards(error) => error.is_resumable(),
            Self::Tables(error) => error.is_resumable(),
            _ => false,
        }
    }
}
