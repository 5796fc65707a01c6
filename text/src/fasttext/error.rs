//! What can be wrong with the bytes of a model.

use thiserror::Error;

/// The first four bytes of every fastText model, as a little-endian number (fastText 0.9.2,
/// `FASTTEXT_FILEFORMAT_MAGIC_INT32`).
pub(super) const MAGIC: i32 = 793_712_314;

/// Why bytes are not a supervised fastText model. Every offset counts from the start of the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ModelError {
    /// The bytes do not start as a fastText model does.
    #[error("not a fastText model: it starts with the number {found}, not with {MAGIC}")]
    Magic {
        /// The number that stands at byte 0.
        found: i32,
    },
    /// A version of the format that fastText never wrote or that is newer than it.
    #[error("version {version} of the fastText format is unknown; 11 and 12 can be read")]
    Version {
        /// The number that stands at byte 4.
        version: i32,
    },
    /// A model of word vectors (skip-gram or CBOW): it has no labels to predict.
    #[error("the model holds word vectors (kind {kind} at byte {offset}), not a classifier")]
    NotSupervised {
        /// 1 for CBOW, 2 for skip-gram.
        kind: i32,
        /// Where it stands.
        offset: usize,
    },
    /// The bytes end before something that the model says it has.
    #[error(
        "{what} takes {needed} bytes from byte {offset} on, but the file ends at byte {length}"
    )]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Where it starts.
        offset: usize,
        /// How many bytes it takes, or the least that it can take.
        needed: u64,
        /// How many bytes there are in all.
        length: usize,
    },
    /// A number that contradicts the rest of the model, or that no model can have.
    #[error("{what} at byte {offset} is {value}, expected {expected}")]
    OutOfRange {
        /// What the number is.
        what: &'static str,
        /// Where it stands.
        offset: usize,
        /// The number.
        value: i64,
        /// What it may be.
        expected: &'static str,
    },
}
