//! Segments over made-up documents: no function runs twice, no document is lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, AsArray, Int64Array, LargeStringArray, UInt64Array, new_null_array};
use arrow::datatypes::{DataType, UInt64Type};
use arrow::record_batch::RecordBatch;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use proptest::prelude::*;

use crate::fence::Fence;
use crate::{DOCUMENT, Documents, Fate, Resources, Segment, Session, SqlError, StageText};

fn documents(texts: &[String], first: u64) -> Documents {
    let doc_ids = UInt64Array::from_iter_values(first..first + texts.len() as u64);
    let mut columns: Vec<ArrayRef> = vec![Arc::new(doc_ids)];
    for field in DOCUMENT.fields().iter().skip(1) {
        columns.push(match field.name().as_str() {
            "text" => Arc::new(LargeStringArray::from_iter_values(texts)),
            _ => new_null_array(field.data_type(), texts.len()),
        });
    }
    let batch = RecordBatch::try_new(DOCUMENT.clone(), columns).unwrap();
    Documents { batch, read_bytes: texts.iter().map(|text| text.len() as u64).collect() }
}

fn session() -> Session {
    Session::new(64 << 20, &Resources::default()).unwrap()
}

fn stage(name: &str, sql: &str) -> StageText {
    StageText { name: name.into(), sql: sql.into(), with: BTreeMap::new() }
}

/// A function that counts the rows it is called for.
fn expensive(calls: Arc<AtomicUsize>) -> ScalarUDF {
    let count = move |arguments: &[ColumnarValue]| {
        let ColumnarValue::Array(texts) = &arguments[0] else { unreachable!() };
        calls.fetch_add(texts.len(), Ordering::Relaxed);
        let lengths = texts.as_string::<i64>().iter().map(|text| text.map(|t| t.len() as i64));
        Ok(ColumnarValue::Array(Arc::new(lengths.collect::<Int64Array>())))
    };
    let input = vec![DataType::LargeUtf8];
    create_udf("expensive", input, DataType::Int64, Volatility::Immutable, Arc::new(count))
}

/// Kept ids, and dropped ids with stage and reason.
type Outcome = (Vec<u64>, Vec<(u64, String, String)>);

fn run(session: &Session, stages: &[StageText], texts: &[String]) -> Result<Outcome, SqlError> {
    let segment = Segment::plan(session, &DOCUMENT, stages).map_err(|(_, error)| error)?;
    let batches: Vec<_> =
        texts.chunks(3).enumerate().map(|(i, c)| Ok(documents(c, i as u64 * 3))).collect();
    let (mut kept, mut dropped) = (Vec::new(), Vec::new());
    for fate in segment.run(Box::new(batches.into_iter()))? {
        match fate? {
            Fate::Kept(documents) => {
                kept.extend(documents.batch.column(0).as_primitive::<UInt64Type>().values());
            }
            Fate::Dropped(left) => {
                for (id, reason) in left.doc_ids().values().iter().zip(left.reasons()) {
                    dropped.push((*id, left.stage().to_owned(), reason.unwrap().to_owned()));
                }
            }
        }
    }
    Ok((kept, dropped))
}

#[test]
fn nothing_expensive_runs_twice() {
    let texts: Vec<String> = (0..20).map(|n| "x".repeat(n)).collect();
    let cases = [
        "SELECT *, CASE WHEN e > 5 THEN 'long' WHEN e < 2 THEN 'short' WHEN e = 3 THEN 'odd' END AS drop_reason
         FROM (SELECT *, expensive(text) AS e FROM docs)",
        "SELECT *, NULL AS drop_reason FROM (SELECT *, expensive(text) AS e FROM docs) WHERE e > 5 AND e < 9",
        "SELECT *, CASE WHEN expensive(text) > 5 THEN 'long' WHEN expensive(text) < 2 THEN 'short' END AS drop_reason FROM docs",
    ];
    for sql in cases {
        let calls = Arc::new(AtomicUsize::new(0));
        let mut session = session();
        session.register(expensive(calls.clone())).unwrap();
        run(&session, &[stage("one", sql)], &texts).unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), texts.len(), "{sql}");
    }
}

#[test]
fn later_stages_do_not_run_earlier_functions_again() {
    let texts: Vec<String> = (0..20).map(|n| "x".repeat(n)).collect();
    let calls = Arc::new(AtomicUsize::new(0));
    let mut session = session();
    session.register(expensive(calls.clone())).unwrap();
    let stages = [
        stage("one", "SELECT *, expensive(text) AS e, NULL AS drop_reason FROM docs"),
        stage(
            "two",
            "SELECT *, CASE WHEN e > 5 AND e * 2 > 11 THEN 'long' END AS drop_reason FROM docs",
        ),
        stage("three", "SELECT *, NULL AS drop_reason FROM docs WHERE e > 2"),
    ];
    let (kept, dropped) = run(&session, &stages, &texts).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), texts.len());
    assert_eq!(kept, [3, 4, 5]);
    let of = |stage: &str| dropped.iter().filter(|(_, s, _)| s == stage).count();
    assert_eq!((of("two"), of("three")), (14, 3));
    assert!(dropped.iter().all(|(_, stage, reason)| (stage == "three") == (reason == "filtered")));
}

