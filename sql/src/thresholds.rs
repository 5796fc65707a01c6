//! Tables of thresholds and word lists by key, such as FineWeb-2's configuration of each language.
//!
//! One TOML, JSON or YAML file holds a table for each key; or a folder holds a file for each, whose
//! name without the ending is the key, as in FineWeb-2's `configs/` (`eng_Latn.yml`).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::files::Content;
use crate::parameters::nearest;

/// Values by key and column.
#[derive(Default)]
pub(crate) struct Thresholds(BTreeMap<String, Value>);

impl Thresholds {
    /// Reads a file of tables, or a folder of files.
    pub(crate) fn read(content: &mut Content) -> Result<Self, String> {
        let mut files = BTreeMap::new();
        content.each(|name, bytes| {
            let Some((key, ending)) = name.rsplit_once('.') else { return Ok(()) };
            let mut text = String::new();
            bytes.read_to_string(&mut text).map_err(|error| format!("{name}: {error}"))?;
            if let Some(value) = parse(ending, &text) {
                files.insert(key.to_owned(), value.map_err(|error| format!("{name}: {error}"))?);
            }
            Ok(())
        })?;
        let is_table =
            |value: &Value| value.as_object().is_some_and(|t| t.values().all(Value::is_object));
        match files.pop_first() {
            None => Err("a .toml, .json or .yml file was expected, or a folder of them".into()),
            Some((_, Value::Object(table)))
                if files.is_empty() && is_table(&Value::Object(table.clone())) =>
            {
                Ok(Self(table.into_iter().collect()))
            }
            Some((key, value)) => {
                files.insert(key, value);
                Ok(Self(files))
            }
        }
    }

    /// Refuses a column that no key has. A column inside a list of pairs, as FineWeb-2's
    /// `dup_n_grams`, is `dup_n_grams.5`.
    pub(crate) fn check(&self, column: &str) -> Result<(), String> {
        if self.0.keys().any(|key| self.get(key, column).is_some()) {
            return Ok(());
        }
        let columns =
            || self.0.values().filter_map(Value::as_object).flat_map(|table| table.keys());
        let mut names: Vec<&str> = columns().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let help = match nearest(column, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there is {}", names.join(", ")),
        };
        Err(format!("no key has `{column}`; {help}"))
    }

    fn get(&self, key: &str, column: &str) -> Option<&Value> {
        let table = self.0.get(key)?;
        match column.split_once('.') {
            None => table.get(column),
            Some((list, first)) => {
                let first: f64 = first.parse().ok()?;
                let pairs = table.get(list)?.as_array()?.iter();
                let mut found =
                    pairs.filter(|pair| pair.get(0).and_then(Value::as_f64) == Some(first));
                found.next()?.get(1)
            }
        }
    }

    /// A number.
    pub(crate) fn number(&self, key: &str, column: &str) -> Option<f64> {
        self.get(key, column)?.as_f64()
    }

    /// A list of words.
    pub(crate) fn words(&self, key: &str, column: &str) -> Option<Vec<&str>> {
        Some(self.get(key, column)?.as_array()?.iter().filter_map(Value::as_str).collect())
    }
}

/// The content of a file by its ending; `None` for other endings.
fn parse(ending: &str, text: &str) -> Option<Result<Value, String>> {
    match ending.to_ascii_lowercase().as_str() {
        "toml" => Some(toml::from_str(text).map_err(|error| error.to_string())),
        "json" => Some(serde_json::from_str(text).map_err(|error| error.to_string())),
        "yml" | "yaml" => Some(serde_yaml_ng::from_str(text).map_err(|error| error.to_string())),
        _ => None,
    }
}
