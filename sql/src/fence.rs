//! The fence behind a stage: every document that went in comes out kept or dropped, once.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, LargeStringArray, StringArray, UInt32Array,
    UInt64Array, new_null_array,
};
use arrow::compute::{cast, filter_record_batch, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use arrow::json::LineDelimitedWriter;
use arrow::record_batch::RecordBatch;

use crate::{DOC_ID, DOCUMENT, DROP_REASON, SqlError, TEXT};

/// Reason of a document that a stage's WHERE left out.
const FILTERED: &str = "filtered";

/// Documents between two stages.
#[derive(Debug, Clone)]
pub struct Documents {
    /// One row a document, in ascending `doc_id`.
    pub batch: RecordBatch,
    /// Bytes of each document's text as it was read, whatever stages did to it since.
    pub read_bytes: Vec<u64>,
}

/// Documents that left at a stage, with the columns of [`Dropped::SCHEMA`].
#[derive(Debug, Clone)]
pub struct Dropped(pub RecordBatch);

/// `doc_id`, `id`, `url`, `source`, `path`, `stage`, `reason`, `read_bytes`, `text`, and `columns`:
/// what the stage had computed, as one JSON object.
static DROPPED: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        Field::new(DOC_ID, DataType::UInt64, false),
        text("id"),
        text("url"),
        text("source"),
        text("path"),
        text("stage"),
        text("reason"),
        Field::new("read_bytes", DataType::UInt64, false),
        Field::new(TEXT, DataType::LargeUtf8, true),
        text("columns"),
    ]))
});

impl Dropped {
    /// The columns of dropped documents.
    pub fn schema() -> SchemaRef {
        DROPPED.clone()
    }

    /// The rows `rows` of `documents`, dropped at `stage` for `reasons`.
    pub fn new(
        stage: &str,
        documents: &RecordBatch,
        rows: &[u32],
        reasons: Vec<String>,
        read_bytes: Vec<u64>,
    ) -> Result<Self, SqlError> {
        let batch = take_record_batch(documents, &UInt32Array::from(rows.to_vec()))?;
        let n = batch.num_rows();
        let column = |name: &str, as_type: &DataType| -> Result<ArrayRef, SqlError> {
            match batch.column_by_name(name) {
                Some(column) => Ok(cast(column, as_type)?),
                None => Ok(new_null_array(as_type, n)),
            }
        };
        let columns: Vec<ArrayRef> = vec![
            column(DOC_ID, &DataType::UInt64)?,
            column("id", &DataType::Utf8)?,
            column("url", &DataType::Utf8)?,
            column("source", &DataType::Utf8)?,
            column("path", &DataType::Utf8)?,
            Arc::new(StringArray::from(vec![stage; n])),
            Arc::new(StringArray::from(reasons)),
            Arc::new(UInt64Array::from(read_bytes)),
            column(TEXT, &DataType::LargeUtf8)?,
            Arc::new(computed_columns(&batch)?),
        ];
        Ok(Self(RecordBatch::try_new(Self::schema(), columns)?))
    }
}

/// The columns that stages added, a JSON object a row; NULL where there are none.
fn computed_columns(batch: &RecordBatch) -> Result<StringArray, SqlError> {
    let added: Vec<usize> = (0..batch.num_columns())
        .filter(|i| {
            let name = batch.schema_ref().field(*i).name();
            name != DROP_REASON && DOCUMENT.field_with_name(name).is_err()
        })
        .collect();
    if added.is_empty() {
        return Ok(StringArray::new_null(batch.num_rows()));
    }
    let mut lines = Vec::new();
    let mut writer = LineDelimitedWriter::new(&mut lines);
    writer.write(&batch.project(&added)?)?;
    writer.finish()?;
    drop(writer);
    let lines = io::BufRead::lines(lines.as_slice()).collect::<Result<Vec<_>, _>>();
    Ok(StringArray::from(lines.map_err(|e| SqlError::Failed(e.to_string()))?))
}

/// The account of one stage in one part.
pub(crate) struct Fence {
    stage: String,
    /// Documents that went in and have not come out, in order; the first row that is still out.
    pending: VecDeque<(Documents, usize)>,
}

impl Fence {
    pub(crate) fn new(stage: &str) -> Self {
        Self { stage: stage.to_owned(), pending: VecDeque::new() }
    }

