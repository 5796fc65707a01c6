//! Encodes documents as they leave the last segment.

use arrow::array::UInt32Array;
use arrow::compute::take_record_batch;
use sql::{Documents, Dropped};
use store::{FileEntry, Run};

use crate::error::Result;
use crate::tokens::{Encoding, PartEncoder, without};

/// The stage and the reason for dropping documents whose text the tokenizer has no tokens for.
const STAGE: &str = "tokenizer";
const NOT_ENCODABLE: &str = "not encodable";

/// Encodes the kept documents of a part.
pub(super) struct Encoder<'a>(PartEncoder<'a>);

impl<'a> Encoder<'a> {
    /// Starts to encode part `part`.
    ///
    /// # Errors
    /// A file cannot be created.
    pub(super) fn create(run: &'a Run, encoding: &'a Encoding, part: usize) -> Result<Self> {
        Ok(Self(PartEncoder::create(run, encoding, part)?))
    }

    /// Encodes documents. Returns those that could be encoded, and the others as dropped.
    ///
    /// # Errors
    /// The tokens cannot be written.
    pub(super) fn encode(&mut self, documents: Documents) -> Result<(Documents, Option<Dropped>)> {
        let rows = self.0.add(&documents.batch)?;
        if rows.is_empty() {
            return Ok((documents, None));
        }
        let bytes = |row: &u32| documents.read_bytes[*row as usize];
        let failed = take_record_batch(&documents.batch, &UInt32Array::from(rows.clone()))?;
        let read_bytes = rows.iter().map(bytes).collect();
        let dropped = Dropped::for_reason(STAGE, &failed, NOT_ENCODABLE, read_bytes)?;
        let kept = 0..documents.batch.num_rows() as u32;
        let kept = kept.filter(|row| rows.binary_search(row).is_err());
        let read_bytes = kept.map(|row| bytes(&row)).collect();
        let batch = without(&documents.batch, &rows)?;
        Ok((Documents { batch, read_bytes }, Some(dropped)))
    }

    /// Publishes the files of the part and returns them.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn finish(self) -> Result<Vec<FileEntry>> {
        self.0.finish()
    }
}
