//! The fence behind a stage: every document that enters the stage leaves it once, kept or dropped.

use std::collections::VecDeque;
use std::io::BufRead as _;
use std::iter::repeat_n;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, StringArray, UInt64Array, new_null_array,
};
use arrow::compute::{cast, filter, filter_record_batch, is_not_null, not};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use arrow::json::LineDelimitedWriter;
use arrow::record_batch::RecordBatch;
use bug::{Bug, OrBug as _};

use crate::{DOC_ID, DOCUMENT, DROP_REASON, SqlError, TEXT};

/// The reason of documents that a stage's WHERE removes.
const FILTERED: &str = "filtered";

/// Documents between two stages.
#[derive(Debug, Clone)]
pub struct Documents {
    /// One row per document, in ascending `doc_id`.
    pub batch: RecordBatch,
    /// For each row the bytes of the document's text as it was read, before any stage changed it.
    pub read_bytes: Vec<u64>,
}

/// Documents that one stage dropped.
#[derive(Debug, Clone)]
pub struct Dropped {
    stage: String,
    doc_ids: UInt64Array,
    reasons: StringArray,
    read_bytes: UInt64Array,
    batch: RecordBatch,
}

/// `columns` holds what the stages had computed, as one JSON object per document.
static DROPPED: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        Field::new(DOC_ID, DataType::UInt64, false),
        text("id"),
        text("url"),
        text("source"),
        text("path"),
        text("date"),
        text("stage"),
        text("reason"),
        Field::new("read_bytes", DataType::UInt64, false),
        Field::new(TEXT, DataType::LargeUtf8, true),
        text("metadata"),
        text("columns"),
    ]))
});

impl Dropped {
    /// The columns of the table of dropped documents: `doc_id`, `id`, `url`, `source`, `path`,
    /// `date`, `stage`, `reason`, `read_bytes`, `text`, `metadata` and `columns`, which holds
    /// everything that stages had computed about a document as one JSON object.
    pub fn schema() -> SchemaRef {
        DROPPED.clone()
    }

    /// All rows of `documents`, dropped at `stage`, with one reason and one number of bytes per
    /// row.
    ///
    /// # Errors
    /// A [`SqlError::Bug`] where the documents have no ids or the numbers of rows differ; another
    /// error where a column has a type that the table cannot hold.
    pub fn new(
        stage: &str,
        documents: &RecordBatch,
        reasons: StringArray,
        read_bytes: Vec<u64>,
    ) -> Result<Self, SqlError> {
        let rows = documents.num_rows();
        if reasons.len() != rows || read_bytes.len() != rows {
            let (reasons, bytes) = (reasons.len(), read_bytes.len());
            let what = format!("{rows} dropped documents, {reasons} reasons, {bytes} sizes");
            return Err(Bug::new(what).into());
        }
        let column = |name: &str, as_type: &DataType| -> Result<ArrayRef, SqlError> {
            match documents.column_by_name(name) {
                Some(column) => Ok(cast(column, as_type)?),
                // A stage may remove any column except the id and the text.
                None => Ok(new_null_array(as_type, rows)),
            }
        };
        let doc_ids = doc_ids(documents)?.clone();
        let read_bytes = UInt64Array::from(read_bytes);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(doc_ids.clone()),
            column("id", &DataType::Utf8)?,
            column("url", &DataType::Utf8)?,
            column("source", &DataType::Utf8)?,
            column("path", &DataType::Utf8)?,
            column("date", &DataType::Utf8)?,
            Arc::new(StringArray::from_iter_values(repeat_n(stage, rows))),
            Arc::new(reasons.clone()),
            Arc::new(read_bytes.clone()),
            column(TEXT, &DataType::LargeUtf8)?,
            column("metadata", &DataType::Utf8)?,
            Arc::new(computed_columns(documents)?),
        ];
        let batch = RecordBatch::try_new(Self::schema(), columns)?;
        Ok(Self { stage: stage.to_owned(), doc_ids, reasons, read_bytes, batch })
    }

    /// All rows of `documents`, dropped at `stage` for the same reason.
    ///
    /// # Errors
    /// As [`Dropped::new`].
    pub fn for_reason(
        stage: &str,
        documents: &RecordBatch,
        reason: &str,
        read_bytes: Vec<u64>,
    ) -> Result<Self, SqlError> {
        let reasons = StringArray::from_iter_values(repeat_n(reason, documents.num_rows()));
        Self::new(stage, documents, reasons, read_bytes)
    }

    /// The stage that dropped them.
    pub fn stage(&self) -> &str {
        &self.stage
    }

    /// Their ids.
    pub fn doc_ids(&self) -> &UInt64Array {
        &self.doc_ids
    }

    /// Why each was dropped.
    pub fn reasons(&self) -> &StringArray {
        &self.reasons
    }

    /// The bytes of each document's text as it was read.
    pub fn read_bytes(&self) -> &UInt64Array {
        &self.read_bytes
    }

    /// All of it as rows of the table of dropped documents, with the columns of
    /// [`Dropped::schema`].
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }
}

