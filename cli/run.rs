//! `gristmill run RECIPE`.

use std::path::Path;
use std::process::ExitCode;

use pipeline::{MEMORY_MIN_BYTES, Recipe, RunOptions};

use crate::arguments::{Common, RunArguments};
use crate::failure::Failure;
use crate::output;
use crate::printer::Printer;
use crate::progress::Progress;
use crate::reading;

pub(crate) fn main(
    arguments: &RunArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let recipe = load(&arguments.recipe, arguments.output.as_deref(), common)?;
    printer.say(format!("{} → {}", arguments.recipe.display(), recipe.output().display()));
    reading::tell_left_out(&recipe, printer);
    let options = RunOptions { fresh: arguments.fresh, ..RunOptions::default() };
    let summary = pipeline::run(&recipe, &options, &Progress::new(printer))?;
    output::summary(&summary, printer);
    if summary.was_finished {
        return Ok(ExitCode::SUCCESS);
    }
    Ok(reading::tell(&summary.read, printer))
}

/// Loads the recipe at `path` and applies the flags.
pub(crate) fn load(path: &Path, output: Option<&Path>, common: &Common) -> Result<Recipe, Failure> {
    let mut recipe = Recipe::load(path)?;
    if let Some(output) = output {
        recipe.run.output = Some(output.display().to_string());
    }
    apply_common(&mut recipe, common)?;
    Ok(recipe)
}

/// Applies the common flags, which override the recipe.
pub(crate) fn apply_common(recipe: &mut Recipe, common: &Common) -> Result<(), Failure> {
    if let Some(memory) = common.memory.filter(|memory| memory.as_u64() < MEMORY_MIN_BYTES) {
        let message = format!("--memory {memory} is too little");
        return Err(Failure::usage(message, "give at least 128MiB"));
    }
    recipe.run.threads = common.threads.or(recipe.run.threads);
    recipe.run.memory = common.memory.unwrap_or(recipe.run.memory);
    Ok(())
}
