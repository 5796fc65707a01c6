//! The text of a recipe or of a stage, and the places in it.

use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::RecipeError;

/// A file's name and text, from which errors are made. The recipe of a one-line command has no text,
/// and its errors have no place.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) file: PathBuf,
    pub(crate) text: String,
}

impl Document {
    pub(crate) fn error(
        &self,
        message: impl Into<String>,
        span: Option<Range<usize>>,
        help: Option<String>,
    ) -> RecipeError {
        RecipeError {
            message: message.into(),
            file: self.file.clone(),
            text: self.text.clone(),
            span,
            label: "here".into(),
            help,
        }
    }

    /// An error at a key, such as `stage.2.with.threshold`; at the nearest table around it where the
    /// key is not written.
    pub(crate) fn error_at(
        &self,
        path: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> RecipeError {
        self.error(message, self.place_of(path), Some(help.into()))
    }

    /// An error at the value of a key; at the nearest table around it where the key is not written.
    pub(crate) fn error_at_value(
        &self,
        path: &str,
        message: impl Into<String>,
        help: Option<String>,
    ) -> RecipeError {
        self.error(message, self.place(path).map(|place| place.value), help)
    }

    /// The place of a key.
    pub(crate) fn place_of(&self, path: &str) -> Option<Range<usize>> {
        self.place(path).map(|place| place.key)
    }

    /// Finds a key by its path. Numbers in the path are indexes of arrays.
    fn place(&self, path: &str) -> Option<Place> {
        let root = DeTable::parse(&self.text).ok()?;
        let mut place: Option<Place> = None;
        let mut value: Option<&Spanned<DeValue<'_>>> = None;
        for step in path.split('.') {
            let found = match value.map(Spanned::get_ref) {
                None => root.get_ref().get_key_value(step).map(|(key, value)| (key.span(), value)),
                Some(DeValue::Table(table)) => {
                    table.get_key_value(step).map(|(key, value)| (key.span(), value))
                }
                Some(DeValue::Array(items)) => {
                    let item = step.parse::<usize>().ok().and_then(|index| items.get(index));
                    item.map(|item| (item.span(), item))
                }
                Some(_) => None,
            };
            let Some((key, next)) = found else { break };
            // The span of a section's value is its header, which says more than its key alone.
            let is_section = matches!(next.get_ref(), DeValue::Table(_)) && place.is_none();
            let key = if is_section { next.span() } else { key };
            place = Some(Place { key, value: next.span() });
            value = Some(next);
        }
        place
    }

    /// An error of the TOML reader.
    pub(crate) fn toml_error(&self, error: &toml::de::Error) -> RecipeError {
        self.unknown_key_error(error, &[])
    }

    /// An error of the TOML reader; for a misspelt key, `others` are keys that are right too.
    pub(crate) fn unknown_key_error(
        &self,
        error: &toml::de::Error,
        others: &[&str],
    ) -> RecipeError {
        let message = error.message().to_owned();
        let help = misspelt(&message, others).map(|near| format!("did you mean `{near}`?"));
        // The list of all keys is noise when the right one is known.
        let message = match (&help, message.split_once(", expected")) {
            (Some(_), Some((start, _))) => start.to_owned(),
            _ => message,
        };
        let message = message.replace("unknown field", "unknown key");
        self.error(message, error.span(), help)
    }
}

/// Where a key and its value stand in a text, in bytes.
struct Place {
    key: Range<usize>,
    value: Range<usize>,
}

/// The expected name that is most like the one refused in serde's "unknown field" message.
fn misspelt(message: &str, others: &[&str]) -> Option<String> {
    let (refused, expected) = message.split_once(", expected")?;
    let quoted = |text: &str| -> Vec<String> {
        text.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
    };
    let expected = quoted(expected);
    let names = expected.iter().map(String::as_str).chain(others.iter().copied());
    sql::nearest(quoted(refused).first()?, names).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
        [run]\nmemory = \"1GiB\"\n\
        [[stage]]\nuse = \"exact\"\n\
        [[stage]]\nuse = \"minhash\"\nwith = { keep = \"id\", threshold = 75 }\n";

    fn at(path: &str) -> (&'static str, &'static str) {
        let document = Document { file: "recipe.toml".into(), text: TEXT.into() };
        let place = document.place(path).unwrap();
        (&TEXT[place.key], &TEXT[place.value])
    }

    #[test]
    fn keys_and_values_have_places() {
        assert_eq!(at("run.memory"), ("memory", "\"1GiB\""));
        assert_eq!(at("stage.1.with.threshold"), ("threshold", "75"));
        assert_eq!(at("stage.0.use"), ("use", "\"exact\""));
    }

    #[test]
    fn a_key_that_is_not_written_is_placed_at_what_is_around_it() {
        assert_eq!(at("run.threads").0, "[run]");
        assert_eq!(at("stage.0.with.keep").0, "[[stage]]");
        assert_eq!(at("stage.1.with.rows").0, "with");
    }

    #[test]
    fn a_text_that_cannot_be_read_has_no_places() {
        let document = Document { file: "stage.sql".into(), text: "SELECT".into() };
        assert!(document.place("run").is_none());
    }
}
