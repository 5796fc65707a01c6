//! From a recipe's text to a recipe that has been checked.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use sql::StageText;
use sql::read::{Compression, Format, Input, Limits};
use store::input::{InputFile, resolve};
use toml::{Spanned, Value};

use super::error::{Document, nearest};
use super::expand::expand;
use super::{
    PretrainTable, RecipeError, RecipeText, RunTable, ShardsTable, SourceTable, StageTable,
    TokenizerTable,
};
use crate::dedup::DedupStage;

/// A checked recipe; its files exist, its SQL has been read but not planned.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The recipe's name: its file's without the ending.
    pub name: String,
    /// Where and how to run.
    pub run: RunTable,
    /// What to read.
    pub sources: Vec<Source>,
    /// What to do, in order.
    pub stages: Vec<StageStep>,
    /// The tokenizer, if tokens are wanted.
    pub tokenizer: Option<TokenizerTable>,
    /// The tokenizer file that is used instead of training one.
    pub tokenizer_file: Option<PathBuf>,
    /// Whether tokens are stored: `[shards]` or `[pretrain]` asks for it.
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
    /// The source as the recipe has it.
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
pub struct StageStep {
    /// Its name in the ledger.
    pub name: String,
    /// What it is.
    pub kind: StageKind,
}

/// What a stage is.
#[derive(Debug, Clone)]
pub enum StageKind {
    /// Row-wise SQL.
    Sql(SqlStage),
    /// Deduplication over all documents.
    Dedup(DedupStage),
}

/// A stage of SQL and where its text stands.
#[derive(Debug, Clone)]
pub struct SqlStage {
    /// Text and parameters.
    pub text: StageText,
    pub(crate) document: Document,
}

impl SqlStage {
    /// The refusal of this stage's SQL as an error of the recipe.
    pub(crate) fn error(&self, error: &sql::SqlError) -> RecipeError {
        let (message, span, help) = match error {
            sql::SqlError::Refused { message, span, help } => {
                (message.clone(), span.clone(), help.clone())
            }
            other => (other.to_string(), None, None),
        };
        // Without a place to show, the file must be named.
        let file = match span {
            Some(_) => String::new(),
            None => format!(" ({})", self.document.file.display()),
        };
        self.document.error(format!("stage `{}`{file}: {message}", self.text.name), span, help)
    }
}

impl Recipe {
    /// Reads and checks the recipe file at `path`.
    pub fn load(path: &Path) -> Result<Self, RecipeError> {
        let text = std::fs::read_to_string(path).map_err(|error| RecipeError {
            message: format!("the recipe cannot be read: {error}"),
            file: path.into(),
            text: String::new(),
            span: None,
            label: String::new(),
            help: Some("`gristmill demo` writes one to begin with".into()),
        })?;
        Self::from_text(text, path)
    }

    /// Checks the recipe `text`, whose relative paths start from the folder of `path`.
    pub fn from_text(text: String, path: &Path) -> Result<Self, RecipeError> {
        let document = Document { file: path.into(), text };
        let parsed: RecipeText =
            toml::from_str(&document.text).map_err(|e| document.toml_error(&e))?;
        Loader { base: path.parent().unwrap_or(Path::new("")), document: &document }.check(parsed)
    }

    /// The folder that relative paths start from.
    pub fn folder(&self) -> &Path {
        self.document.file.parent().unwrap_or(Path::new(""))
    }

    /// Where the run goes.
    pub fn output(&self) -> PathBuf {
        self.run.output.clone().map_or_else(|| Path::new("runs").join(&self.name), PathBuf::from)
    }
}

/// Below this not even one part can be worked on.
pub const MEMORY_MIN_BYTES: u64 = 128 << 20;

struct Loader<'a> {
    base: &'a Path,
    document: &'a Document,
}

