//! Publishing files: a file is either absent or complete.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use crate::{Dir, DirWriter, FileEntry, LocalDir, Result, StoreError};

/// Names of files begin with this until they are complete. A new start removes such files.
const TEMPORARY_PREFIX: &str = ".tmp-";

/// The smallest byte range that `verify` can report.
const CHUNK_BYTES_MIN: u64 = 64 << 10;

/// The most digests of one file. The chunks of larger files are larger, so that the manifest stays
/// small.
const CHUNKS_MAX: usize = 1024;

/// A place for files, each complete or absent.
pub trait Publish: Send + Sync {
    /// Starts the file `path`, whose parts are separated by `/`.
    ///
    /// # Errors
    /// The name is refused, or the file cannot be created.
    fn publish(&self, path: &str) -> Result<Publication>;

    /// Publishes a small file at once.
    ///
    /// # Errors
    /// The name is refused, or the file cannot be written.
    fn publish_bytes(&self, path: &str, bytes: &[u8]) -> Result<FileEntry> {
        self.publish(path)?.finish_with(bytes)
    }
}

impl<T: Publish + ?Sized> Publish for &T {
    fn publish(&self, path: &str) -> Result<Publication> {
        (**self).publish(path)
    }
}

/// A file that is being written. It gets its name in [`Publication::finish`]; dropped before that, it
/// leaves nothing behind.
pub struct Publication {
    dir: Arc<dyn Dir>,
    path: String,
    temporary: Option<String>,
    writer: Box<dyn DirWriter>,
    digest: Digest,
}

impl Publication {
    /// Starts a file that will be called `path`.
    ///
    /// # Errors
    /// [`StoreError::BadName`] when the name is not allowed; or the file cannot be created.
    pub fn new(dir: Arc<dyn Dir>, path: &str) -> Result<Self> {
        if !is_good_name(path) {
            return Err(StoreError::BadName { name: path.into() });
        }
        let (folder, name) = path.rsplit_once('/').map_or(("", path), |(f, n)| (f, n));
        let separator = if folder.is_empty() { "" } else { "/" };
        let temporary = format!("{folder}{separator}{TEMPORARY_PREFIX}{name}");
        let writer = dir.create(&temporary).map_err(|e| StoreError::io(path, "create", e))?;
        let temporary = Some(temporary);
        Ok(Self { dir, path: path.into(), temporary, writer, digest: Digest::default() })
    }

    /// Writes `bytes` and finishes the file.
    ///
    /// # Errors
    /// The disk refuses to write, sync or rename it.
    pub fn finish_with(mut self, bytes: &[u8]) -> Result<FileEntry> {
        self.write_all(bytes).map_err(|e| StoreError::io(&self.path, "write", e))?;
        self.finish()
    }

    /// Makes the file durable, gives it its name and returns its digests.
    ///
    /// # Errors
    /// The file cannot be written, synced or renamed.
    pub fn finish(mut self) -> Result<FileEntry> {
        self.writer.sync().map_err(|e| StoreError::io(&self.path, "sync", e))?;
        if let Some(temporary) = &self.temporary {
            self.dir
                .rename(temporary, &self.path)
                .map_err(|e| StoreError::io(&self.path, "rename", e))?;
        }
        self.temporary = None;
        self.dir
            .sync_folder_of(&self.path)
            .map_err(|e| StoreError::io(&self.path, "sync folder", e))?;
        Ok(std::mem::take(&mut self.digest).entry(&self.path))
    }
}

impl Drop for Publication {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // If it cannot be removed now, the next start removes it.
            let _ = self.dir.remove(temporary);
        }
    }
}

impl Write for Publication {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Publishes one file outside a run directory, such as a command's `--output`.
///
/// # Errors
/// The file cannot be written.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = OutputFile::create(path)?;
    file.write_all(bytes).map_err(|e| StoreError::io(path, "write", e))?;
    file.finish()
}

/// A file outside a run directory that is being written. It gets its name in [`OutputFile::finish`];
/// dropped before that, it leaves nothing behind.
pub struct OutputFile {
    path: PathBuf,
    dir: LocalDir,
    name: String,
    temporary: Option<String>,
    writer: Box<dyn DirWriter>,
}

