//! The seam to the disk: the few operations that the store needs, and the local form of them.

#![expect(clippy::disallowed_methods, reason = "this is the one door to the file system")]

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// An open file of a [`Dir`]; nothing is durable before [`DirWriter::sync`].
pub trait DirWriter: Write + Send {
    /// Makes all bytes written so far durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file of a [`Dir`] that is being read.
pub trait DirReader: Read + Seek + Send {}
impl<T: Read + Seek + Send> DirReader for T {}

/// A folder, as the store sees it. Paths are relative, their parts separated by `/`.
pub trait Dir: Debug + Send + Sync {
    /// Makes a new file for writing, and its folders; an older file of that name is let go, not
    /// written over.
    fn create(&self, path: &str) -> io::Result<Box<dyn DirWriter>>;
    /// Opens a file for writing at its end, making it when there is none.
    fn append(&self, path: &str) -> io::Result<Box<dyn DirWriter>>;
    /// Opens a file for reading.
    fn open(&self, path: &str) -> io::Result<Box<dyn DirReader>>;
    /// Every file below the folder, sorted by path.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Gives a file another name in one step; an older file of that name is replaced.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file, and the folders that become empty.
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Cuts a file to `bytes`.
    fn truncate(&self, path: &str, bytes: u64) -> io::Result<()>;
    /// Makes the names in the folder of `path` durable, and those in the folders above it. Folders
    /// that are gone are passed over.
    fn sync_folder_of(&self, path: &str) -> io::Result<()>;

    /// The whole of a file.
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
    /// Held while a folder is made for a file and while empty ones are removed, so that no thread
    /// removes the folder in which another is about to make a file.
    folders: Arc<Mutex<()>>,
    /// Whether what is synced must outlive a crash of the machine.
    durable: bool,
}

/// Bytes gathered before a system call, so that many small writes cost one.
const WRITE_BUFFER_BYTES: usize = 1 << 18;

impl LocalDir {
    /// The folder at `root`; it need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), folders: Arc::default(), durable: true }
    }

    /// A folder that serves one process and goes with it: nothing is made durable, which spares it
    /// the waiting.
    pub fn passing(root: impl Into<PathBuf>) -> Self {
        Self { durable: false, ..Self::new(root) }
    }

    /// Where the folder is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Opens a file for writing, having made its folders.
    ///
    /// A link planted in the folder is refused, since what is written through it would end outside.
    fn open_for_writing(&self, path: &str, options: &OpenOptions) -> io::Result<LocalWriter> {
        let path = self.path(path);
        self.refuse_links(&path)?;
        let _no_folder_goes = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
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
        // What has the name now goes first, so that neither a link nor another writer's file is
        // written through.
        let full = self.path(path);
        match full.symlink_metadata() {
            Ok(old) if !old.is_dir() => fs::remove_file(&full)?,
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
        let _no_folder_comes = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let mut folder = path.parent();
        // `remove_dir` fails on a folder that is not empty, which is where to stop.
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
        // The folders may be new as well, so their own names need it too.
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
        // Another process may finish its run in here while we look.
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
