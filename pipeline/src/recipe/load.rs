//! Loads a recipe: reads its text and checks everything that needs no input data.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use barrier::BarrierStage;
use read::Input;
use sql::StageText;
use store::input::InputFile;

use super::document::Document;
use super::error::RecipeError;
use super::parse::parse;
use super::tables::{
    PretrainTable, RecipeTables, RunTable, ShardsTable, SourceTable, TokenizerTable,
};

/// A checked recipe. Its files exist, and its SQL has been read but not planned.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The recipe's name: the file name without its extension.
    pub name: String,
    /// Where and how to run.
    pub run: RunTable,
    /// The inputs.
    pub sources: Vec<Source>,
    /// The stages, in order.
    pub(crate) stages: Vec<StageStep>,
    /// The tokenizer, if tokens are wanted.
    pub tokenizer: Option<TokenizerTable>,
    /// The tokenizer file that is used instead of training one.
    pub tokenizer_file: Option<PathBuf>,
    /// Whether tokens are stored, because the recipe has `[shards]` or `[pretrain]`.
    pub wants_shards: bool,
    /// How tokens are stored.
    pub shards: ShardsTable,
    /// The model, if one is wanted.
    pub pretrain: Option<PretrainTable>,
    pub(crate) document: Document,
}

/// A source and its files.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Its files, sorted by address.
    pub files: Vec<SourceFile>,
    /// The addresses of files in folders whose names do not show a format. They are not read.
    pub left_out: Vec<String>,
    /// The source as written in the recipe.
    pub(crate) table: SourceTable,
}

/// A file and how to read it.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The file.
    pub file: InputFile,
    /// Its format, fields and limits.
    pub input: Input,
}

/// One stage.
#[derive(Debug, Clone)]
pub(crate) struct StageStep {
    /// Its name in the ledger.
    pub(crate) name: String,
    /// What it does.
    pub(crate) kind: StageKind,
    /// Its place in the recipe, such as `stage.2`.
    pub(crate) place: String,
}

/// The kinds of stages.
#[derive(Debug, Clone)]
pub(crate) enum StageKind {
    /// SQL that looks at each document alone.
    Sql(SqlStage),
    /// Deduplication over all documents.
    Barrier(Arc<dyn BarrierStage>),
}

/// An SQL stage and the document with its text.
#[derive(Debug, Clone)]
pub(crate) struct SqlStage {
    /// Text and parameters.
    pub(crate) text: StageText,
    /// The parameters that its text declares.
    pub(crate) parameters: Vec<sql::Parameter>,
    pub(crate) document: Document,
}

impl SqlStage {
    /// Turns an error in this stage's SQL into an error of the recipe.
    pub(crate) fn error(&self, error: &sql::SqlError) -> RecipeError {
        let (message, span, help) = match error {
            sql::SqlError::Refused { message, span, help } => {
                (message.clone(), span.clone(), help.clone())
            }
            other => (other.to_string(), None, None),
        };
        // Without a place, the message must name the file.
        let file = match span {
            Some(_) => String::new(),
            None => format!(" ({})", self.document.file.display()),
        };
        self.document.error(format!("stage `{}`{file}: {message}", self.text.name), span, help)
    }
}

impl Recipe {
    /// Reads and checks the recipe file at `path`.
    ///
    /// # Errors
    /// The file cannot be read, or the recipe is invalid. The error has the place.
    pub fn load(path: &Path) -> Result<Self, RecipeError> {
        let text = std::fs::read_to_string(path).map_err(|error| RecipeError {
            message: format!("the recipe cannot be read: {error}"),
            file: path.into(),
            text: String::new(),
            span: None,
            label: String::new(),
            help: Some("`gristmill demo` writes an example to start from".into()),
        })?;
        Self::from_text(text, path)
    }

    /// Checks the recipe `text`, whose relative paths start from the folder of `path`.
    ///
    /// # Errors
    /// The recipe is invalid. The error has the place in the text.
    pub fn from_text(text: String, path: &Path) -> Result<Self, RecipeError> {
        let document = Document { file: path.into(), text };
        let tables = parse(&document)?;
        Loader { base: path.parent().unwrap_or(Path::new("")), document: &document }.check(tables)
    }

    /// Checks a recipe that was built from the command line. Relative paths start from the working
    /// directory.
    ///
    /// # Errors
    /// The recipe is invalid. The error has no place, because there is no text.
    pub fn from_tables(tables: RecipeTables) -> Result<Self, RecipeError> {
        let document = Document { file: "command line".into(), text: String::new() };
        Loader { base: Path::new(""), document: &document }.check(tables)
    }

