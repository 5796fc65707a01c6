//! Whole runs over small inputs: what a run owes whatever its recipe says.

#![cfg(test)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use pipeline::{PipelineError, Recipe, RunOptions, Summary, Until};
use proptest::prelude::*;
use store::{Event, Observer};
use tables::{Ledger, Outcome, run_tables, table_rows};

/// Counts events and asks to stop after some of them.
struct Watcher {
    left: AtomicUsize,
    steps: Mutex<Vec<String>>,
}

impl Watcher {
    fn stopping_after(events: usize) -> Self {
        Self { left: AtomicUsize::new(events), steps: Mutex::default() }
    }

    fn new() -> Self {
        Self::stopping_after(usize::MAX)
    }
}

impl Observer for Watcher {
    fn event(&self, event: &Event) {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).ok();
        if let Event::Begin { step, .. } = event {
            self.steps.lock().unwrap().push(step.clone());
        }
    }

    fn should_stop(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

const WORDS: [&str; 8] = ["river", "stone", "the", "of", "walked", "morning", "and", "quietly"];

/// The text of document `n`: some are equal, some are short, some share a line.
fn text(n: usize) -> String {
    let n = if n % 5 == 4 { n - 1 } else { n };
    let words: Vec<&str> =
        (0..10 + n % 40).map(|word| WORDS[(n * 7 + word * word + word) % WORDS.len()]).collect();
    format!(
        "Document {n}: {}.\nAll of them share this line, which is long enough to be compared.",
        words.join(" ")
    )
}

/// A folder with two files of documents, one of which has a damaged line.
fn folder(documents: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (file, name) in ["a.jsonl", "b.jsonl"].into_iter().enumerate() {
        let mut lines = String::new();
        for n in (0..documents).filter(|n| n % 2 == file) {
            lines
                .push_str(&serde_json::json!({ "id": n.to_string(), "text": text(n) }).to_string());
            lines.push('\n');
        }
        if file == 1 {
            lines.push_str("{\"id\": \"broken\", \"text\": \n");
        }
        store::write_file(&folder.path().join(name), lines.as_bytes()).unwrap();
    }
    store::write_file(
        &folder.path().join("short.sql"),
        b"-- @param min_bytes = 100\n\
          SELECT *, CASE WHEN octet_length(text) < $min_bytes THEN 'short' END AS drop_reason FROM docs",
    )
    .unwrap();
    folder
}

fn recipe(folder: &Path, rest: &str) -> Recipe {
    let output = folder.join("run");
    let text = format!(
        "[run]\noutput = {:?}\nmax_bad_fraction = 1.0\nthreads = 1\n\
         [[source]]\nname = \"docs\"\npath = \"*.jsonl\"\n{rest}",
        output.display().to_string()
    );
    Recipe::from_text(text, &folder.join("recipe.toml")).unwrap()
}

fn run(recipe: &Recipe) -> Result<Summary, PipelineError> {
    pipeline::run(recipe, &RunOptions::default(), &Watcher::new())
}

/// All files of a run but the one that knows times.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else if !path.ends_with("events.jsonl") && !path.ends_with(".lock") {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

const SHORT: &str = "[[stage]]\nsql = \"short.sql\"\n";
const EXACT: &str = "[[stage]]\nuse = \"exact\"\n";

/// A barrier stage of a recipe, with options that suit few and short documents.
fn barrier_stage(kind: &str) -> String {
    let with = match kind {
        "bloom" => "capacity = 1000",
        "minhash" => "threshold = 0.7",
        "lines" => "max_documents = 3",
        "substrings" => "min_tokens = 8",
        _ => "",
    };
    format!("[[stage]]\nuse = {kind:?}\nwith = {{ {with} }}\n")
}

/// Up to four different stages in any order.
fn stages() -> impl Strategy<Value = String> {
    let mut stages: Vec<String> = barrier::kinds().map(barrier_stage).collect();
    stages.push(SHORT.into());
    stages.push("[[stage]]\nuse = \"language\"\n".into());
    prop::sample::subsequence(stages, 0..=4).prop_shuffle().prop_map(|stages| stages.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever the stages, each document is kept, dropped or quarantined, and the tables hold what
    /// the ledger says.
    #[test]
    fn every_document_is_in_one_table(stages in stages(), documents in 1..60_usize) {
        let folder = folder(documents);
        let summary = run(&recipe(folder.path(), &stages)).unwrap();
        let ledger = Ledger::read(&summary.root.join("ledger.parquet")).unwrap();
        ledger.check().unwrap();
        prop_assert_eq!(&ledger, &summary.ledger);
        prop_assert_eq!(ledger.outcome(Outcome::Read).documents, documents as u64 + 1);
        let tables = run_tables(&summary.root).unwrap();
        for (name, outcome) in [
            ("docs", Outcome::Kept),
            ("dropped", Outcome::Dropped),
            ("quarantine", Outcome::Quarantined),
        ] {
            let table = tables.iter().find(|table| table.name == name).unwrap();
            let rows: u64 = table.files.iter().map(|file| table_rows(file).unwrap()).sum();
            prop_assert_eq!(rows, ledger.outcome(outcome).documents, "{}", name);
        }
    }

    /// A run that is stopped anywhere and run again has the bytes of one that was not.
    #[test]
    fn a_stopped_run_ends_with_the_same_bytes(stages in stages(), events in 0..12_usize) {
        let (first, second) = (folder(40), folder(40));
        run(&recipe(first.path(), &stages)).unwrap();
        let stopped = recipe(second.path(), &stages);
        let watcher = Watcher::stopping_after(events);
        match pipeline::run(&stopped, &RunOptions::default(), &watcher) {
            Err(PipelineError::Stopped) => { run(&stopped).unwrap(); }
            Err(other) => panic!("{other}"),
            Ok(_) => {}
        }
        let (first, second) = (files(&first.path().join("run")), files(&second.path().join("run")));
        prop_assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
        prop_assert!(first == second);
    }
}

#[test]
fn a_finished_run_is_not_done_again() {
    let folder = folder(10);
    let recipe = recipe(folder.path(), EXACT);
    assert!(!run(&recipe).unwrap().was_finished);
    let watcher = Watcher::new();
    let again = pipeline::run(&recipe, &RunOptions::default(), &watcher).unwrap();
    assert!(again.was_finished && watcher.steps.lock().unwrap().is_empty());
}

#[test]
fn another_recipe_is_refused_in_the_same_place() {
    let folder = folder(10);
    run(&recipe(folder.path(), EXACT)).unwrap();
    let error = run(&recipe(folder.path(), SHORT)).unwrap_err();
    assert!(matches!(error, PipelineError::Store(store::StoreError::Changed { .. })), "{error}");
    let fresh = RunOptions { fresh: true, ..RunOptions::default() };
    pipeline::run(&recipe(folder.path(), SHORT), &fresh, &Watcher::new()).unwrap();
}

#[test]
fn a_changed_input_is_refused_by_name() {
    let folder = folder(10);
    run(&recipe(folder.path(), "")).unwrap();
    store::write_file(&folder.path().join("a.jsonl"), b"{\"text\": \"another\"}\n").unwrap();
    let error = run(&recipe(folder.path(), "")).unwrap_err().to_string();
    assert!(error.contains("a.jsonl"), "{error}");
}

#[test]
fn equal_documents_are_dropped_once_and_the_longest_survives() {
    let folder = folder(50);
    let summary = run(&recipe(folder.path(), EXACT)).unwrap();
    let dropped = summary.ledger.total(|account| account.reason == "exact_duplicate");
    // Of every five documents the last repeats the one before it.
    assert_eq!(dropped.documents, 10);
    let clusters = table_rows(&summary.root.join("clusters.parquet")).unwrap();
    assert_eq!(clusters, 20);
}

#[test]
fn too_many_damaged_records_stop_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "{\"text\": \n".repeat(30) + &"{\"text\": \"fine\"}\n".repeat(30);
    store::write_file(&folder.path().join("a.jsonl"), lines.as_bytes()).unwrap();
    let mut recipe = recipe(folder.path(), "");
    recipe.run.max_bad_fraction = 0.1;
    let error = run(&recipe).unwrap_err();
    let PipelineError::TooMuchBadData { bad, read, reasons, .. } = error else { panic!("{error}") };
    assert_eq!((bad, read), (30, 60));
    assert!(reasons.contains("a.jsonl"), "{reasons}");
}

#[test]
fn a_run_ends_where_it_is_asked_to() {
    let folder = folder(30);
    for (until, docs, counts) in
        [(Until::Decided, false, false), (Until::Counted, true, true), (Until::Written, true, true)]
    {
        let recipe = recipe(folder.path(), &format!("{EXACT}[tokenizer]\nvocab_size = 300\n"));
        let options = RunOptions { fresh: true, until, ..RunOptions::default() };
        let summary = pipeline::run(&recipe, &options, &Watcher::new()).unwrap();
        assert_eq!(summary.root.join("docs").is_dir(), docs, "{until:?}");
        assert_eq!(summary.root.join("counts").is_dir(), counts, "{until:?}");
        let tokenizer = summary.root.join("tokenizer.json").is_file();
        assert_eq!(tokenizer, until == Until::Written);
    }
}

#[test]
fn a_later_run_drops_what_an_earlier_one_kept() {
    let (first, second) = (folder(20), folder(30));
    let index = "[[stage]]\nuse = \"exact\"\nwith = { index = true }\n";
    let earlier = run(&recipe(first.path(), index)).unwrap();
    let against = format!(
        "[[stage]]\nuse = \"exact\"\nwith = {{ against = [{:?}] }}\n",
        earlier.root.display().to_string()
    );
    let later = run(&recipe(second.path(), &against)).unwrap();
    // The first 20 documents are known; of the other ten, two repeat another.
    assert_eq!(later.ledger.outcome(Outcome::Kept).documents, 8);
}

#[test]
fn an_earlier_run_without_an_index_is_refused_before_work() {
    let (first, second) = (folder(5), folder(5));
    let earlier = run(&recipe(first.path(), EXACT)).unwrap();
    let against = format!(
        "[[stage]]\nuse = \"exact\"\nwith = {{ against = [{:?}] }}\n",
        earlier.root.display().to_string()
    );
    let error = run(&recipe(second.path(), &against)).unwrap_err();
    let PipelineError::Recipe(error) = error else { panic!("{error}") };
    assert!(error.message.contains("index = true") && error.span.is_some(), "{}", error.message);
    assert!(!second.path().join("run").exists());
}

#[test]
fn a_column_that_does_not_exist_cannot_group_counts() {
    let folder = folder(5);
    let error = run(&recipe(folder.path(), "[tokenizer]\nby = \"topic\"\n")).unwrap_err();
    let PipelineError::Recipe(error) = error else { panic!("{error}") };
    assert_eq!(&error.text[error.span.clone().unwrap()], "\"topic\"");
}

#[test]
fn documents_are_exported_as_json_with_what_dropped_them() {
    let folder = folder(10);
    let summary = run(&recipe(folder.path(), EXACT)).unwrap();
    let output = folder.path().join("out.jsonl");
    pipeline::export::documents(&summary.root, &output, true).unwrap();
    let lines = std::fs::read_to_string(&output).unwrap();
    let rows: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 10);
    let dropped = rows.iter().filter(|row| row["drop_reason"] == "exact_duplicate");
    assert_eq!(dropped.count(), 2);
    let ids: Vec<u64> = rows.iter().map(|row| row["doc_id"].as_u64().unwrap()).collect();
    assert!(ids.is_sorted(), "{ids:?}");
}

#[test]
fn all_documents_of_the_sources_are_measured() {
    let folder = folder(20);
    let recipe = recipe(folder.path(), EXACT);
    let (stats, read) = pipeline::measure(&recipe, &["words".into()], &Watcher::new()).unwrap();
    assert_eq!((stats.damaged, read.quarantined[0].records), (1, 1));
    let rows = stats.rows(report::stats::By::All).unwrap();
    let words = rows.iter().find(|row| row.measure == "words").unwrap();
    assert_eq!(words.documents, 20);
    assert!(words.min <= words.p50 && words.p50 <= words.max);
}

#[test]
fn a_preview_says_what_is_done_already() {
    let folder = folder(20);
    let recipe = recipe(folder.path(), &barrier_stage("minhash"));
    let before = pipeline::Preview::of(&recipe, None).unwrap();
    assert!(matches!(before.state, pipeline::RunState::New));
    assert_eq!(before.sources[0].files, 2);
    assert!(before.steps.iter().any(|step| step.what == "minhash" && step.cost.is_some()));
    run(&recipe).unwrap();
    let after = pipeline::Preview::of(&recipe, None).unwrap();
    assert!(matches!(after.state, pipeline::RunState::Finished));
}
