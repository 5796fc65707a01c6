//! The barrier: documents with an equal key belong together; one of them survives.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use rayon::prelude::*;
use roaring::RoaringTreemap;

use super::components::Components;
use super::keys::read_keys;
use super::{DedupStage, Method};
use crate::error::{PipelineError, Result};

/// The outcome of one deduplication stage.
pub struct Clustering {
    /// Documents to drop.
    pub dropped: RoaringTreemap,
    /// Every document of a cluster of two or more, with the columns of [`Clustering::schema`].
    pub table: RecordBatch,
    /// Number of such clusters.
    pub clusters: u64,
}

impl Clustering {
    /// `stage`, `cluster` (smallest `doc_id` in it), `doc_id`, `survivor`, `size`.
    pub fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("stage", DataType::Utf8, false),
            Field::new("cluster", DataType::UInt64, false),
            Field::new("doc_id", DataType::UInt64, false),
            Field::new("survivor", DataType::Boolean, false),
            Field::new("size", DataType::UInt32, false),
        ]))
    }
}

/// Clusters the documents whose keys are in `files` (part by part), but not those in `gone`, which
/// an earlier stage dropped. Sorting takes `memory_bytes` at most, in as many passes as that needs;
/// beside it, eight bytes for each document.
pub fn cluster(
    name: &str,
    stage: &DedupStage,
    files: &[PathBuf],
    gone: &RoaringTreemap,
    memory_bytes: u64,
) -> Result<Clustering> {
    let mut doc_ids = Vec::new();
    for file in files {
        read_keys(file, false, |row| {
            if !gone.contains(row.doc_id) {
                doc_ids.push(row.doc_id);
            }
        })?;
    }
    let bands = match &stage.method {
        Method::Exact(_) => 1,
        Method::MinHash(config) => config.bands,
    };
    let mut components = Components::new(doc_ids.len());
    let rows_max = (memory_bytes / size_of::<([u8; 16], u32)>() as u64).max(1);
    let rows = (doc_ids.len() * bands) as u64;
    let passes = rows.div_ceil(rows_max).max(1);
    for pass in 0..passes {
        match &stage.method {
            Method::Exact(_) => join_equal::<16>(files, gone, (pass, passes), &mut components)?,
            Method::MinHash(_) => join_equal::<8>(files, gone, (pass, passes), &mut components)?,
        }
    }
    survivors(name, files, gone, &doc_ids, components)
}

/// Joins documents with an equal key of `N` bytes, for the keys whose turn it is.
fn join_equal<const N: usize>(
    files: &[PathBuf],
    gone: &RoaringTreemap,
    (pass, passes): (u64, u64),
    components: &mut Components,
) -> Result<()> {
    let mut rows: Vec<([u8; N], u32)> = Vec::new();
    let mut document = 0;
    for file in files {
        read_keys(file, false, |row| {
            if gone.contains(row.doc_id) {
                return;
            }
            for key in row.keys.as_chunks::<N>().0 {
                if turn(key, passes) == pass {
                    rows.push((*key, document));
                }
            }
            document += 1;
        })?;
    }
    rows.par_sort_unstable();
    for pair in rows.windows(2) {
        // Chained, equal keys make one edge a document, however many share them.
        if pair[0].0 == pair[1].0 {
            components.union(pair[0].1, pair[1].1);
        }
    }
    Ok(())
}

/// The pass in which a key is looked at: keys are hashes, so that passes come out even.
fn turn(key: &[u8], passes: u64) -> u64 {
    key.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)) % passes
}

/// Of each cluster the first by order, then by `doc_id`, survives.
fn survivors(
    name: &str,
    files: &[PathBuf],
    gone: &RoaringTreemap,
    doc_ids: &[u64],
    mut components: Components,
) -> Result<Clustering> {
    let mut members: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for document in 0..doc_ids.len() as u32 {
        let root = components.find(document);
        if root != document {
            members.entry(root).or_insert_with(|| vec![root]).push(document);
        }
    }
    let mut best: BTreeMap<u32, (Vec<u8>, u32)> = BTreeMap::new();
    let mut document = 0;
    for file in files {
        read_keys(file, true, |row| {
            if gone.contains(row.doc_id) {
                return;
            }
            let root = components.find(document);
            if members.contains_key(&root) {
                let better = best.get(&root).is_none_or(|(order, _)| row.order < order.as_slice());
                if better {
                    best.insert(root, (row.order.to_vec(), document));
                }
            }
            document += 1;
        })?;
    }
    let mut dropped = RoaringTreemap::new();
    let (mut clusters, mut ids, mut survivor, mut sizes) = (vec![], vec![], vec![], vec![]);
    for (root, documents) in &members {
        let kept = best.get(root).map_or(*root, |(_, document)| *document);
        for document in documents {
            let doc_id = doc_ids[*document as usize];
            clusters.push(doc_ids[*root as usize]);
            ids.push(doc_id);
            survivor.push(*document == kept);
            sizes.push(documents.len() as u32);
            if *document != kept {
                dropped.insert(doc_id);
            }
        }
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![name; ids.len()])),
        Arc::new(UInt64Array::from(clusters)),
        Arc::new(UInt64Array::from(ids)),
        Arc::new(BooleanArray::from(survivor)),
        Arc::new(UInt32Array::from(sizes)),
    ];
    let table = RecordBatch::try_new(Clustering::schema(), columns)
        .map_err(|e| PipelineError::Sql(e.into()))?;
    Ok(Clustering { dropped, table, clusters: members.len() as u64 })
}
