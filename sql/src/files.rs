//! Files that SQL names: models, block lists, word lists and tables of thresholds.
//!
//! Each is read once, when a statement is planned, so that a missing or broken file refuses the
//! statement before any document is read. The digests of the files are part of a run's fingerprint.

use std::any::Any;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::common::{Result, plan_datafusion_err};
use flate2::bufread::MultiGzDecoder;

/// The most bytes of one file, or of all files of one folder; they stay in memory.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// Bytes per read.
const READ_BYTES: usize = 1 << 20;

/// The files of a session. Relative names start from one folder. Clones share the files that were
/// read.
#[derive(Clone, Default)]
pub struct Files {
    base: PathBuf,
    read: Arc<Mutex<BTreeMap<(String, String), Entry>>>,
}

struct Entry {
    digest: String,
    value: Arc<dyn Any + Send + Sync>,
}

/// A named file, or the files of a named folder in the order of their names. Reading them digests
/// them.
pub(crate) struct Content {
    files: Vec<(String, PathBuf)>,
    bytes_left: u64,
    hasher: blake3::Hasher,
}

impl Files {
    /// Files whose relative names start from `base`.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into(), read: Arc::default() }
    }

    /// The name, as it is written in the SQL, and the BLAKE3 digest of every file that was read so
    /// far.
    pub fn digests(&self) -> Vec<(String, String)> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut digests: Vec<_> =
            read.iter().map(|((_, name), entry)| (name.clone(), entry.digest.clone())).collect();
        digests.dedup();
        digests
    }

    /// The file or folder `name`, parsed by `parse` once for each `kind`.
    pub(crate) fn get<T: Send + Sync + 'static>(
        &self,
        kind: &str,
        name: &str,
        parse: impl FnOnce(&mut Content) -> std::result::Result<T, String>,
    ) -> Result<Arc<T>> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (kind.to_owned(), name.to_owned());
        if let Some(found) = read.get(&key)
            && let Ok(value) = found.value.clone().downcast::<T>()
        {
            return Ok(value);
        }
        let value = self.parse(name, parse).map_err(|error| {
            let base = if self.base.as_os_str().is_empty() {
                String::new()
            } else {
                format!(" (from the folder {})", self.base.display())
            };
            plan_datafusion_err!("the {kind} `{name}`{base}: {error}")
        })?;
        read.insert(key, Entry { digest: value.1, value: value.0.clone() });
        Ok(value.0)
    }

    fn parse<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&mut Content) -> std::result::Result<T, String>,
    ) -> std::result::Result<(Arc<T>, String), String> {
        let path = self.base.join(name);
        let mut files = Vec::new();
        if path.is_dir() {
            walk(&path, "", &mut files).map_err(|error| error.to_string())?;
        } else {
            // A path that ends with `..` has no file name, and it is a folder or does not exist.
            let own = path.file_name().map(|name| name.to_string_lossy().into_owned());
            files.push((own.unwrap_or_default(), path));
        }
        let mut content =
            Content { files, bytes_left: FILE_BYTES_MAX, hasher: blake3::Hasher::new() };
        let value = parse(&mut content)?;
        Ok((Arc::new(value), content.hasher.finalize().to_hex().to_string()))
    }
}

impl Content {
    /// Gives each file's name, relative to the folder, and its bytes to `each`. Only the bytes that
    /// `each` reads are in the digest.
    pub(crate) fn each(
        &mut self,
        mut each: impl FnMut(&str, &mut dyn BufRead) -> std::result::Result<(), String>,
    ) -> std::result::Result<(), String> {
        for (name, path) in std::mem::take(&mut self.files) {
            let failed = |error: std::io::Error| format!("{}: {error}", path.display());
            let size = std::fs::metadata(&path).map_err(failed)?.len();
            self.bytes_left = self
                .bytes_left
                .checked_sub(size)
                .ok_or_else(|| format!("more than {FILE_BYTES_MAX} bytes"))?;
            for part in [name.as_bytes(), &size.to_le_bytes()] {
                self.hasher.update(&(part.len() as u64).to_le_bytes());
                self.hasher.update(part);
            }
            let file = File::open(&path).map_err(failed)?;
            let digesting = Digesting { from: file, hasher: &mut self.hasher };
            each(&name, &mut BufReader::with_capacity(READ_BYTES, digesting))?;
        }
        Ok(())
    }

    /// The bytes of the only file.
    pub(crate) fn single(&mut self) -> std::result::Result<Vec<u8>, String> {
        if self.files.len() != 1 {
            return Err(format!("expected one file, found a folder of {}", self.files.len()));
        }
        let mut all = Vec::new();
        self.each(|_, bytes| {
            bytes.read_to_end(&mut all).map(|_| ()).map_err(|error| error.to_string())
        })?;
        Ok(all)
    }
}

/// A file's bytes, decompressed if its name ends with `.gz` or `.zst`.
pub(crate) fn unpacked<'a>(
    name: &str,
    bytes: &'a mut dyn BufRead,
) -> std::result::Result<Box<dyn BufRead + 'a>, String> {
    match name.rsplit('.').next() {
        Some("gz") => Ok(Box::new(BufReader::new(MultiGzDecoder::new(bytes)))),
        Some("zst") => {
            let decoder = zstd::Decoder::with_buffer(bytes);
            Ok(Box::new(BufReader::new(decoder.map_err(|error| format!("{name}: {error}"))?)))
        }
        _ => Ok(Box::new(bytes)),
    }
}

/// Digests the bytes that are read through it.
struct Digesting<'a> {
    from: File,
    hasher: &'a mut blake3::Hasher,
}

impl Read for Digesting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.from.read(buffer)?;
        self.hasher.update(&buffer[..n]);
        Ok(n)
    }
}

/// Collects all files below `folder` in the order of their names.
fn walk(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> std::io::Result<()> {
    let mut entries: Vec<_> = std::fs::read_dir(folder)?.collect::<std::io::Result<_>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            walk(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.push((name, entry.path()));
        }
    }
    Ok(())
}
