//! `gristmill apply --stage S INPUT… --output FILE`.

use std::path::Path;
use std::process::ExitCode;

use toml::{Table, Value};

use crate::arguments::{ApplyArguments, Common};
use crate::failure::Failure;
use crate::one_liner::{OneLiner, table};
use crate::output;
use crate::printer::Printer;

pub(crate) fn main(
    arguments: &ApplyArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    pipeline::export::Target::of(&arguments.output)?;
    let mut one_liner = OneLiner::new(&arguments.input, &arguments.output)?;
    for stage in stages(&arguments.stages, &arguments.with)? {
        one_liner.stage(stage);
    }
    if let Some(tokenizer) = &arguments.tokenizer {
        let file = tokenizer.display().to_string();
        one_liner.table("tokenizer", table([("file", file.into())]));
    }
    one_liner.run(common, printer, |summary| {
        pipeline::export::documents(&summary.root, &arguments.output, arguments.annotate)?;
        tell(summary, &arguments.output, printer);
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The stages with their parameters.
pub(crate) fn stages(stages: &[String], with: &[String]) -> Result<Vec<Table>, Failure> {
    let mut tables: Vec<(String, Table, Table)> = Vec::new();
    for stage in stages {
        let path = Path::new(stage);
        // A stage in a file is called as its file, as in a recipe.
        let is_file = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("sql"));
        let name = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
        let key = if is_file { "sql" } else { "use" };
        tables.push((name, table([(key, stage.as_str().into())]), Table::new()));
    }
    for assignment in with {
        let help = "write `--with STAGE.NAME=VALUE`, as `--with language.keep='[\"en\"]'`";
        let parts = assignment.split_once('=').and_then(|(place, value)| {
            let (stage, name) = place.split_once('.')?;
            Some((stage, name, value))
        });
        let (stage, name, value) = parts
            .ok_or_else(|| Failure::usage(format!("`--with {assignment}` cannot be read"), help))?;
        let found = tables.iter_mut().find(|(name, ..)| name == stage);
        let (_, _, parameters) = found.ok_or_else(|| {
            Failure::usage(format!("`--with {assignment}`: no --stage is called `{stage}`"), help)
        })?;
        parameters.insert(name.trim().to_owned(), value_of(value.trim()));
    }
    Ok(tables
        .into_iter()
        .map(|(_, mut table, parameters)| {
            table.insert("with".into(), Value::Table(parameters));
            table
        })
        .collect())
}

/// A value as TOML has it; what is none is a string without its quotes.
fn value_of(text: &str) -> Value {
    let parsed: Option<Table> = format!("value = {text}").parse().ok();
    parsed.and_then(|mut table| table.remove("value")).unwrap_or_else(|| text.into())
}

/// Tells where the documents went.
pub(crate) fn tell(summary: &pipeline::Summary, output: &Path, printer: Printer) {
    if printer.json() {
        let ledger: Vec<_> = summary.ledger.rows().collect();
        let object = serde_json::json!({ "output": output, "ledger": ledger });
        printer.object("documents", &object);
        return;
    }
    output::funnel(&summary.ledger).iter().for_each(|line| printer.say(line));
    printer.say(format!("  → {}", output.display()));
}
