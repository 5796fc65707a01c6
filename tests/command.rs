//! Running the program, and the small crawl that tests run it on.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The seed of the tests' crawl.
const SEED: u64 = 3;

/// A folder with a small crawl and whatever recipe a test writes.
pub(crate) struct Folder {
    pub(crate) root: TempDir,
    pub(crate) expected: fixtures::Expected,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let root = TempDir::new().unwrap();
        let crawl = fixtures::crawl(SEED, fixtures::Size::Small).unwrap();
        std::fs::create_dir(root.path().join("crawl")).unwrap();
        for file in &crawl.files {
            std::fs::write(root.path().join("crawl").join(&file.name), &file.bytes).unwrap();
        }
        Self { root, expected: crawl.expected }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The program, started in this folder.
    pub(crate) fn write_bytes(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Runs a command that must fail; returns its message on one line.
    pub(crate) fn fail(&self, arguments: &[&str]) -> String {
        let output = self.gristmill(arguments);
        assert!(!output.status.success(), "{arguments:?} was not refused");
        let message = String::from_utf8(output.stderr).unwrap();
        message.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn gristmill(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("gristmill"));
        command.current_dir(self.root.path()).args(arguments).env("NO_COLOR", "1");
        command.env("GRISTMILL_CACHE", self.root.path().join("cache"));
        command.output().unwrap()
    }

    /// Runs a command that must succeed; returns its stdout.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.gristmill(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a SELECT over a run; returns the rows as JSON.
    pub(crate) fn sql(&self, run: &str, query: &str) -> Vec<serde_json::Value> {
        let printed = self.run(&["sql", run, query, "--json"]);
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A recipe over the whole crawl, without a model.
pub(crate) const RECIPE: &str = r#"
[run]
seed = 5
max_bad_fraction = 0.5

[[source]]
name = "web"
path = ["crawl/*.warc.gz", "crawl/*.warc.wet.gz"]

[[source]]
name = "articles"
path = ["crawl/*.jsonl*", "crawl/*.parquet", "crawl/*.txt"]

[[stage]]
use = "language"
with = { min_confidence = 0.2 }

[[stage]]
use = "quality"

[[stage]]
use = "pii"

[[stage]]
use = "exact"

[[stage]]
use = "minhash"

[[stage]]
sql = "stages/short.sql"
with = { min_bytes = 400 }

[tokenizer]
vocab_size = 512

[shards]
sequence_length = 64
shard_tokens = 20000
validation_fraction = 0.1
"#;

/// A user's SQL stage after a deduplication stage.
pub(crate) const SHORT: &str = "\
-- @param min_bytes = 100  shorter documents are dropped
SELECT *, CASE WHEN octet_length(text) < $min_bytes THEN 'short' END AS drop_reason FROM docs
";

/// Every file below a run except the log, which contains times.
pub(crate) fn tree(root: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut found = std::collections::BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap() != "events.jsonl" {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}
