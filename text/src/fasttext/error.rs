//! Errors of reading and training models.

use thiserror::Error;

/// The first four bytes of every fastText model, as a little-endian number (fastText 0.9.2,
/// `FASTTEXT_FILEFORMAT_MAGIC_INT32`).
pub(super) const MAGIC: i32 = 793_712_314;

/// Why bytes cannot be read as a supervised fastText model. Offsets count from the start of the
/// bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ModelError {
    /// The bytes do not start with fastText's magic number.
    #[error("not a fastText model: it starts with the number {found}, not with {MAGIC}")]
    Magic {
        /// The number at byte 0.
        found: i32,
    },
    /// The version of the format is neither 11 nor 12.
    #[error("version {version} of the fastText format is unknown; 11 and 12 can be read")]
    Version {
        /// The number at byte 4.
        version: i32,
    },
    /// The model contains word vectors (skip-gram or CBOW), so it has no labels to predict.
    #[error("the model contains word vectors (kind {kind} at byte {offset}), not a classifier")]
    NotSupervised {
        /// 1 for CBOW, 2 for skip-gram.
        kind: i32,
        /// The offset of the kind.
        offset: usize,
    },
    /// The bytes end too early.
    #[error(
        "cannot read {what}: it needs {needed} bytes at byte {offset}, \
         but the file ends at byte {length}"
    )]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Where it starts.
        offset: usize,
        /// How many bytes it needs at least.
        needed: u64,
        /// The total number of bytes.
        length: usize,
    },
    /// A number is out of range or contradicts the rest of the model.
    #[error("{what} at byte {offset} is {value}, expected {expected}")]
    OutOfRange {
        /// What the number means.
        what: &'static str,
        /// Where it is stored.
        offset: usize,
        /// The number.
        value: i64,
        /// Which numbers are allowed.
        expected: &'static str,
    },
}

/// Why a training failed.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TrainError {
    /// No example has a label, or no label is frequent enough.
    #[error("no example has a label that is frequent enough")]
    NoLabels,
    /// No text has a word, or no word is frequent enough.
    #[error("no example has a word that is frequent enough")]
    NoWords,
    /// A label that a fastText file cannot store.
    #[error("the label {label:?} is empty or contains white space")]
    Label {
        /// The label.
        label: String,
    },
    /// An option is out of range.
    #[error("{option} is {value}, expected {expected}")]
    Option {
        /// The name of the option.
        option: &'static str,
        /// Its value.
        value: f64,
        /// Which values are allowed.
        expected: &'static str,
    },
    /// The matrices need more memory than the limit.
    #[error(
        "the model needs {needed} bytes of memory, the limit is {limit}: \
             lower bucket or dim, or raise min_count"
    )]
    Memory {
        /// Bytes of the matrices.
        needed: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The steps were so large that the numbers overflowed.
    #[error("the training diverged: lower the learning rate")]
    Diverged,
}
