//! The recipe with every default filled in. A run writes it to `recipe.toml`, and it is part of the
//! fingerprint that decides whether a run can be resumed.
//!
//! Output directory, threads and memory are omitted, because they do not change the results.

use bug::{Bug, OrBug as _};
use toml::{Table, Value};

use super::{PretrainTable, Recipe, RecipeError, StageKind, StageStep};

/// Settings of training that earlier versions did not have. They are omitted if they have their
/// default value, so that a new setting does not change the fingerprint of existing runs.
const ADDED_SETTINGS: [&str; 9] = [
    "precision",
    "embedding_rate",
    "final_fraction",
    "decay_fraction",
    "beta1",
    "beta2",
    "clip_norm",
    "document_mask",
    "spike_threshold",
];

impl Recipe {
    /// The resolved recipe as TOML.
    ///
    /// # Errors
    /// It is a bug if a table cannot be written as TOML.
    pub fn resolved_text(&self) -> Result<String, Bug> {
        let text = toml::to_string_pretty(&self.resolved_table()?).or_bug("a recipe as TOML")?;
        Ok(format!("# Resolved by gristmill {}.\n{text}", env!("CARGO_PKG_VERSION")))
    }

    /// Each key of the resolved recipe with its value. For SQL and the tokenizer file, the value is
    /// a digest.
    ///
    /// # Errors
    /// The tokenizer's file cannot be read.
    pub fn resolved(&self) -> crate::Result<Vec<(String, String)>> {
        let mut flat = Vec::new();
        flatten("", &Value::Table(self.resolved_table()?), &mut flat);
        for (index, step) in self.stages.iter().enumerate() {
            if let StageKind::Sql(stage) = &step.kind {
                let digest = store::digest(stage.text.sql.as_bytes());
                flat.push((format!("stage[{index}] SQL of `{}`", step.name), digest));
            }
        }
        if let Some(file) = &self.tokenizer_file {
            let bytes = std::fs::read(file).map_err(|error| self.unreadable_tokenizer(&error))?;
            flat.push(("tokenizer.file content".into(), store::digest(&bytes)));
        }
        Ok(flat)
    }

    fn unreadable_tokenizer(&self, error: &std::io::Error) -> RecipeError {
        let message = format!("the tokenizer cannot be read: {error}");
        self.document.error_at_value("tokenizer.file", message, None)
    }

    fn resolved_table(&self) -> Result<Table, Bug> {
        let mut table = Table::new();
        let mut run = Table::new();
        run.insert("seed".into(), value(&self.run.seed)?);
        run.insert("max_bad_fraction".into(), Value::Float(self.run.max_bad_fraction));
        table.insert("run".into(), Value::Table(run));
        let sources = self.sources.iter().map(|source| value(&source.table));
        table.insert("source".into(), Value::Array(sources.collect::<Result<_, _>>()?));
        let stages = self.stages.iter().enumerate();
        let stages = stages.map(|(index, step)| resolved_stage(index, step));
        table.insert("stage".into(), Value::Array(stages.collect::<Result<_, _>>()?));
        if let Some(tokenizer) = &self.tokenizer {
            table.insert("tokenizer".into(), value(tokenizer)?);
            table.insert("shards".into(), value(&self.shards)?);
        }
        if let Some(pretrain) = &self.pretrain {
            table.insert("pretrain".into(), resolved_pretrain(pretrain, self.run.seed)?);
        }
        Ok(table)
    }
}

fn value(of: &impl serde::Serialize) -> Result<Value, Bug> {
    Value::try_from(of).or_bug("a table of a recipe as TOML")
}

fn resolved_pretrain(pretrain: &PretrainTable, run_seed: u64) -> Result<Value, Bug> {
    let mut resolved = value(pretrain)?;
    let default = value(&PretrainTable::default())?;
    if let Value::Table(keys) = &mut resolved {
        keys.retain(|key, value| !ADDED_SETTINGS.contains(&key) || default.get(key) != Some(value));
        if pretrain.train.seed == run_seed {
            keys.remove("seed");
        }
    }
    Ok(resolved)
}

fn resolved_stage(index: usize, step: &StageStep) -> Result<Value, Bug> {
    let text = |text: &str| Value::String(text.to_owned());
    let mut table = Table::new();
    let with = match &step.kind {
        StageKind::Sql(stage) => {
            let path = format!("stages/{:02}-{}.sql", index + 1, step.name);
            table.insert("sql".into(), Value::String(path));
            let declared = stage.parameters.iter().map(|parameter| {
                let given = stage.text.with.get(&parameter.name);
                (parameter.name.clone(), given.unwrap_or(&parameter.default).clone())
            });
            declared.collect()
        }
        StageKind::Barrier(stage) => {
            table.insert("use".into(), text(stage.kind()));
            stage.options()?
        }
    };
    table.insert("name".into(), text(&step.name));
    table.insert("with".into(), Value::Table(with));
    Ok(Value::Table(table))
}

fn flatten(prefix: &str, value: &Value, flat: &mut Vec<(String, String)>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                let dot = if prefix.is_empty() { "" } else { "." };
                flatten(&format!("{prefix}{dot}{key}"), value, flat);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_table) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{prefix}[{index}]"), item, flat);
            }
        }
        Value::String(text) => flat.push((prefix.to_owned(), text.clone())),
        other => flat.push((prefix.to_owned(), other.to_string())),
    }
}
