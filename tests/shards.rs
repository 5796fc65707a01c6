//! Shard commands: order, documents of a step, damage, other trainers' formats.

use serde_json::{Value, json};

use crate::command::Folder;

/// A dataset of 60 documents from two sources, in three shards, inside a run directory.
fn dataset(folder: &Folder) {
    for (source, n) in [("web", 45), ("books", 15)] {
        let text = |i: usize| {
            let words = (0..20 + i % 17).map(|k| format!("{source} {} line {}", i * k % 13, k + i));
            words.collect::<Vec<_>>().join(", ")
        };
        let line = |i: usize| json!({ "id": format!("{source}-{i}"), "url": format!("https://{source}.example/{i}"), "text": text(i) });
        let lines: Vec<String> = (0..n).map(|i| line(i).to_string()).collect();
        folder.write(&format!("{source}.jsonl"), &lines.join("\n"));
    }
    folder.write(
        "scored.sql",
        "SELECT *, length(text) AS n_characters, NULL AS drop_reason FROM docs",
    );
    folder.write(
        "recipe.toml",
        "[[source]]\nname = \"web\"\npath = \"web.jsonl\"\n[[source]]\nname = \"books\"\npath = \"books.jsonl\"\n\
         [[stage]]\nsql = \"scored.sql\"\n[tokenizer]\nvocab_size = 300\n\
         [shards]\nsequence_length = 64\nshard_tokens = 3000\nvalidation_fraction = 0.1\n",
    );
    folder.run(&["run", "recipe.toml", "--output", "out", "--quiet"]);
}

fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

const ROWS: [&str; 4] = ["--sequence-length", "32", "--batch", "8"];

#[test]
fn a_step_is_told_and_explained_the_same_for_every_rank() {
    let folder = Folder::new();
    dataset(&folder);
    let order = |step: &str, more: &[&str]| {
        let arguments = [&["shards", "order", "out", "--json", "--step", step][..], &ROWS, more];
        object(&folder.run(&arguments.concat()))
    };
    let whole = order("3", &["--ids"]);
    let rows = whole["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 8);
    let mut dealt = vec![Value::Null; 8];
    for rank in ["0", "1", "2", "3"] {
        let own = order("3", &["--ids", "--rank", rank, "--world", "4"]);
        assert_eq!(own["digest"], whole["digest"]);
        for row in own["rows"].as_array().unwrap() {
            dealt[row["place"].as_u64().unwrap() as usize] = row.clone();
        }
    }
    assert_eq!(&dealt, rows);
    let explain = [&["shards", "explain-step", "out", "3", "--json"][..], &ROWS].concat();
    let explained = object(&folder.run(&explain));
    assert_eq!(explained["digest"], whole["digest"]);
    let documents = explained["documents"].as_array().unwrap();
    for document in documents {
        let url = document["url"].as_str().unwrap();
        let source = document["source"].as_str().unwrap();
        assert!(url.starts_with(&format!("https://{source}.example/")), "{url}");
        // The score of the stage, and the text itself.
        let number = document["number"].to_string();
        let text = folder.run(&["shards", "cat", "out", "--doc", &number]);
        assert_eq!(document["scores"]["n_characters"], text.chars().count());
        assert!(text.starts_with(source), "{text}");
    }
    let parts: usize = rows.iter().map(|row| row["documents"].as_array().unwrap().len()).sum();
    assert!(parts >= documents.len());
}

#[test]
fn each_epoch_reads_every_row_once_and_weights_change_at_a_step() {
    let folder = Folder::new();
    dataset(&folder);
    let plan = folder.run(&["shards", "pack", "out", "--sequence-length", "32", "--json"]);
    let plan = object(&plan);
    let n_rows = plan["total"]["rows"].as_u64().unwrap();
    assert_eq!(plan["total"]["dropped_tokens"], 0);
    let batch = n_rows.to_string();
    let flags = ["--sequence-length", "32", "--batch", &batch, "--json", "--step"];
    for step in ["0", "1"] {
        let epoch =
            object(&folder.run(&[&["shards", "order", "out"][..], &flags, &[step]].concat()));
        let rows = epoch["rows"].as_array().unwrap().iter().map(|row| row["row"].as_u64().unwrap());
        let mut rows: Vec<u64> = rows.collect();
        rows.sort_unstable();
        assert_eq!(rows, (0..n_rows).collect::<Vec<_>>());
    }
    let weights = ["--weight", "web=1", "--weight", "2:books=3", "--weight", "2:web=1"];
    let books = |step: &str| {
        let arguments = ["shards", "order", "out", "--json", "--step", step];
        let order = object(&folder.run(&[&arguments[..], &ROWS, &weights].concat()));
        let rows = order["rows"].as_array().unwrap();
        rows.iter().filter(|row| row["source"] == "books").count()
    };
    assert_eq!([books("0"), books("1"), books("2"), books("9")], [0, 0, 6, 6]);
    let refused = ["shards", "order", "out", "--step", "0", "--weight", "films=1"];
    assert!(folder.fail(&refused).contains("there is no source `films`"));
}

#[test]
fn damage_is_named_and_other_forms_come_back() {
    let folder = Folder::new();
    dataset(&folder);
    let stat = |name: &str| object(&folder.run(&["shards", "stat", name, "--json"]));
    let before = stat("out");
    folder.run(&["shards", "verify", "out"]);
    for format in ["nanogpt", "megatron", "datatrove", "olmo", "llmc", "mds", "litdata", "parquet"]
    {
        let output = format!("as-{format}");
        folder.run(&["shards", "export", "out", "--as", format, "--output", &output, "--quiet"]);
    }
    for (format, files) in
        [("nanogpt", vec!["as-nanogpt/train.bin", "as-nanogpt/val.bin"]), ("megatron", Vec::new())]
    {
        let found = || {
            let entries = std::fs::read_dir(folder.path(&format!("as-{format}"))).unwrap();
            let paths = entries.map(|entry| entry.unwrap().path());
            let payloads = paths.filter(|path| path.extension().is_some_and(|e| e == "bin"));
            let mut names: Vec<String> = payloads.map(|path| path.display().to_string()).collect();
            names.sort();
            names
        };
        let files: Vec<String> = if files.is_empty() {
            found()
        } else {
            files.iter().map(|f| (*f).to_owned()).collect()
        };
        let output = format!("from-{format}");
        let mut arguments = vec!["shards", "import", "--from", format, "--vocab-size", "300"];
        arguments.extend(["--tokenizer", "out/tokenizer.json", "--output", &output, "--quiet"]);
        arguments.extend(files.iter().map(String::as_str));
        folder.run(&arguments);
        let after = stat(&output);
        let tokens = |of: &Value| -> u64 {
            of["shards"]
                .as_array()
                .unwrap()
                .iter()
                .map(|s| s["counts"]["tokens"].as_u64().unwrap())
                .sum()
        };
        assert_eq!(tokens(&after), tokens(&before), "{format}");
    }
    let path = folder.path("out/shards/train-00001.bin");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[1000] ^= 4;
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, bytes).unwrap();
    let found = folder.gristmill(&["shards", "verify", "out", "--json"]);
    assert_eq!(found.status.code(), Some(1));
    let found = object(&String::from_utf8(found.stdout).unwrap());
    assert_eq!(found["findings"][0]["file"], "train-00001.bin");
    assert_eq!(found["findings"].as_array().unwrap().len(), 1);
}

