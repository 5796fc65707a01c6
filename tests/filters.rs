//! The stock filters against datatrove's verdicts, and stages over files that SQL names.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::command::Folder;

/// The rows that stages make of texts, by id, with their verdicts.
fn annotate(
    folder: &Folder,
    texts: &BTreeMap<&str, &str>,
    flags: &[&str],
) -> BTreeMap<String, Value> {
    let line = |(id, text): (&&str, &&str)| json!({ "id": id, "text": text }).to_string();
    folder.write("texts.jsonl", &texts.iter().map(line).collect::<Vec<_>>().join("\n"));
    let mut arguments = vec!["apply", "texts.jsonl", "--annotate", "--quiet"];
    arguments.extend(["--output", "out.jsonl"]);
    arguments.extend(flags);
    folder.run(&arguments);
    let rows = std::fs::read_to_string(folder.path("out.jsonl")).unwrap();
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.map(|row| (row["id"].as_str().unwrap().to_owned(), row)).collect()
}

#[test]
fn verdicts_are_those_of_datatrove() {
    let Some(data) = std::env::var_os("GRISTMILL_DATA") else {
        println!("skipped: GRISTMILL_DATA is not set");
        return;
    };
    let file = std::path::Path::new(&data).join("golden/datatrove_0.10_golden.json");
    let golden: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let cases = golden["filters"].as_object().unwrap();
    let texts: BTreeMap<&str, &str> = cases
        .iter()
        .map(|(id, case)| (id.as_str(), case["text"].as_str().unwrap()))
        // A text without letters or marks is no document; it is quarantined as it is read.
        .filter(|(_, text)| !text.trim().is_empty())
        .collect();
    let folder = Folder::new();
    for (key, flags) in [
        ("gopher_quality", vec!["--stage", "gopher"]),
        ("gopher_repetition", vec!["--stage", "gopher_repetition"]),
        ("fineweb", vec!["--stage", "fineweb"]),
        ("c4", vec!["--stage", "c4", "--with", "c4.filter_no_terminal_punct=true"]),
        ("c4_nopunct", vec!["--stage", "c4", "--with", "c4.filter_no_terminal_punct=false"]),
    ] {
        let rows = annotate(&folder, &texts, &flags);
        for (id, text) in &texts {
            let (case, row) = (&cases[*id], &rows[*id]);
            assert_eq!(row["drop_reason"], case[key][1], "{key} of {id}: {text:?}");
            if let Some(cleaned) = case.get(format!("{key}_text")) {
                assert_eq!(row["text"], *cleaned, "{key} of {id}");
            }
        }
    }
}
