//! The recipe with every default filled in: what `recipe.toml` of a run says, and what a later start
//! is compared with.
//!
//! Output, threads and memory are left out: they say where and how fast, not what.

use toml::{Table, Value};

use super::{Recipe, StageKind};

impl Recipe {
    /// The resolved recipe as TOML.
    pub fn resolved_text(&self) -> String {
        let text = toml::to_string_pretty(&self.resolved_table()).unwrap_or_default();
        format!("# Resolved by gristmill {}.\n{text}", env!("CARGO_PKG_VERSION"))
    }

    /// Each key of the resolved recipe with its value; the SQL of a stage by its digest.
    pub fn resolved(&self) -> Vec<(String, String)> {
        let mut flat = Vec::new();
        flatten("", &Value::Table(self.resolved_table()), &mut flat);
        for (index, step) in self.stages.iter().enumerate() {
            if let StageKind::Sql(stage) = &step.kind {
                let digest = store::digest(stage.text.sql.as_bytes());
                flat.push((format!("stage[{index}] SQL of `{}`", step.name), digest));
            }
        }
        if let Some(file) = &self.tokenizer_file {
            let digest = std::fs::read(file).map(|bytes| store::digest(&bytes)).unwrap_or_default();
            flat.push(("tokenizer.file content".into(), digest));
        }
        flat
    }

    fn resolved_table(&self) -> Table {
        let mut table = Table::new();
        let mut run = Table::new();
        run.insert("seed".into(), Value::Integer(self.run.seed as i64));
        run.insert("max_bad_fraction".into(), Value::Float(self.run.max_bad_fraction));
        table.insert("run".into(), Value::Table(run));
        let sources = self.sources.iter().filter_map(|s| Value::try_from(&s.table).ok()).collect();
        table.insert("source".into(), Value::Array(sources));
        let stages = self.stages.iter().enumerate().map(|(i, s)| resolved_stage(i, s)).collect();
        table.insert("stage".into(), Value::Array(stages));
        if let Some(tokenizer) = self.tokenizer.as_ref().and_then(|t| Value::try_from(t).ok()) {
            table.insert("tokenizer".into(), tokenizer);
            if let Ok(shards) = Value::try_from(&self.shards) {
                table.insert("shards".into(), shards);
            }
        }
        if let Some(pretrain) = self.pretrain.as_ref().and_then(|p| Value::try_from(p).ok()) {
            table.insert("pretrain".into(), pretrain);
        }
        table
    }
}

fn resolved_stage(index: usize, step: &super::StageStep) -> Value {
    let text = |text: &str| Value::String(text.to_owned());
    let mut table = Table::new();
    let mut with = Table::new();
    match &step.kind {
        StageKind::Sql(stage) => {
            let path = format!("stages/{:02}-{}.sql", index + 1, step.name);
            table.insert("sql".into(), Value::String(path));
            let declared = sql::parameters(&stage.text.sql).unwrap_or_default();
            for parameter in declared {
                let given = stage.text.with.get(&parameter.name);
                with.insert(parameter.name, given.cloned().unwrap_or(parameter.default));
            }
        }
        StageKind::Dedup(stage) => {
            let (uses, options) = stage.resolved();
            table.insert("use".into(), text(uses));
            with.extend(
                options.and_then(|options| options.as_table().cloned()).unwrap_or_default(),
            );
        }
    }
    table.insert("name".into(), text(&step.name));
    table.insert("with".into(), Value::Table(with));
    Value::Table(table)
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
