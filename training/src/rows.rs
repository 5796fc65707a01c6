//! The rows that training reads: a packing plan in the run directory, and the order of its rows.

use std::path::Path;

use serde_json::json;
use shards::order::{Order, Stage};
use shards::reader::RowReader;
use store::Run;

use crate::dataset::{self, PlanOptions};
use crate::error::Result;

/// Opens the rows of the dataset in `folder` under a plan, which the run stores at `path`.
pub(crate) fn plan_in_run(
    run: &Run,
    folder: &Path,
    path: &str,
    options: PlanOptions,
) -> Result<RowReader> {
    const TASK: &str = "plan";
    if run.done(TASK).is_none() {
        let publication = run.publish(path)?;
        let publication = dataset::write_plan(folder, options, publication, &run.path(path))?;
        run.complete(TASK, vec![publication.finish()?], json!(null))?;
    }
    Ok(RowReader::open(folder, &run.path(path))?)
}

/// The order of all rows in batches of `batch_rows`; each row is read once per epoch.
pub(crate) fn order_of(reader: &RowReader, seed: u64, batch_rows: usize) -> Result<Order> {
    let weights = dataset::weights_by_rows(&reader.plan().subject())?;
    let stage = Stage { first_step: 0, batch_rows: batch_rows as u64, weights };
    Ok(reader.order(seed, &[stage], None)?)
}
