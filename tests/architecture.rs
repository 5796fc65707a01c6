//! Who may import whom: ARCHITECTURE.md's arrows, read from the Cargo.toml files.

use std::collections::BTreeMap;
use std::path::Path;

const ROOMS: [&str; 11] = [
    "bug",
    "dedup",
    "encoder",
    "fixtures",
    "model",
    "pipeline",
    "shards",
    "sql",
    "store",
    "text",
    "tokenizer",
];

fn imports(manifest: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(manifest).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let dependencies = table["dependencies"].as_table().unwrap();
    dependencies.keys().filter(|name| ROOMS.contains(&name.as_str())).cloned().collect()
}

#[test]
fn arrows_are_those_of_the_plan() {
    let allowed = BTreeMap::from([
        ("bug", vec![]),
        ("dedup", vec!["bug", "store", "text"]),
        ("encoder", vec!["bug", "tokenizer"]),
        ("fixtures", vec![]),
        ("model", vec!["bug"]),
        (
            "pipeline",
            vec!["bug", "dedup", "encoder", "model", "shards", "sql", "store", "text", "tokenizer"],
        ),
        ("shards", vec!["bug", "store"]),
        ("sql", vec!["bug", "encoder", "text", "tokenizer"]),
        ("store", vec!["bug"]),
        ("text", vec!["bug"]),
        ("tokenizer", vec!["bug"]),
    ]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for room in ROOMS {
        let found = imports(&root.join(room).join("Cargo.toml"));
        for import in &found {
            let allowed = &allowed[room];
            assert!(allowed.contains(&import.as_str()), "{room} imports {import}");
        }
    }
}
