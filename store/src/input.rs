//! Input files: local paths and globs, and `s3://`, `gs://` and `https://` addresses.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use url::Url;

use crate::requests::{credentials, wait};
use crate::{DirReader, Result, StoreError};

/// One file of a source.
#[derive(Debug, Clone)]
pub struct InputFile {
    /// The path or URL to show to people.
    pub address: String,
    /// Size in bytes.
    pub bytes: u64,
    location: Location,
}

#[derive(Debug, Clone)]
enum Location {
    Local(PathBuf),
    Remote { store: Arc<dyn ObjectStore>, path: ObjectPath, version: String },
}

/// The files that a path, a glob or an address matches, sorted by address; at least one.
///
/// # Errors
/// [`StoreError::Input`] when nothing matches or the address cannot be used; or a folder cannot be
/// read.
pub fn resolve(address: &str) -> Result<Vec<InputFile>> {
    let mut files = match remote_url(address)? {
        Some(url) => resolve_remote(address, &url)?,
        None => resolve_local(address)?,
    };
    if files.is_empty() {
        let message = "matches no file".into();
        return Err(StoreError::Input { address: address.into(), message });
    }
    files.sort_by(|a, b| a.address.cmp(&b.address));
    Ok(files)
}

/// Schemes that are read through `object_store`.
const REMOTE_SCHEMES: [&str; 4] = ["s3", "gs", "https", "http"];

/// The URL of an address with one of the remote schemes; `None` for other addresses.
fn remote_url(address: &str) -> Result<Option<Url>> {
    match address.split_once("://") {
        Some((scheme, _)) if REMOTE_SCHEMES.contains(&scheme) => {
            Url::parse(address).map(Some).map_err(|error| StoreError::Input {
                address: address.into(),
                message: error.to_string(),
            })
        }
        _ => Ok(None),
    }
}

fn resolve_local(address: &str) -> Result<Vec<InputFile>> {
    let refused = |message: String| StoreError::Input { address: address.into(), message };
    if let Some((scheme, _)) = address.split_once("://") {
        return Err(refused(format!("`{scheme}://` is not supported; use s3, gs or https")));
    }
    let paths = glob::glob(address).map_err(|e| refused(format!("is not a glob: {e}")))?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|e| StoreError::io(e.path().to_owned(), "read", e.into()))?;
        let metadata = path.metadata().map_err(|e| StoreError::io(&path, "read", e))?;
        if metadata.is_file() {
            let address = path.to_string_lossy().into_owned();
            files.push(InputFile {
                address,
                bytes: metadata.len(),
                location: Location::Local(path),
            });
        }
    }
    Ok(files)
}

fn resolve_remote(address: &str, url: &Url) -> Result<Vec<InputFile>> {
    let failed = |e: &dyn std::fmt::Display| StoreError::Input {
        address: address.into(),
        message: e.to_string(),
    };
    let (store, path) = object_store::parse_url_opts(url, credentials()).map_err(|e| failed(&e))?;
    let store: Arc<dyn ObjectStore> = Arc::from(store);
    // An address with escaped characters does not end with the path, which is unescaped. Its files
    // are shown by their paths alone.
    let base = address.strip_suffix(path.as_ref()).unwrap_or("").to_owned();
    let file = |meta: ObjectMeta| InputFile {
        address: format!("{base}{}", meta.location),
        bytes: meta.size,
        location: Location::Remote {
            store: store.clone(),
            version: meta.e_tag.unwrap_or_else(|| meta.last_modified.to_rfc3339()),
            path: meta.location,
        },
    };
    if !path.as_ref().contains('*') {
        let (store, path) = (store.clone(), path.clone());
        let meta = wait(async move { store.head(&path).await }).map_err(|e| failed(&e))?;
        return Ok(vec![file(meta)]);
    }
    let pattern = glob::Pattern::new(path.as_ref()).map_err(|e| failed(&e))?;
    let prefix = path.as_ref().split('*').next().and_then(|p| p.rsplit_once('/'));
    let prefix = prefix.map(|(folder, _)| ObjectPath::from(folder));
    let lister = store.clone();
    let listing = async move { lister.list(prefix.as_ref()).try_collect::<Vec<_>>().await };
    let metas = wait(listing).map_err(|e| failed(&e))?;
    Ok(metas.into_iter().filter(|m| pattern.matches(m.location.as_ref())).map(file).collect())
}

impl InputFile {
    /// Opens the file. The reader blocks, so it must not be used in asynchronous tasks.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(&self) -> io::Result<Box<dyn DirReader>> {
        match &self.location {
            Location::Local(path) => Ok(Box::new(File::open(path)?)),
            Location::Remote { store, path, .. } => Ok(Box::new(RangedReader {
                store: store.clone(),
                path: path.clone(),
                bytes: self.bytes,
                position: 0,
                block: Bytes::new(),
                block_start: 0,
            })),
        }
    }

    /// The version tag of a remote file; `None` for a local one.
    pub(crate) fn version(&self) -> Option<&str> {
        match &self.location {
            Location::Local(_) => None,
            Location::Remote { version, .. } => Some(version),
        }
    }
}

/// Bytes of one request to an object store.
const BLOCK_BYTES: u64 = 8 << 20;

/// A remote object as a blocking, seekable reader.
struct RangedReader {
    store: Arc<dyn ObjectStore>,
    path: ObjectPath,
    bytes: u64,
    position: u64,
    block: Bytes,
    block_start: u64,
}

impl Read for RangedReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.bytes {
            return Ok(0);
        }
        let block_end = self.block_start + self.block.len() as u64;
        if !(self.block_start..block_end).contains(&self.position) {
            let end = (self.position + BLOCK_BYTES).min(self.bytes);
            let (store, path, range) = (self.store.clone(), self.path.clone(), self.position..end);
            self.block = wait(async move { store.get_range(&path, range).await })?;
            self.block_start = self.position;
        }
        let rest = &self.block[(self.position - self.block_start) as usize..];
        let n = rest.len().min(out.len());
        out[..n].copy_from_slice(&rest[..n]);
        self.position += n as u64;
        Ok(n)
    }
}

impl Seek for RangedReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(delta) => self.bytes.checked_add_signed(delta),
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
        };
        let out_of_range = || io::Error::new(io::ErrorKind::InvalidInput, "seek before the start");
        self.position = position.ok_or_else(out_of_range)?;
        Ok(self.position)
    }
}
