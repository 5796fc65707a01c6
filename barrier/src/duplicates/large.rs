//! Reports large clusters with the lines that their members share, such as a template, a licence or
//! an error page.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use store::FileEntry;
use tables::TableWriter;

use super::table::Member;
use crate::error::Result;
use crate::input::BarrierInput;

/// The most members of a cluster that are sampled.
const SAMPLE_MAX: usize = 64;

/// The most clusters that are reported per stage; the largest are chosen.
const CLUSTERS_MAX: usize = 100;

/// The most lines that are reported per cluster.
const LINES_MAX: usize = 5;

/// Longer lines are cut to this number of characters.
const LINE_CHARACTERS_MAX: usize = 200;

/// Columns: `stage`, `cluster`, `size`, `line`, `documents` (how many of the sampled members have
/// the line) and `sampled` (how many members were sampled).
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

/// The file of a stage's large clusters.
pub(super) fn large_path(stage: &str) -> String {
    format!("large_clusters/{stage}.parquet")
}

/// The large clusters that have been found so far, with a sample of members of each.
pub(super) struct Large {
    size_max: u32,
    clusters: Vec<Vec<Member>>,
}

impl Large {
    /// Collects clusters of more than `size_max` documents.
    pub(super) fn new(size_max: u32) -> Self {
        Self { size_max, clusters: Vec::new() }
    }

    /// Adds members. All members of a cluster must be neighbours.
    pub(super) fn add(&mut self, members: &[Member]) {
        let clusters = members.chunk_by(|a, b| a.cluster == b.cluster);
        for cluster in clusters.filter(|cluster| cluster[0].size > self.size_max) {
            // The sample is spread over the cluster, because neighbours come from the same part of
            // the crawl and are more alike than the others.
            let step = cluster.len().div_ceil(SAMPLE_MAX);
            self.clusters.push(cluster.iter().step_by(step).cloned().collect());
        }
        self.clusters.sort_by_key(|cluster| (Reverse(cluster[0].size), cluster[0].cluster));
        self.clusters.truncate(CLUSTERS_MAX);
    }

    /// Writes the large clusters with their most common lines, if there are any.
    ///
    /// # Errors
    /// Texts cannot be read, or the table cannot be written.
    pub(super) fn report(&self, input: &BarrierInput<'_>) -> Result<Option<FileEntry>> {
        if self.clusters.is_empty() {
            return Ok(None);
        }
        let mut lines = self.shared_lines(input)?;
        let mut rows: Vec<(u64, u32, String, u32, u32)> = Vec::new();
        for cluster in &self.clusters {
            let (number, size) = (cluster[0].cluster, cluster[0].size);
            // A cluster whose sample comes from earlier runs has no texts here, so no lines either.
            let Some((sampled, counts)) = lines.remove(&number) else { continue };
            let mut counts: Vec<(String, u32)> = counts.into_iter().collect();
            counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            counts.truncate(LINES_MAX);
            rows.extend(counts.into_iter().map(|(line, n)| (number, size, line, n, sampled)));
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![input.name; rows.len()])),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.0))),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.1))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.2))),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.3))),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.4))),
        ];
        let path = large_path(input.name);
        let mut table = TableWriter::create(input.run, &path, schema())?;
        table.write(&RecordBatch::try_new(schema(), columns)?)?;
        Ok(Some(table.finish()?))
    }

    /// Counts the lines of the sampled members. Reads only parts that hold one of them.
    fn shared_lines(&self, input: &BarrierInput<'_>) -> Result<Lines> {
        let own = self.clusters.iter().flatten().filter(|member| member.run.is_none());
        let mut sampled: Vec<(u64, u64)> = own.map(|m| (m.doc_id, m.cluster)).collect();
        sampled.sort_unstable();
        let doc_ids: Vec<u64> = sampled.iter().map(|(doc_id, _)| *doc_id).collect();
        let mut lines = Lines::new();
        for part in 0..input.files.parts() {
            let mut here = false;
            input.files.each_of(part, &[], &mut |row| {
                here |= doc_ids.binary_search(&row.doc_id).is_ok();
                Ok(())
            })?;
            if !here {
                continue;
            }
            input.texts.each(part, &doc_ids, &mut |doc_id, text| {
                if let Ok(place) = doc_ids.binary_search(&doc_id) {
                    let (documents, counts) = lines.entry(sampled[place].1).or_default();
                    *documents += 1;
                    distinct_lines(text).for_each(|line| *counts.entry(line).or_default() += 1);
                }
                Ok(())
            })?;
        }
        Ok(lines)
    }
}

/// The distinct lines of a text, cut to the length that is reported.
fn distinct_lines(text: &str) -> impl Iterator<Item = String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: BTreeSet<&str> = lines.collect();
    lines.into_iter().map(|line| line.chars().take(LINE_CHARACTERS_MAX).collect())
}

/// For each cluster: the number of sampled members, and for each line how many of them have it.
type Lines = BTreeMap<u64, (u32, BTreeMap<String, u32>)>;
