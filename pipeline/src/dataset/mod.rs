//! A dataset of shards with what the tables beside it know: plans by source, the documents behind a
//! step, a table of tokens.

mod documents;
mod parquet;
mod plans;
mod step;

use std::path::{Path, PathBuf};

pub use documents::{DocumentRow, documents};
pub use parquet::export_parquet;
pub use plans::{PlanOptions, open_planned, plan, plan_name, weights_by_rows, write_plan};
pub use step::{StepDocument, StepDocuments, explain};
use store::shards::ShardManifest;

/// The folder of the dataset that `path` names: itself, or that in the run directory that it is.
pub fn folder(path: &Path) -> PathBuf {
    let inside = path.join(crate::tokens::SHARDS);
    let is_run = !path.join(ShardManifest::FILE).is_file() && inside.is_dir();
    if is_run { inside } else { path.to_owned() }
}

/// The run directory that a dataset's folder lies in, if it lies in one.
pub fn run_of(folder: &Path) -> Option<&Path> {
    folder.parent().filter(|root| root.join("manifest.json").is_file())
}
