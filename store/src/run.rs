//! A run directory that is being written: its tasks, their files, and its end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::done::Done;
use crate::journal::{self, JOURNAL, Journal};
use crate::lock::Lock;
use crate::publish::{is_good_name, is_hidden, is_temporary};
use crate::{
    Dir, Entry, Events, FileEntry, Fingerprint, LocalDir, Manifest, Publication, Publish, Result,
    StoreError,
};

/// A run directory that is being written. It holds the directory's lock.
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

/// The state in which an earlier start left a run directory.
#[derive(Debug, Clone)]
pub struct RunState {
    /// What the run is made from.
    pub fingerprint: Fingerprint,
    /// The finished tasks; empty for a finished run, which no longer has a journal.
    pub tasks: Vec<String>,
    /// True when the run is finished.
    pub finished: bool,
}

/// The outcome of [`Run::open`].
pub enum Opened {
    /// The run was finished before; nothing was changed.
    Finished(Manifest),
    /// The run is new or can be resumed.
    Open(Run),
}

impl Run {
    /// Opens the run directory at `root` for a run made from `fingerprint`.
    ///
    /// With `fresh`, an older run in the directory is removed first.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when an older run was made from something else and `fresh` is not set.
    /// [`StoreError::Locked`] while another process uses the directory, [`StoreError::NotARun`] when
    /// it holds other files, and [`StoreError::Unreadable`] when its manifest is damaged.
    pub fn open(root: &Path, fingerprint: Fingerprint, fresh: bool) -> Result<Opened> {
        let dir: Arc<dyn Dir> = Arc::new(LocalDir::new(root));
        // Checked before the lock, so that a folder with other files gets no lock file.
        refuse_foreign(dir.as_ref(), root)?;
        if !fresh
            && !has_journal(dir.as_ref())?
            && let Some(manifest) = Self::finished_in(dir.as_ref(), root)?
            && temporaries(dir.as_ref())?.is_empty()
        {
            return check(root, &manifest.fingerprint, &fingerprint)
                .map(|()| Opened::Finished(manifest));
        }
        let lock = Lock::take(root)?;
        Self::open_in(dir, root, fingerprint, fresh, Some(lock))
    }

    /// Opens a run directory that serves one command and is removed with it. Nothing waits for the
    /// disk, and the run cannot be resumed after a crash.
    ///
    /// # Errors
    /// As [`Run::open`] with `fresh`.
    pub fn open_ephemeral(root: &Path, fingerprint: Fingerprint) -> Result<Opened> {
        let dir: Arc<dyn Dir> = Arc::new(LocalDir::ephemeral(root));
        refuse_foreign(dir.as_ref(), root)?;
        let lock = Lock::take(root)?;
        Self::open_in(dir, root, fingerprint, true, Some(lock))
    }

