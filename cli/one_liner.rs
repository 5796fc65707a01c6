//! Commands without a recipe: each writes one, runs it beside its output and takes the result out.

use std::path::{Path, PathBuf};

use pipeline::{Recipe, RunOptions, Summary, Until};
use toml::{Table, Value};

use crate::arguments::{Common, InputArguments};
use crate::failure::Failure;
use crate::output::losses;
use crate::printer::Printer;
use crate::progress::Progress;
use crate::run::apply_common;

/// The recipe of a command, table by table.
pub(crate) struct OneLiner {
    recipe: Table,
    work: PathBuf,
    /// How far it goes.
    pub(crate) until: Until,
    /// Whether the documents are wanted, and not only what is made of them.
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
        let mut source = Table::new();
        source.insert("name".into(), "input".into());
        let paths = input.inputs.iter().map(|path| Value::from(path.clone())).collect();
        source.insert("path".into(), Value::Array(paths));
        let mut recipe = Table::new();
        recipe.insert("source".into(), Value::Array(vec![Value::Table(source)]));
        Ok(Self { recipe, work, until: Until::Written, documents: true })
    }

    /// Adds `[[stage]]` with these keys.
    pub(crate) fn stage(&mut self, stage: Table) {
        let stages =
            self.recipe.entry("stage").or_insert_with(|| Value::Array(Vec::new())).as_array_mut();
        if let Some(stages) = stages {
            stages.push(Value::Table(stage));
        }
    }

    /// Takes records with a blank text for documents.
    pub(crate) fn keep_blank(&mut self) {
        let source = self.recipe.get_mut("source").and_then(|sources| sources.get_mut(0));
        if let Some(source) = source.and_then(Value::as_table_mut) {
            source.insert("keep_blank".into(), true.into());
        }
    }

    /// Sets a table such as `[tokenizer]`.
    pub(crate) fn table(&mut self, name: &str, table: Table) {
        self.recipe.insert(name.into(), Value::Table(table));
    }

    /// Runs the recipe, hands the run to `take` and removes it.
    pub(crate) fn run(
        self,
        common: &Common,
        printer: Printer,
        take: impl FnOnce(&Summary) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let text = toml::to_string(&self.recipe)
            .map_err(|e| Failure::usage(e.to_string(), "check the values of the flags"))?;
        let mut recipe = Recipe::from_text(text, Path::new("command line"))?;
        recipe.run.output = Some(self.work.display().to_string());
        apply_common(&mut recipe, common)?;
        let options = RunOptions {
            fresh: true,
            passing: true,
            until: self.until,
            without_documents: !self.documents,
        };
        let summary = pipeline::run(&recipe, &options, &Progress::new(printer))?;
        if !self.documents {
            // What makes documents tells the whole funnel.
            losses(&summary.ledger).iter().for_each(|line| printer.error(line));
        }
        take(&summary)?;
        Ok(store::remove_run(&self.work)?)
    }
}

/// Refuses an output in whose place something stands that must not go: an input, a device.
pub(crate) fn check_output(input: &InputArguments, output: &Path) -> Result<(), Failure> {
    let Ok(there) = output.canonicalize() else { return Ok(()) };
    if !there.is_file() && !there.is_dir() {
        let message = format!("{} is no file that could be replaced", output.display());
        return Err(Failure::usage(message, "give the name of a file or folder to write"));
    }
    let is_input = |path: &String| Path::new(path).canonicalize().is_ok_and(|path| path == there);
    if input.inputs.iter().any(is_input) {
        let message = format!("{} is an input", output.display());
        return Err(Failure::usage(message, "give the output another name"));
    }
    Ok(())
}

/// A table from pairs.
pub(crate) fn table<const N: usize>(pairs: [(&str, Value); N]) -> Table {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
