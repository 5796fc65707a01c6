//! Where shards can be written: a run, or a folder that appears when it is whole.

use crate::{FileEntry, Publication, Result, Run};

/// A place that takes files, each whole or not at all.
pub trait Publish: Sync {
    /// Starts the file `path`, its parts separated by `/`.
    fn publish(&self, path: &str) -> Result<Publication>;

    /// Publishes a small file whole.
    fn publish_bytes(&self, path: &str, bytes: &[u8]) -> Result<FileEntry> {
        self.publish(path)?.finish_with(bytes)
    }
}

impl Publish for Run {
    fn publish(&self, path: &str) -> Result<Publication> {
        Self::publish(self, path)
    }
}

/// The path of a file in a folder of the place; an empty folder is the place itself.
pub(super) fn path_in(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.into() } else { format!("{folder}/{name}") }
}
