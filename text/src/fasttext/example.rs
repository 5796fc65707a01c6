//! Labelled texts.

use super::dictionary::LABEL_PREFIX;

/// A text and its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example<'a> {
    /// One or more names without white space, with or without the prefix `__label__`.
    pub labels: Vec<&'a str>,
    /// Split into words at ASCII white space; line ends count as spaces.
    pub text: &'a str,
}

impl<'a> Example<'a> {
    /// Reads a line in fastText's format: labels with their prefix, then the text.
    ///
    /// ```
    /// let example = text::fasttext::Example::from_line("__label__sea waves and tide");
    /// assert_eq!(example.labels, ["__label__sea"]);
    /// assert_eq!(example.text, "waves and tide");
    /// ```
    pub fn from_line(line: &'a str) -> Self {
        let mut labels = Vec::new();
        let mut text = line.trim_ascii_start();
        while text.starts_with(LABEL_PREFIX) {
            let end = text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len());
            labels.push(&text[..end]);
            text = text[end..].trim_ascii_start();
        }
        Self { labels, text }
    }
}
