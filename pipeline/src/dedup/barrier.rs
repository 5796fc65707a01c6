//! Stages over all documents, between two segments.

use std::sync::Arc;

use roaring::RoaringTreemap;
use serde_json::json;
use store::{Run, Scratch};

use super::clusters::{self, Member};
use super::decision::{Decision, Verdict};
use super::keys::{KeyFiles, KeyRow};
use super::known::{self, Known};
use super::large::Large;
use super::texts::Texts;
use super::{DedupStage, PlannedDedup, cluster, datatrove, repeated, seen};
use crate::error::Result;
use crate::table::TableWriter;

/// A stage over all documents, and what it looks at.
pub(crate) struct Barrier<'a> {
    pub(crate) run: &'a Run,
    pub(crate) planned: &'a PlannedDedup,
    /// The step that it follows, and its place among the stages that follow it.
    pub(crate) place: (usize, usize),
    /// The keys of all documents.
    pub(crate) files: KeyFiles,
    /// Earlier runs whose documents count as known.
    pub(crate) known: Vec<Known>,
    /// What the stages before it over the same documents decided.
    pub(crate) earlier: &'a [Decision],
    /// What sorting may take.
    pub(crate) memory_bytes: u64,
    pub(crate) texts: &'a dyn Texts,
}

impl Barrier<'_> {
    /// Whether an earlier stage dropped a document.
    pub(super) fn is_gone(&self, row: &KeyRow<'_>) -> bool {
        // The numbers of an earlier run's documents say nothing here.
        self.files.earlier_run(row.ordinal).is_none() && self.is_dropped(row.doc_id)
    }

    fn is_dropped(&self, doc_id: u64) -> bool {
        self.earlier.iter().any(|decision| match &decision.verdict {
            Verdict::Drop { dropped, .. } => dropped.contains(doc_id),
            _ => false,
        })
    }

    /// How many documents as read one stands for.
    pub(super) fn represents(&self, row: &KeyRow<'_>) -> u32 {
        let now = self.earlier.iter().rev().find_map(|decision| match &decision.verdict {
            Verdict::Drop { sizes: Some(sizes), .. } => sizes.get(row.doc_id),
            _ => None,
        });
        now.unwrap_or(row.size)
    }

    fn task(&self) -> String {
        format!("dedup-{}-{}", self.place.0, self.place.1)
    }

    /// A folder for what does not fit into memory.
    fn scratch(&self) -> Result<Scratch> {
        Ok(Scratch::create(self.run.path(&format!("work/scratch-{}", self.task())))?)
    }

    fn decision(&self, verdict: Verdict) -> Decision {
        let reason = self.planned.stage.reason();
        Decision { stage: self.planned.name.clone(), reason, verdict }
    }
}

/// The clusters of one stage, until those of all stages are one table.
pub(crate) fn clusters_path(step: usize, stage: usize) -> String {
    format!("work/clusters-{step}-{stage}.parquet")
}

/// Runs a stage; comes with what it found, in words.
pub(crate) fn decide(mut barrier: Barrier<'_>) -> Result<(Decision, String)> {
    let scratch = barrier.scratch()?;
    let (verdict, outcome) = match &barrier.planned.stage {
        DedupStage::Exact(_) | DedupStage::MinHash(_) => {
            known::add(&mut barrier.files, &barrier.known);
            duplicates(&barrier, &scratch)?
        }
        DedupStage::Bloom(options) => seen::decide(&barrier, options)?,
        DedupStage::Lines(options) => repeated::lines(&barrier, options, &scratch)?,
        DedupStage::Substrings(options) => repeated::substrings(&barrier, options, &scratch)?,
    };
    Ok((barrier.decision(verdict), outcome))
}

/// Finds the clusters, unless an earlier start did.
fn duplicates(barrier: &Barrier<'_>, scratch: &Scratch) -> Result<(Verdict, String)> {
    let run = barrier.run;
    let path = clusters_path(barrier.place.0, barrier.place.1);
    if run.done(&barrier.task()).is_none() {
        let mut table = TableWriter::create(run, &path, clusters::schema())?;
        let mut dropped = RoaringTreemap::new();
        let mut large = Large::new(barrier.planned.stage.report_size());
        let take = |members: Vec<Member>| {
            clusters::write(&mut table, &members)?;
            dropped.extend(members.iter().filter(|m| m.is_dropped()).map(|m| m.doc_id));
            large.add(&members);
            Ok(())
        };
        let mut files = match &barrier.planned.stage {
            DedupStage::MinHash(options) if options.needs_minima() => {
                datatrove::find(barrier, options, scratch, take)?
            }
            _ => {
                cluster::find(barrier, scratch, take)?;
                Vec::new()
            }
        };
        files.push(table.finish()?);
        files.extend(large.report(barrier)?);
        if barrier.planned.stage.has_index() {
            let survives = |doc_id| !dropped.contains(doc_id) && !barrier.is_dropped(doc_id);
            files.extend(known::leave(run, barrier.planned, &barrier.files, survives)?);
        }
        run.complete(&barrier.task(), files, json!(null))?;
    }
    let (dropped, sizes) = clusters::read(&run.path(&path))?;
    let outcome = format!("{} duplicates in {} clusters", dropped.len(), sizes.clusters);
    let sizes = Some(Arc::new(sizes.of));
    Ok((Verdict::Drop { dropped: Arc::new(dropped), sizes }, outcome))
}
