//! kill -9 at any moment, the same command again: the same bytes.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::{Folder, RECIPE, SHORT, tree};

/// Kills a run after ever longer times, so that it dies in each of its steps, and lets the last one
/// finish. What it leaves is what an undisturbed run leaves.
#[test]
fn killed_anywhere_resumes_to_the_same_bytes() {
    let folder = Folder::new();
    let model = "[pretrain]\nsteps = 6\nbatch_size = 2\ncheckpoint_every = 2\neval_every = 3\nwarmup_steps = 2\n";
    folder.write("recipe.toml", &format!("{RECIPE}\n{model}"));
    folder.write("stages/short.sql", SHORT);
    let start = Instant::now();
    folder.run(&["run", "recipe.toml", "--output", "clean", "--quiet"]);
    let whole = start.elapsed();
    let clean = tree(&folder.path("clean"));
    let mut kills = 0;
    for kill in 1..=40 {
        let mut process = Command::new(assert_cmd::cargo::cargo_bin!("gristmill"))
            .current_dir(folder.root.path())
            .args(["run", "recipe.toml", "--output", "killed", "--quiet"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Each start gets a little further; what is done stays done, so the moments spread.
        let deadline = Instant::now() + whole.mul_f64(0.04 * f64::from(kill % 10 + 1));
        while Instant::now() < deadline && process.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        if let Some(status) = process.try_wait().unwrap() {
            assert!(status.success(), "start {kill} ended with {status}");
            break;
        }
        process.kill().unwrap();
        process.wait().unwrap();
        kills += 1;
    }
    folder.run(&["run", "recipe.toml", "--output", "killed", "--quiet"]);
    let killed = tree(&folder.path("killed"));
    assert_eq!(killed.keys().collect::<Vec<_>>(), clean.keys().collect::<Vec<_>>());
    assert!(killed == clean, "after {kills} kills the bytes differ");
    assert!(kills > 0, "the run was never killed");
}

#[test]
fn two_runs_cannot_share_a_directory() {
    let folder = Folder::new();
    folder.write("recipe.toml", RECIPE);
    folder.write("stages/short.sql", SHORT);
    std::fs::create_dir(folder.path("out")).unwrap();
    let lock = std::fs::File::create(folder.path("out/.lock")).unwrap();
    lock.lock().unwrap();
    let refused = folder.gristmill(&["run", "recipe.toml", "--output", "out"]);
    let message = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{message}");
    assert!(message.contains("is in use by process"), "{message}");
}
