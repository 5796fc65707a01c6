//! After kill -9 at any moment, the same command gives the same bytes.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::command::{Folder, RECIPE, SHORT, tree};

/// Kills a run after its first task, the next start after the second, and so on to the end. The
/// result must equal that of an undisturbed run.
#[test]
fn killed_after_every_task_resumes_to_the_same_bytes() {
    let folder = Folder::new();
    let model = "[pretrain]\nsteps = 6\nbatch_size = 2\ncheckpoint_every = 2\neval_every = 3\nwarmup_steps = 2\n";
    folder.write("recipe.toml", &format!("{RECIPE}\n{model}"));
    folder.write("stages/short.sql", SHORT);
    folder.run(&["run", "recipe.toml", "--output", "clean", "--quiet"]);
    let clean = tree(&folder.path("clean"));
    let kills = kill_until_finished(&folder, Path::new("killed"));
    let killed = tree(&folder.path("killed"));
    assert_eq!(killed.keys().collect::<Vec<_>>(), clean.keys().collect::<Vec<_>>());
    assert!(killed == clean, "after {kills} kills the bytes differ");
    assert!(kills > 10, "the run was killed {kills} times only");
}

/// Kills the run of `recipe.toml` into `output` after each of its tasks until it finishes; returns
/// the number of kills.
pub(crate) fn kill_until_finished(folder: &Folder, output: &Path) -> usize {
    let mut kills = 0;
    while start_and_kill(folder, output, kills + 2) {
        kills += 1;
    }
    kills
}

/// Starts the run and kills it once its journal has `lines` lines; false if it finished before.
fn start_and_kill(folder: &Folder, output: &Path, lines: usize) -> bool {
    let journal = folder.path("").join(output).join("journal.jsonl");
    let mut process = Command::new(assert_cmd::cargo::cargo_bin!("gristmill"))
        .current_dir(folder.root.path())
        .args(["run", "recipe.toml", "--quiet", "--output"])
        .arg(output)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    loop {
        if let Some(status) = process.try_wait().unwrap() {
            assert!(
                status.success(),
                "the start to be killed at {lines} lines ended with {status}"
            );
            return false;
        }
        let written = std::fs::read(&journal).unwrap_or_default();
        if String::from_utf8_lossy(&written).split('\n').count() > lines {
            process.kill().unwrap();
            process.wait().unwrap();
            return true;
        }
        std::thread::yield_now();
    }
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
