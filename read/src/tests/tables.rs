//! CSV, Arrow, JSON arrays, nested fields, and the compressions that are read from the start.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::ipc::writer::{FileWriter, StreamWriter};

use super::*;
use crate::lack;

fn csv(text: &str) -> Vec<Record> {
    records(Format::Csv, text.as_bytes())
}

#[test]
fn rows_of_csv_are_documents() {
    let found = csv("\u{FEFF}id,text,lang\r\n1,\"a \"\"b\"\",\nc\",en\n,second,\n");
    assert_eq!(texts(&found), ["a \"b\",\nc", "second"]);
    let first = documents(&found)[0];
    assert_eq!((first.id.as_str(), first.extra.as_deref()), ("1", Some(r#"{"lang":"en"}"#)));
    assert_eq!(documents(&found)[1].id, "in/file/1");
    let tabs = records(Format::Tsv, b"text\tn\nx, y\t1\n");
    assert_eq!(texts(&tabs), ["x, y"]);
    assert_eq!(csv(""), []);
    assert_eq!(csv("id,text\n"), []);
}

#[test]
fn a_broken_row_costs_itself() {
    let found = csv("id,text\n1,one\n2\n3,three,more\n4,four\n");
    assert_eq!(
        (texts(&found), reasons(&found)),
        (vec!["one", "four"], vec![FaultReason::BadCsv; 2])
    );
    assert_eq!(faults(&found)[0].ordinal, 1);
    assert!(faults(&found)[1].detail.contains("3 values"), "{:?}", faults(&found)[1]);
    assert_eq!(texts(&records(Format::Csv, b"text\ncaf\xE9\n")), ["caf\u{FFFD}"]);
}

#[test]
fn an_open_quote_is_bounded() {
    let mut input = input(Format::Csv);
    input.limits.max_line_bytes = 100;
    let file = format!("text\none\n\"{}", "x".repeat(1000));
    let found = records_of(&input, file.as_bytes(), &PartRange::Whole);
    assert_eq!((texts(&found), reasons(&found)), (vec!["one"], vec![FaultReason::TooLarge]));
}

fn batch() -> RecordBatch {
    let columns: [(&str, ArrayRef); 3] = [
        ("id", Arc::new(StringArray::from(vec!["a", "b"]))),
        ("text", Arc::new(StringArray::from(vec![Some("one"), None]))),
        ("n", Arc::new(Int64Array::from(vec![1, 2]))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

pub(super) fn arrow_files() -> [Vec<u8>; 2] {
    let batch = batch();
    let (mut file, mut stream) = (Vec::new(), Vec::new());
    let mut writer = FileWriter::try_new(&mut file, batch.schema_ref()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    let mut writer = StreamWriter::try_new(&mut stream, batch.schema_ref()).unwrap();
    writer.write(&batch).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    [file, stream]
}

#[test]
fn arrow_files_and_streams_are_read() {
    let [file, stream] = arrow_files();
    let found = records(Format::Arrow, &file);
    assert_eq!((texts(&found), reasons(&found)), (vec!["one"], vec![FaultReason::MissingText]));
    assert_eq!(documents(&found)[0].extra.as_deref(), Some(r#"{"n":1}"#));
    let found = records(Format::Arrow, &stream);
    assert_eq!(texts(&found), ["one", "one"]);
    assert_eq!(documents(&found)[1].ordinal, 2);
}

/// Whatever is left of a file, what comes before the cut is read, and at most one fault says where
/// it breaks off.
#[test]
fn a_cut_file_is_read_up_to_the_cut() {
    let lines = "{\"text\":\"first\"}\n{\"text\":\"second\"}\n".to_owned();
    let rows = "text,n\nfirst,1\nsecond,2\n".to_owned();
    let array = "[{\"text\":\"first\"}, {\"text\":\"second\"}]".to_owned();
    for (format, text) in [(Format::Jsonl, lines), (Format::Csv, rows), (Format::Jsonl, array)] {
        for pack in [bzip2, xz, gzip, zstd, <[u8]>::to_vec] {
            let file = pack(text.as_bytes());
            assert_eq!(texts(&records(format, &file)), ["first", "second"]);
            for cut in 0..file.len() {
                let found = records(format, &file[..cut]);
                assert!(faults(&found).len() <= 1, "{format:?} cut at {cut}: {found:?}");
                let n = documents(&found).len();
                assert!(n <= 2, "{format:?} cut at {cut}");
                if n > 0 {
                    assert_eq!(texts(&found)[0].get(..5).unwrap_or("first"), "first");
                }
            }
        }
    }
    for file in arrow_files() {
        for cut in 0..file.len() {
            let found = reasons(&records(Format::Arrow, &file[..cut]));
            let damages = found.iter().filter(|reason| **reason == FaultReason::BadArrow);
            assert!(damages.count() <= 1, "cut at {cut}");
        }
    }
}

#[test]
fn streams_of_bzip2_and_xz_follow_each_other() {
    let line = |n: usize| format!("{{\"text\":\"line {n}\"}}\n");
    for pack in [bzip2, xz] {
        let file = [pack(line(1).as_bytes()), pack(line(2).as_bytes())].concat();
        assert_eq!(texts(&records(Format::Jsonl, &file)), ["line 1", "line 2"]);
        let junk = [&file[..], b"no stream"].concat();
        let found = records(Format::Jsonl, &junk);
        assert_eq!(texts(&found), ["line 1", "line 2"]);
        assert_eq!(
            (reasons(&found), faults(&found)[0].offset),
            (vec![FaultReason::Junk], file.len() as u64)
        );
    }
    let padded = [xz(line(1).as_bytes()), vec![0; 8], xz(line(2).as_bytes())].concat();
    assert_eq!(texts(&records(Format::Jsonl, &padded)), ["line 1", "line 2"]);
}

#[test]
fn arrays_and_pretty_objects_are_read() {
    let array = "[\n  {\"text\": \"a, ]\", \"n\": [1, {\"x\": 2}]},\n  {\"text\": \"b\"}, 7\n]\n";
    let found = records(Format::Jsonl, array.as_bytes());
    assert_eq!((texts(&found), reasons(&found)), (vec!["a, ]", "b"], vec![FaultReason::BadJson]));
    assert_eq!(documents(&found)[0].extra.as_deref(), Some("{\"n\":[1, {\"x\": 2}]}"));
    let pretty = "{\n  \"text\": \"a\"\n}\n{\n  \"text\": \"b\"\n}\n";
    assert_eq!(texts(&records(Format::Jsonl, pretty.as_bytes())), ["a", "b"]);
    assert_eq!(records(Format::Jsonl, b"[]"), []);
    let open = records(Format::Jsonl, b"[{\"text\":\"a\"},");
    assert_eq!((texts(&open), reasons(&open)), (vec!["a"], vec![FaultReason::Truncated]));
    let more = records(Format::Jsonl, b"[{\"text\":\"a\"}] [{\"text\":\"b\"}] x");
    assert_eq!((texts(&more), reasons(&more)), (vec!["a", "b"], vec![FaultReason::BadJson]));
}

#[test]
fn a_text_is_found_by_a_path() {
    let mut input = input(Format::Jsonl);
    input.fields.text = "messages[].content".parse().unwrap();
    input.fields.id = "meta.id".parse().unwrap();
    let line =
        r#"{"messages":[{"content":"hello"},{"content":null},{"content":"you"}],"meta":{"id":7}}"#;
    let found = records_of(&input, line.as_bytes(), &PartRange::Whole);
    assert_eq!(texts(&found), ["hello\n\nyou"]);
    assert_eq!(documents(&found)[0].id, "7");
    assert!(documents(&found)[0].extra.as_deref().unwrap().contains("\"messages\":[{"));
    let wrong = br#"{"messages":[{"content":3}]}"#;
    assert_eq!(reasons(&records_of(&input, wrong, &PartRange::Whole)), [FaultReason::WrongType]);
    let missing = br#"{"messages":[]}"#;
    let found = records_of(&input, missing, &PartRange::Whole);
    assert_eq!(faults(&found)[0].detail, "has: messages");
}

#[test]
fn of_several_names_the_most_wanted_is_the_text_and_the_others_are_kept() {
    let mut input = input(Format::Jsonl);
    input.fields.text = "text,content".parse().unwrap();
    for line in [r#"{"content":"b","text":"a"}"#, r#"{"text":"a","content":"b"}"#] {
        let found = records_of(&input, line.as_bytes(), &PartRange::Whole);
        assert_eq!(texts(&found), ["a"]);
        assert_eq!(documents(&found)[0].extra.as_deref(), Some(r#"{"content":"b"}"#));
    }
}

#[test]
fn a_file_without_the_text_field_is_known_before_it_is_read() {
    let lacks = |format, bytes: &[u8]| {
        lack(&input(format), Box::new(Cursor::new(bytes.to_vec()))).unwrap().map(|lack| lack.there)
    };
    let there = Some(vec!["id".to_owned(), "content".to_owned()]);
    assert_eq!(lacks(Format::Jsonl, b"{\"id\":1,\"content\":\"a\"}\n{\"id\":2}\n"), there);
    assert_eq!(lacks(Format::Jsonl, b"[{\"id\":1,\"content\":\"a\"}]"), there);
    assert_eq!(lacks(Format::Jsonl, b"{\"id\":1}\n{\"text\":\"a\"}\n"), None);
    assert_eq!(lacks(Format::Jsonl, b"no json\n"), None);
    assert_eq!(lacks(Format::Csv, b"id,content\n1,a\n"), there);
    assert_eq!(lacks(Format::Csv, b""), None);
    let [file, stream] = arrow_files();
    assert_eq!((lacks(Format::Arrow, &file), lacks(Format::Arrow, &stream)), (None, None));
}

#[test]
fn what_gristmill_wrote_is_merged_and_not_nested() {
    let own = br#"{"doc_id":3,"id":"x","source":"web","path":"a.jsonl","text":"t","metadata":{"n":1},"score":2}"#;
    let found = records(Format::Jsonl, own);
    let extra: serde_json::Value =
        serde_json::from_str(documents(&found)[0].extra.as_deref().unwrap()).unwrap();
    assert_eq!(extra, serde_json::json!({ "n": 1, "score": 2 }));
    let other = br#"{"path":"a","text":"t","metadata":{"n":1}}"#;
    let found = records(Format::Jsonl, other);
    assert_eq!(documents(&found)[0].extra.as_deref(), Some(r#"{"path":"a","metadata":{"n":1}}"#));
}

#[test]
fn a_text_file_may_hold_a_document_per_line_or_paragraph() {
    let text = "first line\r\nsecond line\n\n  \nthird\n";
    let mut input = input(Format::Text);
    input.documents = TextUnit::Line;
    let lines = records_of(&input, text.as_bytes(), &PartRange::Whole);
    assert_eq!(texts(&lines), ["first line", "second line", "third"]);
    assert_eq!(documents(&lines)[2].id, "in/file/4");
    let survey = crate::survey(&input, Box::new(Cursor::new(text.as_bytes().to_vec())), 1).unwrap();
    let parts: Vec<Record> =
        survey.parts.iter().flat_map(|part| records_of(&input, text.as_bytes(), part)).collect();
    assert_eq!((parts, survey.parts.len() > 1), (lines, true));
    input.documents = TextUnit::Paragraph;
    let paragraphs = records_of(&input, text.as_bytes(), &PartRange::Whole);
    assert_eq!(texts(&paragraphs), ["first line\nsecond line", "third"]);
    assert_eq!(documents(&paragraphs)[1].ordinal, 4);
    input.limits.max_document_bytes = 8;
    let found = records_of(&input, text.as_bytes(), &PartRange::Whole);
    assert_eq!((texts(&found), reasons(&found)), (vec!["third"], vec![FaultReason::TooLarge]));
}
