//! Finds duplicates among all documents, or reads the result from before an interruption.

use std::sync::Arc;

use serde_json::json;
use store::{FileEntry, Scratch};
use tables::TableWriter;

use super::assign::{self, Comparison};
use super::datatrove::Datatrove;
use super::index;
use super::large::Large;
use super::table::{self, Found, Member};
use crate::decision::{Decision, DropDocuments, Sizes, Verdict};
use crate::error::Result;
use crate::input::BarrierInput;
use crate::keys::KeyLayout;
use crate::stage::BarrierStage;

/// How a stage finds duplicates.
pub(crate) struct Duplicates<'a> {
    /// The drop reason in the ledger.
    pub(crate) reason: &'static str,
    pub(crate) layout: KeyLayout,
    pub(crate) comparison: Comparison,
    /// Clusters with more documents than this are reported with the lines that their members share.
    pub(crate) report_size: u32,
    /// The stage whose index is written for later runs, if any.
    pub(crate) index: Option<&'a dyn BarrierStage>,
    /// The settings for datatrove's files and survivors, if either is wanted.
    pub(crate) datatrove: Option<Datatrove>,
}

impl Duplicates<'_> {
    /// Finds the clusters, unless they were found before an interruption.
    ///
    /// # Errors
    /// Keys or texts cannot be read, or a file cannot be written.
    pub(crate) fn decide(
        &self,
        mut input: BarrierInput<'_>,
    ) -> Result<(Arc<dyn Decision>, String)> {
        // Files of earlier runs follow all files of this one, so that ordinals of this run do not
        // change.
        for known in &input.known {
            input.files.add(known.file.clone(), known.rows);
        }
        let path = table::path(input.place.0, input.place.1);
        let found = if input.run.done(&input.task()).is_none() {
            self.find(&input, &path)?
        } else {
            table::read(&input.run.path(&path))?
        };
        let outcome = format!("{} duplicates in {} clusters", found.dropped.len(), found.clusters);
        let decision = DropDocuments {
            verdict: Verdict { stage: input.name.to_owned(), reason: self.reason },
            dropped: Arc::new(found.dropped),
            sizes: Some(Arc::new(Sizes::new(found.sizes))),
        };
        Ok((Arc::new(decision), outcome))
    }

    fn find(&self, input: &BarrierInput<'_>, path: &str) -> Result<Found> {
        let scratch = input.scratch()?;
        let mut table = TableWriter::create(input.run, path, table::schema())?;
        let mut found = Found::default();
        let mut large = Large::new(self.report_size);
        let mut files = self.clusters(input, &scratch, |members| {
            table::write(&mut table, &members)?;
            members.iter().for_each(|member| found.add(member));
            large.add(&members);
            Ok(())
        })?;
        files.push(table.finish()?);
        files.extend(large.report(input)?);
        if let Some(stage) = self.index {
            let survives = |doc_id| !found.dropped.contains(doc_id) && !input.is_dropped(doc_id);
            files.extend(index::write(input, stage, survives)?);
        }
        input.run.complete(&input.task(), files, json!(null))?;
        Ok(found)
    }

    /// Passes all clusters to `take`. Returns the files that were written.
    fn clusters(
        &self,
        input: &BarrierInput<'_>,
        scratch: &Scratch,
        take: impl FnMut(Vec<Member>) -> Result<()>,
    ) -> Result<Vec<FileEntry>> {
        let Some(datatrove) = &self.datatrove else {
            assign::find(input, self.layout, &self.comparison, scratch, take)?;
            return Ok(Vec::new());
        };
        let (ranks, decision, files) = datatrove.deduplicate(input)?;
        if datatrove.chooses_survivors {
            ranks.clusters(input, &self.comparison, &decision, take)?;
        } else {
            assign::find(input, self.layout, &self.comparison, scratch, take)?;
        }
        Ok(files)
    }
}
