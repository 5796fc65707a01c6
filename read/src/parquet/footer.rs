//! The footer of a Parquet file, and which of its columns make a document.

use std::io;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;

use super::shared_file::SharedFile;
use crate::columnar::column_of;
use crate::columnar::guarded;
use crate::fault::{Failure, FaultReason, short};
use crate::fields::{Fields, Place};
use crate::lack::{FIELDS_LISTED_MAX, Lack};

/// The footer of a file that has a text column, or what is wrong with it.
///
/// # Errors
///
/// Only if the file itself fails.
pub(crate) fn read_footer(
    file: &SharedFile,
    fields: &Fields,
) -> io::Result<Result<ArrowReaderMetadata, Failure>> {
    Ok(load(file)?.and_then(|metadata| check(metadata, fields)))
}

/// The footer of a file, whatever its columns.
///
/// # Errors
///
/// Only if the file itself fails.
fn load(file: &SharedFile) -> io::Result<Result<ArrowReaderMetadata, Failure>> {
    let loaded = guarded(|| {
        // Taking types from the Parquet schema only leaves few Arrow types for a column.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load(file, options)?;
        with_views(&metadata)
    });
    file.check()?;
    Ok(match loaded {
        Ok(Ok(metadata)) => Ok(metadata),
        Ok(Err(error)) => Err((FaultReason::BadParquet, format!("footer: {}", short(&error)))),
        Err(panicked) => Err((FaultReason::BadParquet, format!("footer: {panicked}"))),
    })
}

/// Reads strings and bytes as views. Rows with equal values then share the value in the dictionary,
/// so that a small file cannot ask for much memory.
fn with_views(metadata: &ArrowReaderMetadata) -> Result<ArrowReaderMetadata, ParquetError> {
    let view = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8 => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View)),
        DataType::Binary => Arc::new(field.as_ref().clone().with_data_type(DataType::BinaryView)),
        _ => field.clone(),
    };
    let fields: Vec<Arc<Field>> = metadata.schema().fields().iter().map(view).collect();
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
    ArrowReaderMetadata::try_new(metadata.metadata().clone(), options)
}

/// What a sound file without a text column lacks.
///
/// # Errors
///
/// Only if the file itself fails.
pub(crate) fn lack(file: &SharedFile, fields: &Fields) -> io::Result<Option<Lack>> {
    let Ok(metadata) = load(file)? else { return Ok(None) };
    if column_of(metadata.schema(), &fields.text).is_some() {
        return Ok(None);
    }
    let names = metadata.schema().fields().iter().map(|field| field.name().clone());
    let records = u64::try_from(metadata.metadata().file_metadata().num_rows()).ok();
    let there = names.take(FIELDS_LISTED_MAX).collect();
    Ok(Some(Lack { wanted: fields.text.clone(), there, records }))
}

/// Fails if the file has no text column.
fn check(metadata: ArrowReaderMetadata, fields: &Fields) -> Result<ArrowReaderMetadata, Failure> {
    let Some((field, place)) = column_of(metadata.schema(), &fields.text) else {
        let names = short(&fields.text);
        return Err((FaultReason::MissingText, format!("no column `{names}`")));
    };
    let is_text = matches!(field.data_type(), DataType::Utf8View | DataType::BinaryView);
    if place == Place::Whole && !is_text {
        let detail = format!("text column of type {}", short(field.data_type()));
        return Err((FaultReason::WrongType, detail));
    }
    Ok(metadata)
}
