//! Rows of record batches as documents, whichever format the batches come from.

mod cells;
mod guarded;
mod json_columns;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

pub(crate) use self::guarded::guarded;

use self::cells::{cell_bytes, cell_text};
use self::json_columns::{is_json, with_json};
use crate::document_text::checked_text;
use crate::fault::{Failure, Fault, FaultReason, short};
use crate::fields::{Fields, Names, Place};
use crate::input::Input;
use crate::jsonl::{METADATA, PLACE, scalar_at, text_at};
use crate::limits::Limits;
use crate::record::{Document, Record};

/// How rows of a file become documents.
pub(crate) struct Rows {
    path: String,
    fields: Fields,
    limits: Limits,
}

/// The column that holds a field of the document: of the names that the file has, the most wanted.
pub(crate) fn column_of<'a>(
    schema: &'a Schema,
    names: &'a Names,
) -> Option<(&'a Field, Place<'a>)> {
    let found = schema.fields().iter().filter_map(|field| {
        let (rank, place) = names.find(field.name())?;
        Some((rank, field.as_ref(), place))
    });
    found.min_by_key(|(rank, ..)| *rank).map(|(_, field, place)| (field, place))
}

impl Rows {
    /// The rows of `input`.
    pub(crate) fn of(input: &Input) -> Self {
        let (path, fields) = (input.path.clone(), input.fields.clone());
        Self { path, fields, limits: input.limits.clone() }
    }

    /// A batch whose columns are texts, numbers, or JSON where a value has parts.
    ///
    /// # Errors
    ///
    /// A column has a type that has no JSON.
    pub(crate) fn flat(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let Fields { text, id, url, date, separator: _ } = &self.fields;
        let names = [text, id, url, date];
        with_json(batch, |field| {
            let is_whole =
                |names: &&Names| matches!(names.find(field.name()), Some((_, Place::Whole)));
            !field.data_type().is_nested() && names.iter().any(is_whole)
        })
    }

    /// A row of a flat batch. `offset` is the place of a fault in the file.
    pub(crate) fn record(
        &self,
        batch: &RecordBatch,
        row: usize,
        ordinal: u32,
        offset: u64,
    ) -> Record {
        match self.document(batch, row, ordinal) {
            Ok(document) => Record::Document(document),
            Err((reason, detail)) => {
                let text = column_of(batch.schema_ref(), &self.fields.text);
                let text = text.and_then(|(field, _)| batch.column_by_name(field.name()));
                let length = text.map_or(0, |text| cell_bytes(text, row));
                Record::Fault(Fault { ordinal, offset, length, records: 1, reason, detail })
            }
        }
    }

    fn document(&self, batch: &RecordBatch, row: usize, ordinal: u32) -> Result<Document, Failure> {
        let (text, repaired) =
            self.text(batch, row)?.ok_or((FaultReason::MissingText, String::new()))?;
        let (text, cleaned) = checked_text(text, &self.limits)?;
        let scalar = |names: &Names| scalar(batch, row, names);
        Ok(Document {
            ordinal,
            offset: 0,
            id: scalar(&self.fields.id)?.unwrap_or_else(|| format!("{}/{ordinal}", self.path)),
            url: scalar(&self.fields.url)?,
            date: scalar(&self.fields.date)?,
            text,
            extra: self.extra(batch, row)?,
            repaired: repaired || cleaned,
        })
    }

    /// The text, and whether it had to be repaired.
    fn text(&self, batch: &RecordBatch, row: usize) -> Result<Option<(String, bool)>, Failure> {
        let Some((cell, place)) = cell(batch, row, &self.fields.text) else { return Ok(None) };
        match place {
            Place::Whole if !is_text(cell.data_type()) => {
                let detail = format!("text column of type {}", short(cell.data_type()));
                Err((FaultReason::WrongType, detail))
            }
            Place::Whole => cell_text(cell, row).map(Some),
            Place::Inner(steps) => {
                let value = json_value(cell, row)?;
                let text = text_at(&value, steps, &self.fields.separator)?;
                Ok(text.map(|text| (text, false)))
            }
        }
    }

    /// The columns of a row that are not fields of a document, as one JSON object.
    fn extra(&self, batch: &RecordBatch, row: usize) -> Result<Option<String>, Failure> {
        let Fields { text, id, url, date, separator: _ } = &self.fields;
        let taken = [text, id, url, date].map(|names| column_of(batch.schema_ref(), names));
        let is_taken = |name: &str| {
            taken
                .iter()
                .flatten()
                .any(|(field, place)| *place == Place::Whole && field.name() == name)
        };
        // As for JSONL, the place where gristmill read a document before is left out.
        let is_own = PLACE.iter().all(|name| batch.schema_ref().column_with_name(name).is_some());
        let mut extra = serde_json::Map::new();
        for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let is_place = is_own && PLACE.contains(&field.name().as_str());
            if column.is_null(row) || is_taken(field.name()) || is_place {
                continue;
            }
            if is_own
                && field.name() == METADATA
                && let Ok((json, _)) = cell_text(column, row)
                && let Ok(serde_json::Value::Object(inner)) = serde_json::from_str(&json)
            {
                extra.extend(inner);
                continue;
            }
            if is_json(field) {
                extra.insert(field.name().clone(), json_value(column, row)?);
                continue;
            }
            let (value, _) = cell_text(column, row)?;
            let data_type = column.data_type();
            let is_literal = data_type.is_numeric()
                && !matches!(data_type, DataType::Decimal128(..))
                || *data_type == DataType::Boolean;
            // NaN and infinity are not JSON, so they are kept as text.
            let literal = if is_literal { serde_json::from_str(&value).ok() } else { None };
            extra.insert(field.name().clone(), literal.unwrap_or_else(|| value.into()));
        }
        Ok((!extra.is_empty()).then(|| serde_json::Value::Object(extra).to_string()))
    }
}

/// Whether a column holds texts.
fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView => true,
        _ => false,
    }
}

/// The column that holds a field of the document, unless its value is NULL in this row.
fn cell<'a>(
    batch: &'a RecordBatch,
    row: usize,
    names: &'a Names,
) -> Option<(&'a ArrayRef, Place<'a>)> {
    let (field, place) = column_of(batch.schema_ref(), names)?;
    let column = batch.column_by_name(field.name())?;
    (!column.is_null(row)).then_some((column, place))
}

/// An id, URL or date: a value that is not nested.
fn scalar(batch: &RecordBatch, row: usize, names: &Names) -> Result<Option<String>, Failure> {
    let Some((column, place)) = cell(batch, row, names) else { return Ok(None) };
    Ok(match place {
        Place::Whole => Some(cell_text(column, row)?.0),
        Place::Inner(steps) => scalar_at(&json_value(column, row)?, steps),
    })
}

/// The value of a column of JSON texts.
fn json_value(column: &ArrayRef, row: usize) -> Result<serde_json::Value, Failure> {
    let (json, _) = cell_text(column, row)?;
    serde_json::from_str(&json).map_err(|error| (FaultReason::BadParquet, short(&error)))
}
