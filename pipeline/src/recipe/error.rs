//! A refused recipe, with the place in the file.

use std::ops::Range;
use std::path::PathBuf;

/// What is wrong with a recipe or with a file that it names. Nothing was run.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct RecipeError {
    /// What is wrong, lower case.
    pub message: String,
    /// The file that is wrong.
    pub file: PathBuf,
    /// That file's text, to show the place in.
    pub text: String,
    /// The place, in bytes.
    pub span: Option<Range<usize>>,
    /// The label at the place.
    pub label: String,
    /// The way out.
    pub help: Option<String>,
}
