//! Tables of thresholds and word lists by key, such as FineWeb-2's configuration of each language.
//!
//! One TOML, JSON or YAML file holds a table for each key, or a folder holds one file for each key.
//! In a folder the key is the file's name without its ending, as in FineWeb-2's `configs/`
//! (`eng_Latn.yml`).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::files::Content;
use crate::nearest;

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
            None => Err("expected a .toml, .json or .yml file, or a folder of them".into()),
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

    /// Refuses a column of numbers that no key has, or that holds something else for some key.
    ///
    /// A column inside a list of pairs, such as FineWeb-2's `dup_n_grams`, is `dup_n_grams.5`.
    pub(crate) fn check_numbers(&self, column: &str) -> Result<(), String> {
        self.check(column, "a number", serde_json::Value::is_number)
    }

    /// Refuses a column of word lists that no key has, or that holds something else for some key.
    pub(crate) fn check_words(&self, column: &str) -> Result<(), String> {
        self.check(column, "a list", Value::is_array)
    }

    fn check(
        &self,
        column: &str,
        expected: &str,
        is_expected: impl Fn(&Value) -> bool,
    ) -> Result<(), String> {
        let mut is_there = false;
        for key in self.0.keys() {
            let Some(value) = self.get(key, column) else { continue };
            is_there = true;
            // A configuration writes null where a key has no value.
            if !value.is_null() && !is_expected(value) {
                return Err(format!("`{column}` of `{key}` is not {expected}: {value}"));
            }
        }
        if is_there { Ok(()) } else { Err(self.unknown(column)) }
    }

    fn unknown(&self, column: &str) -> String {
        let tables = self.0.values().filter_map(Value::as_object);
        let mut names: Vec<&str> =
            tables.flat_map(|table| table.keys()).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let help = match nearest(column, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known columns: {}", names.join(", ")),
        };
        format!("no key has `{column}`; {help}")
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

    /// The number in a column of a key.
    pub(crate) fn number(&self, key: &str, column: &str) -> Option<f64> {
        self.get(key, column)?.as_f64()
    }

    /// The list of words in a column of a key.
    pub(crate) fn words(&self, key: &str, column: &str) -> Option<Vec<&str>> {
        let list = self.get(key, column)?.as_array()?;
        // YAML reads some words as other types, such as `null` and `1`. They match no word, as in
        // datatrove.
        Some(list.iter().filter_map(Value::as_str).collect())
    }
}

/// Parses a file's content by the ending of its name; `None` for other endings.
fn parse(ending: &str, text: &str) -> Option<Result<Value, String>> {
    match ending.to_ascii_lowercase().as_str() {
        "toml" => Some(toml::from_str(text).map_err(|error| error.to_string())),
        "json" => Some(serde_json::from_str(text).map_err(|error| error.to_string())),
        "yml" | "yaml" => Some(serde_yaml_ng::from_str(text).map_err(|error| error.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_the_type_that_is_looked_up() {
        let table = |text| {
            Thresholds(BTreeMap::from([("eng".to_owned(), parse("yml", text).unwrap().unwrap())]))
        };
        let english = table("a: 0.5\nb: '0.5'\nc: null\nstopwords: [the, null]\nd: [[2, 0.1]]");
        assert_eq!(english.check_numbers("a"), Ok(()));
        assert_eq!(english.check_numbers("d.2"), Ok(()));
        assert_eq!(english.check_words("stopwords"), Ok(()));
        assert_eq!(english.words("eng", "stopwords"), Some(vec!["the"]));
        let refused = |column| english.check_numbers(column).unwrap_err();
        assert_eq!(refused("b"), "`b` of `eng` is not a number: \"0.5\"");
        assert_eq!(english.check_numbers("c"), Ok(()));
        assert_eq!(english.number("eng", "c"), None);
        assert!(refused("d.3").starts_with("no key has `d.3`"));
    }
}
