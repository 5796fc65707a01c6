//! Intermediate files of one step: bounded memory's other half.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::dir::{Dir, LocalDir};
use crate::error::StoreError;
use crate::{DirWriter, Result};

/// A folder for files that a step writes, reads back and forgets. They are not synced: after a
/// crash the step starts anew. The folder goes when this is dropped, and what an earlier, killed
/// process left in it goes when this is made.
#[derive(Debug)]
pub struct Scratch {
    dir: LocalDir,
}

impl Scratch {
    /// Makes the folder at `root` empty.
    pub fn create(root: impl Into<PathBuf>) -> Result<Self> {
        let scratch = Self { dir: LocalDir::new(root) };
        scratch.clear().map_err(|e| StoreError::io(scratch.dir.root(), "clear", e))?;
        Ok(scratch)
    }

    /// Starts the file `name`.
    pub fn write(&self, name: &str) -> Result<ScratchWriter> {
        let failed = |e| StoreError::io(&self.path(name), "create", e);
        Ok(ScratchWriter {
            path: self.path(name),
            writer: self.dir.create(name).map_err(failed)?,
            position: 0,
        })
    }

    /// Opens the file `name`, which must have been written and [finished](ScratchWriter::finish).
    pub fn read(&self, name: &str) -> Result<ScratchReader> {
        let path = self.path(name);
        let file = File::open(&path).map_err(|e| StoreError::io(&path, "open", e))?;
        Ok(ScratchReader { path, file })
    }

    /// Removes the file `name` before the rest.
    pub fn remove(&self, name: &str) -> Result<()> {
        self.dir.remove(name).map_err(|e| StoreError::io(&self.path(name), "remove", e))
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
        // What cannot be removed now is removed by the next start.
        let _ = self.clear();
        let _ = std::fs::remove_dir(self.dir.root());
    }
}

/// A scratch file that is being written, front to back.
pub struct ScratchWriter {
    path: PathBuf,
    writer: Box<dyn DirWriter>,
    position: u64,
}

impl ScratchWriter {
    /// Adds bytes; gives the offset at which they start.
    pub fn append(&mut self, bytes: &[u8]) -> Result<u64> {
        let start = self.position;
        self.writer.write_all(bytes).map_err(|e| StoreError::io(&self.path, "write", e))?;
        self.position += bytes.len() as u64;
        Ok(start)
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.position
    }

    /// Hands all bytes to the system, so that the file can be read.
    pub fn finish(mut self) -> Result<()> {
        self.writer.flush().map_err(|e| StoreError::io(&self.path, "write", e))
    }
}

/// A scratch file that is being read, at any offset, by any number of threads.
#[derive(Debug)]
pub struct ScratchReader {
    path: PathBuf,
    file: File,
}

impl ScratchReader {
    /// Fills `out` with the bytes from `offset` on.
    pub fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let read = self.file.read_exact_at(out, offset);
        read.map_err(|e| StoreError::io(&self.path, "read", e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read_anywhere_and_goes_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("scratch");
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(root.join("stale"), b"of a killed process").unwrap();
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
}
