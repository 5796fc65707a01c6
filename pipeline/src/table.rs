//! Parquet files of a run: written with settings that never change their bytes, read in batches.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use store::{FileEntry, Publication, Run};

use crate::error::{PipelineError, Result};

/// Encoded bytes of a row group at most, about; bounds what writer and readers hold.
const ROW_GROUP_BYTES_MAX: usize = 32 << 20;

/// Rows read at once. A row is a document.
const BATCH_ROWS: usize = 512;

/// A Parquet file that is being written; it exists once finished.
pub struct TableWriter {
    path: String,
    writer: ArrowWriter<Publication>,
}

impl TableWriter {
    /// Starts the table `path` of the run.
    pub fn create(run: &Run, path: &str, schema: SchemaRef) -> Result<Self> {
        let writer = table_writer(run.publish(path)?, schema).map_err(|e| failed(path, &e))?;
        Ok(Self { path: path.into(), writer })
    }

    /// Adds rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(|e| failed(&self.path, &e))?;
        if self.writer.in_progress_size() > ROW_GROUP_BYTES_MAX {
            self.writer.flush().map_err(|e| failed(&self.path, &e))?;
        }
        Ok(())
    }

    /// Publishes the table.
    pub fn finish(self) -> Result<FileEntry> {
        let publication = self.writer.into_inner().map_err(|e| failed(&self.path, &e))?;
        Ok(publication.finish()?)
    }
}

/// A Parquet writer with the settings of all our files.
pub(crate) fn table_writer<W: Write + Send>(
    to: W,
    schema: SchemaRef,
) -> std::result::Result<ArrowWriter<W>, ParquetError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        // The library's version would change the bytes at its next release.
        .set_created_by("gristmill".into())
        .build();
    ArrowWriter::try_new(to, schema, Some(properties))
}

/// The errors of writing are the disk's; the library only passes them on.
fn failed(path: &str, error: &ParquetError) -> PipelineError {
    PipelineError::Parquet { path: path.into(), message: error.to_string() }
}

/// The rows of a table, batch by batch; with `columns`, those columns alone.
pub fn read_table(
    path: &Path,
    columns: Option<&[&str]>,
) -> Result<impl Iterator<Item = Result<RecordBatch>> + Send + use<>> {
    let name = path.display().to_string();
    let file =
        File::open(path).map_err(|e| PipelineError::Read { path: name.clone(), source: e })?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| failed(&name, &e))?;
    let mask = columns.map_or(ProjectionMask::all(), |columns| {
        ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied())
    });
    let reader = builder
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|e| failed(&name, &e))?;
    Ok(reader.map(move |batch| {
        let failed = |message: String| PipelineError::Parquet { path: name.clone(), message };
        batch.map_err(|e| failed(e.to_string()))
    }))
}

/// The columns of a table, without its rows.
pub fn table_schema(path: &Path) -> Result<SchemaRef> {
    let name = path.display().to_string();
    let file =
        File::open(path).map_err(|e| PipelineError::Read { path: name.clone(), source: e })?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| failed(&name, &e))?;
    Ok(Arc::clone(builder.schema()))
}
