//! Deduplication: datatrove's bytes, real revisions, templates, order, crashes, earlier runs,
//! evaluation sets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::command::{Folder, tree};

/// A folder of shared test files, or `None` with a message if it is missing.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn data() -> Option<PathBuf> {
    let data = std::env::var_os("GRISTMILL_DATA");
    if data.is_none() {
        println!("skipped: GRISTMILL_DATA is not set");
    }
    data.map(PathBuf::from)
}

/// A recipe that reads `path` with the stages `stages`.
fn recipe(folder: &Folder, path: &str, stages: &str) {
    let source = format!("[[source]]\nname = \"in\"\npath = \"{path}\"\nkeep_blank = true\n");
    folder.write("recipe.toml", &format!("{source}{stages}"));
}

fn lines(folder: &Folder, name: &str, documents: &[(String, String)]) {
    let line = |(id, text): &(String, String)| json!({ "id": id, "text": text }).to_string();
    folder.write(name, &documents.iter().map(line).collect::<Vec<_>>().join("\n"));
}

/// The ids that a run kept.
fn kept(folder: &Folder, run: &str) -> BTreeSet<String> {
    let rows = folder.sql(run, "SELECT id FROM docs ORDER BY id");
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn datatrove_files_are_the_same_to_the_byte() {
    let Some(data) = data() else { return };
    let golden = data.join("golden/minhash_e2e");
    let folder = Folder::new();
    for (name, hash, bits) in [
        ("sha132", "sha1", 32),
        ("sha164", "sha1", 64),
        ("xxhash32", "xxhash", 32),
        ("xxhash64", "xxhash", 64),
    ] {
        let stage = format!(
            "[[stage]]\nuse = \"minhash\"\nwith = {{ preset = \"datatrove-0.10\", hash = \"{hash}\", \
             precision_bits = {bits}, datatrove_files = true }}\n"
        );
        recipe(&folder, &golden.join("input_*.jsonl").display().to_string(), &stage);
        folder.run(&["run", "recipe.toml", "--output", name, "--quiet"]);
        let ours = tree(&folder.path(name).join("datatrove/minhash"));
        let theirs = tree(&golden.join(name));
        let theirs: BTreeMap<_, _> =
            theirs.into_iter().filter(|(path, _)| !path.ends_with("kept.json")).collect();
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "{name}");
        assert!(ours == theirs, "{name}: bytes differ");
        let expected = std::fs::read(golden.join(name).join("kept.json")).unwrap();
        let expected: Vec<(u64, String)> = serde_json::from_slice(&expected).unwrap();
        let expected: BTreeSet<String> = expected.into_iter().map(|(_, id)| id).collect();
        assert_eq!(kept(&folder, name), expected, "{name}");
    }
}

#[test]
fn revisions_are_found_and_nothing_else() {
    let Some(data) = data() else { return };
    let folder = Folder::new();
    let input = data.join("data/dedup/revisions.docs.jsonl.zst").display().to_string();
    let flags = ["--threshold", "0.8", "--clusters", "clusters/clusters.parquet", "--quiet"];
    folder.run(&[&["dedup", &input][..], &flags].concat());
    // The folder of the table can be queried like a run.
    let rows = folder.sql("clusters", "SELECT id, \"cluster\" AS c FROM clusters");
    let mut clusters: BTreeMap<String, u64> = BTreeMap::new();
    for row in &rows {
        let id = row["id"].as_str().unwrap().to_owned();
        clusters.insert(id, row["c"].as_u64().unwrap());
    }
    let truth = std::fs::read_to_string(data.join("data/dedup/revisions.pairs.jsonl")).unwrap();
    let (mut alike, mut found, mut merged, mut right, mut far, mut wrong) = (0, 0, 0, 0, 0, 0);
    for line in truth.lines() {
        let pair: Value = serde_json::from_str(line).unwrap();
        let of = |key: &str| clusters.get(pair[key].as_str().unwrap());
        let together = of("a").zip(of("b")).is_some_and(|(a, b)| a == b);
        let jaccard = pair["jaccard_w5"].as_f64().unwrap();
        alike += u32::from(jaccard >= 0.8);
        found += u32::from(jaccard >= 0.8 && together);
        merged += u32::from(together);
        right += u32::from(jaccard >= 0.8 && together);
        far += u32::from(jaccard <= 0.5);
        wrong += u32::from(jaccard <= 0.5 && together);
    }
    assert!(found * 100 >= alike * 97, "recall {found} of {alike}");
    assert!(right * 100 >= merged * 99, "precision {right} of {merged}");
    assert!(wrong * 100 < far.max(1), "{wrong} of {far} that differ are merged");
}

