//! The documents that a training step reads.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use shards::dataset::Split;
use shards::order::Order;
use shards::reader::RowReader;

use super::{DocumentRow, documents};
use crate::error::Result;

/// The part of a document that a step reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepDocument {
    /// Its number in the half, as for `shards cat --doc`.
    pub number: u64,
    /// The indices, in the batch, of the rows that contain it.
    pub places: Vec<u64>,
    /// Number of its tokens in these rows.
    pub tokens: u64,
    /// Its row of the dataset's table of documents, if the dataset has one.
    #[serde(flatten)]
    pub document: Option<DocumentRow>,
}

/// The documents that a step reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepDocuments {
    /// The step, from 0.
    pub step: u64,
    /// XXH3-64 of the global batch, in hexadecimal.
    pub digest: String,
    /// The documents, most tokens first.
    pub documents: Vec<StepDocument>,
}

/// Finds the documents that `step` reads.
///
/// # Errors
/// The dataset cannot be read or is damaged.
pub fn explain(
    reader: &RowReader,
    folder: &Path,
    order: &Order,
    step: u64,
) -> Result<StepDocuments> {
    let rows = order.rows(step);
    let digest = reader.read(&rows)?.digest();
    let mut found: BTreeMap<u64, (Vec<u64>, u64)> = BTreeMap::new();
    for (place, row) in (0..).zip(&rows) {
        for part in reader.documents(*row)? {
            let (places, tokens) = found.entry(part.number).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
            *tokens += u64::from(part.length);
        }
    }
    let before = match reader.plan().header().split {
        Split::Train => 0,
        Split::Validation => reader.manifest().documents(Split::Train),
    };
    let wanted: Vec<u64> = found.keys().map(|number| number + before).collect();
    let table = documents(folder, Some(&wanted))?;
    let mut named = table.into_iter().flatten();
    let mut documents: Vec<StepDocument> = found
        .into_iter()
        .map(|(number, (places, tokens))| StepDocument {
            number,
            places,
            tokens,
            document: named.next(),
        })
        .collect();
    documents.sort_by_key(|document| (std::cmp::Reverse(document.tokens), document.number));
    Ok(StepDocuments { step, digest: format!("{digest:016x}"), documents })
}
