//! A format: its name, and how it is written and read.

use std::fmt;
use std::path::Path;

use super::Result;
use super::output::Export;
use super::stream::TokenSource;

/// Another trainer's format of token datasets.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// The name on the command line.
    pub(super) name: &'static str,
    /// Writes a dataset.
    pub(super) export: fn(&mut Export<'_>) -> Result<()>,
    /// Opens one of another tool's files, whose ids are below the given vocabulary size. `None` for
    /// formats that are not imported.
    pub(super) open: Option<fn(&Path, usize) -> Result<TokenSource>>,
}

impl Format {
    /// The name on the command line.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// True when [`import`](super::import) reads the format.
    pub fn can_import(&self) -> bool {
        self.open.is_some()
    }
}

/// Formats are told apart by their names.
impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Format {}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
