//! A small run whose tasks publish, replace and read files, with the same bytes each time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::faulty::FaultyDir;
use super::random::Random;
use crate::{Dir, Fingerprint, Manifest, Opened, Result, Run, StoreError};

/// The tasks, in an order other than that of their names, with the files that each publishes.
pub(super) const TASKS: [(&str, &[&str]); 6] = [
    ("read/part-1", &["work/part-1", "text/a.txt"]),
    ("read/part-0", &["work/part-0"]),
    ("index", &["index.bin", "work/deep/state", "text/b.txt"]),
    // Replaces files of tasks whose names sort after its own.
    ("again", &["text/a.txt", "work/part-0"]),
    ("shards", &["shards/train-00000.bin", "index.bin"]),
    ("report", &["report.html"]),
];

pub(super) const ROOT: &str = "run";

/// The content that `task` writes to `path`.
pub(super) fn content(task: &str, path: &str) -> Vec<u8> {
    let seed = blake3::hash(format!("{task} {path}").as_bytes());
    let mut random = Random(u64::from_le_bytes(seed.as_bytes()[..8].try_into().unwrap()));
    let n = random.below(200);
    random.bytes(n)
}

pub(super) fn fingerprint(version: &str) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    fingerprint.set("version", version);
    fingerprint
}

/// Opens the run and does its remaining tasks.
pub(super) fn go_on(dir: &FaultyDir, version: &str, fresh: bool) -> Result<Manifest> {
    let shared: Arc<dyn Dir> = Arc::new(dir.clone());
    let run = match Run::open_in(shared, Path::new(ROOT), fingerprint(version), fresh, None)? {
        Opened::Finished(manifest) => return Ok(manifest),
        Opened::Open(run) => run,
    };
    check_done(dir, &run);
    for (task, paths) in TASKS {
        if let Some(result) = run.done(task) {
            assert_eq!(result, json!({ "files": paths.len() }));
            continue;
        }
        let files = paths.iter().map(|path| run.publish_bytes(path, &content(task, path)));
        let files = files.collect::<Result<Vec<_>>>()?;
        run.complete(task, files, json!({ "files": paths.len() }))?;
    }
    run.finish()
}

/// Checks that every file of a finished task is complete: as the last finished task wrote it, or as an
/// unfinished one has replaced it.
fn check_done(dir: &FaultyDir, run: &Run) {
    let tree = dir.tree();
    let mut versions: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    let mut under_way = false;
    for (task, paths) in TASKS {
        let done = run.done(task).is_some();
        assert!(!(done && under_way), "{task} is done, one before it is not");
        for path in paths {
            if done {
                versions.insert(path, vec![content(task, path)]);
            } else if !under_way && let Some(old) = versions.get_mut(path) {
                old.push(content(task, path));
            }
        }
        under_way |= !done;
    }
    for (path, versions) in versions {
        let found = tree.get(path).unwrap_or_else(|| panic!("{path} is done and missing"));
        assert!(versions.contains(found), "{path} is torn");
    }
}

/// The files of an undisturbed run.
pub(super) fn undisturbed() -> BTreeMap<String, Vec<u8>> {
    let dir = FaultyDir::default();
    go_on(&dir, "1", false).unwrap();
    dir.tree()
}

/// Fails with the names of files that differ.
pub(super) fn assert_same(
    dir: &FaultyDir,
    expected: &BTreeMap<String, Vec<u8>>,
    circumstance: &dyn Display,
) {
    let tree = dir.tree();
    let names: BTreeSet<&String> = tree.keys().chain(expected.keys()).collect();
    let differing: Vec<_> =
        names.into_iter().filter(|n| tree.get(*n) != expected.get(*n)).collect();
    assert!(differing.is_empty(), "{circumstance}: {differing:?} differ");
}

/// Compares the manifest's entries with the files: names, sizes and digests.
pub(super) fn check_manifest(dir: &FaultyDir, manifest: &Manifest) {
    let tree = dir.tree();
    let named: Vec<&str> = manifest.files.iter().map(|f| f.path.as_str()).collect();
    let found: Vec<&str> =
        tree.keys().map(String::as_str).filter(|p| *p != Manifest::FILE).collect();
    assert_eq!(named, found);
    for file in &manifest.files {
        let bytes = &tree[&file.path];
        assert_eq!(file.bytes, bytes.len() as u64, "{}", file.path);
        assert_eq!(file.blake3, blake3::hash(bytes).to_hex().as_str(), "{}", file.path);
    }
    assert_eq!(serde_json::from_slice::<Manifest>(&tree[Manifest::FILE]).unwrap(), *manifest);
}

/// True for the error about a run of another version.
pub(super) fn is_changed(outcome: &Result<Manifest>) -> bool {
    matches!(outcome, Err(StoreError::Changed { differences, .. }) if differences[0].field == "version")
}
