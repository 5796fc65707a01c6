//! The footer of a Parquet file, and which of its columns are read.

use std::io;

use arrow::datatypes::{DataType, Field};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};

use super::guarded::guarded;
use super::shared_file::SharedFile;
use crate::fault::{Failure, FaultReason, short};
use crate::input::Fields;

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

fn load(file: &SharedFile) -> io::Result<Result<ArrowReaderMetadata, Failure>> {
    // Taking types from the Parquet schema only leaves few Arrow types for a column.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let loaded = guarded(|| ArrowReaderMetadata::load(file, options));
    file.check()?;
    Ok(match loaded {
        Ok(Ok(metadata)) => Ok(metadata),
        Ok(Err(error)) => Err((FaultReason::BadParquet, format!("footer: {}", short(&error)))),
        Err(panicked) => Err((FaultReason::BadParquet, format!("footer: {panicked}"))),
    })
}

/// Fails if the file has no text column.
fn check(metadata: ArrowReaderMetadata, fields: &Fields) -> Result<ArrowReaderMetadata, Failure> {
    let Ok(field) = metadata.schema().field_with_name(&fields.text) else {
        return Err((FaultReason::MissingText, format!("no column `{}`", short(&fields.text))));
    };
    if !matches!(field.data_type(), DataType::Utf8 | DataType::Binary) {
        let detail = format!("text column of type {}", short(field.data_type()));
        return Err((FaultReason::WrongType, detail));
    }
    Ok(metadata)
}

/// The columns of a document, and the others that are neither nested nor binary.
pub(crate) fn flat_columns(metadata: &ArrowReaderMetadata, fields: &Fields) -> ProjectionMask {
    let Fields { text, id, url, date } = fields;
    let is_wanted = |field: &Field| match field.data_type() {
        DataType::Binary | DataType::FixedSizeBinary(_) => {
            [text, id, url, date].contains(&field.name())
        }
        data_type => !data_type.is_nested(),
    };
    let columns = metadata.schema().fields().iter().enumerate();
    let wanted = columns.filter(|(_, field)| is_wanted(field)).map(|(root, _)| root);
    ProjectionMask::roots(metadata.parquet_schema(), wanted.collect::<Vec<_>>())
}
