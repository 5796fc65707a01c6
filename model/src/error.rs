//! What can go wrong. Each message names the value that was wrong and says what to do.

/// The error of a checkpoint store or of a batch source.
pub type StoreError = Box<dyn std::error::Error + Send + Sync>;

/// An error of this crate. Every message names the value and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A field of [`crate::ModelConfig`] or [`crate::TrainConfig`] has a value that is not allowed.
    #[error("`{field}` is {value}: {way_out}")]
    Config {
        /// The field as the user writes it.
        field: &'static str,
        /// Its value.
        value: String,
        /// Which values are allowed.
        way_out: String,
    },
    /// The validation split is shorter than one row.
    #[error(
        "the validation split has {tokens} tokens, but {needed} are needed (`context` {context} \
         plus 1): give it more text, or lower `context`"
    )]
    TooFewTokens {
        /// Tokens of the split.
        tokens: u64,
        /// Tokens of one row.
        needed: u64,
        /// Tokens that the model reads at once.
        context: usize,
    },
    /// A token id is not in the model's vocabulary.
    #[error(
        "token id {id} at position {position} does not fit `vocab_size` {vocab_size}: \
         use the tokenizer that wrote the shards, or a model with a larger vocabulary"
    )]
    TokenOutOfVocabulary {
        /// The id.
        id: u32,
        /// Its position in the stream or in the prompt.
        position: u64,
        /// Ids must be below this number.
        vocab_size: usize,
    },
    /// The loss became NaN or infinite.
    #[error(
        "the loss is {loss} at step {step} (gradient norm {gradient_norm}): lower \
         `learning_rate`, raise `warmup_steps`, or look at the rows of this step ({rows:?}); the \
         last checkpoint is untouched"
    )]
    NonFiniteLoss {
        /// The step, counted from 1.
        step: usize,
        /// Its loss.
        loss: f32,
        /// Its gradient norm.
        gradient_norm: f32,
        /// The rows of its batch, by their numbers in the source.
        rows: Vec<u64>,
    },
    /// A parameter got no gradient, or only zeros, in the first step of a run.
    #[error(
        "`{name}` got no gradient in step 1: an operation of the model cuts the graph, please \
         report it"
    )]
    MissingGradient {
        /// Name of the parameter.
        name: String,
    },
    /// The checkpoint to resume from belongs to another run.
    #[error(
        "the checkpoint of step {step} was made with another `{what}` ({theirs}, now {ours}): \
         give the run a new output directory, or set `{what}` back"
    )]
    ResumeMismatch {
        /// Step of the checkpoint.
        step: usize,
        /// What differs.
        what: String,
        /// Its value in the checkpoint.
        theirs: String,
        /// Its value now.
        ours: String,
    },
    /// A file of a checkpoint is missing or damaged.
    #[error(
        "checkpoint file `{file}`: {reason}; delete this checkpoint to resume from an earlier one"
    )]
    BadCheckpoint {
        /// Name of the file within the checkpoint.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A model file that another program wrote cannot be used.
    #[error("`{file}`: {reason}")]
    BadFile {
        /// Name of the file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The checkpoint store failed.
    #[error("the checkpoint store failed: {0}")]
    Store(#[source] StoreError),
    /// The rows of a batch cannot be read.
    #[error("step {step} has no batch: {error}")]
    Batch {
        /// The step, counted from 1.
        step: usize,
        /// The error of the batch source.
        #[source]
        error: StoreError,
    },
    /// A thread pool could not be started.
    #[error("cannot start worker threads: {0}; lower the number of threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// candle failed, mostly because memory ran out or the device is not usable.
    #[error("candle: {0}")]
    Candle(#[from] candle_core::Error),
    /// An invariant of this crate does not hold.
    #[error("{0}")]
    Bug(#[from] bug::Bug),
}

/// The error for a value that is not allowed.
pub(crate) fn refuse(
    field: &'static str,
    value: impl std::fmt::Display,
    way_out: &str,
) -> ModelError {
    ModelError::Config { field, value: format!("{value}"), way_out: way_out.to_owned() }
}