impl OutputFile {
    /// Starts the file `path` and creates its folders.
    ///
    /// # Errors
    /// [`StoreError::Input`] when the path does not end with a file's name; or the file cannot be
    /// created.
    pub fn create(path: &Path) -> Result<Self> {
        let name = path.file_name().and_then(|n| n.to_str()).ok_or_else(|| StoreError::Input {
            address: path.display().to_string(),
            message: "is not the name of a file".into(),
        })?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let dir = LocalDir::new(folder.unwrap_or(Path::new(".")));
        let temporary = format!("{TEMPORARY_PREFIX}{name}");
        let writer = dir.create(&temporary).map_err(|e| StoreError::io(path, "create", e))?;
        Ok(Self { path: path.into(), dir, name: name.into(), temporary: Some(temporary), writer })
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    /// The file cannot be written, synced or renamed.
    pub fn finish(mut self) -> Result<()> {
        let io = |e| StoreError::io(&self.path, "write", e);
        self.writer.sync().map_err(io)?;
        if let Some(temporary) = &self.temporary {
            self.dir.rename(temporary, &self.name).map_err(io)?;
        }
        // It has its name, so that nothing is left to remove.
        self.temporary = None;
        self.dir.sync_folder_of(&self.name).map_err(io)
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // A file that cannot be removed is overwritten by the next attempt at this output.
            let _ = self.dir.remove(temporary);
        }
    }
}

/// The BLAKE3 of `bytes`, hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Digests a stream of bytes: BLAKE3 of the whole and xxh3 of each chunk.
#[derive(Default)]
pub(crate) struct Digest {
    whole: blake3::Hasher,
    chunk: Xxh3,
    chunk_fill_bytes: u64,
    chunks: Vec<u64>,
    bytes: u64,
}

impl Digest {
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        self.whole.update(bytes);
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = (CHUNK_BYTES_MIN - self.chunk_fill_bytes) as usize;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.chunk.update(now);
            self.chunk_fill_bytes += now.len() as u64;
            if self.chunk_fill_bytes == CHUNK_BYTES_MIN {
                self.close_chunk();
            }
            bytes = later;
        }
    }

    fn close_chunk(&mut self) {
        self.chunks.push(self.chunk.digest());
        self.chunk.reset();
        self.chunk_fill_bytes = 0;
    }

    pub(crate) fn entry(mut self, path: &str) -> FileEntry {
        if self.chunk_fill_bytes > 0 {
            self.close_chunk();
        }
        let mut chunk_bytes = CHUNK_BYTES_MIN;
        while self.chunks.len() > CHUNKS_MAX {
            chunk_bytes *= 2;
            self.chunks = self.chunks.chunks(2).map(fold).collect();
        }
        let chunks: Vec<String> = self.chunks.iter().map(|chunk| format!("{chunk:016x}")).collect();
        FileEntry {
            path: path.into(),
            bytes: self.bytes,
            blake3: self.whole.finalize().to_hex().to_string(),
            chunk_bytes,
            chunks: chunks.concat(),
        }
    }
}

/// The digest of two neighbouring chunks, computed from their digests.
fn fold(pair: &[u64]) -> u64 {
    let mut hasher = Xxh3::new();
    for digest in pair {
        hasher.update(&digest.to_le_bytes());
    }
    hasher.digest()
}

/// The longest part of a path in a run directory.
const NAME_CHARACTERS_MAX: usize = 100;

/// True for a relative path that is valid on every file system and stays below its folder.
pub fn is_good_name(path: &str) -> bool {
    path.split('/').all(|part| {
        !part.is_empty()
            && part.len() <= NAME_CHARACTERS_MAX
            && !part.starts_with('.')
            && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
    })
}

/// True for a file that is not finished.
pub(crate) fn is_temporary(path: &str) -> bool {
    name_of(path).starts_with(TEMPORARY_PREFIX)
}

/// True for files that do not belong to a run and are ignored: the lock, and files of the system
/// (`.DS_Store`, `.nfs…`). Temporary files are not among them.
pub fn is_hidden(path: &str) -> bool {
    name_of(path).starts_with('.') && !is_temporary(path)
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
