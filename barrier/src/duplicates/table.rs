//! The table of clusters: which document is a duplicate of which, how similar they are, and which
//! survived.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float32Array, StringArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Float32Type, Schema, SchemaRef, UInt32Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use roaring::RoaringTreemap;
use rustc_hash::FxHashMap;
use tables::{TableWriter, read_table_by};

use crate::error::Result;

/// Rows per batch that is read or written.
const BATCH_ROWS: usize = 65_536;

/// The file of one stage's clusters, until those of all stages are merged into one table.
pub fn path(step: usize, stage: usize) -> String {
    format!("work/clusters-{step}-{stage}.parquet")
}

/// A document of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    /// The stage that found it.
    pub(super) stage: Arc<str>,
    /// The survivor's `doc_id`.
    pub(super) cluster: u64,
    /// The `doc_id` of the document that it is a duplicate of.
    pub(super) duplicate_of: u64,
    pub(super) doc_id: u64,
    pub(super) id: Option<Box<str>>,
    pub(super) survivor: bool,
    /// Similarity to `duplicate_of` (0 to 1).
    pub(super) similarity: f32,
    /// Members of the cluster.
    pub(super) size: u32,
    /// The number of input documents that it stands for. For a survivor, this includes the dropped
    /// members.
    pub(super) represents: u32,
    /// Whether the similarity was verified.
    pub(super) verified: bool,
    /// The earlier run that the document comes from; `None` for documents of this run.
    pub(super) run: Option<Arc<str>>,
}

