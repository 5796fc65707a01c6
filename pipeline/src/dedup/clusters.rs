//! The table of clusters: who is a duplicate of whom, how alike, and who survived.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float32Array, StringArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Float32Type, Schema, SchemaRef, UInt32Type, UInt64Type};
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
    /// The stage that found it.
    pub(super) stage: Arc<str>,
    /// The survivor's `doc_id`.
    pub(super) cluster: u64,
    /// The document that it lost to.
    pub(super) duplicate_of: u64,
    pub(super) doc_id: u64,
    pub(super) id: Option<String>,
    pub(super) survivor: bool,
    /// To the document that it lost to.
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

/// `cluster` (the survivor's `doc_id`), `id`, `doc_id`, `survivor`, `similarity` to the document that
/// it lost to, `size` of the cluster, `verified`, `stage`, `duplicate_of` (the document that it lost to,
/// at that stage the survivor), `represents` (documents as read that this one stands for), and `run`:
/// the earlier run that has the document, NULL for documents of this one.
pub(crate) fn schema() -> SchemaRef {
    let field = |name: &str, data_type: DataType| Field::new(name, data_type, false);
    Arc::new(Schema::new(vec![
        field("cluster", DataType::UInt64),
        Field::new("id", DataType::Utf8, true),
        field("doc_id", DataType::UInt64),
        field("survivor", DataType::Boolean),
        field("similarity", DataType::Float32),
        field("size", DataType::UInt32),
        field("verified", DataType::Boolean),
        field("stage", DataType::Utf8),
        field("duplicate_of", DataType::UInt64),
        field("represents", DataType::UInt32),
        Field::new("run", DataType::Utf8, true),
    ]))
}

/// Adds members of clusters to a table.
pub(super) fn write(table: &mut TableWriter, members: &[Member]) -> Result<()> {
    for rows in members.chunks(BATCH_ROWS) {
        let texts = |of: &dyn Fn(&Member) -> Option<String>| -> ArrayRef {
            Arc::new(rows.iter().map(of).collect::<StringArray>())
        };
        let longs = |of: &dyn Fn(&Member) -> u64| -> ArrayRef {
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(of)))
        };
        let numbers = |of: &dyn Fn(&Member) -> u32| -> ArrayRef {
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(of)))
        };
        let truths = |of: &dyn Fn(&Member) -> bool| -> ArrayRef {
            Arc::new(rows.iter().map(|row| Some(of(row))).collect::<BooleanArray>())
        };
        let columns = vec![
            longs(&|row| row.cluster),
            texts(&|row| row.id.clone()),
            longs(&|row| row.doc_id),
            truths(&|row| row.survivor),
            Arc::new(Float32Array::from_iter_values(rows.iter().map(|row| row.similarity))),
            numbers(&|row| row.size),
            truths(&|row| row.verified),
            texts(&|row| Some(row.stage.to_string())),
            longs(&|row| row.duplicate_of),
            numbers(&|row| row.represents),
            texts(&|row| row.run.clone()),
        ];
        table.write(&RecordBatch::try_new(schema(), columns).map_err(arrow_error)?)?;
    }
    Ok(())
}

/// The members in a table.
fn members(path: &Path) -> Result<Vec<Member>> {
    let mut found = Vec::new();
    for batch in read_table_by(path, None, BATCH_ROWS)? {
        let batch = batch?;
        let text = |column: usize| batch.column(column).as_string::<i32>();
        let long = |column: usize| batch.column(column).as_primitive::<UInt64Type>();
        let number = |column: usize| batch.column(column).as_primitive::<UInt32Type>();
        let own = |column: usize, row: usize| {
            text(column).is_valid(row).then(|| text(column).value(row).to_owned())
        };
        found.extend((0..batch.num_rows()).map(|row| Member {
            cluster: long(0).value(row),
            id: own(1, row),
            doc_id: long(2).value(row),
            survivor: batch.column(3).as_boolean().value(row),
            similarity: batch.column(4).as_primitive::<Float32Type>().value(row),
            size: number(5).value(row),
            verified: batch.column(6).as_boolean().value(row),
            stage: text(7).value(row).into(),
            duplicate_of: long(8).value(row),
            represents: number(9).value(row),
            run: own(10, row),
        }));
    }
    Ok(found)
}

/// The clusters of all stages, whose tables come in their order, as one: each document once, with
/// the survivor at the end. One that survived a stage and lost at the next takes its cluster along.
fn merge(pieces: &[PathBuf]) -> Result<Vec<Member>> {
    let mut all = Vec::new();
    for piece in pieces {
        all.extend(members(piece)?);
    }
    let mut lost: Vec<(u64, u64)> =
        all.iter().filter(|m| !m.survivor).map(|m| (m.doc_id, m.cluster)).collect();
    lost.sort_unstable();
    let of = |doc_id: u64| lost.binary_search_by_key(&doc_id, |(doc_id, _)| *doc_id).ok();
    let mut merged: Vec<Member> = Vec::with_capacity(all.len());
    // Of a survivor the last stage knows most.
    for mut member in all.into_iter().rev() {
        if member.survivor && of(member.doc_id).is_some() {
            continue;
        }
        while let Some(place) = of(member.cluster) {
            member.cluster = lost[place].1;
        }
        merged.push(member);
    }
    merged.sort_by_key(|member| (member.cluster, member.doc_id));
    merged.dedup_by_key(|member| (member.cluster, member.doc_id));
    let sizes: Vec<u32> = merged
        .chunk_by(|a, b| a.cluster == b.cluster)
        .flat_map(|cluster| std::iter::repeat_n(cluster.len() as u32, cluster.len()))
        .collect();
    merged.iter_mut().zip(sizes).for_each(|(member, size)| member.size = size);
    Ok(merged)
}

/// Writes merged clusters.
pub(crate) fn write_merged(table: &mut TableWriter, pieces: &[PathBuf]) -> Result<()> {
    write(table, &merge(pieces)?)
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
