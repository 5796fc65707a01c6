//! The documents behind a step of training.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use shards::dataset::Split;
use shards::order::Order;
use shards::reader::RowReader;

use super::{DocumentRow, documents};
use crate::error::Result;

/// What one document gave to a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepDocument {
    /// Its number in the half, as `shards cat --doc` takes it.
    pub number: u64,
    /// The rows of the batch in which it stands, by their places in the batch.
    pub places: Vec<u64>,
    /// Its tokens in them.
    pub tokens: u64,
    /// What the dataset's table says of it; nothing where there is none.
    #[serde(flatten)]
    pub document: Option<DocumentRow>,
}

/// The documents behind a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepDocuments {
    /// The step, from 0.
    pub step: u64,
    /// XXH3-64 of the global batch, hexadecimal.
    pub digest: String,
    /// The documents, most tokens first.
    pub documents: Vec<StepDocument>,
}

/// Tells which documents `step` reads.
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