    /// Documents go into the stage.
    pub(crate) fn enter(&mut self, documents: Documents) -> RecordBatch {
        let batch = documents.batch.clone();
        self.pending.push_back((documents, 0));
        batch
    }

    /// Rows come out of the stage: those without a reason go on, the others leave.
    pub(crate) fn leave(
        &mut self,
        batch: &RecordBatch,
    ) -> Result<(Documents, Vec<Dropped>), SqlError> {
        let ids = doc_ids(batch)?;
        let mut read_bytes = Vec::with_capacity(batch.num_rows());
        let mut left = Vec::new();
        for id in ids.values() {
            read_bytes.push(self.settle(*id, &mut left)?);
        }
        let reason = reason_column(batch)?;
        let (mut kept_bytes, mut rows) = (Vec::new(), Vec::new());
        let (mut reasons, mut dropped_bytes) = (Vec::new(), Vec::new());
        for (row, bytes) in read_bytes.into_iter().enumerate() {
            if reason.is_null(row) {
                kept_bytes.push(bytes);
            } else {
                rows.push(row as u32);
                reasons.push(reason.value(row).to_owned());
                dropped_bytes.push(bytes);
            }
        }
        if !rows.is_empty() {
            left.push(Dropped::new(&self.stage, batch, &rows, reasons, dropped_bytes)?);
        }
        let keep: BooleanArray =
            (0..batch.num_rows()).map(|row| Some(reason.is_null(row))).collect();
        let kept = filter_record_batch(&without_reason(batch)?, &keep)?;
        Ok((Documents { batch: kept, read_bytes: kept_bytes }, left))
    }

    /// The stage is at its end: what is still inside was left out by it.
    pub(crate) fn close(&mut self) -> Result<Vec<Dropped>, SqlError> {
        let mut left = Vec::new();
        while let Some((documents, first)) = self.pending.pop_front() {
            let end = documents.batch.num_rows();
            left.extend(self.filtered(&documents, first..end)?);
        }
        Ok(left)
    }

    /// Finds the document that a row stands for, and its bytes; those before it were filtered.
    fn settle(&mut self, id: u64, left: &mut Vec<Dropped>) -> Result<u64, SqlError> {
        while let Some((documents, first)) = self.pending.pop_front() {
            let ids = doc_ids(&documents.batch)?;
            let found = ids.values()[first..].partition_point(|inside| *inside < id) + first;
            left.extend(self.filtered(&documents, first..found)?);
            if found == ids.len() {
                continue;
            }
            if ids.value(found) != id {
                break;
            }
            let bytes = documents.read_bytes[found];
            if found + 1 < ids.len() {
                self.pending.push_front((documents, found + 1));
            }
            return Ok(bytes);
        }
        Err(SqlError::Failed(format!(
            "stage `{}` returned document {id} twice, out of order, or made it up; \
             it must return one row for each row of docs, in their order",
            self.stage
        )))
    }

    fn filtered(
        &self,
        documents: &Documents,
        rows: std::ops::Range<usize>,
    ) -> Result<Option<Dropped>, SqlError> {
        if rows.is_empty() {
            return Ok(None);
        }
        let reasons = vec![FILTERED.to_owned(); rows.len()];
        let bytes = documents.read_bytes[rows.clone()].to_vec();
        let rows: Vec<u32> = rows.map(|row| row as u32).collect();
        Dropped::new(&self.stage, &documents.batch, &rows, reasons, bytes).map(Some)
    }
}

fn doc_ids(batch: &RecordBatch) -> Result<&UInt64Array, SqlError> {
    let column = batch.column_by_name(DOC_ID);
    column
        .and_then(|column| column.as_primitive_opt::<UInt64Type>())
        .filter(|ids| ids.null_count() == 0)
        .ok_or_else(|| SqlError::Failed("a stage returned NULL or no number as doc_id".into()))
}

fn reason_column(batch: &RecordBatch) -> Result<LargeStringArray, SqlError> {
    let Some(column) = batch.column_by_name(DROP_REASON) else {
        return Err(SqlError::Failed("a stage returned no drop_reason".into()));
    };
    Ok(cast(column, &DataType::LargeUtf8)?.as_string::<i64>().clone())
}

fn without_reason(batch: &RecordBatch) -> Result<RecordBatch, SqlError> {
    let columns: Vec<usize> = (0..batch.num_columns())
        .filter(|i| batch.schema_ref().field(*i).name() != DROP_REASON)
        .collect();
    Ok(batch.project(&columns)?)
}
