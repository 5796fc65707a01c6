//! `gristmill run RECIPE`.

use std::process::ExitCode;

use pipeline::{Recipe, RunOptions};

use crate::arguments::{Common, RunArguments};
use crate::failure::Failure;
use crate::output;
use crate::printer::Printer;
use crate::progress::Progress;

pub(crate) fn main(
    arguments: &RunArguments,
    common: &Common,
    printer: &Printer,
) -> Result<ExitCode, Failure> {
    let mut recipe = Recipe::load(&arguments.recipe)?;
    if let Some(output) = &arguments.output {
        recipe.run.output = Some(output.display().to_string());
    }
    apply_common(&mut recipe, common);
    printer.say(format!("{} → {}", arguments.recipe.display(), recipe.output().display()));
    let options = RunOptions { fresh: arguments.fresh };
    let summary = pipeline::run(&recipe, &options, &Progress::new(*printer))?;
    output::summary(&summary, printer);
    Ok(ExitCode::SUCCESS)
}

/// The common flags have the last word over the recipe.
pub(crate) fn apply_common(recipe: &mut Recipe, common: &Common) {
    recipe.run.threads = common.threads.or(recipe.run.threads);
    recipe.run.memory = common.memory.unwrap_or(recipe.run.memory);
}
