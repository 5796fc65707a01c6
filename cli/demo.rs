//! `gristmill demo`: from a small generated crawl to a trained model and a report.

use std::process::ExitCode;

use pipeline::RunOptions;

use crate::arguments::{Common, DemoArguments};
use crate::failure::Failure;
use crate::output::{self, human_bytes};
use crate::printer::Printer;
use crate::progress::Progress;
use crate::run::load;

/// A fixed seed, so that the crawl is the same for everybody.
const SEED: u64 = 1;

pub(crate) fn main(
    arguments: &DemoArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let crawl = fixtures::crawl(SEED, fixtures::Size::Demo).map_err(|error| {
        Failure::usage(
            format!("the demo's crawl cannot be generated: {error}"),
            "please report this",
        )
    })?;
    let folder = arguments.output.join("crawl");
    for file in &crawl.files {
        store::write_file(&folder.join(&file.name), &file.bytes)?;
    }
    let recipe_path = arguments.output.join("demo.toml");
    store::write_file(&recipe_path, include_bytes!("../examples/demo.toml"))?;
    let bytes = crawl.files.iter().map(|file| file.bytes.len() as u64).sum();
    let (files, bytes) = (crawl.files.len(), human_bytes(bytes));
    printer.say(format!("{files} files, {bytes} → {}", folder.display()));
    let recipe = load(&recipe_path, Some(&arguments.output.join("run")), common)?;
    printer.say(format!("{} → {}", recipe_path.display(), recipe.output().display()));
    let options = RunOptions { fresh: true, ..RunOptions::default() };
    let summary = pipeline::run(&recipe, &options, &Progress::new(printer))?;
    output::summary(&summary, printer);
    Ok(ExitCode::SUCCESS)
}
