//! A run from crawl to shards, checked against the documents that the crawl was made from.

use crate::command::{Folder, RECIPE, SHORT, tree};

fn finished() -> Folder {
    let folder = Folder::new();
    folder.write("recipe.toml", RECIPE);
    folder.write("stages/short.sql", SHORT);
    folder.run(&["run", "recipe.toml", "--output", "out", "--quiet"]);
    folder
}

#[test]
fn every_document_is_accounted_for() {
    let folder = finished();
    let totals = folder.sql(
        "out",
        "SELECT source, outcome, sum(documents) AS documents, sum(bytes) AS bytes
         FROM ledger WHERE outcome <> 'skipped' GROUP BY 1, 2",
    );
    let total = |source: &str, outcome: &str, column: &str| -> i64 {
        let mut rows = totals.iter().filter(|r| r["source"] == source && r["outcome"] == outcome);
        rows.next().and_then(|row| row[column].as_i64()).unwrap_or(0)
    };
    for source in ["web", "articles"] {
        for column in ["documents", "bytes"] {
            let of = |outcome| total(source, outcome, column);
            let parts = of("kept") + of("dropped") + of("quarantined");
            assert_eq!(of("read"), parts, "{source} {column}");
        }
    }
    let count = |table: &str| {
        folder.sql("out", &format!("SELECT count(*) AS n FROM {table}"))[0]["n"].as_i64().unwrap()
    };
    let kept = total("web", "kept", "documents") + total("articles", "kept", "documents");
    let dropped = total("web", "dropped", "documents") + total("articles", "dropped", "documents");
    assert_eq!((count("docs"), count("dropped")), (kept, dropped));
    assert_eq!(count("shard_docs"), kept);
    assert!(kept > 20, "{kept} documents are too few to check anything");
}

#[test]
fn planted_duplicates_and_personal_data_are_found() {
    let folder = finished();
    let kept = folder.sql("out", "SELECT url, text FROM docs ORDER BY doc_id");
    let is_kept = |url: &str| kept.iter().any(|row| row["url"] == url);
    for (original, copy) in &folder.expected.exact_duplicates {
        let both = [original, copy].map(|d| is_kept(&d.url));
        assert_ne!(both, [true, true], "{original:?} and its copy {copy:?} are both kept");
    }
    for planted in &folder.expected.personal {
        let found = kept.iter().any(|row| row["text"].as_str().unwrap().contains(&planted.value));
        assert!(!found, "{planted:?} is still there");
    }
}

#[test]
fn shards_decode_to_the_kept_documents() {
    let folder = finished();
    let json = folder.path("out/tokenizer.json");
    let tokenizer = tokenizers::Tokenizer::from_file(json).unwrap();
    let texts: std::collections::BTreeMap<u64, String> = folder
        .sql("out", "SELECT doc_id, text FROM docs")
        .iter()
        .map(|r| (r["doc_id"].as_u64().unwrap(), r["text"].as_str().unwrap().to_owned()))
        .collect();
    let documents = folder.sql(
        "out",
        "SELECT doc_id, split, shard, token_start, n_tokens FROM shard_docs ORDER BY 2, 3, 4",
    );
    assert_eq!(documents.len(), texts.len());
    for document in documents {
        let number = |name: &str| document[name].as_u64().unwrap() as usize;
        let name = format!(
            "out/shards/{}-{:05}.bin",
            document["split"].as_str().unwrap(),
            number("shard")
        );
        let payload = std::fs::read(folder.path(&name)).unwrap();
        let ids: Vec<u32> = payload
            .chunks_exact(2)
            .map(|pair| u32::from(u16::from_le_bytes([pair[0], pair[1]])))
            .skip(number("token_start"))
            .take(number("n_tokens"))
            .collect();
        let (end, ids) = ids.split_last().unwrap();
        assert_eq!(*end, tokenizer.token_to_id("<|endoftext|>").unwrap());
        let text = tokenizer.decode(ids, false).unwrap();
        assert_eq!(text, texts[&document["doc_id"].as_u64().unwrap()]);
    }
}

#[test]
fn threads_memory_place_and_repetition_change_nothing() {
    let folder = finished();
    let first = tree(&folder.path("out"));
    for (threads, memory) in [("1", "128MiB"), ("4", "2GiB")] {
        let output = format!("out-{threads}");
        let flags = ["--threads", threads, "--memory", memory, "--quiet"];
        folder.run(&[&["run", "recipe.toml", "--output", &output], &flags[..]].concat());
        assert_eq!(tree(&folder.path(&output)), first, "{threads} threads, {memory}");
    }
    let from_elsewhere = folder.path("recipe.toml").display().to_string();
    folder.run(&["run", &from_elsewhere, "--output", "out-elsewhere", "--quiet"]);
    assert_eq!(tree(&folder.path("out-elsewhere")), first, "a recipe by its whole path");
    let again = folder.run(&["run", "recipe.toml", "--output", "out"]);
    assert!(again.contains("already finished"), "{again}");
    assert_eq!(tree(&folder.path("out")), first);
}

