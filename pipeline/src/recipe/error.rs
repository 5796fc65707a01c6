//! A refused recipe, with the place in the file.

use std::ops::Range;
use std::path::PathBuf;

/// What is wrong with a recipe or a file that it names. Nothing was run.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct RecipeError {
    /// What is wrong, lower case.
    pub message: String,
    /// The file in which it is wrong.
    pub file: PathBuf,
    /// That file's text, to show the place in.
    pub text: String,
    /// The place, in bytes.
    pub span: Option<Range<usize>>,
    /// What stands at the place, in a word.
    pub label: String,
    /// The way out.
    pub help: Option<String>,
}

/// A file's name and text, from which errors are made.
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

    /// An error of the TOML reader, with a suggestion for a misspelt key.
    pub(crate) fn toml_error(&self, error: &toml::de::Error) -> RecipeError {
        let message = error.message().to_owned();
        let help = misspelt(&message).map(|near| format!("did you mean `{near}`?"));
        // The list of all keys is noise when the right one is known.
        let message = match (&help, message.split_once(", expected")) {
            (Some(_), Some((start, _))) => start.to_owned(),
            _ => message,
        };
        let message = message.replace("unknown field", "unknown key");
        self.error(message, error.span(), help)
    }
}

/// The expected name that is most like the one refused in serde's "unknown field" message.
fn misspelt(message: &str) -> Option<String> {
    let (refused, expected) = message.split_once(", expected")?;
    let quoted = |text: &str| -> Vec<String> {
        text.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
    };
    nearest(quoted(refused).first()?, quoted(expected).iter().map(String::as_str))
}

/// The most similar of some names, if one is similar at all.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    sql::nearest(name, candidates).map(ToOwned::to_owned)
}
