//! The table of clusters is read as it was written, and clusters of several stages are merged.

use std::path::PathBuf;

use proptest::prelude::*;
use store::{Fingerprint, Opened, Run};
use tables::{TableWriter, read_table};

use super::table::{Found, Member, read, schema, write, write_merged};

fn run(folder: &std::path::Path) -> Run {
    match Run::open_ephemeral(&folder.join("run"), Fingerprint::default()).unwrap() {
        Opened::Open(run) => run,
        Opened::Finished(_) => panic!("a new run is finished"),
    }
}

/// A cluster of one stage: the survivor, then the documents that it stands for.
fn cluster(stage: &str, documents: &[u64]) -> Vec<Member> {
    let size = documents.len() as u32;
    let member = |(place, doc_id): (usize, &u64)| Member {
        stage: stage.into(),
        cluster: documents[0],
        duplicate_of: documents[0],
        doc_id: *doc_id,
        id: None,
        survivor: place == 0,
        similarity: 1.0,
        size,
        represents: if place == 0 { size } else { 1 },
        verified: true,
        run: None,
    };
    documents.iter().enumerate().map(member).collect()
}

fn write_to(run: &Run, path: &str, members: &[Member]) -> PathBuf {
    let mut table = TableWriter::create(run, path, schema()).unwrap();
    write(&mut table, members).unwrap();
    table.finish().unwrap();
    run.path(path)
}

proptest! {
    /// A resumed run makes the same decision as an uninterrupted one.
    #[test]
    fn a_decision_read_back_is_the_one_that_was_made(
        sizes in prop::collection::vec(2..6_u64, 0..20),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let run = run(folder.path());
        let mut members = Vec::new();
        for (number, size) in (0..).zip(sizes) {
            let documents: Vec<u64> = (0..size).map(|place| number * 10 + place).collect();
            members.extend(cluster("exact", &documents));
        }
        let mut made = Found::default();
        members.iter().for_each(|member| made.add(member));
        let found = read(&write_to(&run, "clusters.parquet", &members)).unwrap();
        prop_assert_eq!(found.dropped, made.dropped);
        prop_assert_eq!(found.sizes, made.sizes);
        prop_assert_eq!(found.clusters, made.clusters);
    }
}

#[test]
fn members_of_earlier_runs_are_neither_dropped_nor_counted() {
    let mut members = cluster("exact", &[1, 2, 3]);
    members[0].run = Some("yesterday".into());
    let mut found = Found::default();
    members.iter().for_each(|member| found.add(member));
    assert_eq!(found.dropped.iter().collect::<Vec<_>>(), [2, 3]);
    assert_eq!((found.sizes.len(), found.clusters), (0, 1));
}

#[test]
fn a_survivor_that_loses_later_takes_its_cluster_along() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    // 2 and 3 are duplicates of 1; at the next stage, 1 is a duplicate of 7.
    let exact = write_to(&run, "exact.parquet", &cluster("exact", &[1, 2, 3]));
    let near = write_to(&run, "near.parquet", &cluster("near", &[7, 1]));
    let mut table = TableWriter::create(&run, "clusters.parquet", schema()).unwrap();
    write_merged(&mut table, &[exact, near]).unwrap();
    table.finish().unwrap();
    let path = run.path("clusters.parquet");
    let found = read(&path).unwrap();
    assert_eq!(found.dropped.iter().collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(found.clusters, 1);
    let rows: usize = read_table(&path, None).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 4, "each document is there once");
}
