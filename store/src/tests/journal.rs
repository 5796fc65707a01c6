//! The journal. Wherever it is torn or damaged, the part that is read is a prefix of what was written.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::faulty::FaultyDir;
use super::scenario::{ROOT, fingerprint};
use crate::journal::{JOURNAL, is_ours, summary};
use crate::{Dir, Entry, Opened, Run};

fn open(dir: &FaultyDir) -> Run {
    let shared: Arc<dyn Dir> = Arc::new(dir.clone());
    match Run::open_in(shared, ROOT.as_ref(), fingerprint("1"), false, None).unwrap() {
        Opened::Open(run) => run,
        Opened::Finished(_) => panic!("the run is not finished"),
    }
}

fn journal_of_four_tasks() -> Vec<u8> {
    let dir = FaultyDir::default();
    let run = open(&dir);
    for (idx, task) in ["one", "two ", "three\n", "vier ß"].into_iter().enumerate() {
        let file = run.publish_bytes(&format!("file-{idx}"), task.as_bytes()).unwrap();
        run.complete(task, vec![file], json!({ "n": idx, "task": task })).unwrap();
    }
    dir.tree().remove(JOURNAL).unwrap()
}

fn lines_in(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}

#[test]
fn torn_at_any_byte_keeps_the_lines_before() {
    let journal = journal_of_four_tasks();
    let all = summary(&journal).1;
    assert_eq!(all.len(), 4);
    for cut in 0..=journal.len() {
        let lines = lines_in(&journal[..cut]);
        for tail in [&b""[..], b"\0\0\0\0", b"\n", b"junk\n", b"0000000000000000 {}\n"] {
            let torn = [&journal[..cut], tail].concat();
            // A cut just before a line break is repaired by a tail that begins with one.
            let mended = journal.get(cut) == Some(&b'\n') && tail == b"\n";
            let lines = lines + usize::from(mended);
            assert_eq!(is_ours(&torn), lines > 0, "cut at {cut}, then {tail:?}");
            assert_eq!(summary(&torn).1, all[..lines.saturating_sub(1)], "cut at {cut}");
        }
    }
}

#[test]
fn flipped_bits_end_the_journal_at_their_line() {
    let journal = journal_of_four_tasks();
    let all = summary(&journal).1;
    for bit in 0..journal.len() * 8 {
        let mut damaged = journal.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let found = summary(&damaged).1;
        assert_eq!(found, all[..found.len()], "bit {bit}");
        let whole = lines_in(&journal[..bit / 8]);
        assert!(found.len() >= whole.saturating_sub(1), "bit {bit}");
    }
}

#[test]
fn torn_journal_continues_after_the_valid_lines() {
    let journal = journal_of_four_tasks();
    let dir = FaultyDir::default();
    let mut writer = dir.create(JOURNAL).unwrap();
    writer.write_all(&journal[..journal.len() - 3]).unwrap();
    let run = open(&dir);
    assert_eq!(run.done("vier ß"), None);
    run.complete("five", Vec::new(), json!(5)).unwrap();
    let tasks: Vec<String> = summary(&dir.tree()[JOURNAL]).1.into_iter().map(|e| e.task).collect();
    assert_eq!(tasks, ["one", "two ", "three\n", "five"]);
}

#[test]
fn newest_entry_of_a_file_holds_whatever_the_tasks_names() {
    let dir = FaultyDir::default();
    let run = open(&dir);
    for (task, text) in [("z", "old"), ("a", "new"), ("m", "other"), ("m", "again")] {
        let path = if task == "m" { format!("file-{text}") } else { "file".into() };
        let file = run.publish_bytes(&path, text.as_bytes()).unwrap();
        run.complete(task, vec![file], Value::Null).unwrap();
    }
    let manifest = run.finish().unwrap();
    let files: Vec<_> =
        manifest.files.iter().map(|f| (f.path.as_str(), f.blake3.as_str())).collect();
    let digest = |text: &str| blake3::hash(text.as_bytes()).to_hex().to_string();
    // A task that is done again no longer owns the files of the first time.
    assert_eq!(files, [("file", digest("new").as_str()), ("file-again", &digest("again"))]);
    assert_eq!(dir.tree()["file"], b"new");
    assert!(!dir.tree().contains_key("file-other"));
}

#[test]
fn last_task_of_a_prefix_is_by_name() {
    let dir = FaultyDir::default();
    let run = open(&dir);
    for task in ["step-2", "step-1", "stop", "step-10", "ste"] {
        run.complete(task, Vec::new(), json!(task)).unwrap();
    }
    let last = |prefix: &str| run.last_with_prefix(prefix).map(|entry| entry.task);
    assert_eq!(last("step-"), Some("step-2".into()));
    assert_eq!(last("step-1"), Some("step-10".into()));
    assert_eq!([last("stop"), last("")], [Some("stop".into()), Some("stop".into())]);
    assert_eq!([last("step-3"), last("x")], [None, None]);
}

#[test]
fn tasks_completed_by_many_threads_are_all_recorded() {
    let dir = FaultyDir::default();
    let run = open(&dir);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let run = &run;
            scope.spawn(move || {
                for n in 0..25 {
                    let name = format!("part-{thread}-{n}");
                    let file = run.publish_bytes(&name, name.as_bytes()).unwrap();
                    run.complete(&name, vec![file], json!(n)).unwrap();
                }
            });
        }
    });
    drop(run);
    let run = open(&dir);
    for thread in 0..8 {
        assert!((0..25).all(|n| run.done(&format!("part-{thread}-{n}")) == Some(json!(n))));
    }
    assert_eq!(run.finish().unwrap().files.len(), 200);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn results_come_back_as_they_were(number: i64, integer: u64, text: String) {
        let dir = FaultyDir::default();
        let entry = Entry {
            task: text.clone(),
            files: Vec::new(),
            result: json!({ "z": number, "a": [integer, text] }),
        };
        open(&dir).complete(&entry.task, Vec::new(), entry.result.clone()).unwrap();
        prop_assert_eq!(summary(&dir.tree()[JOURNAL]).1, [entry]);
    }
}
