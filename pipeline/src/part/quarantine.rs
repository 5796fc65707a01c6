//! The table of damaged records of one part.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use bug::OrBug as _;
use read::Fault;
use store::{FileEntry, Run};
use tables::TableWriter;

use super::Work;
use super::result::PartResult;
use super::sink::Sink;
use crate::documents::Losses;
use crate::error::Result;
use crate::inputs::{File, Inputs};

/// The columns: place of each record, bytes lost, and reason.
fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let number = |name: &str| Field::new(name, DataType::UInt64, false);
    Arc::new(Schema::new(vec![
        text("source"),
        text("path"),
        number("ordinal"),
        number("offset"),
        number("length"),
        text("reason"),
        text("detail"),
    ]))
}

/// Writes the damaged records of a part. The first part has the table even if it is empty, so that
/// every run has one.
pub(super) struct QuarantineTable<'a> {
    run: &'a Run,
    inputs: &'a Inputs,
    part: usize,
    file: Option<FileEntry>,
}

impl<'a> QuarantineTable<'a> {
    pub(super) fn new(work: &'a Work<'a>, part: usize) -> Self {
        Self { run: work.run, inputs: &work.inputs, part, file: None }
    }
}

impl Sink for QuarantineTable<'_> {
    fn take_losses(&mut self, losses: &Losses) -> Result<()> {
        if losses.faults.is_empty() && self.part > 0 {
            return Ok(());
        }
        let path = format!("quarantine/part-{:05}.parquet", self.part);
        let mut table = TableWriter::create(self.run, &path, schema())?;
        table.write(&batch(self.inputs, losses)?)?;
        self.file = Some(table.finish()?);
        Ok(())
    }

    fn finish(self: Box<Self>, _: &mut PartResult) -> Result<Vec<FileEntry>> {
        Ok(self.file.into_iter().collect())
    }
}

fn batch(inputs: &Inputs, losses: &Losses) -> Result<RecordBatch> {
    let mut faults: Vec<(&File, &Fault)> = Vec::with_capacity(losses.faults.len());
    for (file, fault) in &losses.faults {
        faults.push((inputs.file(*file)?, fault));
    }
    let text = |of: &dyn Fn(&File, &Fault) -> String| -> ArrayRef {
        Arc::new(faults.iter().map(|(file, fault)| Some(of(file, fault))).collect::<StringArray>())
    };
    let number = |of: &dyn Fn(&Fault) -> u64| -> ArrayRef {
        Arc::new(faults.iter().map(|(_, fault)| of(fault)).collect::<UInt64Array>())
    };
    let columns = vec![
        text(&|file, _| file.source.clone()),
        text(&|file, _| file.listed.file.address.clone()),
        number(&|fault| u64::from(fault.ordinal)),
        number(&|fault| fault.offset),
        number(&|fault| fault.length),
        text(&|_, fault| fault.reason.as_str().to_owned()),
        text(&|_, fault| fault.detail.clone()),
    ];
    Ok(RecordBatch::try_new(schema(), columns).or_bug("columns of the quarantine")?)
}
