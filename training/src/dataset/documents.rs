//! The documents of a dataset: the rows of its `docs.parquet`, selected by row number.

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::{UInt32Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use bug::OrBug as _;
use parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use serde::Serialize;
use shards::dataset::{ShardManifest, check_file};
use tables::TableError;

use crate::error::Result;

/// The table of documents in a dataset's folder.
pub(crate) const DOCUMENTS: &str = "docs.parquet";

/// A document of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DocumentRow {
    /// Its row in the table, from 0: shard by shard, training before validation documents.
    pub row: u64,
    /// Its number in the run that made the dataset.
    pub doc_id: u64,
    /// The id that its source gave it.
    pub id: Option<String>,
    /// The address that it was fetched from.
    pub url: Option<String>,
    /// The name of its source.
    pub source: Option<String>,
    /// Size of its text in bytes.
    pub n_bytes: u64,
    /// Number of its tokens, including those that mark its beginning and end.
    pub n_tokens: u32,
}

/// Reads the given `rows` of the table, ascending and distinct, or all rows for `None`.
///
/// Returns `None` where the dataset has no such table, as after an import.
///
/// # Errors
/// The table cannot be read, differs from the manifest, or lacks a required column or a row.
pub fn documents(folder: &Path, rows: Option<&[u64]>) -> Result<Option<Vec<DocumentRow>>> {
    let path = folder.join(DOCUMENTS);
    if !path.is_file() {
        return Ok(None);
    }
    let failed =
        |message: String| TableError::Parquet { path: path.display().to_string(), message };
    check_file(folder, &ShardManifest::read(folder)?, DOCUMENTS)?;
    let mut found = Vec::new();
    let mut wanted = rows.map(|rows| rows.iter().copied());
    let mut next = 0;
    for batch in open(&path, rows)? {
        let batch = batch.map_err(|e| failed(e.to_string()))?;
        for of in read(&batch)? {
            let row = match &mut wanted {
                Some(wanted) => wanted.next().or_bug("docs.parquet gives only the wanted rows")?,
                None => next,
            };
            next += 1;
            found.push(DocumentRow { row, ..of });
        }
    }
    let missing = rows.is_some_and(|rows| rows.len() != found.len());
    if missing {
        return Err(bug::Bug::new("docs.parquet lacks rows of the dataset's documents").into());
    }
    Ok(Some(found))
}

fn open(path: &Path, rows: Option<&[u64]>) -> Result<ParquetRecordBatchReader> {
    let name = path.display().to_string();
    let failed = |message: String| TableError::Parquet { path: name.clone(), message };
    let file =
        File::open(path).map_err(|source| TableError::Read { path: name.clone(), source })?;
    let mut builder =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| failed(e.to_string()))?;
    if let Some(rows) = rows {
        let total = builder.metadata().file_metadata().num_rows().unsigned_abs() as usize;
        let ranges = rows.iter().map(|row| *row as usize..*row as usize + 1);
        // The selection panics beyond the last row; the caller notices that rows are missing.
        let there = ranges.filter(|range| range.end <= total);
        builder = builder.with_row_selection(RowSelection::from_consecutive_ranges(there, total));
    }
    Ok(builder.build().map_err(|e| failed(e.to_string()))?)
}

/// The documents in a batch of the table; their `row` is still 0.
fn read(batch: &RecordBatch) -> Result<Vec<DocumentRow>> {
    // A document need not have an id, an address or a source, so these columns are optional.
    let texts =
        |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    let (ids, urls, sources) = (texts("id"), texts("url"), texts("source"));
    let number = |name: &str| {
        batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<UInt64Type>())
    };
    let doc_ids = number("doc_id").or_bug("docs.parquet has a column `doc_id` of UInt64")?;
    let n_bytes = number("n_bytes").or_bug("docs.parquet has a column `n_bytes` of UInt64")?;
    let n_tokens = batch.column_by_name("n_tokens");
    let n_tokens = n_tokens.and_then(|column| column.as_primitive_opt::<UInt32Type>());
    let n_tokens = n_tokens.or_bug("docs.parquet has a column `n_tokens` of UInt32")?;
    let text = |column: Option<&StringArray>, row: usize| {
        column.filter(|column| column.is_valid(row)).map(|column| column.value(row).to_owned())
    };
    let document = |row| DocumentRow {
        row: 0,
        doc_id: doc_ids.value(row),
        id: text(ids, row),
        url: text(urls, row),
        source: text(sources, row),
        n_bytes: n_bytes.value(row),
        n_tokens: n_tokens.value(row),
    };
    Ok((0..batch.num_rows()).map(document).collect())
}
