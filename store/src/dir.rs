//! The interface to the disk: the few operations that the store needs, and their implementation on
//! a local file system.

#![expect(
    clippy::disallowed_methods,
    reason = "all other code reaches the file system through here"
)]

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// An open file of a [`Dir`]. Nothing is durable before [`DirWriter::sync`].
pub trait DirWriter: Write + Send {
    /// Makes all bytes written so far durable.
    ///
    /// # Errors
    /// The system's.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file of a [`Dir`] that is being read.
pub trait DirReader: Read + Seek + Send {}
impl<T: Read + Seek + Send> DirReader for T {}

/// A folder, as the store sees it. Paths are relative, their parts separated by `/`. All errors are
/// the system's.
pub trait Dir: Debug + Send + Sync {
    /// Creates a file for writing, and its folders. An older file of that name is removed, not
    /// overwritten, so that whoever reads it keeps its content.
    ///
    /// # Errors
    /// The file or a folder cannot be created.
    fn create(&self, path: &str) -> io::Result<Box<dyn DirWriter>>;
    /// Opens a file for writing at its end, and creates it when there is none.
    ///
    /// # Errors
    /// The file cannot be opened or created.
    fn append(&self, path: &str) -> io::Result<Box<dyn DirWriter>>;
    /// Opens a file for reading.
    ///
    /// # Errors
    /// The file cannot be opened.
    fn open(&self, path: &str) -> io::Result<Box<dyn DirReader>>;
    /// Every file below the folder, sorted by path.
    ///
    /// # Errors
    /// A folder cannot be listed.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Renames a file in one step; an older file of that name is replaced.
    ///
    /// # Errors
    /// The file cannot be renamed.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file, and the folders that become empty.
    ///
    /// # Errors
    /// The file cannot be removed.
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Cuts a file to `bytes`, durably.
    ///
    /// # Errors
    /// The file cannot be opened or cut.
    fn truncate(&self, path: &str, bytes: u64) -> io::Result<()>;
    /// Makes the names in the folder of `path` and in the folders above it durable. Folders that no
    /// longer exist are skipped.
    ///
    /// # Errors
    /// A folder cannot be synced.
    fn sync_folder_of(&self, path: &str) -> io::Result<()>;

    /// Reads a whole file.
    ///
    /// # Errors
    /// The file cannot be read.
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// A folder on a local file system.
#[derive(Debug, Clone)]
pub struct LocalDir {
    root: PathBuf,
    /// Held while folders are created for a file and while empty ones are removed: no thread may
    /// remove the folder in which another is about to create a file.
    folders: Arc<Mutex<()>>,
    /// Whether syncs wait for the disk.
    durable: bool,
}

/// Bytes that are collected for one system call.
const WRITE_BUFFER_BYTES: usize = 1 << 18;

impl LocalDir {
    /// The folder at `root`; it need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), folders: Arc::default(), durable: true }
    }

    /// A folder that serves one process and is removed with it. Syncs do nothing, so that nobody
    /// waits for the disk.
    pub fn ephemeral(root: impl Into<PathBuf>) -> Self {
        Self { durable: false, ..Self::new(root) }
    }

    /// The folder's path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Creates a file's folders and opens it for writing.
    ///
    /// A symbolic link in the folder is refused: bytes written through it would end up outside.
    fn open_for_writing(&self, path: &str, options: &OpenOptions) -> io::Result<LocalWriter> {
        let path = self.path(path);
        self.refuse_links(&path)?;
        let _no_folder_is_removed = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let writer = BufWriter::with_capacity(WRITE_BUFFER_BYTES, options.open(path)?);
        Ok(LocalWriter { writer, durable: self.durable })
    }

    /// Fails when `full` or a folder between it and the root is a symbolic link.
    fn refuse_links(&self, full: &Path) -> io::Result<()> {
        let inside = full.ancestors().take_while(|p| *p != self.root && p.starts_with(&self.root));
        for path in inside {
            if path.symlink_metadata().is_ok_and(|m| m.is_symlink()) {
                let message = format!("{} is a symbolic link; remove it", path.display());
                return Err(io::Error::new(ErrorKind::InvalidInput, message));
            }
        }
        Ok(())
    }
}

impl Dir for LocalDir {
    fn create(&self, path: &str) -> io::Result<Box<dyn DirWriter>> {
        // An older file is removed first, so that nothing is written through a link or into the
        // open file of another process.
        let full = self.path(path);
        match full.symlink_metadata() {
            Ok(old) if !old.is_dir() => fs::remove_file(&full)?,
            // There is none, or creating the file below will fail with the same cause.
            _ => {}
        }
        Ok(Box::new(self.open_for_writing(path, OpenOptions::new().write(true).create_new(true))?))
    }

    fn append(&self, path: &str) -> io::Result<Box<dyn DirWriter>> {
        Ok(Box::new(self.open_for_writing(path, OpenOptions::new().append(true).create(true))?))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn DirReader>> {
        Ok(Box::new(File::open(self.path(path))?))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        if self.root.is_dir() {
            walk(&self.root, "", &mut found)?;
        }
        found.sort();
        Ok(found)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let path = self.path(path);
        fs::remove_file(&path)?;
        let _no_folder_is_created = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let mut folder = path.parent();
        // `remove_dir` fails on the first folder that is not empty, and there the loop ends.
        while let Some(inner) = folder.filter(|f| *f != self.root && f.starts_with(&self.root)) {
            if fs::remove_dir(inner).is_err() {
                break;
            }
            folder = inner.parent();
        }
        Ok(())
    }

    fn truncate(&self, path: &str, bytes: u64) -> io::Result<()> {
        let path = self.path(path);
        self.refuse_links(&path)?;
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(bytes)?;
        file.sync_all()
    }

    fn sync_folder_of(&self, path: &str) -> io::Result<()> {
        if !self.durable {
            return Ok(());
        }
        let path = self.path(path);
        // The folders may be new as well, and their names must be durable, too.
        for folder in path.ancestors().skip(1).take_while(|f| f.starts_with(&self.root)) {
            match File::open(folder) {
                Err(e) if e.kind() == ErrorKind::NotFound && folder != self.root => {}
                opened => opened?.sync_all()?,
            }
        }
        Ok(())
    }
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        // Another process may finish its run here meanwhile and remove its folders.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &format!("{name}/"), found)?;
        } else {
            found.push(name);
        }
    }
    Ok(())
}

struct LocalWriter {
    writer: BufWriter<File>,
    durable: bool,
}

impl Write for LocalWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl DirWriter for LocalWriter {
    fn sync(&mut self) -> io::Result<()> {
        self.writer.flush()?;
        if self.durable { self.writer.get_ref().sync_all() } else { Ok(()) }
    }
}
