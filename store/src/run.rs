//! A run directory while it is written: tasks, their files, and how it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::done::Done;
use crate::journal::{self, JOURNAL, Journal};
use crate::lock::Lock;
use crate::publish::{is_good_name, is_hidden, is_temporary};
use crate::{
    Dir, Entry, Events, FileEntry, Fingerprint, LocalDir, Manifest, Publication, Result, StoreError,
};

/// A run directory that is being written, under its lock.
pub struct Run {
    root: PathBuf,
    dir: Arc<dyn Dir>,
    fingerprint: Fingerprint,
    state: Mutex<State>,
    events: Events,
    _lock: Option<Lock>,
}

struct State {
    journal: Journal,
    done: Done,
}

/// What an earlier start left in a run directory.
#[derive(Debug, Clone)]
pub struct RunState {
    /// What it was made from.
    pub fingerprint: Fingerprint,
    /// The tasks that are done; none are listed for a finished run.
    pub tasks: Vec<String>,
    /// True when nothing is left to do.
    pub finished: bool,
}

/// What [`Run::open`] found.
pub enum Opened {
    /// The run was finished before; nothing was touched.
    Finished(Manifest),
    /// The run is to be begun, or to be gone on with.
    Open(Run),
}

impl Run {
    /// Opens the run directory at `root` for a run made from `fingerprint`.
    ///
    /// With `fresh`, an older run in the directory is removed first; without it, an older run made
    /// from something else is refused ([`StoreError::Changed`]).
    pub fn open(root: &Path, fingerprint: Fingerprint, fresh: bool) -> Result<Opened> {
        let dir: Arc<dyn Dir> = Arc::new(LocalDir::new(root));
        // Somebody else's folder gets not even a lock file.
        refuse_foreign(dir.as_ref(), root)?;
        if !fresh
            && dir.open(JOURNAL).is_err()
            && let Some(manifest) = Self::finished_in(dir.as_ref(), root)?
            && temporaries(dir.as_ref())?.is_empty()
        {
            return check(root, &manifest.fingerprint, &fingerprint)
                .map(|()| Opened::Finished(manifest));
        }
        let lock = Lock::take(root)?;
        Self::open_in(dir, root, fingerprint, fresh, Some(lock))
    }

    /// Opens a fresh run directory at `root` for a run that serves one process: it is gone through
    /// without waiting for the disk, and not to be gone on with after a crash.
    pub fn open_passing(root: &Path, fingerprint: Fingerprint) -> Result<Opened> {
        let dir: Arc<dyn Dir> = Arc::new(LocalDir::passing(root));
        refuse_foreign(dir.as_ref(), root)?;
        let lock = Lock::take(root)?;
        Self::open_in(dir, root, fingerprint, true, Some(lock))
    }

    /// As [`Run::open`], in any [`Dir`], under the lock. What was seen before the lock was taken may
    /// no longer hold: another process may have finished the run.
    pub(crate) fn open_in(
        dir: Arc<dyn Dir>,
        root: &Path,
        fingerprint: Fingerprint,
        fresh: bool,
        lock: Option<Lock>,
    ) -> Result<Opened> {
        refuse_foreign(dir.as_ref(), root)?;
        let found = Journal::open(&dir)?.filter(|_| !fresh);
        let (journal, done) = if let Some((journal, replay)) = found
            && let Some(before) = replay.fingerprint
        {
            check(root, &before, &fingerprint)?;
            (journal, replay.entries.into_iter().collect())
        } else {
            if !fresh && let Some(manifest) = Self::finished_in(dir.as_ref(), root)? {
                check(root, &manifest.fingerprint, &fingerprint)?;
                // They are of a fresh run that was stopped before it touched this one.
                remove_all(dir.as_ref(), &temporaries(dir.as_ref())?)?;
                return Ok(Opened::Finished(manifest));
            }
            // The new journal makes leftovers of all that an older run left here.
            (Journal::create(&dir, &fingerprint)?, Done::default())
        };
        let manifest = done.manifest(&fingerprint);
        // An older run's manifest, on the way of being removed when a crash came, is not ours.
        let finished = !fresh
            && Self::finished_in(dir.as_ref(), root).ok().flatten().as_ref() == Some(&manifest);
        remove_leftovers(dir.as_ref(), &done, finished, fresh)?;
        let run = Self {
            root: root.into(),
            events: if lock.is_some() { Events::open(&dir) } else { Events::none() },
            dir,
            fingerprint,
            state: Mutex::new(State { journal, done }),
            _lock: lock,
        };
        if finished {
            run.clear_up(&manifest)?;
            return Ok(Opened::Finished(manifest));
        }
        Ok(Opened::Open(run))
    }

