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
use shards::dataset::{RemoteDataset, ShardManifest};
pub use step::{StepDocument, StepDocuments, explain};

use crate::error::Result;

/// The folder of the dataset that `path` names: itself, that in the run directory that it is, or a copy
/// of what is in an object store (`s3://`, `gs://`), fetched and checked.
///
/// # Errors
/// There is no dataset at an address, or it cannot be fetched.
pub fn folder(path: &Path) -> Result<PathBuf> {
    let address = path.to_string_lossy();
    if address.contains("://") {
        let remote = RemoteDataset::open(&address, &cache())?;
        return Ok(remote.fetch_all()?.to_owned());
    }
    let inside = path.join(store::layout::SHARDS);
    let is_run = !path.join(ShardManifest::FILE).is_file() && inside.is_dir();
    Ok(if is_run { inside } else { path.to_owned() })
}

/// Where copies of datasets are kept: `$GRISTMILL_CACHE`, or `gristmill/` in the user's cache folder.
fn cache() -> PathBuf {
    let of = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let user = || of("XDG_CACHE_HOME").or_else(|| Some(of("HOME")?.join(".cache")));
    let place = of("GRISTMILL_CACHE").or_else(|| Some(user()?.join("gristmill")));
    place.unwrap_or_else(|| PathBuf::from(".gristmill-cache"))
}

/// The run directory that a dataset's folder lies in, if it lies in one.
pub fn run_of(folder: &Path) -> Option<&Path> {
    folder.parent().filter(|root| root.join("manifest.json").is_file())
}
