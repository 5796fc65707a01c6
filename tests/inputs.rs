//! What people name as inputs, and what they are told about it.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::command::Folder;

const KEEP: &str = "SELECT *, CAST(NULL AS VARCHAR) AS drop_reason FROM docs";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("keep.sql", KEEP);
    folder
}

/// Applies the stage that keeps everything; returns the output and the documents.
fn apply(folder: &Folder, arguments: &[&str]) -> (Output, Vec<Value>) {
    let _ = std::fs::remove_file(folder.path("o.jsonl"));
    let whole = [&["apply", "--stage", "keep.sql", "--output", "o.jsonl"], arguments].concat();
    let output = folder.gristmill(&whole);
    let written = std::fs::read_to_string(folder.path("o.jsonl")).unwrap_or_default();
    let documents = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output, documents)
}

fn ids(documents: &[Value]) -> Vec<&str> {
    documents.iter().map(|document| document["id"].as_str().unwrap()).collect()
}

fn line(id: &str) -> String {
    format!("{}\n", json!({ "id": id, "text": format!("The text of document {id}.") }))
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_source_without_the_text_field_is_refused_with_the_flag_to_give() {
    let folder = folder();
    for n in 0..9 {
        let field = if n == 0 { "text" } else { "content" };
        let row = json!({ "id": n.to_string(), field: format!("The words of number {n}.") });
        folder.write(&format!("in/{n}.jsonl"), &format!("{row}\n"));
    }
    let (output, _) = apply(&folder, &["in"]);
    let message = message(&output);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("8 of 9 files have no field `text`"), "{message}");
    assert!(message.contains("--text text,content"), "{message}");
    assert!(!folder.path("o.jsonl").exists());
    let (output, documents) = apply(&folder, &["in", "--text", "text,content"]);
    assert_eq!((output.status.code(), documents.len()), (Some(0), 9));
    folder.write("recipe.toml", "[[source]]\nname = \"in\"\npath = \"in\"\n");
    let planned = folder.fail(&["plan", "recipe.toml"]);
    assert!(planned.contains("fields = { text = [\"text\", \"content\"] }"), "{planned}");
}

#[test]
fn what_is_lost_is_told_with_its_first_place() {
    let folder = folder();
    folder.write("good.jsonl", &line("a"));
    folder.write("bad.jsonl", "{\"text\": \"cut\n{\"text\": null, \"id\": 1}\n");
    let (output, documents) = apply(&folder, &["good.jsonl", "bad.jsonl", "--quiet"]);
    let message = message(&output);
    assert_eq!((output.status.code(), documents.len()), (Some(1), 1), "{message}");
    assert!(message.contains("quarantined: 1 bad_json, first bad.jsonl line 1"), "{message}");
    assert!(
        message.contains("1 missing_text, first bad.jsonl line 2 (has: text, id)"),
        "{message}"
    );
    assert!(message.contains("lost: all of bad.jsonl"), "{message}");
    folder.write("empty.jsonl", "");
    let (output, _) = apply(&folder, &["empty.jsonl"]);
    assert_eq!(output.status.code(), Some(1));
    for command in [&["stats", "bad.jsonl"][..], &["dedup", "bad.jsonl", "--output", "u.jsonl"]] {
        let output = folder.gristmill(command);
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert!(self::message(&output).contains("1 bad_json, first bad.jsonl line 1"));
    }
}

#[test]
fn a_folder_stands_for_its_files_and_hidden_ones_must_be_spelled() {
    let folder = folder();
    for (name, id) in [
        ("data/a.jsonl", "a"),
        ("data/deep/b.jsonl", "b"),
        ("data/.h.jsonl", "hidden"),
        ("data/.old/z.jsonl", "old"),
        ("data/_temporary/0/p.jsonl", "temporary"),
    ] {
        folder.write(name, &line(id));
    }
    folder.write("data/README.md", "not documents");
    let (output, documents) = apply(&folder, &["data"]);
    assert_eq!(ids(&documents), ["a", "b"]);
    assert!(message(&output).contains("not read: 1 file"), "{}", message(&output));
    for (pattern, expected) in [
        ("data/**/*.jsonl", &["a", "b"][..]),
        ("data/*.jsonl", &["a"]),
        ("data/{a,deep/b}.jsonl", &["a", "b"]),
        ("data/.h*", &["hidden"]),
        ("data/_temporary/**", &["temporary"]),
    ] {
        assert_eq!(ids(&apply(&folder, &[pattern]).1), expected, "{pattern}");
    }
    assert!(
        folder
            .fail(&["apply", "--stage", "keep.sql", "no/*.x", "--output", "x.jsonl"])
            .contains("matches no file")
    );
}

