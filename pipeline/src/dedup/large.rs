//! Large clusters, told with the lines that their members share: a template, a licence, an error page.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use store::FileEntry;

use super::barrier::Barrier;
use super::clusters::Member;
use super::columns::arrow_error;
use crate::error::Result;
use crate::table::TableWriter;

/// Members of a cluster that are looked at.
const SAMPLE_MAX: usize = 64;

/// Clusters that are told of one stage, the largest.
const CLUSTERS_MAX: usize = 100;

/// Lines that are told of each.
const LINES_MAX: usize = 5;

/// Characters of a line that are told.
const LINE_CHARACTERS_MAX: usize = 200;

/// `stage`, `cluster`, `size`, `line`, and in how many (`documents`) of the `sampled` members it
/// stands.
fn schema() -> SchemaRef {
    let field = |name: &str, data_type: DataType| Field::new(name, data_type, false);
    Arc::new(Schema::new(vec![
        field("stage", DataType::Utf8),
        field("cluster", DataType::UInt64),
        field("size", DataType::UInt32),
        field("line", DataType::Utf8),
        field("documents", DataType::UInt32),
        field("sampled", DataType::UInt32),
    ]))
}

/// The file of the large clusters of a stage.
pub(super) fn large_path(stage: &str) -> String {
    format!("large_clusters/{stage}.parquet")
}

/// Writes the clusters of more than `size_max` documents, if there are any.
pub(super) fn report(
    barrier: &Barrier<'_>,
    size_max: u32,
    members: &[Member],
) -> Result<Option<FileEntry>> {
    let mut clusters: Vec<&[Member]> = members
        .chunk_by(|a, b| a.cluster == b.cluster)
        .filter(|cluster| cluster[0].size > size_max)
        .collect();
    if clusters.is_empty() {
        return Ok(None);
    }
    clusters.sort_by_key(|cluster| (std::cmp::Reverse(cluster[0].size), cluster[0].cluster));
    clusters.truncate(CLUSTERS_MAX);
    let mut lines = shared_lines(barrier, &clusters)?;
    let mut rows: Vec<(u64, u32, String, u32, u32)> = Vec::new();
    for cluster in &clusters {
        let (sampled, counts) = lines.remove(&cluster[0].cluster).unwrap_or_default();
        let mut counts: Vec<(String, u32)> = counts.into_iter().collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts.truncate(LINES_MAX);
        let row =
            |(line, documents)| (cluster[0].cluster, cluster[0].size, line, documents, sampled);
        rows.extend(counts.into_iter().map(row));
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![barrier.planned.name.as_str(); rows.len()])),
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.0))),
        Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.1))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.2))),
        Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.3))),
        Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.4))),
    ];
    let path = large_path(&barrier.planned.name);
    let mut table = TableWriter::create(barrier.run, &path, schema())?;
    table.write(&RecordBatch::try_new(schema(), columns).map_err(arrow_error)?)?;
    table.finish().map(Some)
}

/// For each cluster how many members were looked at, and in how many each line stands.
type Lines = BTreeMap<u64, (u32, BTreeMap<String, u32>)>;

fn shared_lines(barrier: &Barrier<'_>, clusters: &[&[Member]]) -> Result<Lines> {
    let sampled = clusters.iter().flat_map(|cluster| {
        // Spread over the cluster: neighbours in it are neighbours in the crawl.
        let step = cluster.len().div_ceil(SAMPLE_MAX);
        cluster.iter().step_by(step).filter(|member| member.run.is_none())
    });
    let mut sampled: Vec<(u64, u64)> = sampled.map(|m| (m.doc_id, m.cluster)).collect();
    sampled.sort_unstable();
    let doc_ids: Vec<u64> = sampled.iter().map(|(doc_id, _)| *doc_id).collect();
    let mut lines = Lines::new();
    for part in 0..barrier.files.parts() {
        let mut here = false;
        barrier.files.each_of(part, &[], &mut |row| {
            here |= doc_ids.binary_search(&row.doc_id).is_ok();
            Ok(())
        })?;
        if !here {
            continue;
        }
        barrier.texts.each(part, &doc_ids, &mut |doc_id, text| {
            let Ok(place) = doc_ids.binary_search(&doc_id) else { return Ok(()) };
            let (documents, counts) = lines.entry(sampled[place].1).or_default();
            *documents += 1;
            for line in
                text.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<BTreeSet<_>>()
            {
                let line: String = line.chars().take(LINE_CHARACTERS_MAX).collect();
                *counts.entry(line).or_default() += 1;
            }
            Ok(())
        })?;
    }
    Ok(lines)
}
