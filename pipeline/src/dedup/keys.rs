//! Keys of documents: computed in the segment, written beside its documents.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, LargeStringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use arrow::record_batch::RecordBatch;
use sql::{DOC_ID, Order, TEXT};
use store::{FileEntry, Run};
use text::minhash::{MinHasher, Scratch};

use super::{DedupStage, ExactOn, Method};
use crate::error::{PipelineError, Result};
use crate::table::{TableWriter, read_table};

/// Writes the keys of one stage for the documents of one part: `doc_id`, `keys` (16 bytes for
/// `exact`, 8 a band for `minhash`; empty when the document cannot be compared), `order`.
pub struct KeyWriter {
    hasher: Hasher,
    order: Order,
    table: TableWriter,
}

enum Hasher {
    Exact(ExactOn),
    MinHash(Box<MinHasher>, Box<Scratch>, Vec<u64>),
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new(DOC_ID, DataType::UInt64, false),
        Field::new("keys", DataType::Binary, false),
        Field::new("order", DataType::Binary, false),
    ]))
}

impl KeyWriter {
    /// Starts the keys of `stage` in the file `path` of the run.
    pub fn create(run: &Run, path: &str, stage: &DedupStage, order: &Order) -> Result<Self> {
        let hasher = match &stage.method {
            Method::Exact(on) => Hasher::Exact(*on),
            Method::MinHash(config) => {
                Hasher::MinHash(Box::new(MinHasher::new(*config)), Box::default(), Vec::new())
            }
        };
        Ok(Self { hasher, order: order.clone(), table: TableWriter::create(run, path, schema())? })
    }

    /// Adds the documents of a batch.
    pub fn write(&mut self, documents: &RecordBatch) -> Result<()> {
        let texts = strings(documents, TEXT)?;
        let urls = match &self.hasher {
            Hasher::Exact(ExactOn::Url) => Some(strings(documents, "url")?),
            _ => None,
        };
        let mut keys = BinaryBuilder::new();
        for row in 0..documents.num_rows() {
            let text = texts.value(row);
            match &mut self.hasher {
                Hasher::Exact(ExactOn::Text) => {
                    keys.append_value(text::hash::exact_key(text).to_be_bytes());
                }
                Hasher::Exact(ExactOn::Normalised) => {
                    keys.append_value(text::hash::normalised_key(text).to_be_bytes());
                }
                Hasher::Exact(ExactOn::Url) => match urls.as_ref().filter(|u| u.is_valid(row)) {
                    Some(urls) => {
                        keys.append_value(text::hash::exact_key(urls.value(row)).to_be_bytes());
                    }
                    None => keys.append_value([]),
                },
                Hasher::MinHash(hasher, scratch, bands) => {
                    hasher.band_keys(text, scratch, bands);
                    keys.append_value(
                        bands.iter().flat_map(|k| k.to_be_bytes()).collect::<Vec<_>>(),
                    );
                }
            }
        }
        let doc_ids = documents.column_by_name(DOC_ID).cloned().unwrap_or_else(|| {
            Arc::new(arrow::array::UInt64Array::from(vec![0; documents.num_rows()]))
        });
        let order = self.order.keys(documents)?;
        let columns: Vec<ArrayRef> = vec![doc_ids, Arc::new(keys.finish()), Arc::new(order)];
        let batch = RecordBatch::try_new(schema(), columns).map_err(arrow_error)?;
        self.table.write(&batch)
    }

    /// Publishes the keys.
    pub fn finish(self) -> Result<FileEntry> {
        self.table.finish()
    }
}

fn strings(documents: &RecordBatch, name: &str) -> Result<LargeStringArray> {
    let Some(column) = documents.column_by_name(name) else {
        return Ok(LargeStringArray::new_null(documents.num_rows()));
    };
    let column = cast(column, &DataType::LargeUtf8).map_err(arrow_error)?;
    Ok(column.as_string::<i64>().clone())
}

fn arrow_error(error: arrow::error::ArrowError) -> PipelineError {
    PipelineError::Sql(error.into())
}

/// A row of a key file.
pub(super) struct KeyRow<'a> {
    pub(super) doc_id: u64,
    pub(super) keys: &'a [u8],
    pub(super) order: &'a [u8],
}

/// Calls `each` for every row of a key file, in order.
pub(super) fn read_keys(
    path: &Path,
    with_order: bool,
    mut each: impl FnMut(KeyRow<'_>),
) -> Result<()> {
    let columns: &[&str] = if with_order { &[DOC_ID, "keys", "order"] } else { &[DOC_ID, "keys"] };
    for batch in read_table(path, Some(columns))? {
        let batch = batch?;
        let doc_ids = batch.column(0).as_primitive::<UInt64Type>();
        let keys = batch.column(1).as_binary::<i32>();
        let order = with_order.then(|| batch.column(2).as_binary::<i32>());
        for row in 0..batch.num_rows() {
            let order = order.map_or(&[][..], |order| order.value(row));
            each(KeyRow { doc_id: doc_ids.value(row), keys: keys.value(row), order });
        }
    }
    Ok(())
}
