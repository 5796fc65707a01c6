//! The finished tasks of a run, in the order in which they were finished.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::{Entry, FileEntry, Fingerprint, Manifest};

/// Files below this folder serve the run itself and are removed when it is finished.
pub(crate) const WORK: &str = "work/";

/// The finished tasks and the files that they own.
#[derive(Default)]
pub(crate) struct Done {
    entries: Vec<Entry>,
    /// The position in `entries` of each task's newest entry.
    newest: BTreeMap<String, usize>,
}

impl Done {
    /// Adds a task that was finished after all others.
    pub(crate) fn add(&mut self, entry: Entry) {
        self.newest.insert(entry.task.clone(), self.entries.len());
        self.entries.push(entry);
    }

    /// The newest entry of a task.
    pub(crate) fn get(&self, task: &str) -> Option<&Entry> {
        self.newest.get(task).map(|idx| &self.entries[*idx])
    }

    /// The newest entry of the last task, by name, whose name starts with `prefix`.
    pub(crate) fn last_with_prefix(&self, prefix: &str) -> Option<&Entry> {
        let from = self.newest.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        let last = from.take_while(|(task, _)| task.starts_with(prefix)).last();
        last.map(|(_, idx)| &self.entries[*idx])
    }

    /// The files by path. A later task may replace a file of an earlier one; then the entry that is
    /// later in the journal holds.
    pub(crate) fn files(&self) -> BTreeMap<&str, &FileEntry> {
        let newest = |(idx, entry): &(usize, &Entry)| self.newest.get(&entry.task) == Some(idx);
        let entries = self.entries.iter().enumerate().filter(newest);
        entries.flat_map(|(_, entry)| &entry.files).map(|f| (f.path.as_str(), f)).collect()
    }

    /// The manifest that the run would have if it were finished now.
    pub(crate) fn manifest(&self, fingerprint: &Fingerprint) -> Manifest {
        let files = self.files().into_values().filter(|f| !f.path.starts_with(WORK));
        Manifest::new(fingerprint.clone(), files.cloned().collect())
    }
}

impl FromIterator<Entry> for Done {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut done = Self::default();
        entries.into_iter().for_each(|entry| done.add(entry));
        done
    }
}
