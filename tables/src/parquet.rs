//! Parquet files of a run: written with settings that never change their bytes, read in batches.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use store::{FileEntry, Publication, Run};

use crate::{Result, TableError};

/// Encoded bytes at which a row group is closed. It bounds the memory of the writer and of readers.
pub const ROW_GROUP_BYTES_MAX: usize = 32 << 20;

/// Rows in a batch, where a row is a document: texts are long, so batches must be short.
const BATCH_ROWS: usize = 512;

/// Replaces the library's own name, whose version would change the bytes at its next release.
const CREATED_BY: &str = "gristmill";

/// A Parquet file that is being written. It appears in the run once it is finished.
pub struct TableWriter {
    path: String,
    writer: ArrowWriter<Publication>,
}

impl TableWriter {
    /// Starts the table `path` of the run.
    ///
    /// # Errors
    /// The run directory cannot be written.
    pub fn create(run: &Run, path: &str, schema: SchemaRef) -> Result<Self> {
        let writer = table_writer(run.publish(path)?, schema).map_err(|e| failed(path, &e))?;
        Ok(Self { path: path.into(), writer })
    }

    /// Starts an uncompressed table, for hashes, which do not compress, and for tables that the run
    /// soon reads again.
    ///
    /// # Errors
    /// The run directory cannot be written.
    pub fn create_plain(run: &Run, path: &str, schema: SchemaRef) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::UNCOMPRESSED)
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_created_by(CREATED_BY.into())
            .build();
        let writer = ArrowWriter::try_new(run.publish(path)?, schema, Some(properties))
            .map_err(|e| failed(path, &e))?;
        Ok(Self { path: path.into(), writer })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// The disk is full, or the columns differ from the schema.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(|e| failed(&self.path, &e))?;
        if self.writer.in_progress_size() > ROW_GROUP_BYTES_MAX {
            self.writer.flush().map_err(|e| failed(&self.path, &e))?;
        }
        Ok(())
    }

    /// Publishes the table.
    ///
    /// # Errors
    /// The disk is full, or the file cannot be renamed.
    pub fn finish(self) -> Result<FileEntry> {
        let publication = self.writer.into_inner().map_err(|e| failed(&self.path, &e))?;
        Ok(publication.finish()?)
    }
}

/// A Parquet writer with the settings of all our files.
///
/// # Errors
/// The library refuses the schema.
pub fn table_writer<W: Write + Send>(
    to: W,
    schema: SchemaRef,
) -> std::result::Result<ArrowWriter<W>, ParquetError> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(CREATED_BY.into());
    // These values differ in every document, so a dictionary would only cost time.
    for unique in ["id", "url", "text"] {
        properties = properties.set_column_dictionary_enabled(unique.into(), false);
    }
    ArrowWriter::try_new(to, schema, Some(properties.build()))
}

/// Errors while writing come from the disk; the library only passes them on.
fn failed(path: &str, error: &ParquetError) -> TableError {
    TableError::Parquet { path: path.into(), message: error.to_string() }
}

/// Reads a table of documents in batches; with `columns`, only those columns.
///
/// # Errors
/// The file cannot be opened or is not Parquet; each batch can fail in the same way.
pub fn read_table(
    path: &Path,
    columns: Option<&[&str]>,
) -> Result<impl Iterator<Item = Result<RecordBatch>> + Send + use<>> {
    read_table_by(path, columns, BATCH_ROWS)
}

/// Like [`read_table`], with `batch_rows` rows in a batch.
///
/// # Errors
/// As for [`read_table`].
pub fn read_table_by(
    path: &Path,
    columns: Option<&[&str]>,
    batch_rows: usize,
) -> Result<impl Iterator<Item = Result<RecordBatch>> + Send + use<>> {
    let name = path.display().to_string();
    let builder = open_table(path)?;
    let mask = columns.map_or(ProjectionMask::all(), |columns| {
        ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied())
    });
    let reader = builder
        .with_projection(mask)
        .with_batch_size(batch_rows)
        .build()
        .map_err(|e| failed(&name, &e))?;
    Ok(reader.map(move |batch| {
        let failed = |message: String| TableError::Parquet { path: name.clone(), message };
        batch.map_err(|e| failed(e.to_string()))
    }))
}

/// Writes tables with the same columns as one table. Row groups are copied without decoding them.
///
/// # Errors
/// `files` is empty, a file cannot be read, or `to` cannot be written.
pub fn concatenate<W: Write + Send>(files: &[PathBuf], to: W) -> Result<W> {
    let Some(first) = files.first() else {
        return Err(bug::Bug::new("no table to concatenate").into());
    };
    let named = |path: &Path, e: ParquetError| failed(&path.display().to_string(), &e);
    let about = open_table(first)?;
    let about = about.metadata().file_metadata();
    let properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.into())
        .set_key_value_metadata(about.key_value_metadata().cloned())
        .build();
    let schema = about.schema_descr().root_schema_ptr();
    let mut writer =
        SerializedFileWriter::new(to, schema, Arc::new(properties)).map_err(|e| named(first, e))?;
    // One after another, since the system limits how many files a process may have open.
    for path in files {
        let (table, file) = (open_table(path)?, open(path)?);
        for group in table.metadata().row_groups() {
            append_row_group(&mut writer, group, &file).map_err(|e| named(path, e))?;
        }
    }
    writer.into_inner().map_err(|e| named(first, e))
}

fn append_row_group<W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    group: &RowGroupMetaData,
    file: &File,
) -> std::result::Result<(), ParquetError> {
    let mut copy = writer.next_row_group()?;
    for column in group.columns() {
        let chunk = ColumnCloseResult {
            bytes_written: column.compressed_size().unsigned_abs(),
            rows_written: group.num_rows().unsigned_abs(),
            metadata: column.clone(),
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        copy.append_column(file, chunk)?;
    }
    copy.close()?;
    Ok(())
}

/// Reads the columns of a table without its rows.
///
/// # Errors
/// The file cannot be opened or is not Parquet.
pub fn table_schema(path: &Path) -> Result<SchemaRef> {
    Ok(Arc::clone(open_table(path)?.schema()))
}

/// Reads the number of rows of a table from its footer.
///
/// # Errors
/// The file cannot be opened or is not Parquet.
pub fn table_rows(path: &Path) -> Result<u64> {
    Ok(open_table(path)?.metadata().file_metadata().num_rows().unsigned_abs())
}

fn open_table(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(open(path)?);
    builder.map_err(|e| failed(&path.display().to_string(), &e))
}

fn open(path: &Path) -> Result<File> {
    let failed = |source| TableError::Read { path: path.display().to_string(), source };
    File::open(path).map_err(failed)
}
