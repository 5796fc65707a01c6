//! Commands without a recipe: each builds one, runs it beside its output and moves the result out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pipeline::recipe::{Paths, RecipeTables};
use pipeline::{Recipe, RunOptions, Summary, Until};

use crate::arguments::{Common, InputArguments};
use crate::failure::Failure;
use crate::output::dropped;
use crate::printer::Printer;
use crate::progress::Progress;
use crate::reading;
use crate::run::apply_common;

/// A temporary recipe, whose run is removed when the command ends.
pub(crate) struct OneLiner {
    /// The sources to read and the stages to apply.
    pub(crate) recipe: RecipeTables,
    work: PathBuf,
    /// The step after which the run ends.
    pub(crate) until: Until,
    /// Whether the run keeps the documents, not only what is computed from them.
    pub(crate) documents: bool,
}

impl OneLiner {
    /// A recipe that reads `input` and works beside `output`.
    pub(crate) fn new(input: &InputArguments, output: &Path) -> Result<Self, Failure> {
        let name = output.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
            let help = "give the name of a file or folder to write";
            Failure::usage(format!("{} cannot be written", output.display()), help)
        })?;
        check_output(input, output)?;
        let work = output.with_file_name(format!(".{name}.gristmill"));
        let source = input.reading.source("input", Paths::Many(input.inputs.clone()));
        let recipe = RecipeTables { sources: vec![source], ..RecipeTables::default() };
        Ok(Self { recipe, work, until: Until::Written, documents: true })
    }

    /// Keeps records with blank texts instead of skipping them.
    pub(crate) fn keep_blank(&mut self) {
        self.recipe.sources.iter_mut().for_each(|source| source.keep_blank = true);
    }

    /// Runs the recipe, passes the finished run to `take`, and removes the run. Returns the exit
    /// code: 1 if a whole file was lost or nothing was read.
    pub(crate) fn run(
        self,
        common: &Common,
        printer: Printer,
        take: impl FnOnce(&Summary) -> Result<(), Failure>,
    ) -> Result<ExitCode, Failure> {
        let mut recipe = Recipe::from_tables(self.recipe)?;
        recipe.run.output = Some(self.work.display().to_string());
        apply_common(&mut recipe, common)?;
        reading::tell_left_out(&recipe, printer);
        let options = RunOptions {
            fresh: true,
            ephemeral: true,
            until: self.until,
            without_documents: !self.documents,
        };
        let summary = pipeline::run(&recipe, &options, &Progress::new(printer))?;
        if !self.documents {
            // Commands that write documents print the whole funnel.
            dropped(&summary.ledger).iter().for_each(|line| printer.error(line));
        }
        take(&summary)?;
        let code = reading::tell(&summary.read, printer);
        store::remove_run(&self.work)?;
        Ok(code)
    }
}

/// Refuses an output that would replace an input or a device.
pub(crate) fn check_output(input: &InputArguments, output: &Path) -> Result<(), Failure> {
    let Ok(there) = output.canonicalize() else { return Ok(()) };
    if !there.is_file() && !there.is_dir() {
        let message = format!(
            "{} is neither a file nor a folder, so it cannot be replaced",
            output.display()
        );
        return Err(Failure::usage(message, "give the name of a file or folder to write"));
    }
    let is_input = |path: &String| Path::new(path).canonicalize().is_ok_and(|path| path == there);
    if input.inputs.iter().any(is_input) {
        let message = format!("{} is an input", output.display());
        return Err(Failure::usage(message, "give the output another name"));
    }
    Ok(())
}
