//! A small run directory, written by hand, whose data is hostile.

#![expect(clippy::disallowed_methods, reason = "the files stand for a run that `store` wrote")]

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, LargeStringArray, StringArray, StructArray};
use arrow::array::{Float32Array, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Fields};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use shards::dataset::{Counts, ShardEntry, ShardManifest, Split, TokenType};
use tables::{Count, Ledger, Outcome};

use super::*;

const HOSTILE: &str = "<script>alert('x')</script>";

fn write(root: &Path, path: &str, columns: Vec<(&str, ArrayRef)>) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn texts<const N: usize>(values: [&str; N]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn numbers<const N: usize>(values: [u64; N]) -> ArrayRef {
    Arc::new(UInt64Array::from(values.to_vec()))
}

fn write_tables(root: &Path) {
    let code = Field::new("code", DataType::Utf8, true);
    let language = StructArray::new(Fields::from(vec![code]), vec![texts([HOSTILE, "en"])], None);
    write(
        root,
        "docs/part-00000.parquet",
        vec![
            ("doc_id", numbers([1, 2])),
            ("id", texts(["/secret/place/a.jsonl/1", "two"])),
            ("path", texts(["/secret/place/a.jsonl", "/secret/place/a.jsonl"])),
            ("text", Arc::new(LargeStringArray::from(vec!["some text", HOSTILE]))),
            ("language", Arc::new(language)),
        ],
    );
    let mail = format!("{HOSTILE} write to jane.roe@example.org, today");
    write(
        root,
        "dropped/part-00000.parquet",
        vec![
            ("doc_id", numbers([3, 4])),
            ("id", texts(["three", "four"])),
            ("url", texts(["javascript:alert(1)//\"><img src=x onerror=alert(1)>", ""])),
            ("path", texts(["a", "a"])),
            ("stage", texts(["same", "same"])),
            ("reason", texts([HOSTILE, HOSTILE])),
            ("text", Arc::new(LargeStringArray::from(vec![mail.as_str(), "four"]))),
        ],
    );
    write(
        root,
        "quarantine/part-00000.parquet",
        vec![
            ("source", texts(["web"])),
            ("path", texts(["/secret/place/<b>.jsonl"])),
            ("ordinal", numbers([0])),
            ("offset", numbers([1234])),
            ("reason", texts(["it's bad"])),
            ("detail", texts(["found </bdi><script>"])),
        ],
    );
    write(
        root,
        "clusters.parquet",
        vec![
            ("stage", texts(["same", "same"])),
            ("cluster", numbers([1, 1])),
            ("doc_id", numbers([1, 3])),
            ("survivor", Arc::new(BooleanArray::from(vec![true, false]))),
            ("size", Arc::new(UInt32Array::from(vec![2, 2]))),
        ],
    );
}

fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    let count = |documents, bytes| Count { documents, bytes };
    ledger.add("web", Outcome::Read, "", "", count(1200, 1200 << 12));
    ledger.add("web", Outcome::Kept, "", "", count(1, 1 << 12));
    ledger.add("web", Outcome::Dropped, "same", HOSTILE, count(1, 1 << 12));
    ledger.add("web", Outcome::Quarantined, "read", "it's bad", count(1, 77));
    ledger
}

const RECIPE: &str = "\
[[source]]
name = \"web\"

[[stage]]
use = \"exact\"
name = \"same\"

[tokenizer]

[shards]
sequence_length = 512

[pretrain]
preset = \"tiny\"
batch_size = 8
";

fn write_run(root: &Path, ledger: &Ledger) {
    std::fs::write(root.join("recipe.toml"), RECIPE).unwrap();
    let mut writer = ArrowWriter::try_new(
        File::create(root.join("ledger.parquet")).unwrap(),
        Ledger::schema(),
        None,
    )
    .unwrap();
    writer.write(&ledger.batch().unwrap()).unwrap();
    writer.close().unwrap();
}

fn shards() -> ShardManifest {
    ShardManifest {
        schema: ShardManifest::SCHEMA.into(),
        token_type: TokenType::U16,
        vocab_size: 500,
        root: String::new(),
        begin_of_text: None,
        end_of_text: Some(0),
        tokenizer_blake3: None,
        validation: None,
        sources: Vec::new(),
        files: Vec::new(),
        shards: vec![ShardEntry {
            name: "train-00000".into(),
            split: Split::Train,
            counts: Counts { documents: 1, tokens: 1025, bytes: 4000 },
            blake3: String::new(),
            sums_blake3: String::new(),
            sources: Vec::new(),
        }],
    }
}

/// The shards and the curve of a model.
fn write_model(root: &Path) {
    std::fs::create_dir_all(root.join("shards")).unwrap();
    let json = shards().seal().to_json().unwrap();
    std::fs::write(root.join("shards").join(ShardManifest::FILE), json).unwrap();
    let losses: Float32Array = (1..=200).map(|step| 6.0 - step as f32 / 100.0).collect();
    let steps: UInt64Array = (1..=200).collect();
    write(root, "training.parquet", vec![("step", Arc::new(steps)), ("loss", Arc::new(losses))]);
    let real = |value: f32| Arc::new(Float32Array::from(vec![value]));
    write(
        root,
        "validation.parquet",
        vec![
            ("step", numbers([200])),
            ("nats_per_token", real(4.1234)),
            ("bits_per_byte", real(2.0)),
            ("tokens", numbers([512])),
        ],
    );
}

fn page_of(root: &Path, sample: Option<&str>) -> String {
    let source = SourceFiles { name: "web", files: vec![("/secret/place/a.jsonl", 10)] };
    let trained = sample.map(|sample| Trained {
        shape: "4 layers".into(),
        n_parameters: 1_040_000,
        steps: 200,
        unigram_entropy: 5.5,
        sample,
    });
    html(&RunFiles { name: "demo", root, sources: vec![source], trained }).unwrap()
}

fn page(with_model: bool) -> String {
    let root = tempfile::tempdir().unwrap();
    write_run(root.path(), &ledger());
    write_tables(root.path());
    if with_model {
        write_model(root.path());
    }
    let sample = format!("The {HOSTILE}");
    page_of(root.path(), with_model.then_some(sample.as_str()))
}

#[test]
fn what_comes_from_data_is_inert() {
    let page = page(true);
    for live in ["<script", "<img", "<b>", "href=\"javascript", "jane.roe", "secret"] {
        assert!(!page.contains(live), "{live} is in the page");
    }
    // The reason, the text, the language and the sample are shown, as text.
    assert!(page.matches("&lt;script&gt;alert(").count() >= 4);
    for shown in ["&lt;EMAIL&gt;", "a.jsonl&#x2f;1", "at byte 1,234", "1,200 records", "4.12 nats"]
    {
        assert!(page.contains(shown), "{shown} is not in the page");
    }
}

#[test]
fn the_same_facts_give_the_same_bytes() {
    assert_eq!(page(true), page(true));
}

#[test]
fn a_run_without_tokens_has_a_report() {
    let page = page(false);
    assert!(page.contains("Drop reasons") && !page.contains("id=\"tokens\""));
}

#[test]
fn a_run_without_documents_has_a_report() {
    let root = tempfile::tempdir().unwrap();
    write_run(root.path(), &Ledger::default());
    assert!(page_of(root.path(), None).contains("Read 0 records"));
}

#[test]
fn a_folder_without_a_recipe_is_named() {
    let root = tempfile::tempdir().unwrap();
    let run = RunFiles { name: "demo", root: root.path(), sources: Vec::new(), trained: None };
    let error = html(&run).unwrap_err().to_string();
    assert!(error.contains("recipe.toml"), "{error}");
}
