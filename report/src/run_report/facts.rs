//! The inputs of the report: the run's directory, and facts that none of its tables records.

use std::path::Path;

use shards::dataset::ShardManifest;
use store::layout;
use tables::Ledger;

use super::curve::Curve;
use super::recipe::RunRecipe;
use crate::error::Result;

/// A run directory, with facts that no file in it records.
pub struct RunFiles<'a> {
    /// The recipe's name.
    pub name: &'a str,
    /// The run directory. The ledger and all other outputs must already be written.
    pub root: &'a Path,
    /// The sources and the files that were read.
    pub sources: Vec<SourceFiles<'a>>,
    /// The model, if the run trained one.
    pub trained: Option<Trained<'a>>,
}

/// The files of one source.
pub struct SourceFiles<'a> {
    /// The source's name.
    pub name: &'a str,
    /// Address and size in bytes of each file.
    pub files: Vec<(&'a str, u64)>,
}

/// A trained model.
pub struct Trained<'a> {
    /// The shape in words.
    pub shape: String,
    /// Number of parameters.
    pub n_parameters: u64,
    /// Optimiser steps.
    pub steps: u64,
    /// Entropy of the token frequencies in nats.
    pub unigram_entropy: f64,
    /// The prompt and the model's continuation.
    pub sample: &'a str,
}

/// The facts read from the directory.
pub(super) struct Facts<'a> {
    pub(super) recipe: RunRecipe,
    pub(super) ledger: Ledger,
    pub(super) shards: Option<ShardManifest>,
    pub(super) trained: Option<(&'a Trained<'a>, Curve)>,
}

impl<'a> Facts<'a> {
    pub(super) fn read(run: &'a RunFiles<'a>) -> Result<Self> {
        let shards = run.root.join(layout::SHARDS);
        let has_shards = shards.join(ShardManifest::FILE).is_file();
        let trained = run.trained.as_ref();
        Ok(Self {
            recipe: RunRecipe::read(run.root)?,
            ledger: Ledger::read(&run.root.join(layout::LEDGER))?,
            shards: has_shards.then(|| ShardManifest::read(&shards)).transpose()?,
            trained: trained
                .map(|model| Ok::<_, crate::ReportError>((model, Curve::read(run.root)?)))
                .transpose()?,
        })
    }
}
