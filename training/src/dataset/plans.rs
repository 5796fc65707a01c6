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

use super::documents;
use crate::error::Result;

/// How documents are laid out in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanOptions {
    /// Which half.
    pub split: Split,
    /// Positions to learn from in a row.
    pub sequence_length: u32,
    /// The kind of layout.
    pub strategy: Strategy,
}

impl PlanOptions {
    /// Rows to learn from: best fit.
    pub fn of_rows(sequence_length: u32) -> Self {
        Self { split: Split::Train, sequence_length, strategy: Strategy::BestFit }
    }
}

/// The name of the plan's file beside the tokens.
pub fn plan_name(options: PlanOptions) -> String {
    settings(options).file_name(options.split)
}

fn settings(options: PlanOptions) -> PlanSettings {
    PlanSettings { strategy: options.strategy, ..PlanSettings::new(options.sequence_length) }
}

/// Plans a half of the dataset in `folder`, its sources apart, into the file `path`.
pub fn plan(folder: &Path, options: PlanOptions, path: &Path) -> Result<PlanHeader> {
    let manifest = ShardManifest::read(folder)?;
    let sources = sources(folder, &manifest, options.split)?;
    Ok(plan_dataset(folder, options.split, &sources, &settings(options), path)?)
}

/// As [`plan`], into any sink; `path` is named in errors.
pub fn write_plan<W: Write>(folder: &Path, options: PlanOptions, out: W, path: &Path) -> Result<W> {
    let manifest = ShardManifest::read(folder)?;
    let sources = sources(folder, &manifest, options.split)?;
    let (out, _) =
        write_dataset_plan(folder, options.split, &sources, &settings(options), out, path)?;
    Ok(out)
}

/// Each source by its rows, so that all rows are read once an epoch: exactly, while they are within what
/// weights may be.
pub fn weights_by_rows(subject: &Subject) -> Result<Vec<u64>> {
    let rows = subject.sources.iter().map(|(_, rows)| *rows);
    if rows.clone().sum::<u64>() < WEIGHT_SUM_MAX {
        return Ok(rows.collect());
    }
    let fractions: Vec<f64> = rows.map(|rows| rows as f64).collect();
    Ok(weights_from_fractions(&fractions)?)
}

/// The documents of each source; none where nothing tells them apart.
fn sources(folder: &Path, manifest: &ShardManifest, split: Split) -> Result<Vec<SourceDocuments>> {
    if let Some(sources) = sources_by_shard(manifest, split) {
        return Ok(sources);
    }
    let Some(documents) = documents(folder, None)? else { return Ok(Vec::new()) };
    let before = if split == Split::Train { 0 } else { manifest.documents(Split::Train) };
    let own = before..before + manifest.documents(split);
    let documents = documents.iter().filter(|document| own.contains(&document.row));
    Ok(sources_by_document(
        documents.map(|document| document.source.as_deref().unwrap_or_default()),
    ))
}

/// Opens the rows of a dataset: under the plan in the file `plan`, or under that of `options`, which is
/// made beside the tokens where it is not there or is of another dataset.
pub fn open_planned(
    folder: &Path,
    options: PlanOptions,
    given: Option<&Path>,
) -> Result<RowReader> {
    if let Some(path) = given {
        return Ok(RowReader::open(folder, path)?);
    }
    let path: PathBuf = folder.join(plan_name(options));
    let root = ShardManifest::read(folder)?.root;
    if !Plan::open(&path).is_ok_and(|plan| plan.header().root == root) {
        plan(folder, options, &path)?;
    }
    Ok(RowReader::open(folder, &path)?)
}
