//! The sources of a recipe and their files.

use std::collections::BTreeSet;
use std::path::Path;

use read::{Compression, Format, Input, Limits};
use store::input::{InputFile, STANDARD_INPUT, resolve};

use super::error::RecipeError;
use super::expand::expand;
use super::load::{Loader, Source, SourceFile, nearest};
use super::tables::SourceTable;

impl Loader<'_> {
    /// Finds the files of a source, sorted by address; each file once, whatever links lead to it.
    ///
    /// # Errors
    /// A path matches no file, or the format of a file is unknown.
    pub(super) fn source(&self, index: usize, table: &SourceTable) -> Result<Source, RecipeError> {
        let format = self.format(index, table)?;
        let at = format!("source.{index}.path");
        let mut files: Vec<SourceFile> = Vec::new();
        let mut left_out: Vec<String> = Vec::new();
        for path in table.path.all() {
            for file in self.files(&at, path)? {
                match input(&file, format, table) {
                    Some(input) => files.push(SourceFile { file, input }),
                    None if file.is_from_folder => left_out.push(file.address),
                    None => return Err(self.unknown_format(&at, &file.address)),
                }
            }
        }
        if let (true, Some(example)) = (files.is_empty(), left_out.first()) {
            return Err(self.unknown_format(&at, example));
        }
        files.sort_by(|a, b| a.file.address.cmp(&b.file.address));
        left_out.sort();
        let mut seen = BTreeSet::new();
        files.retain(|file| seen.insert(file.file.key()));
        Ok(Source { name: table.name.clone(), files, left_out, table: table.clone() })
    }

    /// The format that a source gives for its files, if any.
    fn format(&self, index: usize, table: &SourceTable) -> Result<Option<Format>, RecipeError> {
        let Some(name) = &table.format else { return Ok(None) };
        if let Some(format) = Format::named(name) {
            return Ok(Some(format));
        }
        let names = Format::ALL.map(Format::name);
        let help = nearest(name, names.into_iter()).map_or_else(
            || format!("formats are {}", names.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("there is no format `{name}`");
        let path = format!("source.{index}.format");
        Err(self.document.error_at_value(&path, message, Some(help)))
    }

    fn unknown_format(&self, at: &str, address: &str) -> RecipeError {
        let message = format!("the name `{address}` does not show the file's format");
        let names = Format::ALL.map(Format::name);
        let help = format!(
            "add `format = \"jsonl\"`, or `--format jsonl` to a command without a recipe; \
             formats are {}",
            names.join(", ")
        );
        self.document.error_at(at, message, help)
    }

    /// The files that a path leads to. `@FILE` stands for the paths in a file, one per line.
    fn files(&self, at: &str, path: &str) -> Result<Vec<InputFile>, RecipeError> {
        let address = expand(path).map_err(|name| {
            let help = format!("set it, or give a default as `${{{name}:-value}}`");
            self.document.error_at(at, format!("the variable {name} is not set"), help)
        })?;
        let list =
            address.strip_prefix('@').filter(|_| !Path::new(&self.rooted(&address)).exists());
        let Some(list) = list else { return self.resolve(at, &address) };
        let list = self.rooted(list);
        let text = std::fs::read_to_string(&list).map_err(|error| {
            let help = "`@FILE` names a text file with a path, pattern or URL per line";
            self.document.error_at(at, format!("{list}: {error}"), help)
        })?;
        let paths = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let files: Result<Vec<Vec<InputFile>>, RecipeError> =
            paths.map(|path| self.resolve(at, path)).collect();
        Ok(files?.concat())
    }

    fn resolve(&self, at: &str, address: &str) -> Result<Vec<InputFile>, RecipeError> {
        let is_input = address == STANDARD_INPUT;
        let rooted = if is_input { address.to_owned() } else { self.rooted(address) };
        let mut files = resolve(&rooted).map_err(|error| {
            let is_elsewhere = rooted != address && Path::new(address).exists();
            let help = if is_elsewhere {
                format!(
                    "paths start from the recipe's folder; `{address}` is in the working directory"
                )
            } else {
                let ways = "give a file, a folder, a pattern or a URL";
                let is_recipe = !self.document.text.is_empty();
                let start = if is_recipe { "paths start from the recipe's folder; " } else { "" };
                format!("{start}{ways}")
            };
            self.document.error_at(at, error.to_string(), help)
        })?;
        // Addresses are shown as in the recipe, without its folder. They are in the output, which
        // must not depend on where the recipe lies. If there is no folder to remove, the base is
        // empty.
        let base = rooted.strip_suffix(address).unwrap_or("");
        for file in &mut files {
            if let Some(known) = file.address.strip_prefix(base) {
                file.address = known.to_owned();
            }
        }
        Ok(files)
    }
}

/// Files that describe a dataset of Hugging Face and hold no documents.
const DESCRIPTIONS: [&str; 4] =
    ["dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"];

/// How to read a file; `None` if its format is unknown, or if it lies in a folder that was named
/// and describes the documents beside it.
fn input(file: &InputFile, format: Option<Format>, table: &SourceTable) -> Option<Input> {
    let name = file.address.rsplit('/').next().unwrap_or_default();
    if file.is_from_folder && DESCRIPTIONS.contains(&name) {
        return None;
    }
    let by_name = Format::from_name(&file.address);
    Some(Input {
        path: file.address.clone(),
        format: format.or(by_name.map(|found| found.0))?,
        // Only a first guess: the reader checks the file's first bytes.
        compression: by_name.map_or(Compression::None, |found| found.1),
        fields: table.fields.clone(),
        documents: table.documents,
        limits: Limits { keep_blank: table.keep_blank, ..Limits::default() },
    })
}
