//! Whichever operation fails and whenever power is lost, running again gives the same bytes.

use std::io::ErrorKind;
use std::sync::Arc;

use serde_json::json;

use super::faulty::{Fault, FaultyDir};
use super::random::Random;
use super::scenario::{
    ROOT, TASKS, assert_same, check_manifest, content, fingerprint, go_on, is_changed, undisturbed,
};
use crate::{Opened, Run, StoreError};

/// EIO and EMFILE have no named error kind.
const ERRORS: [ErrorKind; 3] = [ErrorKind::StorageFull, ErrorKind::Other, ErrorKind::TimedOut];

#[test]
fn undisturbed_run_holds_its_files_and_nothing_else() {
    let dir = FaultyDir::default();
    let manifest = go_on(&dir, "1", false).unwrap();
    check_manifest(&dir, &manifest);
    let tree = dir.tree();
    assert_eq!(tree["text/a.txt"], content("again", "text/a.txt"));
    assert_eq!(tree["index.bin"], content("shards", "index.bin"));
    assert!(!tree.keys().any(|path| path.starts_with("work/")));
}

#[test]
fn run_resumes_to_the_same_bytes_after_any_failed_operation() {
    let expected = undisturbed();
    for kind in ERRORS {
        for n in 0.. {
            let dir = FaultyDir::default();
            dir.fail_at(n, Fault::Error(kind));
            let outcome = go_on(&dir, "1", false);
            if !dir.has_failed() {
                assert!(n > 80, "only {n} operations");
                break;
            }
            if let Err(error) = &outcome {
                assert!(error.is_resumable(), "{kind:?} at {n}: {error}");
            }
            let manifest = go_on(&dir, "1", false).unwrap();
            assert_same(&dir, &expected, &format!("{kind:?} at {n}: {}", dir.log()[n]));
            check_manifest(&dir, &manifest);
        }
    }
}

#[test]
fn a_failed_write_is_an_error_at_once() {
    for n in 0..resume_operations() {
        let dir = FaultyDir::default();
        dir.fail_at(n, Fault::Error(ErrorKind::StorageFull));
        let outcome = go_on(&dir, "1", false);
        let operation = &dir.log()[n];
        if ["create", "write", "rename", "sync"].iter().any(|o| operation.starts_with(o)) {
            assert!(matches!(outcome, Err(StoreError::Io { .. })), "{operation} at {n}");
        }
    }
}

fn resume_operations() -> usize {
    let dir = FaultyDir::default();
    go_on(&dir, "1", false).unwrap();
    dir.log().len()
}

#[test]
fn short_and_interrupted_calls_are_invisible() {
    let expected = undisturbed();
    for seed in 0..50 {
        let dir = FaultyDir::default();
        dir.make_noise(seed);
        go_on(&dir, "1", false).unwrap();
        assert_same(&dir, &expected, &format!("seed {seed}"));
    }
}

#[test]
fn power_loss_leaves_old_or_new_and_the_same_bytes_in_the_end() {
    let expected = undisturbed();
    let operations = resume_operations();
    for seed in 0..2_000 {
        let random = &mut Random(seed);
        let mut dir = FaultyDir::default();
        for _ in 0..=random.below(3) {
            if random.below(3) == 0 {
                dir.make_noise(random.next());
            }
            dir.fail_at(random.below(operations + 5), Fault::PowerLoss);
            let finished = go_on(&dir, "1", false).is_ok();
            dir = dir.after_power_loss(random.next());
            if finished {
                assert_same(
                    &dir,
                    &expected,
                    &format!("seed {seed}: a finished run was not durable"),
                );
            }
        }
        let manifest = go_on(&dir, "1", false).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        assert_same(&dir, &expected, &format!("seed {seed}"));
        check_manifest(&dir, &manifest);
    }
}

