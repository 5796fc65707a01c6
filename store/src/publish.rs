//! Publishing: a file that is either absent or whole.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use crate::{Dir, DirWriter, FileEntry, LocalDir, Result, StoreError};

/// Temporary files carry this prefix until they are whole; a new start removes leftovers.
const TEMPORARY_PREFIX: &str = ".tmp-";

/// Smallest byte range that `verify` can name.
const CHUNK_BYTES_MIN: u64 = 64 << 10;

/// Digests kept for one file at most; chunks grow so that the manifest stays small.
const CHUNKS_MAX: usize = 1024;

/// A file being written. It has its name only after [`Publication::finish`]; dropped before that,
/// it leaves nothing behind.
pub struct Publication {
    dir: Arc<dyn Dir>,
    path: String,
    temporary: Option<String>,
    writer: Box<dyn DirWriter>,
    digest: Digest,
}

impl Publication {
    /// Starts a file that will be called `path`.
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

    /// Adds `bytes` and finishes.
    pub(crate) fn finish_with(mut self, bytes: &[u8]) -> Result<FileEntry> {
        self.write_all(bytes).map_err(|e| StoreError::io(&self.path, "write", e))?;
        self.finish()
    }

    /// Makes the file durable, gives it its name and returns its digests.
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
            // One that cannot be removed now is removed at the next start.
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
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = OutputFile::create(path)?;
    file.write_all(bytes).map_err(|e| StoreError::io(path, "write", e))?;
    file.finish()
}

/// A file outside a run directory that is being written; it has its name once finished.
pub struct OutputFile {
    path: PathBuf,
    dir: LocalDir,
    name: String,
    writer: Option<Box<dyn DirWriter>>,
}

impl OutputFile {
    /// Starts the file `path`, making its folders.
    pub fn create(path: &Path) -> Result<Self> {
        let name = path.file_name().and_then(|n| n.to_str()).ok_or_else(|| StoreError::Input {
            address: path.display().to_string(),
            message: "is not the name of a file".into(),
        })?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let dir = LocalDir::new(folder.unwrap_or(Path::new(".")));
        let writer = dir
            .create(&format!("{TEMPORARY_PREFIX}{name}"))
            .map_err(|e| StoreError::io(path, "create", e))?;
        Ok(Self { path: path.into(), dir, name: name.into(), writer: Some(writer) })
    }

    /// Makes the file durable and gives it its name.
    pub fn finish(mut self) -> Result<()> {
        let temporary = self.temporary();
        let mut publish = || {
            if let Some(writer) = self.writer.as_mut() {
                writer.sync()?;
            }
            self.dir.rename(&temporary, &self.name)?;
            // It has its name: there is nothing left to remove.
            self.writer = None;
            self.dir.sync_folder_of(&self.name)
        };
        publish().map_err(|e| StoreError::io(&self.path, "write", e))
    }

    fn temporary(&self) -> String {
        format!("{TEMPORARY_PREFIX}{}", self.name)
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.as_mut().map_or(Ok(0), |writer| writer.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            let _ = self.dir.remove(&self.temporary());
        }
    }
}

/// The BLAKE3 of some bytes, hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Digests of a stream of bytes: BLAKE3 of the whole, xxh3 of each chunk.
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
        FileEntry {
            path: path.into(),
            bytes: self.bytes,
            blake3: self.whole.finalize().to_hex().to_string(),
            chunk_bytes,
            chunks: hexadecimal(&self.chunks),
        }
    }
}

fn hexadecimal(digests: &[u64]) -> String {
    digests.iter().fold(String::with_capacity(digests.len() * 16), |mut text, digest| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{digest:016x}");
        text
    })
}

/// The digest of two neighbouring chunks, from theirs.
fn fold(pair: &[u64]) -> u64 {
    let mut hasher = Xxh3::new();
    for digest in pair {
        hasher.update(&digest.to_le_bytes());
    }
    hasher.digest()
}

/// Longest part of a path in a run directory.
const NAME_CHARACTERS_MAX: usize = 100;

/// True for a relative path that is safe on every file system and leads nowhere else.
pub(crate) fn is_good_name(path: &str) -> bool {
    path.split('/').all(|part| {
        !part.is_empty()
            && part.len() <= NAME_CHARACTERS_MAX
            && !part.starts_with('.')
            && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
    })
}

/// True for a file that was never finished.
pub(crate) fn is_temporary(path: &str) -> bool {
    name_of(path).starts_with(TEMPORARY_PREFIX)
}

/// True for files that are not part of a run and are left alone: the lock, and what the system
/// keeps in a folder (`.DS_Store`, `.nfs…`). Temporary files are not among them.
pub(crate) fn is_hidden(path: &str) -> bool {
    name_of(path).starts_with('.') && !is_temporary(path)
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
