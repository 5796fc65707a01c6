//! An input file as the recipe describes it.

use serde::{Deserialize, Serialize};

use crate::decompress::Compression;
use crate::fields::Fields;
use crate::format::Format;
use crate::limits::Limits;

/// An input file as the recipe describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Name of the file. Documents without an id are called `path/ordinal`.
    pub path: String,
    /// The file's format.
    pub format: Format,
    /// The compression that the file's name suggests. The file's first bytes take precedence.
    pub compression: Compression,
    /// Which fields of a JSONL object, or columns of a Parquet file, make a document.
    pub fields: Fields,
    /// What a document of a plain text file is.
    pub documents: TextUnit,
    /// Upper bounds on the size of a line, a record and a file.
    pub limits: Limits,
}

impl Input {
    /// The input that a file's name describes, with default fields and limits. `None` if
    /// [`Format::from_name`] does not know the name's ending.
    pub fn from_name(path: &str) -> Option<Self> {
        let (format, compression) = Format::from_name(path)?;
        let (fields, limits) = (Fields::default(), Limits::default());
        let documents = TextUnit::default();
        Some(Self { path: path.to_owned(), format, compression, fields, documents, limits })
    }
}

/// What a document of a plain text file is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum TextUnit {
    /// The file.
    #[default]
    File,
    /// A line that is not blank.
    Line,
    /// Lines without a blank line between them.
    #[serde(alias = "blank_line")]
    #[value(alias = "blank_line")]
    Paragraph,
}
