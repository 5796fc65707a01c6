//! The index of encoded documents: their ids and the number of their tokens.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray, UInt32Array, UInt64Array};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use bug::Bug;
use shards::dataset::{Document, Split, Tokens, ValidationRule};
use sql::DOC_ID;

use crate::error::Result;

/// Columns of the index: `doc_id`, `id`, `url`, `source`, `validation`, `n_bytes`, `n_tokens`,
/// `hash` (xxh3 of the text).
pub(super) fn index_schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        Field::new(DOC_ID, DataType::UInt64, false),
        text("id"),
        text("url"),
        text("source"),
        Field::new("validation", DataType::Boolean, false),
        Field::new("n_bytes", DataType::UInt64, false),
        Field::new("n_tokens", DataType::UInt32, false),
        Field::new("hash", DataType::UInt64, false),
    ]))
}

/// The index of some documents, with typed access to the columns that shards are written from.
pub(super) struct Index {
    rows: RecordBatch,
    ids: StringArray,
    sources: StringArray,
    validation: BooleanArray,
    n_bytes: UInt64Array,
    n_tokens: UInt32Array,
}

impl Index {
    /// The index in rows of [`index_schema`].
    pub(super) fn new(rows: RecordBatch) -> Self {
        let text = |column: usize| rows.column(column).as_string::<i32>().clone();
        Self {
            ids: text(1),
            sources: text(3),
            validation: rows.column(4).as_boolean().clone(),
            n_bytes: rows.column(5).as_primitive::<UInt64Type>().clone(),
            n_tokens: rows.column(6).as_primitive::<UInt32Type>().clone(),
            rows,
        }
    }

    /// The index in the rows of several batches.
    ///
    /// # Errors
    /// The batches do not have the columns of [`index_schema`].
    pub(super) fn of(batches: &[RecordBatch]) -> Result<Self> {
        Ok(Self::new(concat_batches(&index_schema(), batches)?))
    }

    /// The rows themselves.
    pub(super) fn rows(&self) -> &RecordBatch {
        &self.rows
    }

    /// The number of documents.
    pub(super) fn len(&self) -> usize {
        self.rows.num_rows()
    }

    /// The half (train or validation) that a document belongs to.
    pub(super) fn split(&self, row: usize) -> Split {
        if self.validation.value(row) { Split::Validation } else { Split::Train }
    }

    /// Tokens of a document, including the one that ends it.
    pub(super) fn n_tokens(&self, row: usize) -> u64 {
        u64::from(self.n_tokens.value(row))
    }

    /// A document with the tokens in `payload`.
    pub(super) fn document<'a>(&'a self, row: usize, payload: &'a [u8]) -> Document<'a> {
        Document {
            id: text_at(&self.ids, row),
            source: text_at(&self.sources, row),
            bytes: self.n_bytes.value(row),
            tokens: Tokens::Payload(payload),
        }
    }
}

/// The text in a row of a column, or `""` where it is NULL: a document's id and source are
/// optional.
fn text_at(column: &StringArray, row: usize) -> &str {
    if column.is_valid(row) { column.value(row) } else { "" }
}

/// Collects the columns of the index that are known once documents are encoded.
#[derive(Default)]
pub(super) struct IndexRows {
    validation: Vec<bool>,
    n_bytes: Vec<u64>,
    n_tokens: Vec<u32>,
    hashes: Vec<u64>,
}

impl IndexRows {
    /// Adds the next document.
    pub(super) fn add(&mut self, text: &str, n_tokens: usize, rule: &ValidationRule) {
        let hash = text::hash::xxh3(text);
        // The text decides the half, so that a model never learns a copy of a held-out text.
        self.validation.push(rule.holds_out(hash));
        self.n_bytes.push(text.len() as u64);
        self.n_tokens.push(n_tokens as u32);
        self.hashes.push(hash);
    }

    /// The index of the documents in `batch`, which must be those that were added.
    ///
    /// # Errors
    /// A column is missing or has an unexpected type.
    pub(super) fn finish(self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns: Vec<ArrayRef> = vec![
            column(batch, DOC_ID, &DataType::UInt64)?,
            column(batch, "id", &DataType::Utf8)?,
            column(batch, "url", &DataType::Utf8)?,
            column(batch, "source", &DataType::Utf8)?,
            Arc::new(BooleanArray::from(self.validation)),
            Arc::new(UInt64Array::from(self.n_bytes)),
            Arc::new(UInt32Array::from(self.n_tokens)),
            Arc::new(UInt64Array::from(self.hashes)),
        ];
        Ok(RecordBatch::try_new(index_schema(), columns)?)
    }
}

/// A column of documents, cast to another type. A missing column of texts is read as nulls: the
/// columns `id`, `url` and `source` are optional.
///
/// # Errors
/// The column cannot be cast. It is a bug if a column that is not optional is missing.
pub(super) fn column(batch: &RecordBatch, name: &str, as_type: &DataType) -> Result<ArrayRef> {
    match batch.column_by_name(name) {
        Some(column) => Ok(cast(column, as_type)?),
        None if *as_type == DataType::Utf8 => {
            Ok(Arc::new(StringArray::new_null(batch.num_rows())) as Arc<dyn Array>)
        }
        None => Err(Bug::new(format!("documents without the column {name}")).into()),
    }
}