impl Loader<'_> {
    fn check(&self, text: RecipeText) -> Result<Recipe, RecipeError> {
        let name = self.document.file.file_stem().unwrap_or_default().to_string_lossy();
        self.check_run(&text.run)?;
        if text.sources.is_empty() {
            let help = "add `[[source]]` with `name` and `path`".to_owned();
            return Err(self.document.error("the recipe has no source", None, Some(help)));
        }
        let sources: Vec<Source> =
            text.sources.iter().map(|source| self.source(source)).collect::<Result<_, _>>()?;
        self.check_unique(text.sources.iter().map(|s| (s.get_ref().name.clone(), s.span())))?;
        let stages: Vec<StageStep> =
            text.stages.iter().map(|stage| self.stage(stage)).collect::<Result<_, _>>()?;
        let spans = text.stages.iter().map(Spanned::span);
        self.check_unique(stages.iter().map(|s| s.name.clone()).zip(spans))?;
        let tokenizer_file = self.tokenizer(text.tokenizer.as_ref())?;
        self.check_shards(text.shards.as_ref())?;
        self.check_pretrain(text.pretrain.as_ref(), text.tokenizer.is_some())?;
        Ok(Recipe {
            name: name.into_owned(),
            run: text.run,
            sources,
            stages,
            tokenizer: text.tokenizer.map(Spanned::into_inner),
            tokenizer_file,
            wants_shards: text.shards.is_some() || text.pretrain.is_some(),
            shards: text.shards.map(Spanned::into_inner).unwrap_or_default(),
            pretrain: text.pretrain.map(Spanned::into_inner),
            document: self.document.clone(),
        })
    }

    /// An error at `key` of the table at `table`, or at the table where the key is not written.
    fn at(
        &self,
        table: &Range<usize>,
        key: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> RecipeError {
        self.document.error(message, Some(self.place(table, key)), Some(help.into()))
    }

    fn place(&self, table: &Range<usize>, key: &str) -> Range<usize> {
        let text = &self.document.text;
        let end = text[table.start..].find("\n[").map_or(text.len(), |at| table.start + at);
        let body = &text[table.start..end.max(table.start)];
        let word = |at: usize| {
            let around = [body[..at].chars().next_back(), body[at + key.len()..].chars().next()];
            !around.iter().flatten().any(|c| c.is_alphanumeric() || *c == '_')
        };
        let found = body.match_indices(key).find(|(at, _)| word(*at));
        found.map_or(table.clone(), |(at, _)| table.start + at..table.start + at + key.len())
    }

    fn check_run(&self, run: &RunTable) -> Result<(), RecipeError> {
        let table = self.document.text.find("[run]").unwrap_or(0);
        let table = table..(table + "[run]".len()).min(self.document.text.len());
        if !(0.0..=1.0).contains(&run.max_bad_fraction) {
            let message = format!("`max_bad_fraction` is {}, not a share", run.max_bad_fraction);
            return Err(self.at(&table, "max_bad_fraction", message, "give 0.0 to 1.0"));
        }
        if run.memory.as_u64() < MEMORY_MIN_BYTES {
            let message = format!("`memory` is {}, too little to work in", run.memory);
            return Err(self.at(&table, "memory", message, "give at least \"128MiB\""));
        }
        if run.threads == Some(0) {
            let help = "leave it out to use all cores";
            return Err(self.at(&table, "threads", "`threads` is 0", help));
        }
        Ok(())
    }

    fn check_unique(
        &self,
        names: impl Iterator<Item = (String, Range<usize>)>,
    ) -> Result<(), RecipeError> {
        let good = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
        };
        let mut seen = BTreeSet::new();
        for (name, span) in names {
            if !good(&name) {
                let message = format!("`{name}` cannot be a name");
                return Err(self.at(&span, "name", message, "use a-z, 0-9, `_` and `-`"));
            }
            if !seen.insert(name.clone()) {
                let message = format!("two are called `{name}`");
                return Err(self.at(&span, &name, message, "give one of them another `name`"));
            }
        }
        Ok(())
    }

    fn source(&self, source: &Spanned<SourceTable>) -> Result<Source, RecipeError> {
        let (table, span) = (source.get_ref(), source.span());
        let format = match &table.format {
            None => None,
            Some(format) => Some(format.get_ref().parse::<Format>().map_err(|_| {
                let names = ["warc", "wet", "jsonl", "parquet", "text"];
                let near = nearest(format.get_ref(), names.into_iter());
                let help = near.map_or_else(
                    || format!("formats are {}", names.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("there is no format `{}`", format.get_ref());
                self.document.error(message, Some(format.span()), Some(help))
            })?),
        };
        let mut files: Vec<SourceFile> = Vec::new();
        for path in table.path.all() {
            for file in self.files(path, &span)? {
                files.push(self.source_file(file, format, table, &span)?);
            }
        }
        files.sort_by(|a, b| a.file.address.cmp(&b.file.address));
        files.dedup_by(|a, b| a.file.address == b.file.address);
        Ok(Source { name: table.name.clone(), files, table: table.clone() })
    }

    fn files(&self, path: &str, span: &Range<usize>) -> Result<Vec<InputFile>, RecipeError> {
        let address = expand(path).map_err(|name| {
            let help = format!("set it, or give a default as `${{{name}:-value}}`");
            self.at(span, "path", format!("the variable {name} is not set"), help)
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
            self.at(span, "path", error.to_string(), help)
        })?;
        // People know a file by what the recipe says, wherever the recipe lies; so do documents, whose
        // names are in the output.
        let base = rooted.strip_suffix(&address).unwrap_or_default();
        for file in &mut files {
            if let Some(known) = file.address.strip_prefix(base) {
                file.address = known.to_owned();
            }
        }
        Ok(files)
    }

    /// The path from the recipe's folder.
    fn rooted(&self, path: &str) -> String {
        if path.contains("://") || self.base.as_os_str().is_empty() {
            return path.to_owned();
        }
        self.base.join(path).to_string_lossy().into_owned()
    }

    fn source_file(
        &self,
        file: InputFile,
        format: Option<Format>,
        table: &SourceTable,
        span: &Range<usize>,
    ) -> Result<SourceFile, RecipeError> {
        let by_name = Format::from_name(&file.address);
        // The file's first bytes have the last word on how it is packed.
        let compression = by_name.map_or(Compression::None, |found| found.1);
        let Some(format) = format.or(by_name.map(|found| found.0)) else {
            let message = format!("`{}` does not tell its format", file.address);
            let help = "add `format = \"jsonl\"` (or warc, wet, parquet, text)";
            return Err(self.at(span, "path", message, help));
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

    fn stage(&self, stage: &Spanned<StageTable>) -> Result<StageStep, RecipeError> {
        let (table, span) = (stage.get_ref(), stage.span());
        match (&table.uses, &table.sql) {
            (Some(uses), None) => self.built_in(table, uses, &span),
            (None, Some(file)) => self.sql_file(table, file),
            (Some(_), Some(_)) => {
                let help = "`use` names a stock stage, `sql` a file of yours: keep one";
                Err(self.at(&span, "sql", "the stage has both `use` and `sql`", help))
            }
            (None, None) => {
                let help = "add `use = \"language\"` or `sql = \"stages/mine.sql\"`";
                Err(self.document.error("the stage does nothing", Some(span), Some(help.into())))
            }
        }
    }

    fn built_in(
        &self,
        table: &StageTable,
        uses: &Spanned<String>,
        span: &Range<usize>,
    ) -> Result<StageStep, RecipeError> {
        let used = uses.get_ref();
        let name = table.name.clone().unwrap_or_else(|| used.clone());
        if DedupStage::NAMES.contains(&used.as_str()) {
            let dedup = DedupStage::new(used, &table.with)
                .map_err(|e| self.at(span, &e.key, e.message, e.help))?;
            return Ok(StageStep { name, kind: StageKind::Dedup(dedup) });
        }
        let Some(stock) = sql::stock_stage(used) else {
            let names = sql::STOCK_STAGES
                .iter()
                .map(|s| s.name)
                .chain(DedupStage::NAMES)
                .collect::<Vec<_>>();
            let help = match nearest(used, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there is {}; a file of yours goes under `sql`", names.join(", ")),
            };
            let message = format!("there is no stock stage `{used}`");
            return Err(self.document.error(message, Some(uses.span()), Some(help)));
        };
        // A parameter's error points into the recipe, since the stock stage itself is right.
        let text = StageText { name: name.clone(), sql: stock.sql.into(), with: BTreeMap::new() };
        let stage = SqlStage {
            text: StageText { with: table.with.clone(), ..text },
            document: Document { file: format!("{used}.sql").into(), text: stock.sql.into() },
        };
        self.check_parameters(&stage, span)?;
        Ok(StageStep { name, kind: StageKind::Sql(stage) })
    }

    fn sql_file(
        &self,
        table: &StageTable,
        file: &Spanned<String>,
    ) -> Result<StageStep, RecipeError> {
        let path = expand(file.get_ref()).unwrap_or_else(|_| file.get_ref().clone());
        let path = PathBuf::from(self.rooted(&path));
        let sql = std::fs::read_to_string(&path).map_err(|error| {
            let message = format!("{}: {error}", path.display());
            let help = "paths start from the recipe's folder".to_owned();
            self.document.error(message, Some(file.span()), Some(help))
        })?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
        let name = table.name.clone().unwrap_or(stem);
        let text = StageText { name: name.clone(), sql: sql.clone(), with: table.with.clone() };
        let stage = SqlStage { text, document: Document { file: path, text: sql } };
        self.check_parameters(&stage, &file.span())?;
        Ok(StageStep { name, kind: StageKind::Sql(stage) })
    }

    fn check_parameters(&self, stage: &SqlStage, span: &Range<usize>) -> Result<(), RecipeError> {
        let declared = sql::parameters(&stage.text.sql).map_err(|error| stage.error(&error))?;
        for (key, value) in &stage.text.with {
            let one: BTreeMap<String, Value> = [(key.clone(), value.clone())].into();
            if let Err(error) = sql::bind(&declared, &one) {
                let help = match &error {
                    sql::SqlError::Refused { help: Some(help), .. } => help.clone(),
                    _ => String::new(),
                };
                return Err(self.at(span, key, error.to_string(), help));
            }
        }
        Ok(())
    }

    fn tokenizer(
        &self,
        table: Option<&Spanned<TokenizerTable>>,
    ) -> Result<Option<PathBuf>, RecipeError> {
        let Some(spanned) = table else { return Ok(None) };
        let (table, span) = (spanned.get_ref(), spanned.span());
        if let Some(file) = &table.file {
            let path = PathBuf::from(self.rooted(&expand(file).unwrap_or_else(|_| file.clone())));
            if !path.is_file() {
                let message = format!("{} is not a file", path.display());
                return Err(self.at(
                    &span,
                    "file",
                    message,
                    "paths start from the recipe's folder",
                ));
            }
            return Ok(Some(path));
        }
        crate::tokens::train_config(table).validate().map_err(|error| {
            let help = "32768 suits a corpus of hundreds of megabytes";
            self.at(&span, "vocab_size", error.to_string(), help)
        })?;
        self.check_mix(table, &span)?;
        Ok(None)
    }

    /// Sizes of smaller vocabularies, weights and temperature.
    fn check_mix(&self, table: &TokenizerTable, span: &Range<usize>) -> Result<(), RecipeError> {
        let config = crate::tokens::train_config(table);
        let smallest = table.vocab_size - crate::tokens::merges(&config) as usize;
        if let Some(size) = table.also.iter().find(|s| !(smallest..table.vocab_size).contains(s)) {
            let message = format!("`also` has {size}, and a smaller vocabulary is to be cut");
            let help = format!("give sizes from {smallest} to {}", table.vocab_size - 1);
            return Err(self.at(span, "also", message, help));
        }
        let weighs = |weight: &f64| (0.0..=1e9).contains(weight);
        if let Some((name, weight)) = table.weights.iter().find(|(_, weight)| !weighs(weight)) {
            let message = format!("the weight of `{name}` is {weight}");
            return Err(self.at(span, "weights", message, "give a number from 0 on, such as 2.5"));
        }
        let Some(temperature) = table.temperature else { return Ok(()) };
        if !(1.0..=100.0).contains(&temperature) {
            let message = format!("`temperature` is {temperature}");
            let help = "give 1 for the shares as they are, up to 100 for equal ones";
            return Err(self.at(span, "temperature", message, help));
        }
        if !table.weights.is_empty() {
            let message = "weights and a temperature are given";
            return Err(self.at(span, "temperature", message, "leave one of them out"));
        }
        Ok(())
    }

    fn check_shards(&self, table: Option<&Spanned<ShardsTable>>) -> Result<(), RecipeError> {
        let Some(spanned) = table else { return Ok(()) };
        let (table, span) = (spanned.get_ref(), spanned.span());
        if !(0.0..=0.5).contains(&table.validation_fraction) {
            let message =
                format!("`validation_fraction` is {}, not 0 to 0.5", table.validation_fraction);
            return Err(self.at(&span, "validation_fraction", message, "0.01 holds out 1 %"));
        }
        for (key, value) in [
            ("sequence_length", table.sequence_length as u64),
            ("shard_tokens", table.shard_tokens),
        ] {
            if value < 2 {
                let message = format!("`{key}` is {value}");
                return Err(self.at(&span, key, message, "give at least 2 tokens"));
            }
        }
        Ok(())
    }

    fn check_pretrain(
        &self,
        table: Option<&Spanned<PretrainTable>>,
        has_tokenizer: bool,
    ) -> Result<(), RecipeError> {
        let Some(spanned) = table else { return Ok(()) };
        let (table, span) = (spanned.get_ref(), spanned.span());
        if !has_tokenizer {
            let help = "add `[tokenizer]` with `vocab_size = 4096`".to_owned();
            let message = "a model needs tokens, and the recipe has no tokenizer";
            return Err(self.document.error(message, Some(span), Some(help)));
        }
        let presets = model::presets::PRESETS;
        if !presets.contains(&table.preset.as_str()) {
            let message = format!("there is no preset `{}`", table.preset);
            let help = nearest(&table.preset, presets.iter().copied()).map_or_else(
                || format!("presets are {}", presets.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(self.at(&span, "preset", message, help));
        }
        // The vocabulary is not known yet; any will do to look at the rest.
        if let Err(message) = table.shape(1 << 15, ShardsTable::default().sequence_length) {
            let help = "it spells dim, layers, heads, kv_heads, ffn_dim, tie_embeddings, qk_norm, \
                        rope_theta, norm_eps";
            return Err(self.at(&span, "model", message, help));
        }
        if !["auto", "cpu", "cuda"].contains(&table.device.as_str()) {
            let message = format!("there is no device `{}`", table.device);
            return Err(self.at(&span, "device", message, "use \"auto\", \"cpu\" or \"cuda\""));
        }
        for (key, value) in [("steps", table.steps), ("batch_size", table.batch_size)] {
            if value == 0 {
                return Err(self.at(&span, key, format!("`{key}` is 0"), "give at least 1"));
            }
        }
        if !(table.learning_rate > 0.0 && table.learning_rate < 1.0) {
            let message = format!("`learning_rate` is {}", table.learning_rate);
            return Err(self.at(&span, "learning_rate", message, "1e-3 suits small models"));
        }
        Ok(())
    }
}
