//! The tables that a run has, by the names that SQL uses.

use std::path::{Path, PathBuf};

use store::layout;

use crate::{Result, TableError};

/// A table of a run: its name in SQL, and its files in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunTable {
    /// The name, such as `docs`.
    pub name: String,
    /// Parquet files with the same columns.
    pub files: Vec<PathBuf>,
}

/// The names of tables, each with its file or folder of parts below the run directory.
const TABLES: [(&str, &str); 10] = [
    ("docs", "docs"),
    ("dropped", "dropped"),
    ("quarantine", "quarantine"),
    ("ledger", layout::LEDGER),
    ("clusters", "clusters.parquet"),
    ("large_clusters", "large_clusters"),
    ("shard_docs", layout::SHARD_DOCUMENTS),
    ("tokenizer_report", layout::TOKENIZER_REPORT),
    ("training", layout::TRAINING),
    ("validation", layout::VALIDATION),
];

/// Lists the tables of the run in `root`.
///
/// # Errors
/// `root` is not a directory, or one of its folders cannot be listed.
pub fn run_tables(root: &Path) -> Result<Vec<RunTable>> {
    if !root.is_dir() {
        return Err(TableError::NoRun(root.to_owned()));
    }
    let mut found = Vec::new();
    for (name, place) in TABLES {
        let files = files(&root.join(place))?;
        if !files.is_empty() {
            found.push(RunTable { name: name.into(), files });
        }
    }
    Ok(found)
}

fn files(place: &Path) -> Result<Vec<PathBuf>> {
    if place.is_file() {
        return Ok(vec![place.to_owned()]);
    }
    if !place.is_dir() {
        return Ok(Vec::new());
    }
    let failed = |source| TableError::Read { path: place.display().to_string(), source };
    let mut files = std::fs::read_dir(place)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(failed)?;
    files.retain(|file| {
        let name = file.file_name().map(|name| name.to_string_lossy());
        name.is_some_and(|name| name.ends_with(".parquet") && !name.starts_with('.'))
    });
    files.sort();
    Ok(files)
}
