//! Intermediate files of one step, for data that memory does not hold.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::dir::{Dir, LocalDir};
use crate::error::StoreError;
use crate::{DirWriter, Result};

/// A folder for files that a step writes and reads back. The files are not synced, since a step
/// starts again after a crash. The folder is removed when this value is dropped. Files that a killed
/// process left in it are removed when this value is created.
#[derive(Debug)]
pub struct Scratch {
    dir: LocalDir,
    usage: Arc<Usage>,
}

/// Bytes on disk: the current number and the peak.
#[derive(Debug, Default)]
struct Usage {
    bytes: AtomicU64,
    peak: AtomicU64,
}

impl Usage {
    fn add(&self, bytes: u64) {
        let now = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.peak.fetch_max(now, Ordering::Relaxed);
    }

    fn subtract(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Scratch {
    /// Creates the folder `root`, or empties it.
    ///
    /// # Errors
    /// An old file cannot be removed.
    pub fn create(root: impl Into<PathBuf>) -> Result<Self> {
        let scratch = Self { dir: LocalDir::ephemeral(root), usage: Arc::default() };
        scratch.clear().map_err(|e| StoreError::io(scratch.dir.root(), "clear", e))?;
        Ok(scratch)
    }

    /// Starts the file `name`.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn write(&self, name: &str) -> Result<ScratchWriter> {
        let failed = |e| StoreError::io(self.path(name), "create", e);
        Ok(ScratchWriter {
            name: name.to_owned(),
            writer: self.dir.create(name).map_err(failed)?,
            dir: self.dir.clone(),
            usage: Arc::clone(&self.usage),
            position: 0,
        })
    }

    /// Opens the file `name`, which must be [finished](ScratchWriter::finish).
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn read(&self, name: &str) -> Result<ScratchReader> {
        let path = self.path(name);
        let file = File::open(&path).map_err(|e| StoreError::io(&path, "open", e))?;
        Ok(ScratchReader { path, file, held: None })
    }

    /// Removes the file `name` before the folder is removed.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        let failed = |e| StoreError::io(&path, "remove", e);
        let bytes = path.metadata().map_err(failed)?.len();
        self.dir.remove(name).map_err(failed)?;
        self.usage.subtract(bytes);
        Ok(())
    }

    /// The most bytes that all files together have taken so far.
    pub fn bytes_peak(&self) -> u64 {
        self.usage.peak.load(Ordering::Relaxed)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.root().join(name)
    }

    fn clear(&self) -> io::Result<()> {
        self.dir.list()?.iter().try_for_each(|file| self.dir.remove(file))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Files that cannot be removed now are removed by the next start.
        let _ = self.clear();
        let _ = std::fs::remove_dir(self.dir.root());
    }
}

/// A scratch file that is being written from front to back.
pub struct ScratchWriter {
    name: String,
    writer: Box<dyn DirWriter>,
    dir: LocalDir,
    usage: Arc<Usage>,
    position: u64,
}

impl ScratchWriter {
    /// Appends bytes; returns the offset at which they start.
    ///
    /// # Errors
    /// The disk refuses to write.
    pub fn append(&mut self, bytes: &[u8]) -> Result<u64> {
        let start = self.position;
        self.writer.write_all(bytes).map_err(|e| self.failed("write", e))?;
        self.position += bytes.len() as u64;
        self.usage.add(bytes.len() as u64);
        Ok(start)
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.position
    }

    /// Writes out all bytes, so that the file can be read.
    ///
    /// # Errors
    /// The disk refuses to write.
    pub fn finish(mut self) -> Result<()> {
        self.writer.flush().map_err(|e| self.failed("write", e))
    }

    /// As [`finish`](Self::finish), for a file with a single reader. The file's name is removed now,
    /// so the system frees its bytes with the reader, even when the process is killed.
    ///
    /// # Errors
    /// The file cannot be written, opened or removed.
    pub fn into_reader(mut self) -> Result<ScratchReader> {
        self.writer.flush().map_err(|e| self.failed("write", e))?;
        let path = self.dir.root().join(&self.name);
        let file = File::open(&path).map_err(|e| self.failed("open", e))?;
        self.dir.remove(&self.name).map_err(|e| self.failed("remove", e))?;
        let held = Some(Held { bytes: self.position, usage: self.usage });
        Ok(ScratchReader { path, file, held })
    }

    fn failed(&self, action: &'static str, error: io::Error) -> StoreError {
        StoreError::io(self.dir.root().join(&self.name), action, error)
    }
}

/// A scratch file that several threads can read, at any offset.
#[derive(Debug)]
pub struct ScratchReader {
    path: PathBuf,
    file: File,
    held: Option<Held>,
}

/// Bytes that the system frees with their reader.
#[derive(Debug)]
struct Held {
    bytes: u64,
    usage: Arc<Usage>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.usage.subtract(self.bytes);
    }
}

impl ScratchReader {
    /// Fills `out` with the bytes from `offset` on.
    ///
    /// # Errors
    /// The file ends before, or cannot be read.
    pub fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let read = self.file.read_exact_at(out, offset);
        read.map_err(|e| StoreError::io(&self.path, "read", e))
    }

    /// Bytes that the disk regains when this is dropped; 0 for a file that keeps its name.
    pub fn held_bytes(&self) -> u64 {
        self.held.as_ref().map_or(0, |held| held.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_at_any_offset_and_removed_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("scratch");
        let stale = LocalDir::new(&root).create("stale").unwrap();
        drop(stale);
        assert!(root.join("stale").exists());
        let scratch = Scratch::create(&root).unwrap();
        let mut file = scratch.write("rows").unwrap();
        assert_eq!(file.append(b"abc").unwrap(), 0);
        assert_eq!(file.append(b"def").unwrap(), 3);
        file.finish().unwrap();
        let mut out = [0; 3];
        scratch.read("rows").unwrap().read_at(2, &mut out).unwrap();
        assert_eq!(&out, b"cde");
        assert!(!root.join("stale").exists());
        drop(scratch);
        assert!(!root.exists());
    }

    #[test]
    fn a_file_is_removed_with_its_only_reader() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(folder.path().join("scratch")).unwrap();
        let mut file = scratch.write("once").unwrap();
        file.append(b"abcdef").unwrap();
        let reader = file.into_reader().unwrap();
        assert!(!folder.path().join("scratch/once").exists());
        let mut out = [0; 2];
        reader.read_at(4, &mut out).unwrap();
        assert_eq!(&out, b"ef");
        assert_eq!((scratch.usage.bytes.load(Ordering::Relaxed), scratch.bytes_peak()), (6, 6));
        drop(reader);
        scratch.write("next").unwrap().append(b"abc").unwrap();
        assert_eq!((scratch.usage.bytes.load(Ordering::Relaxed), scratch.bytes_peak()), (3, 6));
        scratch.remove("next").unwrap();
        assert_eq!(scratch.usage.bytes.load(Ordering::Relaxed), 0);
    }
}