/// Columns: `cluster` (the survivor's `doc_id`), `id`, `doc_id`, `survivor`, `similarity` (to
/// `duplicate_of`), `size` (of the cluster), `verified`, `stage`, `duplicate_of` (the survivor of
/// its cluster at that stage), `represents` (the number of input documents that it stands for), and
/// `run` (the earlier run that it comes from, or NULL for documents of this run).
pub fn schema() -> SchemaRef {
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
///
/// # Errors
/// The table cannot be written.
pub(super) fn write(table: &mut TableWriter, members: &[Member]) -> Result<()> {
    for rows in members.chunks(BATCH_ROWS) {
        let texts = |of: &dyn Fn(&Member) -> Option<&str>| -> ArrayRef {
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
            texts(&|row| row.id.as_deref()),
            longs(&|row| row.doc_id),
            truths(&|row| row.survivor),
            Arc::new(Float32Array::from_iter_values(rows.iter().map(|row| row.similarity))),
            numbers(&|row| row.size),
            truths(&|row| row.verified),
            texts(&|row| Some(&*row.stage)),
            longs(&|row| row.duplicate_of),
            numbers(&|row| row.represents),
            texts(&|row| row.run.as_deref()),
        ];
        table.write(&RecordBatch::try_new(schema(), columns)?)?;
    }
    Ok(())
}

/// The members in a table, in batches.
fn members(path: &Path) -> Result<impl Iterator<Item = Result<Vec<Member>>>> {
    Ok(read_table_by(path, None, BATCH_ROWS)?.map(|batch| Ok(rows(&batch?))))
}

fn rows(batch: &RecordBatch) -> Vec<Member> {
    let text = |column: usize| batch.column(column).as_string::<i32>();
    let long = |column: usize| batch.column(column).as_primitive::<UInt64Type>();
    let number = |column: usize| batch.column(column).as_primitive::<UInt32Type>();
    let given =
        |column: usize, row: usize| text(column).is_valid(row).then(|| text(column).value(row));
    let member = |row: usize| Member {
        cluster: long(0).value(row),
        id: given(1, row).map(Into::into),
        doc_id: long(2).value(row),
        survivor: batch.column(3).as_boolean().value(row),
        similarity: batch.column(4).as_primitive::<Float32Type>().value(row),
        size: number(5).value(row),
        verified: batch.column(6).as_boolean().value(row),
        stage: text(7).value(row).into(),
        duplicate_of: long(8).value(row),
        represents: number(9).value(row),
        run: given(10, row).map(Into::into),
    };
    (0..batch.num_rows()).map(member).collect()
}

/// Merges the clusters of all stages into one table. Each document has one row, which names the
/// survivor of the last stage. If the survivor of a stage is dropped by a later stage, its cluster
/// joins that of the later survivor. Takes 16 bytes of memory per dropped document, and some per
/// cluster.
struct Merge {
    /// Dropped documents, each with the survivor of its cluster at that stage; sorted.
    lost: Vec<(u64, u64)>,
    /// The index of the last stage in which a document was the survivor of a cluster.
    last: FxHashMap<u64, usize>,
    /// Members of each merged cluster.
    sizes: FxHashMap<u64, u32>,
}

impl Merge {
    fn of(pieces: &[PathBuf]) -> Result<Self> {
        let mut merge =
            Self { lost: Vec::new(), last: FxHashMap::default(), sizes: FxHashMap::default() };
        for (stage, piece) in pieces.iter().enumerate() {
            for members in members(piece)? {
                for member in members? {
                    if member.survivor {
                        merge.last.insert(member.doc_id, stage);
                    } else {
                        merge.lost.push((member.doc_id, member.cluster));
                    }
                }
            }
        }
        merge.lost.sort_unstable();
        for (doc_id, _) in &merge.lost {
            merge.last.remove(doc_id);
            *merge.sizes.entry(merge.survivor(*doc_id)).or_insert(1) += 1;
        }
        Ok(merge)
    }

    /// The document that survived all stages in place of `doc_id`.
    fn survivor(&self, mut doc_id: u64) -> u64 {
        while let Ok(place) = self.lost.binary_search_by_key(&doc_id, |(doc_id, _)| *doc_id) {
            doc_id = self.lost[place].1;
        }
        doc_id
    }

    /// The row of a member that the stage with index `stage` found, or `None` if a later stage has
    /// a more complete row of it.
    fn row(&self, stage: usize, mut member: Member) -> Option<Member> {
        if member.survivor && self.last.get(&member.doc_id) != Some(&stage) {
            return None;
        }
        member.cluster = self.survivor(member.cluster);
        member.size = self.sizes.get(&member.cluster).copied().unwrap_or(member.size);
        Some(member)
    }
}

/// Merges the clusters of all stages into one table. `pieces` are the stages' tables in order.
///
/// # Errors
/// A table cannot be read or written.
pub fn write_merged(table: &mut TableWriter, pieces: &[PathBuf]) -> Result<()> {
    let merge = Merge::of(pieces)?;
    for (stage, piece) in pieces.iter().enumerate() {
        for members in members(piece)? {
            let rows: Vec<Member> =
                members?.into_iter().filter_map(|member| merge.row(stage, member)).collect();
            write(table, &rows)?;
        }
    }
    Ok(())
}

/// The documents that a stage drops, and how many documents its survivors stand for.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Documents of this run that are dropped.
    pub(super) dropped: RoaringTreemap,
    /// The `doc_id` of each survivor of this run, and the number of input documents that it stands
    /// for.
    pub(super) sizes: Vec<(u64, u32)>,
    /// Number of clusters, including those whose survivor comes from an earlier run.
    pub(super) clusters: u64,
}

impl Found {
    /// Counts one member of a cluster.
    pub(super) fn add(&mut self, member: &Member) {
        self.clusters += u64::from(member.survivor);
        if member.run.is_none() {
            if member.survivor {
                self.sizes.push((member.doc_id, member.represents));
            } else {
                self.dropped.insert(member.doc_id);
            }
        }
    }
}

/// Reads the result of a stage that finished before an interruption.
///
/// # Errors
/// The table cannot be read.
pub(super) fn read(path: &Path) -> Result<Found> {
    let mut found = Found::default();
    for members in members(path)? {
        members?.iter().for_each(|member| found.add(member));
    }
    Ok(found)
}
