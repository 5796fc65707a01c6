//! Deduplication across crawls: documents of earlier runs count as known.
//!
//! If the recipe requests it, a stage writes an index to the run's `index/` folder. A later run
//! names that run in `against`. The earlier documents rank before all documents of the later run,
//! so every copy of one is dropped.

use std::path::{Path, PathBuf};

use store::Run;

/// The index or filter that an earlier run wrote for one stage.
pub struct Known {
    /// The run's directory as written in the recipe.
    pub name: String,
    /// The digest of the run's manifest.
    pub digest: String,
    /// The file of the index or filter.
    pub(super) file: PathBuf,
    /// Rows of the index; 0 for a filter.
    pub(super) rows: u64,
}

/// An earlier run that a stage cannot use, and why.
#[derive(Debug, thiserror::Error)]
#[error("{run}: {message}")]
pub struct Unusable {
    /// The run's directory as written in the recipe.
    pub run: String,
    /// What is wrong with it.
    pub message: String,
}

/// A finished run that a stage compares its documents with.
pub(super) struct EarlierRun {
    name: String,
    /// The run directory.
    pub(super) root: PathBuf,
    digest: String,
}

impl EarlierRun {
    /// Opens each of the runs `names` and applies `find` to it. Relative paths start from `folder`.
    ///
    /// # Errors
    /// A run is not finished or cannot be read, or `find` fails.
    pub(super) fn each(
        names: &[String],
        folder: &Path,
        find: impl Fn(&Self) -> Result<Known, String>,
    ) -> Result<Vec<Known>, Unusable> {
        let open = |name: &String| {
            let found = Self::open(name, folder).and_then(|run| find(&run));
            found.map_err(|message| Unusable { run: name.clone(), message })
        };
        names.iter().map(open).collect()
    }

    fn open(name: &str, folder: &Path) -> Result<Self, String> {
        let root = folder.join(name);
        let manifest = Run::finished(&root).map_err(|error| error.to_string())?;
        let manifest = manifest.ok_or("there is no finished run")?;
        Ok(Self { name: name.to_owned(), root, digest: manifest.root })
    }

    /// The run's index or filter in `file`.
    pub(super) fn known(&self, file: PathBuf, rows: u64) -> Known {
        Known { name: self.name.clone(), digest: self.digest.clone(), file, rows }
    }
}

/// The message for a run without an index of a stage.
pub(super) fn no_index(stage: &str) -> String {
    format!("that run has no index for a stage `{stage}`; run it again with `index = true` there")
}

/// The most stages after one step, and the most earlier runs of one stage, for which ids of known
/// documents are unique.
const STAGES_MAX: u64 = 1 << 6;
const RUNS_MAX: u64 = 1 << 12;

/// The `doc_id` of row `row` of the `run`-th earlier run at a stage. The upper half counts down
/// from the highest file number, which no file of this run reaches, so these ids never clash with
/// its own.
pub(super) fn known_doc_id((step, stage): (usize, usize), run: usize, row: u64) -> u64 {
    let place = (step as u64 * STAGES_MAX + stage as u64) * RUNS_MAX + run as u64;
    ((u64::from(u32::MAX) - place) << 32) | (row & u64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn known_documents_have_ids_of_their_own() {
        let mut ids = BTreeSet::new();
        for step in 0..3 {
            for stage in 0..4 {
                for run in 0..5 {
                    for row in [0, 1, u64::from(u32::MAX)] {
                        ids.insert(known_doc_id((step, stage), run, row));
                    }
                }
            }
        }
        assert_eq!(ids.len(), 3 * 4 * 5 * 3);
        // Only a run with this many files could give such an id to one of its own documents.
        let files = ids.first().unwrap() >> 32;
        assert!(files > 4_000_000_000, "{files}");
    }

    #[test]
    fn a_run_that_is_not_there_is_named() {
        let found = EarlierRun::each(&["nowhere".into()], Path::new(""), |_| Err(String::new()));
        let Err(unusable) = found else { panic!("found a run nowhere") };
        assert_eq!(
            (unusable.run.as_str(), unusable.message.as_str()),
            ("nowhere", "there is no finished run")
        );
    }
}
