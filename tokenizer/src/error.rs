//! The errors of this crate.

/// A setting or a file that cannot be used. Texts and ids never cause an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenizerError {
    /// A training setting outside its range.
    #[error("{field} = {value}: {reason}")]
    InvalidConfig {
        /// The field of [`crate::TrainConfig`].
        field: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it, and which values are valid.
        reason: String,
    },
    /// More words than training can hold.
    #[error(
        "there are too many different words to train on, with more than about 4 billion bytes \
         together; train on fewer documents"
    )]
    TooManyWords,
    /// An unknown name of a split.
    #[error(
        "unknown split {name:?}: use one of gpt2, gpt4 (also called cl100k), o200k, qwen2, \
         cl100k_base, or regex: followed by a pattern"
    )]
    UnknownSplit {
        /// The name found.
        name: String,
    },
    /// A regular expression that cannot be a split.
    #[error("the pattern {pattern:?} cannot be used: {reason}")]
    InvalidPattern {
        /// The first 200 characters of the pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An unknown name of a training profile.
    #[error("unknown profile {name:?}: use one of hf, rustbpe, minbpe, cs336")]
    UnknownProfile {
        /// The name found.
        name: String,
    },
    /// An unknown name of a `tiktoken` encoding.
    #[error(
        "unknown encoding {name:?}: use one of gpt2, r50k_base, p50k_base, p50k_edit, cl100k_base, \
         o200k_base, or give the split and the special tokens"
    )]
    UnknownEncoding {
        /// The name found.
        name: String,
    },
    /// A file that violates its format or lacks a part.
    #[error("{file}: {reason}")]
    Malformed {
        /// The format, by the usual name of its files.
        file: &'static str,
        /// Where the file is wrong and what was expected there.
        reason: String,
    },
    /// A `tokenizer.json` that requires something this crate does not support.
    #[error("tokenizer.json: {field} = {value} is not supported: {reason}")]
    Unsupported {
        /// The path of the field in the file.
        field: &'static str,
        /// The first 200 characters of its value.
        value: String,
        /// What is supported instead.
        reason: &'static str,
    },
    /// A tokenizer that a format cannot express.
    #[error("this tokenizer cannot be written as {file}: {reason}")]
    CannotExpress {
        /// The format, by the usual name of its files.
        file: &'static str,
        /// What the format lacks.
        reason: &'static str,
    },
}

impl TokenizerError {
    /// An error about `field`, with its value cut to a readable length.
    pub(crate) fn unsupported(field: &'static str, value: &str, reason: &'static str) -> Self {
        Self::Unsupported { field, value: value.chars().take(200).collect(), reason }
    }

    /// An error about a `tokenizer.json` that violates its format.
    pub(crate) fn malformed(reason: impl Into<String>) -> Self {
        Self::Malformed { file: "tokenizer.json", reason: reason.into() }
    }
}
