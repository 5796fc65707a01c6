//! `gristmill stages [STAGE]`.

use std::process::ExitCode;

use sql::{STOCK_STAGES, StockStage, nearest, parameters, stock_stage};

use crate::arguments::StagesArguments;
use crate::failure::Failure;
use crate::printer::Printer;

pub(crate) fn main(arguments: &StagesArguments, printer: Printer) -> Result<ExitCode, Failure> {
    match &arguments.stage {
        Some(name) => print(name, printer)?,
        None => list(printer)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn print(name: &str, printer: Printer) -> Result<(), Failure> {
    let Some(stage) = stock_stage(name) else {
        let names = || STOCK_STAGES.iter().map(|stage| stage.name);
        let help = match nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the stock stages are {}", names().collect::<Vec<_>>().join(", ")),
        };
        return Err(Failure::usage(format!("there is no stock stage `{name}`"), help));
    };
    printer.data(stage.sql.trim_end());
    Ok(())
}

fn list(printer: Printer) -> Result<(), Failure> {
    if printer.json() {
        for stage in STOCK_STAGES {
            let declared = parameters(stage.sql)?;
            let defaults: serde_json::Map<String, serde_json::Value> = declared
                .iter()
                .map(|p| {
                    (p.name.clone(), serde_json::json!({ "default": p.default, "help": p.help }))
                })
                .collect();
            let object = serde_json::json!({
                "name": stage.name, "about": about(stage), "parameters": defaults,
            });
            printer.object("stage", &object);
        }
        return Ok(());
    }
    let rows: Vec<Vec<String>> =
        STOCK_STAGES.iter().map(|stage| vec![stage.name.to_owned(), about(stage)]).collect();
    let names = rows.iter().map(|row| row[0].len()).max().unwrap_or(0);
    rows.iter().for_each(|row| printer.data(format!("  {:<names$}  {}", row[0], row[1])));
    printer.say(
        "`gristmill stages NAME` prints the SQL of one, which you can copy to a file and change",
    );
    Ok(())
}

/// The first line of the stage's header.
fn about(stage: &StockStage) -> String {
    stage.sql.lines().next().unwrap_or("").trim_start_matches("--").trim().to_owned()
}
