//! Writes the keys of one stage for the documents of one part.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, StringArray, UInt32Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use sql::columns::{doc_ids, texts};
use store::{FileEntry, Run};
use tables::TableWriter;

use super::layout::Compared;
use super::{KeyMaker, Keys};
use crate::columns::CLUSTER_SIZE;
use crate::error::Result;
use crate::stage::PlannedBarrier;

/// Writes the keys of one stage for the documents of one part, with the columns of
/// its layout ([`BarrierStage::key_layout`](crate::BarrierStage::key_layout)).
pub struct KeyWriter {
    maker: Box<dyn KeyMaker>,
    planned: PlannedBarrier,
    schema: SchemaRef,
    table: TableWriter,
}

impl KeyWriter {
    /// Creates the key file `path` in the run directory.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(run: &Run, path: &str, planned: &PlannedBarrier) -> Result<Self> {
        let schema = planned.stage.key_layout().schema();
        let table = TableWriter::create_plain(run, path, schema.clone())?;
        let maker = planned.stage.key_maker();
        Ok(Self { maker, planned: planned.clone(), schema, table })
    }

    /// Adds the documents of a batch.
    ///
    /// # Errors
    /// An expression of the stage fails, or the file cannot be written.
    pub fn write(&mut self, documents: &RecordBatch) -> Result<()> {
        let texts = texts(documents)?;
        let values = self.planned.values.as_ref().map(|v| v.values(documents)).transpose()?;
        let n = documents.num_rows();
        let mut compared = Compared::new(self.planned.stage.key_layout());
        let mut keys = Keys::default();
        for row in 0..n {
            keys.clear();
            // A document whose text is NULL gets no key, so it is never a duplicate.
            if texts.is_valid(row) {
                let value = values.as_ref().filter(|v| v.is_valid(row)).map(|v| v.value(row));
                self.maker.make(texts.value(row), value, &mut keys);
            }
            compared.add(&keys.bytes, keys.bands.iter().copied(), &keys.sketch, &keys.minima);
        }
        let ids =
            column_or(documents, "id", &DataType::Utf8, || Arc::new(StringArray::new_null(n)))?;
        let order = match &self.planned.order {
            Some(order) => with_ids(&order.keys(documents)?, ids.as_string()),
            None => BinaryArray::from_vec(vec![&[][..]; n]),
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(doc_ids(documents)?.clone()),
            ids,
            column_or(documents, CLUSTER_SIZE, &DataType::UInt32, || {
                Arc::new(UInt32Array::from(vec![1; n]))
            })?,
            Arc::new(order),
        ];
        Ok(self.table.write(&compared.finish(columns, &self.schema)?)?)
    }

    /// Publishes the key file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> Result<FileEntry> {
        Ok(self.table.finish()?)
    }
}

/// Appends each document's id to its order. Ties then go to the smallest id, so the result does not
/// depend on the order of the input.
fn with_ids(order: &BinaryArray, ids: &StringArray) -> BinaryArray {
    let both = order.iter().zip(ids.iter());
    let joined =
        both.map(|(order, id)| Some([order.unwrap_or(&[]), id.unwrap_or("").as_bytes()].concat()));
    joined.collect()
}

/// A column, cast to a type; the result of `missing` if a stage has removed the column.
fn column_or(
    documents: &RecordBatch,
    name: &str,
    as_type: &DataType,
    missing: impl FnOnce() -> ArrayRef,
) -> Result<ArrayRef> {
    match documents.column_by_name(name) {
        Some(column) => Ok(cast(column, as_type)?),
        None => Ok(missing()),
    }
}
