//! What can be wrong with a tokenizer's settings or file.

/// A setting or a file this crate cannot work with. Text and ids never cause an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenizerError {
    /// A training setting outside its range.
    #[error("{field} = {value}: {reason}")]
    InvalidConfig {
        /// The field of [`crate::TrainConfig`].
        field: &'static str,
        /// The value found there.
        value: String,
        /// What is wrong with it and what to write in its place.
        reason: String,
    },
    /// The name of a split that does not exist.
    #[error(
        "unknown split {name:?}: use one of gpt2, gpt4 (also called cl100k), o200k, qwen2, cl100k_base, \
         or regex: and a pattern"
    )]
    UnknownSplit {
        /// The name found.
        name: String,
    },
    /// A regular expression that cannot be a split.
    #[error("the pattern {pattern:?} cannot be used: {reason}")]
    InvalidPattern {
        /// The pattern found, cut at 200 characters.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The name of a training profile that does not exist.
    #[error("unknown profile {name:?}: use one of hf, rustbpe, minbpe, cs336")]
    UnknownProfile {
        /// The name found.
        name: String,
    },
    /// The name of a `tiktoken` encoding that is not known here.
    #[error(
        "unknown encoding {name:?}: use one of gpt2, r50k_base, p50k_base, p50k_edit, cl100k_base, \
         o200k_base, or give the split and the special tokens"
    )]
    UnknownEncoding {
        /// The name found.
        name: String,
    },
    /// A file that is not what its format says, or lacks a part.
    #[error("{file}: {reason}")]
    Malformed {
        /// The format, by the name that its files usually have.
        file: &'static str,
        /// Where the file is wrong and what was expected there.
        reason: String,
    },
    /// A `tokenizer.json` that asks for something this crate does not do.
    #[error("tokenizer.json: {field} = {value} is not supported: {reason}")]
    Unsupported {
        /// The path of the field in the file.
        field: &'static str,
        /// The value found there, cut at 200 characters.
        value: String,
        /// What is supported in its place.
        reason: &'static str,
    },
    /// A tokenizer that a format cannot express.
    #[error("this tokenizer cannot be written as {file}: {reason}")]
    CannotExpress {
        /// The format, by the name that its files usually have.
        file: &'static str,
        /// What the format lacks.
        reason: &'static str,
    },
}

impl TokenizerError {
    /// An error for `field` of a file whose value is `value`, cut to a readable length.
    pub(crate) fn unsupported(field: &'static str, value: &str, reason: &'static str) -> Self {
        Self::Unsupported { field, value: value.chars().take(200).collect(), reason }
    }

    /// An error for a `tokenizer.json` that is not what its format says.
    pub(crate) fn malformed(reason: impl Into<String>) -> Self {
        Self::Malformed { file: "tokenizer.json", reason: reason.into() }
    }
}
