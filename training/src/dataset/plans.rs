//! Packing plans beside a dataset's tokens.

use std::io::Write;
use std::path::{Path, PathBuf};

use shards::dataset::{ShardManifest, Split};
use shards::order::{Subject, WEIGHT_SUM_MAX, weights_from_fractions};
use shards::plan::{
    Plan, PlanHeader, PlanSettings, SourceDocuments, Strategy, plan_dataset, sources_by_document,
    sources_by_shard, write_dataset_plan,
};
use shards::reader::RowReader;

use super::{cache, documents, run_of};
use crate::error::Result;

/// How documents are packed into rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanOptions {
    /// The half of the dataset.
    pub split: Split,
    /// Predicted positions per row; a row has one token more.
    pub sequence_length: u32,
    /// The packing strategy.
    pub strategy: Strategy,
}

impl PlanOptions {
    /// Training rows, packed with best fit.
    pub fn of_rows(sequence_length: u32) -> Self {
        Self { split: Split::Train, sequence_length, strategy: Strategy::BestFit }
    }
}

/// The name of the plan file beside the tokens.
pub fn plan_name(options: PlanOptions) -> String {
    settings(options).file_name(options.split)
}

fn settings(options: PlanOptions) -> PlanSettings {
    PlanSettings { strategy: options.strategy, ..PlanSettings::new(options.sequence_length) }
}

/// Packs a half of the dataset in `folder`, each source separately, and writes the plan to `path`.
///
/// # Errors
/// The dataset cannot be read, or the plan cannot be written.
pub fn plan(folder: &Path, options: PlanOptions, path: &Path) -> Result<PlanHeader> {
    let manifest = ShardManifest::read(folder)?;
    let sources = sources(folder, &manifest, options.split)?;
    Ok(plan_dataset(folder, options.split, &sources, &settings(options), path)?)
}

/// Like [`plan`], but writes to any sink; `path` is only used in error messages.
///
/// # Errors
/// As for [`plan`].
pub fn write_plan<W: Write>(folder: &Path, options: PlanOptions, out: W, path: &Path) -> Result<W> {
    let manifest = ShardManifest::read(folder)?;
    let sources = sources(folder, &manifest, options.split)?;
    let (out, _) =
        write_dataset_plan(folder, options.split, &sources, &settings(options), out, path)?;
    Ok(out)
}

/// Weights sources by their number of rows, so that every row is read once per epoch.
///
/// This is exact up to the largest sum of weights; beyond it the weights are rounded.
///
/// # Errors
/// The rounded weights are invalid.
pub fn weights_by_rows(subject: &Subject) -> Result<Vec<u64>> {
    let rows = subject.sources.iter().map(|(_, rows)| *rows);
    if rows.clone().sum::<u64>() < WEIGHT_SUM_MAX {
        return Ok(rows.collect());
    }
    let fractions: Vec<f64> = rows.map(|rows| rows as f64).collect();
    Ok(weights_from_fractions(&fractions)?)
}

/// The documents of each source; empty if the dataset does not record sources.
fn sources(folder: &Path, manifest: &ShardManifest, split: Split) -> Result<Vec<SourceDocuments>> {
    if let Some(sources) = sources_by_shard(manifest, split) {
        return Ok(sources);
    }
    let Some(documents) = documents(folder, None)? else { return Ok(Vec::new()) };
    let before = if split == Split::Train { 0 } else { manifest.documents(Split::Train) };
    let own = before..before + manifest.documents(split);
    let documents = documents.iter().filter(|document| own.contains(&document.row));
    Ok(sources_by_document(documents.map(|document| document.source.as_deref().unwrap_or(""))))
}

/// Opens the rows of a dataset under the plan in the file `given`, or else the plan of `options`.
///
/// The latter is written if it is missing, unreadable or of another dataset: beside the tokens, or
/// in the user's cache if they are part of a finished run.
///
/// # Errors
/// The dataset or the given plan cannot be read, or the new plan cannot be written.
pub fn open_planned(
    folder: &Path,
    options: PlanOptions,
    given: Option<&Path>,
) -> Result<RowReader> {
    if let Some(path) = given {
        return Ok(RowReader::open(folder, path)?);
    }
    let root = ShardManifest::read(folder)?.root;
    let is_of_dataset = |path: &Path| Plan::open(path).is_ok_and(|plan| plan.header().root == root);
    let mut path = folder.join(plan_name(options));
    if !is_of_dataset(&path) {
        path = new_plan_path(folder, &root, options);
        if !is_of_dataset(&path) {
            plan(folder, options, &path)?;
        }
    }
    Ok(RowReader::open(folder, &path)?)
}

/// Where a new plan of the dataset in `folder` is written: beside the tokens, or, since a finished
/// run must not change, in the user's cache under the dataset's `root`.
pub fn new_plan_path(folder: &Path, root: &str, options: PlanOptions) -> PathBuf {
    let name = plan_name(options);
    match run_of(folder) {
        None => folder.join(name),
        Some(_) => cache().join("plans").join(root).join(name),
    }
}
