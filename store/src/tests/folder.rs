//! A run in a real folder: which processes may use it, what is refused, and what is never changed.

#![expect(clippy::disallowed_methods, reason = "these tests damage files from outside")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use serde_json::{Value, json};

use super::scenario::fingerprint;
use crate::lock::Lock;
use crate::{Dir, Events, LocalDir, Manifest, Opened, Result, Run, StoreError, write_file};

fn open(root: &Path, version: &str, fresh: bool) -> Result<Run> {
    match Run::open(root, fingerprint(version), fresh)? {
        Opened::Open(run) => Ok(run),
        Opened::Finished(_) => panic!("the run is not finished"),
    }
}

/// Finishes a run with one task, which writes `shards/part`.
fn finish(run: Run, text: &str) -> Manifest {
    let file = run.publish_bytes("shards/part", text.as_bytes()).unwrap();
    run.complete("all", vec![file], Value::Null).unwrap();
    run.finish().unwrap()
}

fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let dir = LocalDir::new(root);
    dir.list().unwrap().into_iter().map(|f| (f.clone(), fs::read(root.join(f)).unwrap())).collect()
}

/// The modification times of the folder, its folders and files.
fn times(root: &Path) -> BTreeMap<std::path::PathBuf, SystemTime> {
    let mut paths = vec![root.to_path_buf(), root.join("shards")];
    paths.extend(files(root).into_keys().map(|file| root.join(file)));
    let time = |path: &Path| path.symlink_metadata().unwrap().modified().unwrap();
    paths.into_iter().map(|path| (path.clone(), time(&path))).collect()
}

#[test]
fn second_run_in_a_folder_is_refused_with_the_first_ones_process() {
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("new/run");
    let run = open(root, "1", false).unwrap();
    for fresh in [false, true] {
        let second = || open(root, "1", fresh).err().unwrap();
        let errors = [second(), std::thread::scope(|s| s.spawn(second).join().unwrap())];
        for error in errors {
            let StoreError::Locked { path, pid } = &error else { panic!("{error}") };
            assert_eq!((path, pid), (root, &std::process::id().to_string()));
            assert!(error.to_string().contains(pid.as_str()) && !error.is_resumable());
        }
    }
    run.complete("one", Vec::new(), json!(1)).unwrap();
    drop(run);
    let run = open(root, "1", false).unwrap();
    assert_eq!(run.done("one"), Some(json!(1)));
    finish(run, "text");
    assert_eq!(
        files(root).into_keys().collect::<Vec<_>>(),
        [Events::FILE, Manifest::FILE, "shards/part"]
    );
}

#[test]
fn lock_left_by_a_killed_process_keeps_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".lock"), "123456789").unwrap();
    let _lock = Lock::take(folder.path()).unwrap();
    let pid = fs::read_to_string(folder.path().join(".lock")).unwrap();
    assert_eq!(pid, std::process::id().to_string());
}

#[test]
fn lock_has_one_holder_although_each_removes_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (holders, taken) = (&AtomicUsize::new(0), &AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    if let Ok(lock) = Lock::take(folder.path()) {
                        assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0, "two holders");
                        taken.fetch_add(1, Ordering::SeqCst);
                        std::thread::yield_now();
                        holders.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                }
            });
        }
    });
    assert!(taken.load(Ordering::SeqCst) > 0);
}

#[test]
fn finished_run_is_not_touched_again() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let manifest = finish(open(root, "1", false).unwrap(), "text");
    let before = (files(root), times(root));
    let Opened::Finished(again) = Run::open(root, fingerprint("1"), false).unwrap() else {
        panic!("the run is finished")
    };
    assert_eq!(again, manifest);
    assert!(matches!(open(root, "2", false), Err(StoreError::Changed { .. })));
    assert_eq!((files(root), times(root)), before);
}

#[test]
fn another_fingerprint_is_refused_by_field_and_fresh_starts_anew() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let run = open(root, "1", false).unwrap();
    run.publish_bytes("old", b"old").unwrap();
    run.complete("old", Vec::new(), json!(1)).unwrap();
    run.events().add("old", json!({}));
    drop(run);
    for finished in [false, true] {
        let error = open(root, "2", false).err().unwrap();
        let StoreError::Changed { differences, .. } = &error else { panic!("{error}") };
        assert_eq!(differences.len(), 1);
        assert!(error.to_string().contains("version was `1`, now `2`"), "{error}");
        if !finished {
            finish(open(root, "1", false).unwrap(), "first");
        }
    }
    let run = open(root, "2", true).unwrap();
    assert_eq!(run.done("old"), None);
    assert_eq!(Run::finished(root).unwrap(), None);
    assert!(files(root)[Events::FILE].is_empty());
    finish(run, "second");
    assert_eq!(files(root)["shards/part"], b"second");
}

#[test]
fn foreign_folder_is_refused_and_unchanged() {
    let foreign: [&[(&str, &str)]; 5] = [
        &[("notes.txt", "mine")],
        &[("deep/er/notes.txt", "mine"), ("events.jsonl", "{}")],
        &[("manifest.json", r#"{"name": "an app"}"#), ("index.html", "<p>")],
        &[("journal.jsonl", "2024-01-01 dear diary\n")],
        &[("journal.jsonl", "")],
    ];
    for content in foreign {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for (name, text) in content {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), text).unwrap();
        }
        let before = files(root);
        for fresh in [false, true] {
            let error = open(root, "1", fresh).err().unwrap();
            assert!(matches!(error, StoreError::NotARun { .. }), "{content:?}: {error}");
            assert_eq!(files(root), before);
        }
    }
}

