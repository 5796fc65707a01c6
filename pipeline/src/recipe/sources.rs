//! The sources of a recipe and their files.

use std::path::Path;

use read::{Compression, Format, Input, Limits};
use store::input::{InputFile, resolve};

use super::error::RecipeError;
use super::expand::expand;
use super::load::{Loader, Source, SourceFile, nearest};
use super::tables::SourceTable;

impl Loader<'_> {
    /// Finds the files of a source, sorted by address.
    ///
    /// # Errors
    /// A path matches no file, or the format of a file is unknown.
    pub(super) fn source(&self, index: usize, table: &SourceTable) -> Result<Source, RecipeError> {
        let format = match &table.format {
            None => None,
            Some(format) => Some(Format::named(format).ok_or_else(|| {
                let names = Format::ALL.map(Format::name);
                let help = nearest(format, names.into_iter()).map_or_else(
                    || format!("formats are {}", names.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("there is no format `{format}`");
                let path = format!("source.{index}.format");
                self.document.error_at_value(&path, message, Some(help))
            })?),
        };
        let mut files: Vec<SourceFile> = Vec::new();
        for path in table.path.all() {
            for file in self.files(index, path)? {
                files.push(self.source_file(index, file, format, table)?);
            }
        }
        files.sort_by(|a, b| a.file.address.cmp(&b.file.address));
        files.dedup_by(|a, b| a.file.address == b.file.address);
        Ok(Source { name: table.name.clone(), files, table: table.clone() })
    }

    fn files(&self, index: usize, path: &str) -> Result<Vec<InputFile>, RecipeError> {
        let at = format!("source.{index}.path");
        let address = expand(path).map_err(|name| {
            let help = format!("set it, or give a default as `${{{name}:-value}}`");
            self.document.error_at(&at, format!("the variable {name} is not set"), help)
        })?;
        let rooted = self.rooted(&address);
        let mut files = resolve(&rooted).map_err(|error| {
            let here = Path::new(path).exists();
            let help = if here && !path.contains("://") {
                format!(
                    "paths start from the recipe's folder; `{path}` is in the working directory"
                )
            } else {
                "paths start from the recipe's folder; globs as `crawl/*.warc.gz`".to_owned()
            };
            self.document.error_at(&at, error.to_string(), help)
        })?;
        // Addresses are shown as in the recipe, without its folder. They are in the output, which
        // must not depend on where the recipe lies. If there is no folder to remove, the base is
        // empty.
        let base = rooted.strip_suffix(&address).unwrap_or("");
        for file in &mut files {
            if let Some(known) = file.address.strip_prefix(base) {
                file.address = known.to_owned();
            }
        }
        Ok(files)
    }

    fn source_file(
        &self,
        index: usize,
        file: InputFile,
        format: Option<Format>,
        table: &SourceTable,
    ) -> Result<SourceFile, RecipeError> {
        let by_name = Format::from_name(&file.address);
        // Only a first guess: the reader checks the file's first bytes.
        let compression = by_name.map_or(Compression::None, |found| found.1);
        let Some(format) = format.or(by_name.map(|found| found.0)) else {
            let message = format!("the name `{}` does not show the file's format", file.address);
            let others = Format::ALL.into_iter().filter(|format| *format != Format::Jsonl);
            let others: Vec<_> = others.map(Format::name).collect();
            let help = format!("add `format = \"jsonl\"` (or {})", others.join(", "));
            let path = format!("source.{index}.path");
            return Err(self.document.error_at(&path, message, help));
        };
        let input = Input {
            path: file.address.clone(),
            format,
            compression,
            fields: table.fields.clone(),
            limits: Limits { keep_blank: table.keep_blank, ..Limits::default() },
        };
        Ok(SourceFile { file, input })
    }
}