/// Words that are different for different seeds.
fn prose(seed: u64, words: usize) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut text = String::new();
    for index in 0..words {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let word: String =
            (0..6).map(|i| char::from(b'a' + (state >> (8 * i)) as u8 % 26)).collect();
        text.push_str(&word);
        text.push_str(if index % 12 == 11 { ".\n" } else { " " });
    }
    text
}

/// Two thousand pages under one template, some of them copied with small edits.
fn templated() -> Vec<(String, String)> {
    let (head, foot) = (prose(1, 50), prose(2, 50));
    let page = |seed: u64| format!("{head}\n{}\n{foot}", prose(seed, 60));
    let mut documents = Vec::new();
    for seed in 10..2010 {
        documents.push((format!("page-{seed}"), page(seed)));
        if seed % 40 == 0 {
            let edited = page(seed).replacen('a', "o", 2);
            documents.push((format!("page-{seed}-copy"), edited));
        }
    }
    documents
}

#[test]
fn a_template_makes_no_cluster() {
    let folder = Folder::new();
    lines(&folder, "pages.jsonl", &templated());
    let flags = ["--clusters", "out/clusters.parquet", "--output", "unique.jsonl", "--quiet"];
    folder.run(&[&["dedup", "pages.jsonl"][..], &flags].concat());
    let query = "SELECT a.id AS x, b.id AS y, b.similarity AS s, b.verified AS v FROM clusters a \
                 JOIN clusters b ON a.\"cluster\" = b.\"cluster\" \
                 WHERE a.survivor AND NOT b.survivor";
    let pairs = folder.sql("out", query);
    assert_eq!(pairs.len(), 50);
    for pair in pairs {
        let ids = [pair["x"].as_str().unwrap(), pair["y"].as_str().unwrap()];
        let stem = |id: &str| id.trim_end_matches("-copy").to_owned();
        assert_eq!(stem(ids[0]), stem(ids[1]), "{pair}");
        assert!(pair["s"].as_f64().unwrap() >= 0.75 && pair["v"] == true, "{pair}");
    }
}

#[test]
fn survivors_do_not_depend_on_order_or_threads() {
    let folder = Folder::new();
    let mut documents = templated();
    documents.truncate(600);
    // Equal texts under several ids, in several files.
    documents.extend((0..40_u64).map(|i| (format!("same-{i}"), prose(i % 7 + 9000, 40))));
    let mut expected: Option<BTreeSet<String>> = None;
    for (turn, threads) in ["1", "2", "4"].iter().enumerate() {
        documents.rotate_left(turn * 211);
        documents.reverse();
        let (a, b) = documents.split_at(documents.len() / (turn + 2));
        lines(&folder, "in/a.jsonl", a);
        lines(&folder, "in/b.jsonl", b);
        let arguments = ["dedup", "in/*.jsonl", "--output", "out.jsonl", "--threads", threads];
        folder.run(&[&arguments[..], &["--quiet"]].concat());
        let out = std::fs::read_to_string(folder.path("out.jsonl")).unwrap();
        let ids = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let ids: BTreeSet<String> = ids.map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(expected.get_or_insert_with(|| ids.clone()), &ids, "{threads} threads");
    }
    assert!(expected.is_some_and(|ids| ids.len() < documents.len()));
}

const STAGES: &str = "\
[[stage]]\nuse = \"exact\"\nwith = { index = true }\n\
[[stage]]\nuse = \"minhash\"\nwith = { index = true, report_size = 1 }\n\
[[stage]]\nuse = \"lines\"\nwith = { max_documents = 3 }\n\
[[stage]]\nuse = \"substrings\"\nwith = { min_tokens = 20 }\n";