    /// The manifest of a finished run in `root`, if there is one.
    pub fn finished(root: &Path) -> Result<Option<Manifest>> {
        Self::finished_in(&LocalDir::new(root), root)
    }

    fn finished_in(dir: &dyn Dir, root: &Path) -> Result<Option<Manifest>> {
        let bytes = match dir.read(Manifest::FILE) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io(root.join(Manifest::FILE), "read", error)),
        };
        let unreadable = |message| StoreError::Unreadable {
            path: root.join(Manifest::FILE),
            message: format!("{message}; run with `--fresh` to start anew"),
        };
        let manifest: Manifest =
            serde_json::from_slice(&bytes).map_err(|e| unreadable(e.to_string()))?;
        if manifest.schema != Manifest::SCHEMA {
            return Err(unreadable(format!("its format is `{}`", manifest.schema)));
        }
        if let Some(file) = manifest.files.iter().find(|file| !is_good_name(&file.path)) {
            return Err(unreadable(format!("`{}` is no file of a run", file.path)));
        }
        Ok(Some(manifest))
    }

    /// What is in `root`, looked at without taking part; `None` where there is no run.
    pub fn state(root: &Path) -> Result<Option<RunState>> {
        let journal = LocalDir::new(root).read(JOURNAL).unwrap_or_default();
        let (fingerprint, entries) = crate::journal::summary(&journal);
        if let Some(fingerprint) = fingerprint {
            let tasks = entries.into_iter().map(|entry| entry.task).collect();
            return Ok(Some(RunState { fingerprint, tasks, finished: false }));
        }
        Ok(Self::finished(root)?.map(|manifest| RunState {
            fingerprint: manifest.fingerprint,
            tasks: Vec::new(),
            finished: true,
        }))
    }

    /// Where the run is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The full path of a file of the run.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The run's event log.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// The result of a task that is done already.
    pub fn done(&self, task: &str) -> Option<Value> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done.get(task).map(|entry| entry.result.clone())
    }

    /// The last task, by name, whose name starts with `prefix`.
    pub fn last_with_prefix(&self, prefix: &str) -> Option<Entry> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done.last_with_prefix(prefix).cloned()
    }

    /// Starts a file; it belongs to the run once a task that lists it is complete.
    ///
    /// Names that could lead elsewhere and the run's own files are refused
    /// ([`StoreError::BadName`]).
    pub fn publish(&self, path: &str) -> Result<Publication> {
        if [JOURNAL, Manifest::FILE, Events::FILE].contains(&path) {
            return Err(StoreError::BadName { name: path.into() });
        }
        Publication::new(self.dir.clone(), path)
    }

    /// Publishes a small file whole.
    pub fn publish_bytes(&self, path: &str, bytes: &[u8]) -> Result<FileEntry> {
        self.publish(path)?.finish_with(bytes)
    }

    /// Records that a task is done; durable on return.
    ///
    /// `result` is read back when the run goes on: integers and text exactly, a float possibly with
    /// another last bit. What decides a byte of the output is an integer or text here.
    pub fn complete(&self, task: &str, files: Vec<FileEntry>, result: Value) -> Result<()> {
        let entry = Entry { task: task.into(), files, result };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.journal.done(&entry)?;
        state.done.add(entry);
        Ok(())
    }

    /// Writes the manifest and removes what only served the run; the run is finished.
    pub fn finish(self) -> Result<Manifest> {
        let manifest = {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.done.manifest(&self.fingerprint)
        };
        let json = serde_json::to_string_pretty(&manifest).map_err(|e| StoreError::Unreadable {
            path: Manifest::FILE.into(),
            message: e.to_string(),
        })?;
        Publication::new(self.dir.clone(), Manifest::FILE)?
            .finish_with((json + "\n").as_bytes())?;
        self.clear_up(&manifest)?;
        Ok(manifest)
    }

    /// Removes everything that the manifest does not name, the journal last.
    fn clear_up(&self, manifest: &Manifest) -> Result<()> {
        let mut kept: BTreeSet<_> = manifest.files.iter().map(|f| f.path.as_str()).collect();
        kept.extend([Manifest::FILE, Events::FILE, JOURNAL]);
        remove_all_but(self.dir.as_ref(), &kept)?;
        kept.remove(JOURNAL);
        remove_all_but(self.dir.as_ref(), &kept)
    }
}

