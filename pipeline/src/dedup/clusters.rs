//! The table of clusters: who is a duplicate of whom, how alike, and who survived.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Float32Array, StringArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use roaring::RoaringTreemap;

use super::columns::arrow_error;
use super::decision::Sizes;
use crate::error::Result;
use crate::table::{TableWriter, read_table_by};

/// Rows that are read or written at once.
const BATCH_ROWS: usize = 65_536;

/// A document of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    /// The survivor's `doc_id`.
    pub(super) cluster: u64,
    pub(super) doc_id: u64,
    pub(super) id: Option<String>,
    pub(super) survivor: bool,
    /// To the survivor.
    pub(super) similarity: f32,
    /// Members of the cluster.
    pub(super) size: u32,
    /// Documents as read that this one stands for; for a survivor, now that the others go.
    pub(super) represents: u32,
    /// Whether the similarity was checked.
    pub(super) verified: bool,
    /// The earlier run that has the document.
    pub(super) run: Option<String>,
}

/// `stage`, `cluster` (the survivor's `doc_id`), `id`, `doc_id`, `survivor`, `similarity` to the
/// survivor, `size` of the cluster, `verified`, `represents` (documents as read that this one stands
/// for), and `run`: the earlier run that has the document, NULL for documents of this one.
pub(crate) fn schema() -> SchemaRef {
    let field = |name: &str, data_type: DataType| Field::new(name, data_type, false);
    Arc::new(Schema::new(vec![
        field("stage", DataType::Utf8),
        field("cluster", DataType::UInt64),
        Field::new("id", DataType::Utf8, true),
        field("doc_id", DataType::UInt64),
        field("survivor", DataType::Boolean),
        field("similarity", DataType::Float32),
        field("size", DataType::UInt32),
        field("verified", DataType::Boolean),
        field("represents", DataType::UInt32),
        Field::new("run", DataType::Utf8, true),
    ]))
}

/// Adds the members of the clusters of `stage` to a table.
pub(super) fn write(table: &mut TableWriter, stage: &str, members: &[Member]) -> Result<()> {
    for rows in members.chunks(BATCH_ROWS) {
        let texts = |of: &dyn Fn(&Member) -> Option<String>| -> ArrayRef {
            Arc::new(StringArray::from_iter(rows.iter().map(of)))
        };
        let longs = |of: &dyn Fn(&Member) -> u64| -> ArrayRef {
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(of)))
        };
        let numbers = |of: &dyn Fn(&Member) -> u32| -> ArrayRef {
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(of)))
        };
        let truths = |of: &dyn Fn(&Member) -> bool| -> ArrayRef {
            Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(of(row)))))
        };
        let columns = vec![
            texts(&|_| Some(stage.to_owned())),
            longs(&|row| row.cluster),
            texts(&|row| row.id.clone()),
            longs(&|row| row.doc_id),
            truths(&|row| row.survivor),
            Arc::new(Float32Array::from_iter_values(rows.iter().map(|row| row.similarity))),
            numbers(&|row| row.size),
            truths(&|row| row.verified),
            numbers(&|row| row.represents),
            texts(&|row| row.run.clone()),
        ];
        table.write(&RecordBatch::try_new(schema(), columns).map_err(arrow_error)?)?;
    }
    Ok(())
}

/// The documents that go.
pub(super) fn dropped(members: &[Member]) -> RoaringTreemap {
    let goes = members.iter().filter(|member| !member.survivor && member.run.is_none());
    goes.map(|member| member.doc_id).collect()
}

/// What the survivors of a table stand for.
pub(super) struct Survivors {
    pub(super) of: Sizes,
    /// Clusters, those whose survivor is in an earlier run among them.
    pub(super) clusters: u64,
}

/// What a written table says: the documents that go, and what the survivors stand for.
pub(super) fn read(path: &Path) -> Result<(RoaringTreemap, Survivors)> {
    let (mut dropped, mut sizes, mut clusters) = (RoaringTreemap::new(), Vec::new(), 0);
    let columns = ["doc_id", "survivor", "represents", "run"];
    for batch in read_table_by(path, Some(&columns), BATCH_ROWS)? {
        let batch = batch?;
        let doc_ids = batch.column(0).as_primitive::<UInt64Type>();
        let survivors = batch.column(1).as_boolean();
        let represents = batch.column(2).as_primitive::<UInt32Type>();
        let runs = batch.column(3);
        for row in 0..batch.num_rows() {
            clusters += u64::from(survivors.value(row));
            match (runs.is_null(row), survivors.value(row)) {
                (false, _) => {}
                (true, true) => sizes.push((doc_ids.value(row), represents.value(row))),
                (true, false) => {
                    dropped.insert(doc_ids.value(row));
                }
            }
        }
    }
    Ok((dropped, Survivors { of: Sizes::new(sizes), clusters }))
}