#[test]
fn fresh_run_over_an_older_one_survives_power_loss() {
    let expected = undisturbed();
    let operations = resume_operations();
    for seed in 0..1_000 {
        let random = &mut Random(seed);
        let mut dir = FaultyDir::default();
        // The older run has this or another version, and may be unfinished.
        let version = ["0", "1"][random.below(2)];
        dir.fail_at(random.below(operations * 2), Fault::PowerLoss);
        let _ = go_on(&dir, version, false);
        dir = dir.after_power_loss(random.next());

        dir.fail_at(random.below(operations * 2), Fault::PowerLoss);
        let _ = go_on(&dir, "1", true);
        dir = dir.after_power_loss(random.next());
        let mut outcome = go_on(&dir, "1", false);
        if version == "0" && is_changed(&outcome) {
            outcome = go_on(&dir, "1", true);
        }
        outcome.unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        assert_same(&dir, &expected, &format!("seed {seed}"));
    }
}

#[test]
fn file_is_synced_then_named_then_its_name_is_synced_then_it_is_recorded() {
    let dir = FaultyDir::default();
    go_on(&dir, "1", false).unwrap();
    let log = dir.log();
    let mut from = 0;
    for (task, paths) in TASKS {
        let after = |from: usize, operation: &str| {
            let found = log[from..].iter().position(|done| done == operation);
            from + found.unwrap_or_else(|| panic!("{task}: no `{operation}` after {from}"))
        };
        for path in paths {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let temporary = format!("{folder}/.tmp-{name}");
            let temporary = temporary.trim_start_matches('/');
            let synced = after(from, &format!("sync {temporary}"));
            let renamed = after(synced, &format!("rename {temporary} {path}"));
            from = after(renamed, &format!("sync folder of {path}"));
            assert!(!log[renamed..from].iter().any(|done| done.contains("journal")));
        }
        let recorded = after(from, "write journal.jsonl");
        from = after(recorded, "sync journal.jsonl");
    }
    let last = log.iter().rposition(|done| done == "sync folder of manifest.json").unwrap();
    let journal_gone = log.iter().position(|done| done == "remove journal.jsonl").unwrap();
    assert!(from < last && last < journal_gone);
}

#[test]
fn manifest_is_removed_before_the_files_that_it_names() {
    let dir = FaultyDir::default();
    go_on(&dir, "1", false).unwrap();
    let operations = dir.log().len();
    go_on(&dir, "2", true).unwrap();
    let log = dir.log();
    let removed = log[operations..].iter().find(|operation| operation.starts_with("remove"));
    assert_eq!(removed.map(String::as_str), Some("remove manifest.json"));
}

#[test]
fn nothing_is_recorded_after_half_a_line() {
    let dir = FaultyDir::default();
    let shared = || Arc::new(dir.clone());
    let Opened::Open(run) =
        Run::open_in(shared(), ROOT.as_ref(), fingerprint("1"), false, None).unwrap()
    else {
        panic!("a new run is open")
    };
    run.complete("one", Vec::new(), json!(1)).unwrap();
    dir.fail_at(0, Fault::Error(ErrorKind::StorageFull));
    assert!(run.complete("two", Vec::new(), json!(2)).is_err());
    let error = run.complete("three", Vec::new(), json!(3)).unwrap_err();
    assert!(error.to_string().contains("run again"), "{error}");
    assert_eq!([run.done("one").is_some(), run.done("three").is_some()], [true, false]);
    drop(run);
    let Opened::Open(run) =
        Run::open_in(shared(), ROOT.as_ref(), fingerprint("1"), false, None).unwrap()
    else {
        panic!("an unfinished run is open")
    };
    assert_eq!(run.done("one"), Some(json!(1)));
    assert_eq!(run.done("two"), None);
}

#[test]
fn run_that_was_finished_while_waiting_for_the_lock_is_unchanged() {
    let dir = FaultyDir::default();
    go_on(&dir, "1", false).unwrap();
    let (before, operations) = (dir.tree(), dir.log().len());
    go_on(&dir, "1", false).unwrap();
    assert_same(&dir, &before, &"opened again");
    let changing = ["create", "append", "write", "rename", "remove", "truncate"];
    let log = dir.log();
    assert!(!log[operations..].iter().any(|o| changing.iter().any(|c| o.starts_with(c))));
    assert!(is_changed(&go_on(&dir, "2", false)));
    assert_same(&dir, &before, &"opened again");
}