    /// As [`Run::open`], in any [`Dir`], once the lock is taken. The directory is examined again,
    /// because another process may have finished the run before the lock was taken.
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
                // They were left by a fresh run that was stopped before it changed this one.
                remove_all(dir.as_ref(), &temporaries(dir.as_ref())?)?;
                return Ok(Opened::Finished(manifest));
            }
            // With the new journal, all files of an older run count as leftovers.
            (Journal::create(&dir, &fingerprint)?, Done::default())
        };
        let manifest = done.manifest(&fingerprint);
        let finished = !fresh && Self::is_finished_as(dir.as_ref(), root, &manifest)?;
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
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when the manifest is damaged or of another version; or it cannot be
    /// read.
    pub fn finished(root: &Path) -> Result<Option<Manifest>> {
        Self::finished_in(&LocalDir::new(root), root)
    }

    /// True when the manifest in `root` is `manifest`. One of an older run, which a crash kept from
    /// being removed, may be damaged or of another version; that run does not matter any more.
    fn is_finished_as(dir: &dyn Dir, root: &Path, manifest: &Manifest) -> Result<bool> {
        match Self::finished_in(dir, root) {
            Ok(found) => Ok(found.as_ref() == Some(manifest)),
            Err(StoreError::Unreadable { .. }) => Ok(false),
            Err(error) => Err(error),
        }
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

    /// The state of the run in `root`, without locking or changing it; `None` where there is no run.
    ///
    /// # Errors
    /// The journal or the manifest cannot be read.
    pub fn state(root: &Path) -> Result<Option<RunState>> {
        let journal = match LocalDir::new(root).read(JOURNAL) {
            Ok(journal) => journal,
            Err(error) if is_absent(&error) => Vec::new(),
            Err(error) => return Err(StoreError::io(root.join(JOURNAL), "read", error)),
        };
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

    /// The run directory.
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

    /// The result of a task, if it is finished.
    pub fn done(&self, task: &str) -> Option<Value> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done.get(task).map(|entry| entry.result.clone())
    }

    /// The result of a finished task, or `None` if the task is not done.
    ///
    /// # Errors
    /// The journal has another kind of result: another version wrote it, or it is damaged.
    pub fn result<T: DeserializeOwned>(&self, task: &str) -> Result<Option<T>> {
        let read = |done| {
            serde_json::from_value(done).map_err(|error| {
                let message =
                    format!("the result of `{task}` cannot be read: {error}; use --fresh");
                StoreError::Unreadable { path: self.path(JOURNAL), message }
            })
        };
        self.done(task).map(read).transpose()
    }

    /// Of the finished tasks whose names start with `prefix`, the last by name.
    pub fn last_with_prefix(&self, prefix: &str) -> Option<Entry> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done.last_with_prefix(prefix).cloned()
    }

    /// Starts a file. It belongs to the run once a task that lists it is complete.
    ///
    /// # Errors
    /// [`StoreError::BadName`] for names that could lead elsewhere and for the run's own files; or
    /// the file cannot be created.
    pub fn publish(&self, path: &str) -> Result<Publication> {
        if [JOURNAL, Manifest::FILE, Events::FILE].contains(&path) {
            return Err(StoreError::BadName { name: path.into() });
        }
        Publication::new(self.dir.clone(), path)
    }

    /// Publishes a small file at once.
    ///
    /// # Errors
    /// As [`Run::publish`]; or the file cannot be written.
    pub fn publish_bytes(&self, path: &str, bytes: &[u8]) -> Result<FileEntry> {
        self.publish(path)?.finish_with(bytes)
    }

    /// One of the run's folders, as a place to publish files in.
    pub fn folder(&self, name: &str) -> RunFolder {
        RunFolder { dir: self.dir.clone(), name: name.into() }
    }

    /// Records that a task is finished; durable on return.
    ///
    /// A resumed run reads `result` back: integers and texts exactly, but floats possibly with
    /// another last bit. So values that affect the output must be integers or texts here.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn complete(&self, task: &str, files: Vec<FileEntry>, result: Value) -> Result<()> {
        let entry = Entry { task: task.into(), files, result };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.journal.done(&entry)?;
        state.done.add(entry);
        Ok(())
    }

    /// Finishes the run: writes the manifest and removes the files that only served the run.
    ///
    /// # Errors
    /// The manifest cannot be written, or a file cannot be removed.
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

    /// Removes all files that the manifest does not name. The journal is removed last, so that an
    /// interruption is noticed by the next start.
    fn clear_up(&self, manifest: &Manifest) -> Result<()> {
        let mut kept: BTreeSet<_> = manifest.files.iter().map(|f| f.path.as_str()).collect();
        kept.extend([Manifest::FILE, Events::FILE, JOURNAL]);
        remove_all_but(self.dir.as_ref(), &kept)?;
        kept.remove(JOURNAL);
        remove_all_but(self.dir.as_ref(), &kept)
    }
}

impl Publish for Run {
    fn publish(&self, path: &str) -> Result<Publication> {
        Self::publish(self, path)
    }
}

/// A folder of a run, see [`Run::folder`]. The entries of its files have paths below the run.
#[derive(Debug, Clone)]
pub struct RunFolder {
    dir: Arc<dyn Dir>,
    name: String,
}

impl Publish for RunFolder {
    fn publish(&self, path: &str) -> Result<Publication> {
        Publication::new(self.dir.clone(), &format!("{}/{path}", self.name))
    }
}

fn check(root: &Path, before: &Fingerprint, now: &Fingerprint) -> Result<()> {
    let differences = before.differences(now);
    if differences.is_empty() {
        return Ok(());
    }
    Err(StoreError::Changed { path: root.into(), differences })
}

/// Refuses a folder that holds files, but neither a journal nor a manifest of a run.
fn refuse_foreign(dir: &dyn Dir, root: &Path) -> Result<()> {
    let ours = |name: &str, is_ours: fn(&[u8]) -> bool| match dir.read(name) {
        Ok(bytes) => Ok(is_ours(&bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::io(root.join(name), "read", error)),
    };
    let is_neutral = |path: &String| is_hidden(path) || is_temporary(path) || path == Events::FILE;
    if list(dir)?.iter().all(is_neutral)
        || ours(JOURNAL, journal::is_ours)?
        || ours(Manifest::FILE, crate::manifest::is_ours)?
    {
        return Ok(());
    }
    Err(StoreError::NotARun { path: root.into() })
}

/// Removes temporary files, files whose task was not recorded before a crash, and files of an older
/// run. A fresh run keeps nothing but its journal.
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

/// Removes the files that are not `kept`. The manifest is removed first, because a reader that finds
/// it trusts the other files.
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

fn has_journal(dir: &dyn Dir) -> Result<bool> {
    match dir.open(JOURNAL) {
        Ok(_) => Ok(true),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(StoreError::io(JOURNAL, "open", error)),
    }
}

/// True when a file does not exist, or its folder is a file.
fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn list(dir: &dyn Dir) -> Result<Vec<String>> {
    dir.list().map_err(|e| StoreError::io(".", "list", e))
}

/// Files that a stopped process was writing.
fn temporaries(dir: &dyn Dir) -> Result<Vec<String>> {
    let mut paths = list(dir)?;
    paths.retain(|path| is_temporary(path));
    Ok(paths)
}
