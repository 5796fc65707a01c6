//! `gristmill sql RUN "SELECT …"`.

use std::process::ExitCode;

use arrow::json::LineDelimitedWriter;
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use bug::OrBug as _;
use serde_json::{Map, Value};
use sql::{Files, Query, Resources, Session, SqlError, Table};

use crate::arguments::{Common, SqlArguments};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::tokenizer_files::load;

/// Memory limit of a query without --memory.
const MEMORY_BYTES: u64 = 1 << 30;

/// Rows per printed table. Longer results are printed as several tables, to bound the memory.
const TABLE_ROWS: usize = 1000;

pub(crate) fn main(
    arguments: &SqlArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let query = open(&arguments.run, common)?;
    let mut pending: Vec<RecordBatch> = Vec::new();
    let mut printed = false;
    let refused = |error| Failure::Query { error, sql: arguments.query.clone() };
    let rows = query.rows(&arguments.query).map_err(refused)?;
    let schema = rows.schema().clone();
    for batch in rows {
        let batch = batch.map_err(refused)?;
        if printer.json() {
            print_json(&batch, printer)?;
            continue;
        }
        pending.push(batch);
        if pending.iter().map(RecordBatch::num_rows).sum::<usize>() >= TABLE_ROWS {
            printed = true;
            let table = pretty_format_batches(&std::mem::take(&mut pending));
            printer.data(table.map_err(SqlError::from)?);
        }
    }
    if !printer.json() && (!printed || !pending.is_empty()) {
        if pending.is_empty() {
            pending.push(RecordBatch::new_empty(schema));
        }
        printer.data(pretty_format_batches(&pending).map_err(SqlError::from)?);
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the tables of a run for queries.
pub(crate) fn open(run: &std::path::Path, common: &Common) -> Result<Query, Failure> {
    let memory_bytes = common.memory.map_or(MEMORY_BYTES, |memory| memory.as_u64());
    let tokenizer = run.join("tokenizer.json");
    let tokenizer = tokenizer.is_file().then(|| load(&tokenizer)).transpose()?;
    let resources = Resources { tokenizer, files: Files::new("") };
    let session = Session::new(memory_bytes as usize, &resources)?;
    let tables = tables::run_tables(run)?.into_iter();
    let tables = tables.map(|table| Table { name: table.name, files: table.files });
    Ok(Query::open(&session, &tables.collect::<Vec<_>>())?)
}

/// Prints one JSON object per row.
pub(crate) fn print_json(batch: &RecordBatch, printer: Printer) -> Result<(), SqlError> {
    json_lines(batch)?.lines().for_each(|line| printer.data(line));
    Ok(())
}

/// The rows as JSON objects.
pub(crate) fn objects(batch: &RecordBatch) -> Result<Vec<Map<String, Value>>, Failure> {
    let lines = json_lines(batch)?;
    let mut objects = Vec::new();
    for line in lines.lines() {
        let object: Result<Map<String, Value>, serde_json::Error> = serde_json::from_str(line);
        objects.push(object.or_bug("a row is written as a JSON object")?);
    }
    Ok(objects)
}

fn json_lines(batch: &RecordBatch) -> Result<String, SqlError> {
    let mut lines = Vec::new();
    let mut writer = LineDelimitedWriter::new(&mut lines);
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    Ok(String::from_utf8_lossy(&lines).into_owned())
}