#[test]
fn damaged_manifest_is_refused_until_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    finish(open(root, "1", false).unwrap(), "text");
    let file = root.join(Manifest::FILE);
    let text = fs::read_to_string(&file).unwrap();
    for damaged in [text.replace("\"root\"", "\"toor\""), text.replace("manifest/1", "manifest/9")]
    {
        fs::write(&file, damaged).unwrap();
        let error = open(root, "1", false).err().unwrap();
        assert!(matches!(error, StoreError::Unreadable { .. }));
        assert!(error.to_string().contains("--fresh"), "{error}");
    }
    finish(open(root, "1", true).unwrap(), "text");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("run");
    let run = open(root, "1", false).unwrap();
    let before = files(root);
    let long = "a".repeat(101);
    let bad = [
        "../../x",
        "..",
        ".",
        "a/../b",
        "/etc/passwd",
        "a//b",
        "a/",
        "",
        "A",
        "a b",
        "a\0b",
        "a\\b",
        "é",
        "c:",
        ".hidden",
        "a/.tmp-b",
        &long,
        "manifest.json",
        "journal.jsonl",
        "events.jsonl",
    ];
    for name in bad {
        let error = run.publish(name).err().unwrap_or_else(|| panic!("`{name}` was accepted"));
        assert!(matches!(&error, StoreError::BadName { name: refused } if refused == name));
    }
    assert_eq!(files(root), before);
    let good = format!("{}/{}", "a".repeat(100), "z-9_.".repeat(20));
    run.publish_bytes(&good, b"text").unwrap();
    assert_eq!(fs::read(run.path(&good)).unwrap(), b"text");
}

#[test]
fn unfinished_publications_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let run = open(root, "1", false).unwrap();
    // Folders are created and removed while other threads create files in them.
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let run = &run;
            scope.spawn(move || {
                for n in 0..200 {
                    drop(run.publish(&format!("a/b/{thread}-{n}")).unwrap());
                }
            });
        }
    });
    let _kept_open = std::mem::ManuallyDrop::new(run.publish("forgotten").unwrap());
    assert!(files(root).contains_key(".tmp-forgotten"));
    finish(run, "text");
    assert!(!root.join("a").exists());
    assert!(!files(root).keys().any(|name| name.contains(".tmp-")));
}

#[test]
fn events_after_a_torn_line_are_complete() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    drop(open(root, "1", false).unwrap());
    fs::write(root.join(Events::FILE), "{\"event\":\"first\"}\n{\"eve").unwrap();
    let run = open(root, "1", false).unwrap();
    run.events().add("second", json!({ "n": 2 }));
    let text = fs::read_to_string(root.join(Events::FILE)).unwrap();
    let events: Vec<Value> = text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    assert_eq!(events.len(), 2);
    assert_eq!((&events[1]["event"], &events[1]["n"]), (&json!("second"), &json!(2)));
}

#[test]
fn file_outside_a_run_is_replaced_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("Out Put.json");
    write_file(&file, b"first").unwrap();
    write_file(&file, b"second").unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"second");
    let taken = folder.path().join("folder");
    fs::create_dir(&taken).unwrap();
    assert!(write_file(&taken, b"text").unwrap_err().to_string().contains("folder: write"));
    assert_eq!(files(folder.path()).into_keys().collect::<Vec<_>>(), ["Out Put.json"]);
}

#[cfg(unix)]
#[test]
fn planted_links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let (root, outside) = (&folder.path().join("run"), &folder.path().join("outside"));
    fs::create_dir(outside).unwrap();
    fs::write(outside.join("victim"), "precious").unwrap();
    let victim = outside.join("victim");

    let run = open(root, "1", false).unwrap();
    fs::create_dir(root.join("shards")).unwrap();
    symlink(&victim, root.join("shards/.tmp-part")).unwrap();
    symlink(&victim, root.join("shards/part")).unwrap();
    run.publish_bytes("shards/part", b"text").unwrap();
    assert!(root.join("shards/part").symlink_metadata().unwrap().is_file());
    symlink(outside, root.join("text")).unwrap();
    let error = run.publish("text/part").err().unwrap().to_string();
    assert!(error.contains("text is a symbolic link; remove it"), "{error}");
    drop(run);

    for name in [".lock", Events::FILE, ".tmp-journal.jsonl"] {
        let _ = fs::remove_file(root.join(name));
        symlink(&victim, root.join(name)).unwrap();
    }
    let error = open(root, "1", false).err().unwrap().to_string();
    assert!(error.contains(".lock: it is a symbolic link; remove it"), "{error}");
    fs::remove_file(root.join(".lock")).unwrap();
    let run = open(root, "1", false).unwrap();
    run.events().add("event", json!({}));
    finish(run, "text");
    finish(open(root, "2", true).unwrap(), "text");

    assert!(!root.join("text").exists());
    assert_eq!(files(outside), BTreeMap::from([("victim".to_owned(), b"precious".to_vec())]));
}