#[test]
fn an_earlier_run_is_known() {
    let folder = Folder::new();
    let crawl = |seeds: std::ops::Range<u64>| -> Vec<(String, String)> {
        seeds.map(|seed| (format!("d{seed}"), prose(seed, 80))).collect()
    };
    lines(&folder, "first.jsonl", &crawl(0..30));
    recipe(&folder, "first.jsonl", &STAGES[..STAGES.find("[[stage]]\nuse = \"lines\"").unwrap()]);
    folder.run(&["run", "recipe.toml", "--output", "first", "--quiet"]);
    // Two copies each of known documents, and edited versions of others.
    let mut second = crawl(20..40);
    second.extend(crawl(20..25).into_iter().map(|(id, text)| (format!("{id}-again"), text)));
    let edit = |(id, text): (String, String)| (format!("{id}-edited"), text.replacen('a', "e", 1));
    second.extend(crawl(0..5).into_iter().map(edit));
    lines(&folder, "second.jsonl", &second);
    let against = "[[stage]]\nuse = \"exact\"\nwith = { against = [\"first\"] }\n\
                   [[stage]]\nuse = \"minhash\"\nwith = { against = [\"first\"] }\n";
    recipe(&folder, "second.jsonl", against);
    folder.run(&["run", "recipe.toml", "--output", "second", "--quiet"]);
    let expected: BTreeSet<String> = (30..40).map(|seed| format!("d{seed}")).collect();
    assert_eq!(kept(&folder, "second"), expected);
    let known = folder.sql("second", "SELECT id FROM clusters WHERE run = 'first' AND survivor");
    assert_eq!(known.len(), 15);
    // Tables with other keys are refused.
    let other = against.replace(
        "{ against = [\"first\"] }\n[[stage]]\nuse = \"minhash\"\nwith = { ",
        "{ against = [\"first\"], on = \"normalised\" }\n[[stage]]\nuse = \"minhash\"\nwith = { ",
    );
    recipe(&folder, "second.jsonl", &other);
    let refused = folder.gristmill(&["run", "recipe.toml", "--output", "third"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("its keys were made with"));
}

#[test]
fn a_bloom_filter_goes_on_in_the_next_run() {
    let folder = Folder::new();
    let crawl = |seeds: std::ops::Range<u64>| -> Vec<(String, String)> {
        seeds.map(|seed| (format!("d{seed}"), prose(seed % 50, 20))).collect()
    };
    lines(&folder, "first.jsonl", &crawl(0..60));
    let stage = "[[stage]]\nuse = \"bloom\"\nwith = { capacity = 1000, against = [] }\n";
    recipe(&folder, "first.jsonl", stage);
    folder.run(&["run", "recipe.toml", "--output", "first", "--quiet"]);
    assert_eq!(kept(&folder, "first").len(), 50);
    lines(&folder, "second.jsonl", &[crawl(40..50), vec![("new".into(), prose(99, 20))]].concat());
    recipe(&folder, "second.jsonl", &stage.replace("[]", "[\"first\"]"));
    folder.run(&["run", "recipe.toml", "--output", "second", "--quiet"]);
    assert_eq!(kept(&folder, "second"), BTreeSet::from(["new".to_owned()]));
}

#[test]
fn repeated_lines_and_passages_go() {
    let folder = Folder::new();
    let passage = prose(5, 30).replace('\n', " ");
    let documents: Vec<(String, String)> = (0..8)
        .map(|i| {
            let notice = "Subscribe to our newsletter for more stories like this one.";
            let own = prose(100 + i, 40);
            let shared = if i < 2 { passage.as_str() } else { "" };
            (format!("d{i}"), format!("{notice}\n{own}\n{shared}\n{own}"))
        })
        .collect();
    lines(&folder, "in.jsonl", &documents);
    let stages = "[[stage]]\nuse = \"lines\"\nwith = { max_documents = 3, within = true }\n\
                  [[stage]]\nuse = \"substrings\"\nwith = { min_tokens = 20 }\n";
    recipe(&folder, "in.jsonl", stages);
    folder.run(&["run", "recipe.toml", "--output", "out", "--quiet"]);
    let query = "SELECT id, text, repeated_lines AS n, array_length(repeated_spans) AS spans \
                 FROM docs ORDER BY id";
    let rows = folder.sql("out", query);
    for (i, row) in rows.iter().enumerate() {
        let text = row["text"].as_str().unwrap();
        assert!(!text.contains("Subscribe"), "{row}");
        let own = prose(100 + i as u64, 40);
        assert_eq!(text.matches(own.lines().next().unwrap()).count(), 1, "{row}");
        assert!(row["n"].as_u64().unwrap() >= 2, "{row}");
        // The first occurrence of the passage stays.
        let words = passage.split_whitespace().next().unwrap();
        assert_eq!(text.contains(words), i == 0, "{row}");
        assert_eq!(row["spans"].as_u64().unwrap_or(0), u64::from(i == 1), "{row}");
    }
}

#[test]
fn killed_in_any_phase_the_same_clusters() {
    let folder = Folder::new();
    lines(&folder, "pages.jsonl", &templated()[..800]);
    let memory = "[run]\nmemory = \"128MiB\"\n";
    recipe(&folder, "pages.jsonl", STAGES);
    let with_memory =
        format!("{memory}{}", std::fs::read_to_string(folder.path("recipe.toml")).unwrap());
    folder.write("recipe.toml", &with_memory);
    folder.run(&["run", "recipe.toml", "--output", "clean", "--quiet"]);
    let clean = tree(&folder.path("clean"));
    let kills = crate::crash::kill_until_finished(&folder, Path::new("killed"));
    assert!(tree(&folder.path("killed")) == clean, "after {kills} kills the bytes differ");
    assert!(kills > 5, "{kills} kills only");
    let large = folder.sql("clean", "SELECT line FROM large_clusters LIMIT 1");
    assert_eq!(large.len(), 1);
}

#[test]
fn contaminated_documents_are_named() {
    let folder = Folder::new();
    let question = "A baker sells 36 loaves in the morning and twice as many in the afternoon. If each \
                    loaf costs 3 dollars, how many dollars does the baker earn on that day in total?";
    let other = "Nora reads 12 pages of her book before breakfast, and five fewer after supper than \
                 before. How many pages of the book has she read after a whole week of reading?";
    let records = [json!({ "id": "bake", "question": question }), json!({ "question": other })];
    folder.write("eval/sums.jsonl", &records.map(|r| r.to_string()).join("\n"));
    let edited = question.replace("36", "48").replace("baker", "grocer");
    let documents = [
        ("clean".to_owned(), prose(1, 200)),
        ("verbatim".to_owned(), format!("{}\n{other}\n{}", prose(2, 100), prose(3, 100))),
        ("edited".to_owned(), format!("{}\n{edited}\n{}", prose(4, 100), prose(5, 100))),
    ];
    lines(&folder, "in.jsonl", &documents);
    let stage = "[[stage]]\nuse = \"decontaminate\"\nwith = { references = \"eval\" }\n";
    recipe(&folder, "in.jsonl", stage);
    folder.run(&["run", "recipe.toml", "--output", "out", "--quiet"]);
    let query = "SELECT id, columns FROM dropped WHERE reason = 'contaminated' ORDER BY id";
    let found: Vec<(String, String)> = folder
        .sql("out", query)
        .iter()
        .map(|row| {
            let columns: Value = serde_json::from_str(row["columns"].as_str().unwrap()).unwrap();
            let question = columns["contamination"]["question"].as_str().unwrap().to_owned();
            (row["id"].as_str().unwrap().to_owned(), question)
        })
        .collect();
    let expected = [("edited", "bake"), ("verbatim", "line 2")];
    assert_eq!(found, expected.map(|(id, q)| (id.to_owned(), q.to_owned())));
    assert_eq!(kept(&folder, "out"), BTreeSet::from(["clean".to_owned()]));
}

#[test]
fn nothing_is_written_over_by_mistake() {
    let folder = Folder::new();
    let documents: Vec<(String, String)> =
        (0..6_u64).map(|i| (format!("d{i}"), prose(i % 5, 30))).collect();
    lines(&folder, "in.jsonl", &documents);
    lines(&folder, "less.jsonl", &documents[..2]);
    for flags in [
        ["--output", "in.jsonl", "--clusters", "c.parquet"],
        ["--output", "same.parquet", "--clusters", "same.parquet"],
        ["--output", "o.jsonl", "--clusters", "c.jsonl"],
        ["--output", "/dev/null", "--clusters", "c.parquet"],
    ] {
        let refused = folder.gristmill(&[&["dedup", "in.jsonl"][..], &flags].concat());
        assert_eq!(refused.status.code(), Some(2), "{flags:?}");
    }
    // A folder holds only the parts of the last command.
    for (input, documents) in [("in.jsonl", 5), ("less.jsonl", 2)] {
        folder.run(&["dedup", input, "--output", "parts", "--quiet"]);
        std::fs::create_dir_all(folder.path("run")).unwrap();
        let _ = std::fs::remove_dir_all(folder.path("run/docs"));
        std::fs::create_dir(folder.path("run/docs")).unwrap();
        for part in std::fs::read_dir(folder.path("parts")).unwrap() {
            let part = part.unwrap();
            std::fs::copy(part.path(), folder.path("run/docs").join(part.file_name())).unwrap();
        }
        assert_eq!(kept(&folder, "run").len(), documents);
    }
}

#[test]
fn what_has_no_value_is_equal_to_nothing() {
    let folder = Folder::new();
    let documents: Vec<(String, String)> =
        (0..4_u64).map(|i| (format!("d{i}"), prose(i, 30))).collect();
    lines(&folder, "in.jsonl", &documents);
    for on in ["NULL", "url"] {
        let arguments = ["dedup", "in.jsonl", "--on", on, "--output", "out.jsonl", "--quiet"];
        folder.run(&arguments);
        let out = std::fs::read_to_string(folder.path("out.jsonl")).unwrap();
        assert_eq!(out.lines().count(), 4, "{on}");
    }
}
