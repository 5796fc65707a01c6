//! Tokenizers from counts: mixes, smaller vocabularies, overflow, order, threads; other encoders.

use serde_json::{Value, json};

use crate::command::Folder;

/// Texts in two languages that share no words.
fn corpora(folder: &Folder) {
    let line = |id: usize, text: String| json!({ "id": id, "text": text }).to_string();
    let words = |letters: &[&str], seed: usize, n: usize| -> String {
        let word = |i: usize| {
            let at = |k: usize| letters[(i * i * (seed + k) + k * 7 + i / 3) % letters.len()];
            format!("{}{}{}", at(1), at(2), if i.is_multiple_of(3) { at(3) } else { "" })
        };
        (0..n).map(word).collect::<Vec<_>>().join(" ")
    };
    let english = |i: usize| words(&["ing", "th", "er", "an", "low", "new"], i, 60);
    let finnish = |i: usize| words(&["kää", "yö", "ssa", "mine", "lla", "tö"], i, 20);
    let all =
        |of: &dyn Fn(usize) -> String| -> Vec<String> { (0..40).map(|i| line(i, of(i))).collect() };
    folder.write("en.jsonl", &all(&english).join("\n"));
    folder.write("fi.jsonl", &all(&finnish).join("\n"));
    let reversed: Vec<String> = all(&english).into_iter().rev().collect();
    folder.write("reversed.jsonl", &reversed.join("\n"));
}

fn read(folder: &Folder, name: &str) -> String {
    std::fs::read_to_string(folder.path(name)).unwrap()
}

#[test]
fn counts_train_what_documents_train_whatever_order_and_threads() {
    let folder = Folder::new();
    corpora(&folder);
    let train = |input: &[&str], output: &str, threads: &str| {
        let flags = ["--vocab-size", "400", "--output", output, "--threads", threads, "--quiet"];
        folder.run(&[&["tokenizer", "train"], input, &flags].concat());
        read(&folder, output)
    };
    let direct = train(&["en.jsonl", "fi.jsonl"], "direct.json", "1");
    for (source, counts) in [("en.jsonl", "c/en.counts"), ("fi.jsonl", "c/fi.counts")] {
        folder.run(&["tokenizer", "count", source, "--output", counts]);
    }
    assert_eq!(train(&["c"], "folder.json", "2"), direct);
    assert_eq!(train(&["c/fi.counts", "c/en.counts"], "files.json", "8"), direct);
    assert_eq!(train(&["fi.jsonl", "reversed.jsonl"], "reversed.json", "8"), direct);
}