    /// The folder that relative paths start from.
    pub fn folder(&self) -> &Path {
        self.document.file.parent().unwrap_or(Path::new(""))
    }

    /// The run directory.
    pub fn output(&self) -> PathBuf {
        self.run.output.clone().map_or_else(|| Path::new("runs").join(&self.name), PathBuf::from)
    }
}

/// The least memory in which one part can be processed.
pub const MEMORY_MIN_BYTES: u64 = 128 << 20;

pub(super) struct Loader<'a> {
    /// The folder that relative paths start from.
    pub(super) base: &'a Path,
    pub(super) document: &'a Document,
}

impl Loader<'_> {
    fn check(&self, tables: RecipeTables) -> Result<Recipe, RecipeError> {
        // A path without a name, such as `..`, cannot be read and has failed before.
        let name = self.document.file.file_stem().unwrap_or(OsStr::new("")).to_string_lossy();
        self.check_run(&tables.run)?;
        if tables.sources.is_empty() {
            let help = "add `[[source]]` with `name` and `path`".to_owned();
            return Err(self.document.error("the recipe has no source", None, Some(help)));
        }
        let sources = tables.sources.iter().enumerate();
        let sources: Vec<Source> =
            sources.map(|(index, source)| self.source(index, source)).collect::<Result<_, _>>()?;
        self.check_names("source", sources.iter().map(|source| source.name.as_str()))?;
        let stages = tables.stages.iter().enumerate();
        let stages: Vec<StageStep> =
            stages.map(|(index, stage)| self.stage(index, stage)).collect::<Result<_, _>>()?;
        self.check_names("stage", stages.iter().map(|stage| stage.name.as_str()))?;
        let tokenizer_file = self.tokenizer(tables.tokenizer.as_ref())?;
        // Without `[shards]`, the defaults of every key apply: `[pretrain]` writes shards, too.
        let shards = tables.shards.clone().unwrap_or_default();
        self.check_shards(&shards)?;
        if let Some(pretrain) = &tables.pretrain {
            self.check_pretrain(pretrain, &shards, tables.tokenizer.is_some())?;
        }
        Ok(Recipe {
            name: name.into_owned(),
            run: tables.run,
            sources,
            stages,
            tokenizer: tables.tokenizer,
            tokenizer_file,
            wants_shards: tables.shards.is_some() || tables.pretrain.is_some(),
            shards,
            pretrain: tables.pretrain,
            document: self.document.clone(),
        })
    }

    fn check_run(&self, run: &RunTable) -> Result<(), RecipeError> {
        let refused = |key: &str, message: String, help: &str| {
            Err(self.document.error_at(&format!("run.{key}"), message, help))
        };
        if !(0.0..=1.0).contains(&run.max_bad_fraction) {
            let message = format!("`max_bad_fraction` is {}, not a share", run.max_bad_fraction);
            return refused("max_bad_fraction", message, "give 0.0 to 1.0");
        }
        if run.memory.as_u64() < MEMORY_MIN_BYTES {
            let message = format!("`memory` is {}, which is too little", run.memory);
            return refused("memory", message, "give at least \"128MiB\"");
        }
        if run.threads == Some(0) {
            return refused("threads", "`threads` is 0".into(), "remove it to use all cores");
        }
        Ok(())
    }

    /// Checks that the names of sources or stages are valid and unique.
    fn check_names<'n>(
        &self,
        section: &str,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<(), RecipeError> {
        let good = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
        };
        let mut seen = BTreeSet::new();
        for (index, name) in names.enumerate() {
            let path = format!("{section}.{index}.name");
            if !good(name) {
                let message = format!("`{name}` is not a valid name");
                return Err(self.document.error_at(&path, message, "use a-z, 0-9, `_` and `-`"));
            }
            if !seen.insert(name) {
                let message = format!("the name `{name}` is used twice");
                let help = "give one of the two another `name`";
                return Err(self.document.error_at(&path, message, help));
            }
        }
        Ok(())
    }

    /// The path with the recipe's folder in front, unless it is absolute or an address.
    pub(super) fn rooted(&self, path: &str) -> String {
        if path.contains("://") || self.base.as_os_str().is_empty() {
            return path.to_owned();
        }
        self.base.join(path).to_string_lossy().into_owned()
    }
}

/// The most similar of some names, or `None` if no name is similar.
pub(super) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    sql::nearest(name, candidates).map(ToOwned::to_owned)
}
