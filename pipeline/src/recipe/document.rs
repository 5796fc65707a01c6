//! The text of a recipe or stage, and the places of its keys.

use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::RecipeError;

/// A file's name and text, for error messages. A recipe that was built from the command line has no
/// text, so its errors have no place.
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

    /// An error at a key, such as `stage.2.with.threshold`. If the text does not have the key, the
    /// place is the innermost table around it.
    pub(crate) fn error_at(
        &self,
        path: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> RecipeError {
        self.error(message, self.place_of(path), Some(help.into()))
    }

    /// An error at the value of a key. If the text does not have the key, the place is the
    /// innermost table around it.
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

    /// Finds a key by its path. Numbers in the path are array indexes. `None` if the text is not
    /// TOML, which has its own error, or has no part of the path.
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
            // The span of a section's value is its header, such as `[run]`, which is clearer than
            // the key.
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

    /// An error of the TOML reader. `others` are additional valid keys to suggest for a misspelt
    /// key.
    pub(crate) fn unknown_key_error(
        &self,
        error: &toml::de::Error,
        others: &[&str],
    ) -> RecipeError {
        let message = error.message().to_owned();
        let help = misspelt(&message, others).map(|near| format!("did you mean `{near}`?"));
        // If there is a suggestion, the list of all keys is noise.
        let message = match (&help, message.split_once(", expected")) {
            (Some(_), Some((start, _))) => start.to_owned(),
            _ => message,
        };
        let message = message.replace("unknown field", "unknown key");
        self.error(message, error.span(), help)
    }
}

/// The places of a key and its value in a text, in bytes.
struct Place {
    key: Range<usize>,
    value: Range<usize>,
}

/// The expected name that is most similar to the unknown one. Both are read from serde's message
/// for an unknown field, since serde offers no structured error.
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
