//! The tables of kept and dropped documents of one part.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use sql::{Documents, Dropped};
use store::{FileEntry, Run};
use tables::TableWriter;

use super::Work;
use super::result::{PartResult, dropped_path};
use super::sink::Sink;
use crate::documents::{stored_schema, to_stored};
use crate::error::Result;

/// A table whose file is created with its first rows, so that no empty files are written.
struct LazyTable<'a> {
    run: &'a Run,
    path: String,
    schema: SchemaRef,
    writer: Option<TableWriter>,
}

impl<'a> LazyTable<'a> {
    fn new(run: &'a Run, path: String, schema: SchemaRef) -> Self {
        Self { run, path, schema, writer: None }
    }

    fn writer(&mut self) -> Result<&mut TableWriter> {
        match &mut self.writer {
            Some(writer) => Ok(writer),
            none => {
                Ok(none.insert(TableWriter::create(self.run, &self.path, self.schema.clone())?))
            }
        }
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        Ok(self.writer()?.write(batch)?)
    }

    fn finish(self) -> Result<Vec<FileEntry>> {
        let file = self.writer.map(TableWriter::finish).transpose()?;
        Ok(file.into_iter().collect())
    }
}

/// Documents that leave the segment: the run's output, or the input of the next segment.
pub(super) struct DocumentTable<'a> {
    table: LazyTable<'a>,
    /// Whether this is the run's output. If not, rows have an additional column for the next
    /// segment.
    is_last: bool,
}

impl<'a> DocumentTable<'a> {
    /// Creates the table of kept documents after step `step`.
    ///
    /// # Errors
    /// The file cannot be created.
    pub(super) fn create(work: &'a Work<'a>, step: usize, part: usize) -> Result<Self> {
        let is_last = step + 1 == work.plan.steps.len();
        let columns = work.plan.steps[step].segment.output();
        let schema = if is_last { columns.clone() } else { stored_schema(columns) };
        let mut table = LazyTable::new(work.run, work.plan.documents_path(step, part), schema);
        // The next segment expects a file for every part, and every run must have at least one file
        // of documents.
        if part == 0 || !is_last {
            table.writer()?;
        }
        Ok(Self { table, is_last })
    }
}

impl Sink for DocumentTable<'_> {
    fn take_kept(&mut self, documents: &Documents) -> Result<()> {
        if self.is_last {
            return self.table.write(&documents.batch);
        }
        let batch = to_stored(documents, &self.table.schema)?;
        self.table.write(&batch)
    }

    fn finish(self: Box<Self>, _: &mut PartResult) -> Result<Vec<FileEntry>> {
        self.table.finish()
    }
}

/// Documents that stages dropped.
pub(super) struct DroppedTable<'a>(LazyTable<'a>);

impl<'a> DroppedTable<'a> {
    /// Creates the table of dropped documents of step `step`.
    ///
    /// # Errors
    /// The file cannot be created.
    pub(super) fn create(run: &'a Run, step: usize, part: usize) -> Result<Self> {
        let mut table = LazyTable::new(run, dropped_path(step, part), Dropped::schema());
        // Every run must have at least one file of dropped documents.
        if part == 0 {
            table.writer()?;
        }
        Ok(Self(table))
    }
}

impl Sink for DroppedTable<'_> {
    fn take_dropped(&mut self, dropped: &Dropped) -> Result<()> {
        self.0.write(dropped.batch())
    }

    fn finish(self: Box<Self>, _: &mut PartResult) -> Result<Vec<FileEntry>> {
        self.0.finish()
    }
}