/// The columns that stages added, as one JSON object per row; NULL where they added none.
fn computed_columns(batch: &RecordBatch) -> Result<StringArray, SqlError> {
    let added: Vec<usize> = (0..batch.num_columns())
        .filter(|i| {
            let name = batch.schema_ref().field(*i).name();
            name != DROP_REASON && DOCUMENT.column_with_name(name).is_none()
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
    let lines = lines.lines().collect::<Result<Vec<_>, _>>().or_bug("JSON is not UTF-8")?;
    Ok(StringArray::from(lines))
}

/// The account of one stage in one part.
pub(crate) struct Fence {
    stage: String,
    /// Documents that entered and have not all left, in order; each with its first row that is
    /// still inside.
    pending: VecDeque<(Documents, usize)>,
}

impl Fence {
    pub(crate) fn new(stage: &str) -> Self {
        Self { stage: stage.to_owned(), pending: VecDeque::new() }
    }

    /// Records documents that enter the stage.
    pub(crate) fn enter(&mut self, documents: Documents) -> RecordBatch {
        let batch = documents.batch.clone();
        self.pending.push_back((documents, 0));
        batch
    }

    /// Sorts the rows that leave the stage: those without a reason are kept, the others are
    /// dropped. Rows that are missing before them were removed by WHERE, and come first.
    pub(crate) fn leave(
        &mut self,
        batch: &RecordBatch,
    ) -> Result<(Documents, Vec<Dropped>), SqlError> {
        let mut left = Vec::new();
        let mut read_bytes = Vec::with_capacity(batch.num_rows());
        for id in doc_ids(batch)?.values() {
            read_bytes.push(self.settle(*id, &mut left)?);
        }
        let reasons =
            batch.column_by_name(DROP_REASON).or_bug("a planned stage has no drop_reason")?;
        let dropped = is_not_null(reasons)?;
        let bytes_where = |mask: &BooleanArray| -> Vec<u64> {
            let bytes = read_bytes.iter().zip(mask.values());
            bytes.filter(|(_, is_in)| *is_in).map(|(bytes, _)| *bytes).collect()
        };
        if dropped.has_true() {
            let documents = filter_record_batch(batch, &dropped)?;
            let reasons = cast(&filter(reasons, &dropped)?, &DataType::Utf8)?;
            let reasons = reasons.as_string::<i32>().clone();
            left.push(Dropped::new(&self.stage, &documents, reasons, bytes_where(&dropped))?);
        }
        let kept = not(&dropped)?;
        let batch = filter_record_batch(&without_reason(batch)?, &kept)?;
        Ok((Documents { batch, read_bytes: bytes_where(&kept) }, left))
    }

    /// Ends the stage: what is still inside was removed by its WHERE.
    pub(crate) fn close(&mut self) -> Result<Vec<Dropped>, SqlError> {
        let mut left = Vec::new();
        while let Some((documents, first)) = self.pending.pop_front() {
            let end = documents.batch.num_rows();
            left.extend(self.filtered(&documents, first..end)?);
        }
        Ok(left)
    }

    /// Finds the document that a row stands for and returns its bytes. The documents before it were
    /// removed by WHERE and are added to `left`.
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
            let bytes = *documents.read_bytes.get(found).or_bug("a document has no size")?;
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
        rows: Range<usize>,
    ) -> Result<Option<Dropped>, SqlError> {
        if rows.is_empty() {
            return Ok(None);
        }
        let bytes = documents.read_bytes.get(rows.clone()).or_bug("a document has no size")?;
        let batch = documents.batch.slice(rows.start, rows.len());
        Dropped::for_reason(&self.stage, &batch, FILTERED, bytes.to_vec()).map(Some)
    }
}

/// The ids of documents. A stage's SQL could compute NULL as an id, but it cannot leave out the
/// column or change its type.
fn doc_ids(batch: &RecordBatch) -> Result<&UInt64Array, SqlError> {
    let ids = batch
        .column_by_name(DOC_ID)
        .and_then(|column| column.as_primitive_opt::<UInt64Type>())
        .or_bug("documents have no column doc_id of type UInt64")?;
    if ids.null_count() > 0 {
        return Err(SqlError::Failed("a stage returned NULL as doc_id".into()));
    }
    Ok(ids)
}

fn without_reason(batch: &RecordBatch) -> Result<RecordBatch, SqlError> {
    let columns: Vec<usize> = (0..batch.num_columns())
        .filter(|i| batch.schema_ref().field(*i).name() != DROP_REASON)
        .collect();
    Ok(batch.project(&columns)?)
}