/// The files beside the tokens are part of a result too, so damage to them must be noticed.
#[test]
fn a_damaged_file_beside_the_shards_is_not_used() {
    let folder = Folder::new();
    dataset(&folder);
    let uses: [(&str, &[&str]); 4] = [
        ("docs.parquet", &["shards", "explain-step", "out", "0", "--sequence-length", "32"]),
        ("docs.parquet", &["shards", "export", "out", "--as", "mds", "--output", "mds"]),
        ("token_bytes.bin", &["shards", "export", "out", "--as", "megatron", "--output", "m"]),
        ("tokenizer.json", &["shards", "cat", "out", "--doc", "0"]),
    ];
    for (name, arguments) in uses {
        let path = folder.path(&format!("out/shards/{name}"));
        let sound = std::fs::read(&path).unwrap();
        let mut damaged = sound.clone();
        damaged[sound.len() / 2] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        let refused = folder.fail(arguments);
        assert!(refused.contains(name) && refused.contains("shards verify"), "{refused}");
        std::fs::write(&path, sound).unwrap();
    }
    // A finished run must not change, so its plans are in the cache.
    assert!(!folder.path("out/shards/train-best-fit-32.plan").exists());
    folder.run(&["verify", "out"]);
    let manifest = ::shards::dataset::ShardManifest::read(&folder.path("out/shards")).unwrap();
    let plan = folder.path("cache/plans").join(manifest.root).join("train-best-fit-32.plan");
    let mut damaged = std::fs::read(&plan).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&plan, damaged).unwrap();
    let order = ["shards", "order", "out", "--step", "0", "--sequence-length", "32"];
    let refused = folder.fail(&order);
    assert!(refused.contains("shards pack"), "{refused}");
    let beyond = [&order[..4], &["18446744073709551615"]].concat();
    assert!(folder.fail(&beyond).contains("there is no step"));
}

#[test]
fn encoding_tells_what_it_left_out_and_replaces_a_dataset_whole() {
    let folder = Folder::new();
    let line = |i: usize| json!({ "text": format!("{i} grains of the grist, milled") }).to_string();
    let lines: Vec<String> = (0..60).map(line).collect();
    folder.write("good.jsonl", &lines.join("\n"));
    folder.write("bad.jsonl", &format!("{}\n{{\"text\": 3}}\nno json\n", lines[0]));
    let train = ["tokenizer", "train", "good.jsonl", "--vocab-size", "270"];
    folder.run(&[&train[..], &["--output", "t.json"]].concat());
    let encode = |input: &'static str, more: &[&'static str]| {
        let flags = ["tokenizer", "encode", "--tokenizer", "t.json", "--output", "s", input];
        [&flags[..], more].concat()
    };
    folder.run(&encode("good.jsonl", &["--validation-fraction", "0.2"]));
    folder.run(&["shards", "pack", "s", "--sequence-length", "16"]);
    let told = folder.gristmill(&encode("bad.jsonl", &["--quiet"]));
    let told = String::from_utf8(told.stderr).unwrap();
    insta::assert_snapshot!("encoding_leaves_out", told);
    folder.run(&["shards", "verify", "s"]);
    assert!(!folder.path("s/validation-00000.bin").exists());
    folder.write("notes/todo.txt", "mill");
    let mut elsewhere = encode("good.jsonl", &[]);
    for (output, message) in [("notes", "is not empty"), ("t.json", "is a file")] {
        elsewhere[5] = output;
        let refused = folder.gristmill(&elsewhere);
        assert_eq!(refused.status.code(), Some(2));
        assert!(String::from_utf8(refused.stderr).unwrap().contains(message));
    }
}
