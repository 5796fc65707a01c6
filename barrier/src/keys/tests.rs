//! Keys that are read equal the keys that were written.

use std::sync::Arc;

use arrow::array::{ArrayRef, LargeStringArray, StringArray, UInt64Array};
use arrow::record_batch::RecordBatch;
use store::{Fingerprint, Opened, Run};

use super::{KeyFiles, KeyWriter};
use crate::PlannedBarrier;
use crate::load;

fn run(folder: &std::path::Path) -> Run {
    match Run::open_ephemeral(&folder.join("run"), Fingerprint::default()).unwrap() {
        Opened::Open(run) => run,
        Opened::Finished(_) => panic!("a new run is finished"),
    }
}

fn planned(kind: &str) -> PlannedBarrier {
    let stage = load(kind, &crate::option::Options::new()).unwrap().unwrap();
    PlannedBarrier { name: kind.into(), stage, order: None, values: None }
}

fn documents(ids: std::ops::Range<u64>) -> RecordBatch {
    let names = ids.clone().map(|id| id.is_multiple_of(2).then(|| format!("name {id}")));
    let texts = ids.clone().map(|id| (id != 3).then(|| format!("the text of document {}", id / 2)));
    let columns: [(&str, ArrayRef); 3] = [
        ("doc_id", Arc::new(UInt64Array::from_iter_values(ids))),
        ("id", Arc::new(names.collect::<StringArray>())),
        ("text", Arc::new(texts.collect::<LargeStringArray>())),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Writes two parts of five documents.
fn write(run: &Run, planned: &PlannedBarrier) -> KeyFiles {
    let mut files = Vec::new();
    for part in 0..2 {
        let path = format!("work/keys-{part}.parquet");
        let mut writer = KeyWriter::create(run, &path, planned).unwrap();
        writer.write(&documents(part * 5..part * 5 + 5)).unwrap();
        writer.finish().unwrap();
        files.push(run.path(&path));
    }
    KeyFiles::new(files, [5, 5])
}

#[test]
fn ordinals_number_the_documents_of_all_parts() {
    let folder = tempfile::tempdir().unwrap();
    let files = write(&run(folder.path()), &planned("exact"));
    let mut found = Vec::new();
    let columns = ["id", "size", "keys"];
    files
        .each(&columns, |row| {
            found.push((row.ordinal, row.doc_id, row.id.map(str::to_owned), row.size));
            Ok(())
        })
        .unwrap();
    let name = |id: u64| id.is_multiple_of(2).then(|| format!("name {id}"));
    let expected: Vec<_> = (0..10).map(|id| (id, id, name(id), 1)).collect();
    assert_eq!(found, expected);
    assert_eq!((files.documents(), files.parts(), files.file_of(7)), (10, 2, 1));
    assert_eq!(files.ordinals(1), 5..10);
}

#[test]
fn equal_texts_have_equal_keys_and_a_missing_text_has_none() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["exact", "bloom", "lines"] {
        let files = write(&run(&folder.path().join(kind)), &planned(kind));
        let mut keys = Vec::new();
        files
            .each(&["keys"], |row| {
                keys.push(row.keys.to_vec());
                Ok(())
            })
            .unwrap();
        assert_eq!(keys[0], keys[1], "{kind}");
        assert_ne!(keys[0], keys[4], "{kind}");
        assert!(keys[3].is_empty() && !keys[2].is_empty(), "{kind}");
    }
}

#[test]
fn signatures_have_a_key_for_each_band_or_for_none() {
    let folder = tempfile::tempdir().unwrap();
    let planned = planned("minhash");
    let files = write(&run(folder.path()), &planned);
    let bands = planned.stage.key_layout().band_columns();
    let mut columns = vec!["sketch"];
    columns.extend(bands.iter().map(String::as_str));
    let mut counts = Vec::new();
    files
        .each(&columns, |row| {
            counts.push((row.bands.iter().count(), row.sketch.len()));
            Ok(())
        })
        .unwrap();
    assert_eq!(counts[3], (0, 0));
    assert!(counts.iter().enumerate().all(|(row, (n, _))| row == 3 || *n == bands.len()));
}

#[test]
fn an_index_of_an_earlier_run_comes_behind_all_documents() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    let mut files = write(&run, &planned("exact"));
    files.add(run.path("work/keys-0.parquet"), 5);
    assert_eq!((files.documents(), files.parts()), (15, 2));
    assert_eq!((files.earlier_run(9), files.earlier_run(10)), (None, Some(0)));
    let mut seen = Vec::new();
    files
        .collect(
            &[],
            |row, found: &mut Vec<u64>| found.push(row.ordinal),
            |found| {
                seen.extend(found);
                Ok(())
            },
        )
        .unwrap();
    assert_eq!(seen, (0..15).collect::<Vec<_>>());
}
