//! `gristmill apply --stage S INPUT… --output FILE`.

use std::path::Path;
use std::process::ExitCode;

use pipeline::recipe::{StageTable, TokenizerTable};
use toml::{Table, Value};

use crate::arguments::{ApplyArguments, Common};
use crate::failure::Failure;
use crate::one_liner::OneLiner;
use crate::output;
use crate::printer::Printer;

pub(crate) fn main(
    arguments: &ApplyArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    pipeline::export::Target::of(&arguments.output)?;
    let mut one_liner = OneLiner::new(&arguments.input, &arguments.output)?;
    one_liner.recipe.stages = stages(&arguments.stages, &arguments.with)?;
    if let Some(tokenizer) = &arguments.tokenizer {
        let file = Some(tokenizer.display().to_string());
        one_liner.recipe.tokenizer = Some(TokenizerTable { file, ..TokenizerTable::default() });
    }
    one_liner.run(common, printer, |summary| {
        pipeline::export::documents(&summary.root, &arguments.output, arguments.annotate)?;
        tell(summary, &arguments.output, printer);
        Ok(())
    })
}

/// The stages with their parameters, in the order of the flags.
pub(crate) fn stages(stages: &[String], with: &[String]) -> Result<Vec<StageTable>, Failure> {
    let mut tables: Vec<(String, StageTable)> = Vec::new();
    for stage in stages {
        let path = Path::new(stage);
        // A stage in a file is named after its file, as in a recipe.
        let is_file = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("sql"));
        let name = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
        let mut table = StageTable::default();
        let named = if is_file { &mut table.sql } else { &mut table.uses };
        *named = Some(stage.clone());
        tables.push((name, table));
    }
    for assignment in with {
        let help = "write `--with STAGE.NAME=VALUE`, such as `--with language.keep='[\"en\"]'`";
        let parts = assignment.split_once('=').and_then(|(place, value)| {
            let (stage, name) = place.split_once('.')?;
            Some((stage, name, value))
        });
        let (stage, name, value) = parts
            .ok_or_else(|| Failure::usage(format!("`--with {assignment}` cannot be read"), help))?;
        let found = tables.iter_mut().find(|(name, _)| name == stage);
        let (_, table) = found.ok_or_else(|| {
            Failure::usage(format!("`--with {assignment}`: no --stage is called `{stage}`"), help)
        })?;
        table.with.insert(name.trim().to_owned(), value_of(value.trim()));
    }
    Ok(tables.into_iter().map(|(_, table)| table).collect())
}

/// Parses a TOML value. Text that is not a TOML value counts as a string, so quotes can be omitted.
fn value_of(text: &str) -> Value {
    let parsed: Option<Table> = format!("value = {text}").parse().ok();
    parsed.and_then(|mut table| table.remove("value")).unwrap_or_else(|| text.into())
}

/// Prints where the documents went.
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