fn check(root: &Path, before: &Fingerprint, now: &Fingerprint) -> Result<()> {
    let differences = before.differences(now);
    if differences.is_empty() {
        return Ok(());
    }
    Err(StoreError::Changed { path: root.into(), differences })
}

/// A folder with files but neither a journal nor a manifest of ours is somebody else's.
fn refuse_foreign(dir: &dyn Dir, root: &Path) -> Result<()> {
    let ours = |name: &str, is_ours: fn(&[u8]) -> bool| match dir.read(name) {
        Ok(bytes) => Ok(is_ours(&bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::io(root.join(name), "read", error)),
    };
    let nobodys = |path: &String| is_hidden(path) || is_temporary(path) || path == Events::FILE;
    if list(dir)?.iter().all(nobodys)
        || ours(JOURNAL, journal::is_ours)?
        || ours(Manifest::FILE, crate::manifest::is_ours)?
    {
        return Ok(());
    }
    Err(StoreError::NotARun { path: root.into() })
}

/// Removes temporary files, files whose task was not recorded before a crash, and those of an older
/// run: of a fresh run all but its journal.
fn remove_leftovers(dir: &dyn Dir, done: &Done, finished: bool, fresh: bool) -> Result<()> {
    let mut kept: BTreeSet<&str> = done.files().into_keys().collect();
    kept.insert(JOURNAL);
    if finished {
        kept.insert(Manifest::FILE);
    }
    if !fresh {
        kept.insert(Events::FILE);
    }
    remove_all_but(dir, &kept)
}

/// Removes the files that are not `kept`, the manifest first: whoever sees it may trust
/// the rest.
fn remove_all_but(dir: &dyn Dir, kept: &BTreeSet<&str>) -> Result<()> {
    let mut paths = list(dir)?;
    paths.retain(|path| !kept.contains(path.as_str()) && !is_hidden(path));
    paths.sort_by_key(|path| path != Manifest::FILE);
    remove_all(dir, &paths)
}

/// Removes files, durably.
fn remove_all(dir: &dyn Dir, paths: &[String]) -> Result<()> {
    let mut folders = BTreeMap::new();
    for path in paths {
        dir.remove(path).map_err(|e| StoreError::io(path, "remove", e))?;
        folders.insert(path.rsplit_once('/').map(|(folder, _)| folder), path);
    }
    for path in folders.into_values() {
        dir.sync_folder_of(path).map_err(|e| StoreError::io(path, "sync folder", e))?;
    }
    Ok(())
}

fn list(dir: &dyn Dir) -> Result<Vec<String>> {
    dir.list().map_err(|e| StoreError::io(".", "list", e))
}

/// Files that were being written when a process was stopped.
fn temporaries(dir: &dyn Dir) -> Result<Vec<String>> {
    let mut paths = list(dir)?;
    paths.retain(|path| is_temporary(path));
    Ok(paths)
}
