//! The error for an invalid recipe, with its place in the file.

use std::ops::Range;
use std::path::PathBuf;

/// An error in a recipe or in a file that it names. Nothing was run.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct RecipeError {
    /// What is wrong, starting in lower case.
    pub message: String,
    /// The file with the error.
    pub file: PathBuf,
    /// The file's text, to show the place.
    pub text: String,
    /// The place in the text, in bytes.
    pub span: Option<Range<usize>>,
    /// The label at the place.
    pub label: String,
    /// How to fix it.
    pub help: Option<String>,
}