#[test]
fn a_ladder_is_cut_and_a_mix_is_weighed() {
    let folder = Folder::new();
    corpora(&folder);
    folder.run(&["tokenizer", "count", "en.jsonl", "--output", "c/en.counts"]);
    folder.run(&["tokenizer", "count", "fi.jsonl", "--output", "c/fi.counts"]);
    let train = |flags: &[&str], output: &str| {
        let arguments = [&["tokenizer", "train", "c", "--output", output], flags].concat();
        folder.run(&arguments);
        read(&folder, output)
    };
    train(&["--vocab-size", "380", "--also", "300,340"], "t.json");
    for size in ["300", "340"] {
        let alone = train(&["--vocab-size", size], "alone.json");
        assert_eq!(read(&folder, &format!("t-{size}.json")), alone);
    }
    // The bytes per token of each group follow the weights.
    let efficiency = |tokenizer: &str, group: &str| {
        let report = folder.run(&["tokenizer", "eval", tokenizer, "c", "--json"]);
        let report: Value = serde_json::from_str(&report).unwrap();
        let rows = report["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["group"] == group).unwrap();
        row["bytes_per_token"].as_f64().unwrap()
    };
    train(&["--vocab-size", "290", "--weight", "fi=50"], "finnish.json");
    train(&["--vocab-size", "290", "--weight", "fi=0"], "english.json");
    train(&["--vocab-size", "290", "--temperature", "100"], "equal.json");
    assert!(efficiency("finnish.json", "fi") > efficiency("equal.json", "fi"));
    assert!(efficiency("equal.json", "fi") > efficiency("english.json", "fi"));
    assert!(efficiency("english.json", "en") > efficiency("finnish.json", "en"));
    // The report from counts must equal the result of encoding.
    folder.run(&["tokenizer", "encode", "en.jsonl", "--tokenizer", "equal.json", "--output", "s"]);
    let manifest: Value = serde_json::from_str(&read(&folder, "s/shards.json")).unwrap();
    let counts = &manifest["shards"][0]["counts"];
    let tokens = counts["tokens"].as_f64().unwrap() - counts["documents"].as_f64().unwrap();
    let bytes = counts["bytes"].as_f64().unwrap();
    assert!((bytes / tokens - efficiency("equal.json", "en")).abs() < 1e-9);
}

#[test]
fn counts_far_above_32_bits_are_exact() {
    let folder = Folder::new();
    for count in [(1_u64 << 31) - 1, (1 << 31) + 1, (1 << 32) + 1, 1 << 40] {
        // One more `cd` decides; a 32-bit counter would overflow to a negative number, 0 or 1.
        let mut writer = tokenizer::CountsWriter::new(Vec::new(), tokenizer::Split::Gpt4);
        writer.write(b"ab", count - 1).unwrap();
        writer.write(b"cd", count).unwrap();
        folder.write_bytes("big.counts", &writer.finish(0).unwrap());
        folder.run(&[
            "tokenizer",
            "train",
            "big.counts",
            "--vocab-size",
            "258",
            "--output",
            "t.json",
        ]);
        let tokenizer: Value = serde_json::from_str(&read(&folder, "t.json")).unwrap();
        assert_eq!(tokenizer["model"]["merges"], json!([["c", "d"]]), "{count}");
    }
}

#[test]
fn any_column_makes_groups_and_another_is_refused() {
    let folder = Folder::new();
    corpora(&folder);
    let count = ["tokenizer", "count", "en.jsonl", "fi.jsonl", "--split", "gpt2"];
    let stage = ["--stage", "groups.sql", "--by", "g", "--output", "by"];
    folder.write(
        "groups.sql",
        "SELECT *, CASE WHEN text LIKE '%ö%' THEN 'suomi/fi' ELSE 'other' END AS g, NULL AS drop_reason FROM docs",
    );
    folder.run(&[&count[..], &stage].concat());
    let mut files: Vec<String> = std::fs::read_dir(folder.path("by"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, ["other.counts", "suomi.x2ffi.counts"]);
    let refused = folder.fail(&[&count[..], &["--by", "colour", "--output", "no"]].concat());
    assert!(refused.contains("no column `colour`"), "{refused}");
    folder.write("damaged.counts", "GRISTWC1 not counts");
    let refused = folder.fail(&["tokenizer", "train", "damaged.counts", "--output", "t.json"]);
    assert!(refused.contains("damaged.counts"), "{refused}");
}

#[test]
fn other_kinds_of_tokenizers_encode_to_shards() {
    let folder = Folder::new();
    corpora(&folder);
    let pieces = [
        "[UNK]", "[SEP]", "low", "new", "ing", "##ing", "##th", "##er", "##an", "##low", "th",
        "er", "an",
    ];
    folder.write("vocab.txt", &pieces.join("\n"));
    let encode = ["tokenizer", "encode", "en.jsonl", "--tokenizer", "vocab.txt", "--output", "s"];
    folder.run(&encode);
    let shown = folder.run(&["tokenizer", "show", "vocab.txt", "--text", "lowing", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["ids"], json!([2, 5]));
    let stat = folder.run(&["shards", "stat", "s", "--json"]);
    let stat: Value = serde_json::from_str(&stat).unwrap();
    assert_eq!((&stat["vocab_size"], &stat["end_of_text"]), (&json!(13), &json!(1)));
    assert_eq!(stat["shards"][0]["counts"]["documents"], 40);
}

/// A word-level vocabulary without an unknown token cannot encode some texts: these are dropped
/// with a reason, and the others are encoded.
#[test]
fn what_a_tokenizer_cannot_encode_is_dropped_by_name() {
    let folder = Folder::new();
    let words = ["[SEP]", "hello", "world", "##s", "the"];
    let vocabulary: Value =
        (0..).zip(words).map(|(id, word)| (word.to_owned(), json!(id))).collect();
    let end = json!({ "id": 0, "content": "[SEP]", "single_word": false, "lstrip": false,
                      "rstrip": false, "normalized": false, "special": true });
    let model = json!({ "type": "WordPiece", "unk_token": "[UNK]", "vocab": vocabulary,
                        "continuing_subword_prefix": "##", "max_input_chars_per_word": 100 });
    let tokenizer = json!({ "version": "1.0", "added_tokens": [end], "model": model,
                            "pre_tokenizer": { "type": "Whitespace" } });
    folder.write("words.json", &tokenizer.to_string());
    let texts = ["hello world", "hello moon", "the worlds", "x"];
    let lines = texts.iter().map(|text| json!({ "id": text, "text": text }).to_string());
    folder.write("docs.jsonl", &lines.collect::<Vec<_>>().join("\n"));
    folder.write(
        "recipe.toml",
        "[run]\noutput = \"out\"\n[[source]]\nname = \"docs\"\npath = \"docs.jsonl\"\n\
         [tokenizer]\nfile = \"words.json\"\n[shards]\nsequence_length = 8\n",
    );
    folder.run(&["run", "recipe.toml", "--quiet"]);
    let dropped = folder.sql("out", "SELECT id, stage, reason FROM dropped ORDER BY id");
    let rows: Vec<Value> = dropped.iter().map(|row| json!([row["id"], row["reason"]])).collect();
    assert_eq!(rows, [json!(["hello moon", "not encodable"]), json!(["x", "not encodable"])]);
    let encoded = folder.sql("out", "SELECT id, n_tokens FROM shard_docs ORDER BY id");
    let rows: Vec<Value> = encoded.iter().map(|row| json!([row["id"], row["n_tokens"]])).collect();
    assert_eq!(rows, [json!(["hello world", 3]), json!(["the worlds", 4])]);
}
