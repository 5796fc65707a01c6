//! What a barrier stage decided, and how a decision is applied to the documents of a part.

use std::sync::Arc;

use arrow::array::{BooleanArray, UInt32Array};
use arrow::compute::filter_record_batch;
use arrow::record_batch::RecordBatch;
use roaring::RoaringTreemap;
use sql::{Documents, Dropped};

use super::columns::{CLUSTER_SIZE, cluster_sizes, with_column};
use crate::columns::doc_ids;
use crate::error::Result;

/// What one stage decided over all documents.
pub(crate) trait Decision: Send + Sync {
    /// Whether the document is dropped.
    fn drops(&self, _doc_id: u64) -> bool {
        false
    }

    /// How many documents as read a survivor stands for, where the stage knows.
    fn represents(&self, _doc_id: u64) -> Option<u32> {
        None
    }

    /// The decision for one part.
    fn for_part(&self, part: usize) -> Result<Box<dyn PartDecision>>;
}

/// A decision with what is needed to apply it to one part.
pub(crate) trait PartDecision: Send {
    /// Applies it: the documents that stay, and those that are dropped.
    fn apply(&self, documents: Documents) -> Result<(Documents, Option<Dropped>)>;
}

/// The stage and the reason under which documents are dropped.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) stage: String,
    pub(super) reason: &'static str,
}

impl Verdict {
    /// Splits documents into those that stay and those that go.
    pub(super) fn split(
        &self,
        documents: Documents,
        goes: &[bool],
    ) -> Result<(Documents, Option<Dropped>)> {
        if !goes.contains(&true) {
            return Ok((documents, None));
        }
        let part = |wanted: bool| -> Result<Documents> {
            let mask: BooleanArray = goes.iter().map(|goes| Some(*goes == wanted)).collect();
            let both = documents.read_bytes.iter().zip(goes);
            let read_bytes = both.filter(|(_, goes)| **goes == wanted).map(|(bytes, _)| *bytes);
            Ok(Documents {
                batch: filter_record_batch(&documents.batch, &mask)?,
                read_bytes: read_bytes.collect(),
            })
        };
        let left = part(true)?;
        let left = Dropped::for_reason(&self.stage, &left.batch, self.reason, left.read_bytes)?;
        Ok((part(false)?, Some(left)))
    }
}

/// Some documents go; those that stay may stand for more than themselves.
#[derive(Clone)]
pub(super) struct DropDocuments {
    pub(super) verdict: Verdict,
    /// The documents that go.
    pub(super) dropped: Arc<RoaringTreemap>,
    /// How many documents each survivor stands for; those that it does not name keep their number.
    /// `None` where the stage knows no clusters.
    pub(super) sizes: Option<Arc<Sizes>>,
}

impl Decision for DropDocuments {
    fn drops(&self, doc_id: u64) -> bool {
        self.dropped.contains(doc_id)
    }

    fn represents(&self, doc_id: u64) -> Option<u32> {
        self.sizes.as_ref()?.get(doc_id)
    }

    fn for_part(&self, _: usize) -> Result<Box<dyn PartDecision>> {
        Ok(Box::new(self.clone()))
    }
}

impl PartDecision for DropDocuments {
    fn apply(&self, documents: Documents) -> Result<(Documents, Option<Dropped>)> {
        let ids = doc_ids(&documents.batch)?.values();
        let goes: Vec<bool> = ids.iter().map(|id| self.dropped.contains(*id)).collect();
        let (mut kept, left) = self.verdict.split(documents, &goes)?;
        if let Some(sizes) = &self.sizes {
            kept.batch = with_sizes(&kept.batch, sizes)?;
        }
        Ok((kept, left))
    }
}

/// How many documents each survivor stands for.
#[derive(Debug, Default)]
pub(crate) struct Sizes {
    /// `doc_id` and number, sorted.
    of: Vec<(u64, u32)>,
}

impl Sizes {
    pub(super) fn new(mut of: Vec<(u64, u32)>) -> Self {
        of.sort_unstable();
        Self { of }
    }

    pub(super) fn get(&self, doc_id: u64) -> Option<u32> {
        let found = self.of.binary_search_by_key(&doc_id, |(doc_id, _)| *doc_id);
        found.ok().map(|index| self.of[index].1)
    }
}

/// The batch with the new cluster sizes.
fn with_sizes(batch: &RecordBatch, sizes: &Sizes) -> Result<RecordBatch> {
    let before = cluster_sizes(batch);
    let now = doc_ids(batch)?.values().iter().zip(before);
    let now = now.map(|(doc_id, before)| sizes.get(*doc_id).unwrap_or(before));
    with_column(batch, CLUSTER_SIZE, Arc::new(UInt32Array::from_iter_values(now)))
}