#[test]
fn a_path_that_exists_is_that_file() {
    let folder = folder();
    folder.write("part1.jsonl", &line("one"));
    folder.write("part[12].jsonl", &line("brackets"));
    folder.write("x[1]/y.jsonl", &line("inner"));
    assert_eq!(ids(&apply(&folder, &["part[12].jsonl"]).1), ["brackets"]);
    assert_eq!(ids(&apply(&folder, &["x[1]/*.jsonl"]).1), ["inner"]);
    assert_eq!(ids(&apply(&folder, &["part[1-2].jsonl"]).1), ["one"]);
    std::os::unix::fs::symlink("part1.jsonl", folder.path("link.jsonl")).unwrap();
    std::fs::hard_link(folder.path("part1.jsonl"), folder.path("hard.jsonl")).unwrap();
    let (_, documents) = apply(&folder, &["link.jsonl", "hard.jsonl", "part1.jsonl"]);
    assert_eq!(ids(&documents), ["one"]);
}

#[test]
fn a_list_and_standard_input_are_inputs() {
    let folder = folder();
    folder.write("a.jsonl", &line("a"));
    folder.write("b.jsonl", &line("b"));
    folder.write("list.txt", "a.jsonl\n\nb.jsonl\n");
    assert_eq!(ids(&apply(&folder, &["@list.txt"]).1), ["a", "b"]);
    let mut process = Command::new(assert_cmd::cargo::cargo_bin!("gristmill"))
        .current_dir(folder.path(""))
        .args(["apply", "--stage", "keep.sql", "-", "--format", "jsonl", "--output", "o.jsonl"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(line("piped").as_bytes()).unwrap();
    assert!(process.wait().unwrap().success());
    let written = std::fs::read_to_string(folder.path("o.jsonl")).unwrap();
    assert!(written.contains("piped"), "{written}");
}

#[test]
fn small_files_share_parts() {
    let folder = folder();
    for n in 0..300 {
        folder.write(&format!("in/{n:04}.jsonl"), &line(&n.to_string()));
    }
    folder.run(&["apply", "--stage", "keep.sql", "in/*.jsonl", "--output", "out", "--quiet"]);
    assert_eq!(std::fs::read_dir(folder.path("out")).unwrap().count(), 1);
}

const RECORD: &str = r#"{"id":"a","text":"Some words.","date":"2026","lang":"fr","meta":{"license":"mit"},"score":0.75}"#;

#[test]
fn fields_of_the_record_are_values_in_sql() {
    let folder = folder();
    folder.write("in.jsonl", &format!("{RECORD}\n"));
    folder.write(
        "fields.sql",
        "SELECT *, metadata->>'lang' AS lang, json_get_float(metadata, 'score') AS score,
                json_get_str(metadata, 'meta', 'license') AS license,
                metadata->'meta'->>'license' AS again,
                CASE WHEN CAST(metadata->>'score' AS DOUBLE) > 0.9 THEN 'high' END AS drop_reason
         FROM docs",
    );
    let arguments = ["apply", "--stage", "fields.sql", "in.jsonl", "--output", "f.jsonl"];
    folder.run(&arguments);
    let written = std::fs::read_to_string(folder.path("f.jsonl")).unwrap();
    let document: Value = serde_json::from_str(&written).unwrap();
    for (name, expected) in [
        ("lang", json!("fr")),
        ("score", json!(0.75)),
        ("license", json!("mit")),
        ("again", json!("mit")),
    ] {
        assert_eq!(document[name], expected, "{written}");
    }
}

#[test]
fn annotated_and_dropped_documents_keep_all_fields() {
    let folder = folder();
    folder.write("in.jsonl", &format!("{RECORD}\n{}", line("b")));
    folder.write(
        "some.sql",
        "SELECT *, CASE WHEN id = 'a' THEN 'first' END AS drop_reason FROM docs",
    );
    folder.run(&["apply", "--annotate", "--stage", "some.sql", "in.jsonl", "--output", "n.jsonl"]);
    let written = std::fs::read_to_string(folder.path("n.jsonl")).unwrap();
    let documents: Vec<Value> =
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(documents.len(), 2, "{written}");
    assert_eq!(documents[0]["drop_reason"], "first");
    assert_eq!(documents[0]["date"], "2026");
    assert_eq!(documents[0]["metadata"]["meta"]["license"], "mit");
}

/// What gristmill wrote is read back as it was, however often and in whichever format.
#[test]
fn an_output_is_an_input() {
    let folder = folder();
    folder.write("0.jsonl", &format!("{RECORD}\n"));
    let names = ["0.jsonl", "1.parquet", "2.jsonl", "3.jsonl.zst", "4.parquet", "5.jsonl"];
    for pair in names.windows(2) {
        folder.run(&["apply", "--stage", "keep.sql", pair[0], "--output", pair[1], "--quiet"]);
    }
    let written = std::fs::read_to_string(folder.path("5.jsonl")).unwrap();
    let document: Value = serde_json::from_str(&written).unwrap();
    let expected = json!({ "lang": "fr", "meta": { "license": "mit" }, "score": 0.75 });
    assert_eq!(document["metadata"], expected, "{written}");
    assert_eq!((&document["id"], &document["date"]), (&json!("a"), &json!("2026")));
}