#[test]
fn changes_are_refused_by_name() {
    let folder = finished();
    folder.write("recipe.toml", &RECIPE.replace("vocab_size = 512", "vocab_size = 600"));
    let refused = folder.gristmill(&["run", "recipe.toml", "--output", "out"]);
    let message = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{message}");
    assert!(message.contains("tokenizer.vocab_size was `512`, now `600`"), "{message}");
    folder.run(&["run", "recipe.toml", "--output", "out", "--fresh", "--quiet"]);
}

#[test]
fn verify_names_the_damaged_range() {
    let folder = finished();
    assert!(folder.run(&["verify", "out"]).contains("as they were written"));
    let path = folder.path("out/shards/train-00000.bin");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let output = folder.gristmill(&["verify", "out"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(printed.contains("shards/train-00000.bin: content differs in bytes 0.."), "{printed}");
}

#[test]
fn tokenizers_go_from_one_form_to_another() {
    let folder = Folder::new();
    let train =
        ["tokenizer", "train", "crawl/forum.jsonl", "--vocab-size", "600", "--split", "gpt2"];
    folder.run(&[&train[..], &["--output", "a/tokenizer.json"]].concat());
    let text = "Wie geht es dir, größter Bär? 好";
    let show = |tokenizer: &str| folder.run(&["tokenizer", "show", tokenizer, "--text", text]);
    let shown = show("a/tokenizer.json");
    for output in ["b/t.v2.json", "b/t.gguf", "b/vocab.json"] {
        folder.run(&["tokenizer", "export", "a/tokenizer.json", "--output", output]);
        assert_eq!(show(output), shown, "{output}");
    }
    let ids: Vec<&str> =
        shown.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    let decode = [&["tokenizer", "decode", "--tokenizer", "b/t.gguf"][..], &ids].concat();
    assert_eq!(folder.run(&decode), text);
    let line = serde_json::json!({ "id": "1", "text": text }).to_string();
    folder.write("one.jsonl", &line);
    let sql = "SELECT *, encode(text) AS ids, token_pieces(text) AS pieces, NULL AS drop_reason FROM docs";
    folder.write("ids.sql", sql);
    let apply = ["apply", "--stage", "ids.sql", "one.jsonl", "--tokenizer", "a/tokenizer.json"];
    folder.run(&[&apply[..], &["--output", "out.jsonl", "--quiet"]].concat());
    let row = std::fs::read_to_string(folder.path("out.jsonl")).unwrap();
    let row: serde_json::Value = serde_json::from_str(&row).unwrap();
    let found: Vec<String> =
        row["ids"].as_array().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(found, ids);
    assert_eq!(row["pieces"].as_array().unwrap().len(), ids.len());
}

#[test]
fn one_liners_write_what_they_say() {
    let folder = Folder::new();
    let input = "crawl/articles.jsonl.zst";
    let lines = |name: &str| std::fs::read_to_string(folder.path(name)).unwrap().lines().count();
    folder.run(&["apply", "--stage", "quality", input, "--output", "kept.jsonl", "--quiet"]);
    let annotate = ["apply", "--stage", "quality", input, "--output", "all.jsonl", "--annotate"];
    folder.run(&annotate);
    let all = std::fs::read_to_string(folder.path("all.jsonl")).unwrap();
    let dropped = all.lines().filter(|line| line.contains("\"drop_reason\":")).count();
    assert_eq!(lines("kept.jsonl") + dropped, lines("all.jsonl"));
    assert!(dropped > 0 && lines("kept.jsonl") > 0);
    let inputs = ["dedup", input, "crawl/forum.jsonl", "crawl/archive.parquet"];
    let flags = ["--output", "unique.jsonl", "--clusters", "c/clusters.parquet"];
    folder.run(&[&inputs[..], &flags].concat());
    let lost = folder.sql("c", "SELECT count(*) AS n FROM clusters WHERE NOT survivor");
    let lost = lost[0]["n"].as_u64().unwrap() as usize;
    let documents: usize = folder
        .expected
        .files
        .iter()
        .filter(|file| inputs[1..].iter().any(|input| input.ends_with(&file.name)))
        .map(|file| file.documents)
        .sum();
    // Other commands skip blank records; `dedup` must keep them, since they are not duplicates.
    assert!(lost > 0 && lines("unique.jsonl") + lost >= documents);
    let train = ["tokenizer", "train", input, "--vocab-size", "400", "--split", "gpt2"];
    folder.run(&[&train[..], &["--output", "tokenizer.json"]].concat());
    let encode = ["tokenizer", "encode", "--tokenizer", "tokenizer.json", input];
    folder.run(&[&encode[..], &["--output", "shards"]].concat());
    // A run stores tokens part by part before it writes shards; `tokenizer encode` writes them
    // directly.
    let recipe = format!(
        "[[source]]\nname = \"input\"\npath = \"{input}\"\n[tokenizer]\nfile = \"tokenizer.json\"\n\
         [shards]\nvalidation_fraction = 0.0\n"
    );
    folder.write("encode.toml", &recipe);
    folder.run(&["run", "encode.toml", "--output", "encoded", "--quiet"]);
    let written = tree(&folder.path("shards"));
    assert!(written.contains_key("train-00000.bin"));
    assert_eq!(written, tree(&folder.path("encoded/shards")));
    let left: Vec<_> = std::fs::read_dir(folder.root.path())
        .unwrap()
        .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'))
        .collect();
    assert!(left.is_empty(), "work folders are left: {left:?}");
}
