//! The decision of a barrier stage, and how it is applied to the documents of a part.

use std::sync::Arc;

use arrow::array::{BooleanArray, UInt32Array};
use arrow::compute::filter_record_batch;
use arrow::record_batch::RecordBatch;
use roaring::RoaringTreemap;
use sql::columns::doc_ids;
use sql::{Documents, Dropped};

use crate::columns::{CLUSTER_SIZE, cluster_sizes, with_column};
use crate::error::Result;

/// The decision of one stage over all documents.
pub trait Decision: Send + Sync {
    /// Whether the document is dropped.
    fn drops(&self, _doc_id: u64) -> bool {
        false
    }

    /// The number of input documents that a survivor stands for, or `None` if the stage does not
    /// know.
    fn represents(&self, _doc_id: u64) -> Option<u32> {
        None
    }

    /// The decision for one part.
    ///
    /// # Errors
    /// The part's share of the decision cannot be read from disk.
    fn for_part(&self, part: usize) -> Result<Box<dyn PartDecision>>;
}

/// A decision, ready to be applied to one part.
pub trait PartDecision: Send {
    /// Applies the decision. Returns the documents that stay and those that are dropped.
    ///
    /// # Errors
    /// A column is missing or has an unexpected type.
    fn apply(&self, documents: Documents) -> Result<(Documents, Option<Dropped>)>;
}

/// The stage and the reason under which documents are dropped.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) stage: String,
    pub(super) reason: &'static str,
}

impl Verdict {
    /// Splits documents into those that stay and those that are dropped.
    ///
    /// # Errors
    /// The `doc_id` column is missing.
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

/// Drops some documents. The others may stand for the ones that were dropped.
#[derive(Clone)]
pub(super) struct DropDocuments {
    pub(super) verdict: Verdict,
    /// The documents that are dropped.
    pub(super) dropped: Arc<RoaringTreemap>,
    /// The number of input documents that each survivor stands for. Survivors that are not listed
    /// keep their number. `None` for a stage without clusters.
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

/// The number of input documents that each survivor stands for.
#[derive(Debug, Default)]
pub(crate) struct Sizes {
    /// `doc_id` and number, sorted by `doc_id`.
    of: Vec<(u64, u32)>,
}

impl Sizes {
    pub(super) fn new(mut of: Vec<(u64, u32)>) -> Self {
        of.sort_unstable();
        Self { of }
    }

    pub(super) fn get(&self, doc_id: u64) -> Option<u32> {
        // `Err` of the search means that the document is not listed.
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

#[cfg(test)]
mod tests {
    use std::sync::Arc as Shared;

    use arrow::array::{ArrayRef, LargeStringArray, UInt64Array};
    use proptest::prelude::*;

    use super::*;

    fn documents(n: u64) -> Documents {
        let ids: ArrayRef = Shared::new(UInt64Array::from_iter_values(0..n));
        let texts = (0..n).map(|id| Some(format!("text {id}"))).collect::<LargeStringArray>();
        let columns = [("doc_id", ids), ("text", Shared::new(texts) as ArrayRef)];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        Documents { batch, read_bytes: (0..n).map(|id| id * 10).collect() }
    }

    fn verdict() -> Verdict {
        Verdict { stage: "exact".into(), reason: "exact_duplicate" }
    }

    proptest! {
        /// Every document is either kept or dropped, in order, with its own bytes.
        #[test]
        fn a_split_loses_no_document(goes in prop::collection::vec(any::<bool>(), 1..100)) {
            let (kept, left) = verdict().split(documents(goes.len() as u64), &goes).unwrap();
            let of = |wanted: bool| -> Vec<u64> {
                (0..).zip(&goes).filter(|(_, goes)| **goes == wanted).map(|(id, _)| id).collect()
            };
            let ids = doc_ids(&kept.batch).unwrap().values().to_vec();
            prop_assert_eq!(&ids, &of(false));
            let bytes: Vec<u64> = ids.iter().map(|id| id * 10).collect();
            prop_assert_eq!(kept.read_bytes, bytes);
            match left {
                None => prop_assert!(of(true).is_empty()),
                Some(left) => {
                    prop_assert_eq!(left.doc_ids().values().to_vec(), of(true));
                    let bytes: Vec<u64> = of(true).iter().map(|id| id * 10).collect();
                    prop_assert_eq!(left.read_bytes().values().to_vec(), bytes);
                }
            }
        }
    }

    #[test]
    fn survivors_stand_for_the_documents_that_go() {
        let decision = DropDocuments {
            verdict: verdict(),
            dropped: Arc::new(RoaringTreemap::from_iter([1, 3])),
            sizes: Some(Arc::new(Sizes::new(vec![(2, 3)]))),
        };
        assert!(decision.drops(3) && !decision.drops(2));
        assert_eq!((decision.represents(2), decision.represents(0)), (Some(3), None));
        let part = decision.for_part(0).unwrap();
        let (kept, left) = part.apply(documents(4)).unwrap();
        assert_eq!(doc_ids(&kept.batch).unwrap().values().to_vec(), [0, 2]);
        assert_eq!(cluster_sizes(&kept.batch), [1, 3]);
        let left = left.unwrap();
        assert_eq!((left.stage(), left.reasons().value(0)), ("exact", "exact_duplicate"));
        // A later decision starts from the number that a document already stands for.
        let later =
            DropDocuments { dropped: Arc::default(), sizes: Some(Arc::default()), ..decision };
        let (kept, left) = later.for_part(0).unwrap().apply(kept).unwrap();
        assert_eq!(cluster_sizes(&kept.batch), [1, 3]);
        assert!(left.is_none());
    }

    #[test]
    fn a_rewritten_text_with_nothing_left_goes_with_its_old_text() {
        let rewritten = vec!["text 0".into(), " \n".into(), "short".into()];
        let (kept, left) = verdict().with_texts(documents(3), rewritten).unwrap();
        let texts = sql::columns::texts(&kept.batch).unwrap();
        assert_eq!(texts.iter().flatten().collect::<Vec<_>>(), ["text 0", "short"]);
        let left = left.unwrap();
        assert_eq!(left.doc_ids().values().to_vec(), [1]);
        let old = sql::columns::texts(left.batch()).unwrap();
        assert_eq!(old.value(0), "text 1");
    }
}
