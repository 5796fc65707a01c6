//! `gristmill apply --stage S INPUT… --output FILE`.

use std::path::Path;
use std::process::ExitCode;

use toml::Table;

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
    for stage in &arguments.stages {
        one_liner.stage(stage_table(stage));
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

/// A stock stage by its name, or a file of SQL.
fn stage_table(stage: &str) -> Table {
    let is_file = Path::new(stage).extension().is_some_and(|e| e.eq_ignore_ascii_case("sql"));
    let key = if is_file { "sql" } else { "use" };
    table([(key, stage.into())])
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