#[test]
fn a_stage_that_repeats_a_document_is_stopped() {
    let texts = ["a".to_owned(), "b".to_owned()];
    let mut fence = Fence::new("twice");
    let batch = fence.enter(documents(&texts, 0));
    let reason = new_null_array(&DataType::Utf8, 2);
    let mut fields = batch.schema().fields().to_vec();
    fields.push(Arc::new(arrow::datatypes::Field::new("drop_reason", DataType::Utf8, true)));
    let mut columns = batch.columns().to_vec();
    columns.push(reason);
    let schema = Arc::new(arrow::datatypes::Schema::new(fields));
    let output = RecordBatch::try_new(schema, columns).unwrap();
    assert!(fence.leave(&output).is_ok());
    let error = fence.leave(&output).unwrap_err().to_string();
    assert!(error.contains("stage `twice` returned document 0 twice"), "{error}");
}

#[test]
fn errors_come_back_as_they_were() {
    let session = session();
    let keep = stage("keep", "SELECT *, NULL AS drop_reason FROM docs");
    let null = stage(
        "null",
        "SELECT * EXCLUDE (doc_id), CASE WHEN doc_id <> 1 THEN doc_id END AS doc_id, NULL AS drop_reason FROM docs",
    );
    let texts = ["a".to_owned(), "b".to_owned()];

    let segment = Segment::plan(&session, &DOCUMENT, &[keep.clone(), keep.clone()]).unwrap();
    let broken = || SqlError::Input("the disk is on fire".into());
    let source = [Ok(documents(&texts, 0)), Err(broken()), Ok(documents(&texts, 2))];
    let mut fates = segment.run(Box::new(source.into_iter())).unwrap();
    assert!(matches!(fates.next(), Some(Ok(Fate::Kept(_)))));
    assert!(matches!(fates.next(), Some(Err(SqlError::Input(_)))));
    assert!(fates.next().is_none());

    let segment = Segment::plan(&session, &DOCUMENT, &[null, keep]).unwrap();
    let mut fates = segment.run(Box::new([Ok(documents(&texts, 0))].into_iter())).unwrap();
    let error = fates.next().unwrap().unwrap_err().to_string();
    assert_eq!(error, "a stage returned NULL as doc_id");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Every document is kept or dropped once, whatever the stages do.
    #[test]
    fn conservation(lengths in prop::collection::vec(0usize..12, 0..40), low in 0i64..12, high in 0i64..12) {
        let texts: Vec<String> = lengths.iter().map(|n| "y".repeat(*n)).collect();
        let stages = [
            stage("where", &format!("SELECT *, NULL AS drop_reason FROM docs WHERE length(text) <> {low}")),
            stage("reason", &format!("SELECT *, CASE WHEN length(text) = {high} THEN 'high' END AS drop_reason FROM docs")),
        ];
        let (kept, dropped) = run(&session(), &stages, &texts).unwrap();
        let mut all: Vec<u64> = kept.iter().copied().chain(dropped.iter().map(|d| d.0)).collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..texts.len() as u64).collect::<Vec<_>>());
        prop_assert!(kept.is_sorted());
        for id in kept {
            let length = lengths[id as usize] as i64;
            prop_assert!(length != low && length != high);
        }
    }
}

/// The message, the place and the help of a refusal.
fn refusal(sql: &str) -> (String, String, String) {
    let stages = [stage("one", sql)];
    let (_, error) = Segment::plan(&session(), &DOCUMENT, &stages).unwrap_err();
    let SqlError::Refused { message, span, help } = error else { panic!("{error}") };
    (message, span.map_or(String::new(), |span| sql[span].to_owned()), help.unwrap_or_default())
}

#[test]
fn refusals_have_their_place() {
    let cases = [
        ("SELECT *, CASE WHEN text THEN 'x' AS drop_reason FROM docs", "text"),
        ("-- é\nSELECT *, lenght AS drop_reason FROM docs", "lenght"),
        ("SELECT *, signal(text) AS drop_reason FROM docs", "signal"),
        ("SELECT *, NULL AS drop_reason FROM docs; DELETE FROM docs", "DELETE"),
        ("/* x */ COPY docs TO 'x'", "COPY"),
        ("SELECT *, NULL AS drop_reason FROM docs x JOIN y.docs d ON true", "y.docs"),
        ("SELECT *, 'docs2' AS drop_reason FROM \"docs2\"", "\"docs2\""),
        ("SELECT *, language(text).code AS drop_reason FROM docs", "language(text).code"),
        ("SELECT *, 'x' AS drop_reason FROM '/etc/passwd'", "'/etc/passwd'"),
        ("SELECT *, 'x' AS drop_reason FROM 'x'", ""),
        ("SELECT *, $reason AS drop_reason FROM docs", "$reason"),
        ("SELECT *, 'open AS drop_reason FROM docs", "'"),
    ];
    for (sql, expected) in cases {
        let (message, place, _) = refusal(sql);
        assert_eq!(place, expected, "{sql}: {message}");
    }
}

#[test]
fn refusals_say_what_is_wrong() {
    let refused = |sql| refusal(&format!("SELECT *, {sql} AS drop_reason FROM docs"));
    let (message, _, help) = refused("CASE WHEN lenght > 5 THEN 'long' END");
    assert_eq!(message, "column 'lenght' not found");
    assert_eq!(help, "docs has doc_id, id, url, source, path, date, text, metadata");
    let (_, _, help) = refused("CASE WHEN metadat > 'a' THEN 'x' END");
    assert_eq!(help, "did you mean `metadata`?");
    let (message, _, help) = refused("CASE WHEN signal(text) > 1 THEN 'x' END");
    assert_eq!(message, "invalid function 'signal'");
    assert_eq!(help, "did you mean 'signals'");
    let (message, ..) = refused("CASE WHEN text THEN 'x'");
    assert_eq!(message, "expected: end of statement, found: text");
    let (message, ..) = refused("'x");
    assert_eq!(message, "unterminated string literal");
}
