//! `gristmill show RUN`: kept or dropped documents, with personal data masked.

use std::process::ExitCode;

use arrow::array::{Array as _, AsArray as _, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use sql::SqlError;

use crate::arguments::{Common, ShowArguments};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::sql_command::{open, print_json};

/// Number of characters of a document's text to show.
const TEXT_CHARACTERS: usize = 600;

pub(crate) fn main(
    arguments: &ShowArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let query = open(&arguments.run, common)?;
    let sql = query_of(arguments, printer.json());
    let mut shown = 0;
    let refused = |error| Failure::Query { error, sql: sql.clone() };
    for batch in query.rows(&sql).map_err(refused)? {
        let batch = batch.map_err(refused)?;
        shown += batch.num_rows();
        if printer.json() {
            print_json(&batch, printer)?;
        } else {
            show(&batch, printer)?;
        }
    }
    if shown == 0 {
        printer.say(
            "no document matches; `gristmill sql RUN \"select stage, reason, sum(documents) from \
             ledger group by 1, 2\"` lists the stages and reasons",
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn query_of(arguments: &ShowArguments, json: bool) -> String {
    let quote = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let text = if arguments.unmasked { "text" } else { "pii_mask(text) AS text" };
    let n = arguments.n;
    // The stages' columns are long and meant for programs, so only JSON has them.
    let columns = if json { "columns, " } else { "" };
    if !(arguments.dropped || arguments.reason.is_some() || arguments.stage.is_some()) {
        return format!("SELECT doc_id, {text} FROM docs ORDER BY doc_id LIMIT {n}");
    }
    let conditions = [("reason", &arguments.reason), ("stage", &arguments.stage)];
    let conditions: Vec<String> = conditions
        .into_iter()
        .filter_map(|(column, value)| Some(format!("{column} = {}", quote(value.as_ref()?))))
        .collect();
    let filter = if conditions.is_empty() {
        String::new()
    } else {
        format!(" WHERE {}", conditions.join(" AND "))
    };
    format!(
        "SELECT doc_id, id, url, source, stage, reason, {columns}{text} \
         FROM (SELECT * FROM dropped{filter} ORDER BY doc_id LIMIT {n}) ORDER BY doc_id"
    )
}

fn show(batch: &RecordBatch, printer: Printer) -> Result<(), SqlError> {
    let mut columns: Vec<(String, StringArray)> = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let column = cast(column, &DataType::Utf8)?;
        columns.push((field.name().clone(), column.as_string::<i32>().clone()));
    }
    for row in 0..batch.num_rows() {
        let present = columns.iter().filter(|(_, column)| column.is_valid(row));
        for (name, column) in present {
            if name == "text" {
                printer.data(format!("  {}\n", shortened(column.value(row)).replace('\n', "\n  ")));
            } else {
                printer.data(format!("{name:<8} {}", column.value(row)));
            }
        }
    }
    Ok(())
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARACTERS) {
        Some((end, _)) => format!("{}… ({} bytes in total)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
