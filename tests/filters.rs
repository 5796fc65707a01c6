//! The stock filters compared with datatrove's verdicts, and stages that read files named in SQL.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::command::Folder;

/// Applies stages to texts; returns the rows with their verdicts, by id.
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
        // A text without letters or marks is not a document; reading quarantines it.
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

/// English and German sentences, one text each.
fn sentences() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("de-1", "Der alte Müller ging am frühen Morgen langsam über die Brücke zum Markt."),
        ("de-2", "Im Herbst ziehen die Vögel nach Süden, und die Felder werden still."),
        ("en-1", "The old miller walked slowly across the bridge to the market in the morning."),
        ("en-2", "In autumn the birds fly south, and the fields around the village grow quiet."),
    ])
}

#[test]
fn thresholds_are_looked_up_by_language() {
    let folder = Folder::new();
    // FineWeb-2's layout: one file per language, with lists of pairs among the numbers.
    for (file, line_punct_thr, dup_5_gram) in [("deu_Latn", 0.9, 0.5), ("eng_Latn", 0.1, 0.25)] {
        let pairs = |sizes: std::ops::RangeInclusive<u32>, bound: f64| -> String {
            sizes.map(|n| format!("- - {n}\n  - {bound}\n")).collect::<Vec<_>>().concat()
        };
        let config = format!(
            "dup_line_frac: 0.25\ndup_n_grams:\n{}language_score: 0.8\nline_punct_thr: {line_punct_thr}\n\
             max_avg_word_length: 15\nmax_non_alpha_words_ratio: 0.75\nmin_avg_word_length: 0\n\
             new_line_ratio: 0.2\nstopwords:\n- the\n- die\ntop_n_grams:\n{}",
            pairs(5..=10, dup_5_gram),
            pairs(2..=4, 0.99),
        );
        folder.write(&format!("configs/{file}.yml"), &config);
    }
    let sql = "SELECT *, lookup(key, 'configs', 'dup_n_grams.5') AS bound,
               CASE WHEN lookup(key, 'configs', 'line_punct_thr') > 0.5 THEN 'strict' END AS drop_reason
               FROM (SELECT *, iso639_3(language(text)['code']) || '_' || language(text)['script'] AS key FROM docs)";
    folder.write("bounds.sql", sql);
    let rows = annotate(&folder, &sentences(), &["--stage", "bounds.sql"]);
    for (id, row) in rows {
        let strict = id.starts_with("de");
        assert_eq!(row["drop_reason"], if strict { json!("strict") } else { Value::Null }, "{id}");
        assert_eq!(row["columns"]["bound"], json!(if strict { 0.5 } else { 0.25 }), "{id}");
    }
    let rows = annotate(
        &folder,
        &sentences(),
        &["--stage", "fineweb2", "--with", "fineweb2.thresholds=configs"],
    );
    // Without the table, such a short text counts as one repeated sequence of words.
    assert!(rows.values().all(|row| row["drop_reason"] == "gopher_short_doc"), "{rows:?}");
}

#[test]
fn block_lists_drop_by_their_files_names() {
    let folder = Folder::new();
    folder.write("lists/ads/domains", "ads.example\n# a comment\n");
    folder.write("lists/ads/urls", "site.example/bought\n");
    folder.write("lists/banned_words.txt", "casino\n");
    let urls = [
        ("https://www.ads.example/x", "domain"),
        ("https://site.example/bought", "url"),
        ("https://other.example/casino/", "hard_blacklisted"),
        ("https://other.example/", ""),
    ];
    let line =
        |(url, _): &(&str, &str)| json!({ "id": url, "url": url, "text": "A page." }).to_string();
    folder.write("pages.jsonl", &urls.iter().map(line).collect::<Vec<_>>().join("\n"));
    folder.run(&[
        "apply",
        "pages.jsonl",
        "--annotate",
        "--quiet",
        "--output",
        "out.jsonl",
        "--stage",
        "url_lists",
        "--with",
        "url_lists.lists=lists",
    ]);
    let rows = std::fs::read_to_string(folder.path("out.jsonl")).unwrap();
    for row in rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let (_, expected) = urls.iter().find(|(url, _)| row["id"] == *url).unwrap();
        assert_eq!(row["drop_reason"].as_str().unwrap_or_default(), *expected, "{row}");
    }
}

#[test]
fn a_classifier_is_trained_measured_and_used() {
    let folder = Folder::new();
    let labelled = (0..400).map(|n| {
        let (label, noun) =
            if n % 2 == 0 { ("farm", "the cow eats hay") } else { ("sea", "the ship sails") };
        json!({ "text": format!("On day {n} {noun} again and again."), "label": label }).to_string()
    });
    folder.write("labels.jsonl", &labelled.collect::<Vec<_>>().join("\n"));
    let train = ["classifier", "train", "labels.jsonl", "--dim", "8", "--bucket", "1000", "--json"];
    let printed = folder.run(&[&train[..], &["--output", "model.ftz"]].concat());
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(report["evaluation"]["accuracy"], 1.0, "{report}");
    assert_eq!(report["evaluation"]["labels"][0]["auc"], 1.0, "{report}");
    folder.run(&[&train[..], &["--output", "again.ftz"]].concat());
    let [first, second] =
        ["model.ftz", "again.ftz"].map(|name| std::fs::read(folder.path(name)).unwrap());
    assert!(first == second, "two trainings on the same texts differ");
    let texts = BTreeMap::from([("a", "A ship sails."), ("b", "A cow eats hay.")]);
    let with = ["classifier.model=model.ftz", "classifier.label=sea"];
    let rows =
        annotate(&folder, &texts, &["--stage", "classifier", "--with", with[0], "--with", with[1]]);
    assert_eq!(rows["a"]["drop_reason"], Value::Null);
    assert_eq!(rows["b"]["drop_reason"], "classified_low");
}

#[test]
fn stats_count_every_document_and_do_not_depend_on_threads() {
    let folder = Folder::new();
    let stats = |threads: &str| {
        folder.run(&[
            "stats",
            "crawl/forum.jsonl",
            "--by",
            "all",
            "--json",
            "--threads",
            threads,
            "--output",
            "stats.html",
        ])
    };
    let printed = stats("1");
    assert_eq!(printed, stats("3"));
    let rows: Vec<Value> =
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let words = rows.iter().find(|row| row["measure"] == "words").unwrap();
    assert!(
        words["p25"].as_f64() <= words["p75"].as_f64() && words["documents"].as_u64() > Some(10)
    );
    let page = std::fs::read_to_string(folder.path("stats.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("mean_word_length"));
}
