//! Properties of the ledger and of tables, tested on random contents.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, UInt64Array};
use arrow::record_batch::RecordBatch;
use proptest::prelude::*;
use store::{Fingerprint, Opened, Run};

use super::*;

fn run(folder: &std::path::Path) -> Run {
    match Run::open_ephemeral(&folder.join("run"), Fingerprint::default()).unwrap() {
        Opened::Open(run) => run,
        Opened::Finished(_) => panic!("a new run is finished"),
    }
}

/// Documents of some sources: the bytes and the outcome of each.
fn documents() -> impl Strategy<Value = Vec<(u8, u64, u8)>> {
    prop::collection::vec((0..3_u8, 0..1000_u64, 0..3_u8), 0..200)
}

fn ledger_of(documents: &[(u8, u64, u8)]) -> Ledger {
    let mut ledger = Ledger::default();
    for (source, bytes, fate) in documents {
        let (source, count) = (format!("s{source}"), Count { documents: 1, bytes: *bytes });
        ledger.add(&source, Outcome::Read, "", "", count);
        match fate {
            0 => ledger.add(&source, Outcome::Kept, "", "", count),
            1 => ledger.add(&source, Outcome::Dropped, "stage", "reason", count),
            _ => ledger.add(&source, Outcome::Quarantined, "read", "bad_json", count),
        }
    }
    ledger
}

proptest! {
    #[test]
    fn a_ledger_balances_when_every_document_is_in_one_account(documents in documents()) {
        let ledger = ledger_of(&documents);
        ledger.check().unwrap();
        let bytes: u64 = documents.iter().map(|(_, bytes, _)| bytes).sum();
        prop_assert_eq!(ledger.outcome(Outcome::Read).bytes, bytes);
    }

    #[test]
    fn a_document_or_byte_that_is_missing_is_a_bug(documents in documents(), source in 0..3_u8) {
        let mut ledger = ledger_of(&documents);
        let lost = Count { documents: 0, bytes: 1 };
        ledger.add(&format!("s{source}"), Outcome::Read, "", "", lost);
        let error = ledger.check().unwrap_err();
        prop_assert!(bug::is_bug(&error), "{}", error);
    }

    #[test]
    fn merging_parts_is_counting_all(documents in documents(), cut in 0..200_usize) {
        let (a, b) = documents.split_at(cut.min(documents.len()));
        let mut merged = ledger_of(a);
        merged.merge(&ledger_of(b));
        prop_assert_eq!(merged, ledger_of(&documents));
    }

    #[test]
    fn a_ledger_is_read_as_it_was_written(documents in documents()) {
        let folder = tempfile::tempdir().unwrap();
        let run = run(folder.path());
        let ledger = ledger_of(&documents);
        let mut table =
            TableWriter::create(&run, store::layout::LEDGER, Ledger::schema()).unwrap();
        table.write(&ledger.batch().unwrap()).unwrap();
        table.finish().unwrap();
        prop_assert_eq!(Ledger::read(&run.path(store::layout::LEDGER)).unwrap(), ledger.clone());
        let json = serde_json::to_value(&ledger).unwrap();
        prop_assert_eq!(serde_json::from_value::<Ledger>(json).unwrap(), ledger);
    }
}

fn batch(rows: std::ops::Range<u64>) -> RecordBatch {
    let texts: ArrayRef =
        Arc::new(StringArray::from_iter_values(rows.clone().map(|row| format!("text {row}"))));
    let numbers: ArrayRef = Arc::new(UInt64Array::from_iter_values(rows));
    RecordBatch::try_from_iter([("doc_id", numbers), ("text", texts)]).unwrap()
}

fn write(run: &Run, path: &str, rows: std::ops::Range<u64>) {
    let batch = batch(rows);
    let mut table = TableWriter::create(run, path, batch.schema()).unwrap();
    table.write(&batch).unwrap();
    table.finish().unwrap();
}

#[test]
fn concatenated_tables_hold_the_rows_of_all_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    write(&run, "docs/part-00000.parquet", 0..1000);
    write(&run, "docs/part-00001.parquet", 1000..1500);
    let tables = run_tables(run.root()).unwrap();
    assert_eq!(tables.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["docs"]);
    let publication = run.publish("all.parquet").unwrap();
    concatenate(&tables[0].files, publication).unwrap().finish().unwrap();
    let path = run.path("all.parquet");
    assert_eq!(table_rows(&path).unwrap(), 1500);
    let batches: Vec<RecordBatch> =
        read_table(&path, None).unwrap().collect::<Result<_>>().unwrap();
    let rows = arrow::compute::concat_batches(&batch(0..0).schema(), &batches).unwrap();
    assert_eq!(rows, batch(0..1500));
}

#[test]
fn the_same_rows_are_the_same_bytes() {
    let bytes = || {
        let folder = tempfile::tempdir().unwrap();
        let run = run(folder.path());
        write(&run, "a.parquet", 0..5000);
        std::fs::read(run.path("a.parquet")).unwrap()
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn one_column_can_be_read_alone() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    write(&run, "a.parquet", 0..700);
    let read: Vec<RecordBatch> = read_table_by(&run.path("a.parquet"), Some(&["text"]), 300)
        .unwrap()
        .collect::<Result<_>>()
        .unwrap();
    assert_eq!(read.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [300, 300, 100]);
    assert!(read.iter().all(|batch| batch.num_columns() == 1));
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let error = run_tables(std::path::Path::new("nowhere")).unwrap_err();
    assert_eq!(error.to_string(), "nowhere: there is no run here");
    let error = Ledger::read(std::path::Path::new("nowhere/ledger.parquet")).unwrap_err();
    assert!(error.is_resumable() && error.to_string().starts_with("nowhere/ledger.parquet"));
}
