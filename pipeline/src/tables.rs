//! The tables of a run that SQL can ask.

use std::path::{Path, PathBuf};

use sql::Table;

use crate::error::{PipelineError, Result};
use crate::tokens;

/// Table names and where their files are below the run directory: a file, or a folder of parts.
const TABLES: [(&str, &str); 10] = [
    ("docs", "docs"),
    ("dropped", "dropped"),
    ("quarantine", "quarantine"),
    ("ledger", "ledger.parquet"),
    ("clusters", "clusters.parquet"),
    ("large_clusters", "large_clusters"),
    ("shard_docs", "shards/docs.parquet"),
    ("tokenizer_report", tokens::REPORT),
    ("training", "training.parquet"),
    ("validation", "validation.parquet"),
];

/// The tables that the run in `root` has.
pub fn tables(root: &Path) -> Result<Vec<Table>> {
    if !root.is_dir() {
        let message = format!("{}: there is no run here", root.display());
        return Err(PipelineError::Empty(message));
    }
    let mut found = Vec::new();
    for (name, place) in TABLES {
        let files = files(&root.join(place))?;
        if !files.is_empty() {
            found.push(Table { name: name.into(), files });
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
    let failed = |source| PipelineError::Read { path: place.display().to_string(), source };
    let mut files = std::fs::read_dir(place)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(failed)?;
    files.retain(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.ends_with(".parquet") && !name.starts_with('.')
    });
    files.sort();
    Ok(files)
}
