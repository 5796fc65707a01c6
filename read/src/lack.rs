//! What a whole file lacks, found from its head before any work.

use crate::fields::Names;

/// No record of a file can become a document, because none has the text field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// The names of the text field that were looked for.
    pub wanted: Names,
    /// The fields that are there, in order.
    pub there: Vec<String>,
    /// The number of records, if the file's head tells it.
    pub records: Option<u64>,
}

/// The most fields that are listed.
pub(crate) const FIELDS_LISTED_MAX: usize = 50;
