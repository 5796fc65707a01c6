//! A dataset of shards together with the tables beside it: packing plans by source, the documents
//! that a step reads, and export as a table of tokens.

mod documents;
mod parquet;
mod plans;
mod step;

use std::path::{Path, PathBuf};

use shards::dataset::{RemoteDataset, ShardManifest};

pub use self::documents::{DocumentRow, documents};
pub use self::parquet::export_parquet;
pub use self::plans::{
    PlanOptions, new_plan_path, open_planned, plan, plan_name, weights_by_rows, write_plan,
};
pub use self::step::{StepDocument, StepDocuments, explain};
use crate::error::Result;

/// The folder of the dataset that `path` refers to.
///
/// `path` is a dataset's folder, a run directory that contains one, or an address in an object
/// store (`s3://`, `gs://`), which is copied to the cache and checked.
///
/// # Errors
/// There is no dataset at the address, or it cannot be fetched.
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

/// The folder for copies of datasets: `$GRISTMILL_CACHE`, or `gristmill/` in the user's cache.
fn cache() -> PathBuf {
    let of = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let user = || of("XDG_CACHE_HOME").or_else(|| Some(of("HOME")?.join(".cache")));
    let place = of("GRISTMILL_CACHE").or_else(|| Some(user()?.join("gristmill")));
    place.unwrap_or_else(|| PathBuf::from(".gristmill-cache"))
}

/// The run directory that contains a dataset's folder, if there is one.
pub fn run_of(folder: &Path) -> Option<&Path> {
    folder.parent().filter(|root| root.join("manifest.json").is_file())
}
