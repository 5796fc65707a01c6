//! Rows, parts and damage of Parquet.

use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression as Codec;
use ::parquet::file::properties::WriterProperties;
use arrow::array::{ArrayRef, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray};

use super::*;
use crate::Names;
use crate::survey;

/// A file of 100 rows in 4 row groups.
fn file() -> Vec<u8> {
    let texts: Vec<_> =
        (0..100).map(|n| (n != 7).then(|| format!("text {n} {}", "word ".repeat(n)))).collect();
    let columns: [(&str, ArrayRef); 4] = [
        ("id", Arc::new(StringArray::from_iter_values((0..100).map(|n| format!("id{n}"))))),
        ("text", Arc::new(StringArray::from(texts))),
        ("n", Arc::new(Int64Array::from_iter_values(0..100))),
        ("score", Arc::new(Float64Array::from_iter_values((0..100).map(f64::from)))),
    ];
    write(&RecordBatch::try_from_iter(columns).unwrap())
}

fn write(batch: &RecordBatch) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(25))
        .set_compression(Codec::SNAPPY)
        .build();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    file
}

#[test]
fn rows_are_documents_and_parts_tile_them() {
    let file = file();
    let input = input(Format::Parquet);
    let whole = records_of(&input, &file, &PartRange::Whole);
    assert_eq!((documents(&whole).len(), reasons(&whole)), (99, vec![FaultReason::MissingText]));
    assert_eq!(faults(&whole)[0].ordinal, 7);
    let document = documents(&whole)[1];
    assert_eq!((document.id.as_str(), document.text.as_str()), ("id1", "text 1 word "));
    assert_eq!(document.extra.as_deref(), Some(r#"{"n":1,"score":1.0}"#));
    for (part_bytes, parts) in [(1, 4), (u64::MAX, 1)] {
        let survey = survey(&input, Box::new(Cursor::new(file.clone())), part_bytes).unwrap();
        assert_eq!((survey.parts.len(), survey.records), (parts, Some(100)));
        let found: Vec<Record> =
            survey.parts.iter().flat_map(|part| records_of(&input, &file, part)).collect();
        assert_eq!(found, whole);
    }
}

#[test]
fn binary_text_is_repaired_and_other_types_are_refused() {
    let text: ArrayRef = Arc::new(BinaryArray::from_iter_values([b"a\xFF".as_slice(), b"b"]));
    let found =
        records(Format::Parquet, &write(&RecordBatch::try_from_iter([("text", text)]).unwrap()));
    assert_eq!(texts(&found), ["a\u{FFFD}", "b"]);
    assert_eq!(documents(&found)[1].id, "in/file/1");
    let number: ArrayRef = Arc::new(Int64Array::from_iter_values(0..3));
    let batch = RecordBatch::try_from_iter([("text", number)]).unwrap();
    assert_eq!(reasons(&records(Format::Parquet, &write(&batch))), [FaultReason::WrongType]);
    let mut input = input(Format::Parquet);
    input.fields.text = Names::one("content");
    let found = records_of(&input, &file(), &PartRange::Whole);
    assert_eq!(reasons(&found), [FaultReason::MissingText]);
}

#[test]
fn a_damaged_page_costs_its_row_group_only() {
    let mut file = file();
    file[4..40].fill(0xFF);
    let found = records(Format::Parquet, &file);
    assert_eq!(reasons(&found), [FaultReason::BadParquet]);
    let fault = faults(&found)[0];
    assert!(fault.detail.starts_with("row group 0, 25 rows lost"), "{}", fault.detail);
    assert_eq!((fault.ordinal, documents(&found).len()), (0, 75));
    assert_eq!(documents(&found)[0].ordinal, 25);
}

#[test]
fn damage_anywhere_is_reported_without_a_panic() {
    let sound = file();
    let mut state = 1u64;
    let mut random = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for cut in [0, 3, 8, sound.len() / 2, sound.len() - 1] {
        assert_eq!(reasons(&records(Format::Parquet, &sound[..cut])), [FaultReason::BadParquet]);
    }
    for _ in 0..300 {
        let mut file = sound.clone();
        for _ in 0..=random(4) {
            let at = random(file.len());
            file[at] = random(256) as u8;
        }
        for record in records(Format::Parquet, &file) {
            assert!(!matches!(record, Record::Skipped(..)));
        }
    }
}
