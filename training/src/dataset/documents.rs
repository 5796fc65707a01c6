//! Which documents a dataset holds: the rows of its `docs.parquet`, by their numbers.

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::{UInt32Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use serde::Serialize;
use tables::TableError;
use shards::dataset::{ShardManifest, check_file};

use crate::error::Result;

/// The table in a dataset's folder.
pub(crate) const DOCUMENTS: &str = "docs.parquet";

/// A document of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DocumentRow {
    /// Its row in the table, train before validation, shard after shard.
    pub row: u64,
    /// Its number in the run.
    pub doc_id: u64,
    /// Its own id.
    pub id: Option<String>,
    /// Where it is from.
    pub url: Option<String>,
    /// Its source.
    pub source: Option<String>,
    /// Bytes of its text.
    pub n_bytes: u64,
    /// Its tokens, with those that begin and end it.
    pub n_tokens: u32,
}

/// The documents in `rows` of the table, which are ascending and distinct; `None` for all. Nothing where
/// the dataset has no such table, as an imported one.
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
        for of in read(&batch) {
            let row = match &mut wanted {
                Some(wanted) => wanted.next().unwrap_or_default(),
                None => next,
            };
            next += 1;
            found.push(DocumentRow { row, ..of });
        }
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
        let there = ranges.filter(|range| range.end <= total);
        builder = builder.with_row_selection(RowSelection::from_consecutive_ranges(there, total));
    }
    Ok(builder.build().map_err(|e| failed(e.to_string()))?)
}

fn read(batch: &RecordBatch) -> impl Iterator<Item = DocumentRow> + '_ {
    let texts = |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt());
    let (ids, urls, sources) = (texts("id"), texts("url"), texts("source"));
    let number = |name: &str| {
        batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<UInt64Type>())
    };
    let (doc_ids, n_bytes) = (number("doc_id"), number("n_bytes"));
    let n_tokens = batch.column_by_name("n_tokens");
    let n_tokens = n_tokens.and_then(|column| column.as_primitive_opt::<UInt32Type>());
    let text = |column: Option<&StringArray>, row: usize| {
        column.filter(|column| column.is_valid(row)).map(|column| column.value(row).to_owned())
    };
    (0..batch.num_rows()).map(move |row| DocumentRow {
        row: 0,
        doc_id: doc_ids.map_or(0, |column| column.value(row)),
        id: text(ids, row),
        url: text(urls, row),
        source: text(sources, row),
        n_bytes: n_bytes.map_or(0, |column| column.value(row)),
        n_tokens: n_tokens.map_or(0, |column| column.value(row)),
    })
}
