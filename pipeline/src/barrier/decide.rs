//! Running a stage over all documents.

use std::sync::Arc;

use roaring::RoaringTreemap;
use serde_json::json;
use store::Scratch;

use super::barrier::Barrier;
use super::clusters::{self, Member};
use super::decision::{Decision, Verdict};
use super::large::Large;
use super::{BarrierStage, cluster, datatrove, known, repeated, seen};
use crate::error::Result;
use tables::TableWriter;

/// The clusters of one stage, until those of all stages are one table.
pub(crate) fn clusters_path(step: usize, stage: usize) -> String {
    format!("work/clusters-{step}-{stage}.parquet")
}

/// Runs a stage; comes with what it found, in words.
pub(crate) fn decide(mut barrier: Barrier<'_>) -> Result<(Decision, String)> {
    let scratch = barrier.scratch()?;
    let (verdict, outcome) = match &barrier.planned.stage {
        BarrierStage::Exact(_) | BarrierStage::MinHash(_) => {
            known::add(&mut barrier.files, &barrier.known);
            duplicates(&barrier, &scratch)?
        }
        BarrierStage::Bloom(options) => seen::decide(&barrier, options)?,
        BarrierStage::Lines(options) => repeated::lines(&barrier, options, &scratch)?,
        BarrierStage::Substrings(options) => repeated::substrings(&barrier, options, &scratch)?,
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
            BarrierStage::MinHash(options) if options.needs_minima() => {
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
