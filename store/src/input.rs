//! Input files: local paths and globs, `s3://`, `gs://` and `https://` addresses.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::runtime::Runtime;
use url::Url;

use crate::{DirReader, Result, StoreError};

/// One file of a source.
#[derive(Debug, Clone)]
pub struct InputFile {
    /// The path or URL by which people know it.
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

/// The files that a path, a glob or an address stands for, sorted by address; never empty.
pub fn resolve(address: &str) -> Result<Vec<InputFile>> {
    let mut files = match remote_url(address) {
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

fn remote_url(address: &str) -> Option<Url> {
    let (scheme, _) = address.split_once("://")?;
    REMOTE_SCHEMES.contains(&scheme).then(|| Url::parse(address).ok())?
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

/// Runs the object store's requests; readers are blocking and wait for it.
static REQUESTS: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
});

/// Runs a request to its end. The caller may itself be inside a runtime, which must not start
/// another, so the request goes to a thread of its own and is waited for.
pub(crate) fn wait<T: Send + 'static>(
    request: impl Future<Output = object_store::Result<T>> + Send + 'static,
) -> io::Result<T> {
    begin(request)?.recv().map_err(io::Error::other)?.map_err(io::Error::other)
}

/// Begins a request; its answer comes through the channel.
pub(crate) fn begin<T: Send + 'static>(
    request: impl Future<Output = T> + Send + 'static,
) -> io::Result<Receiver<T>> {
    let runtime =
        REQUESTS.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
    let (sender, answer) = std::sync::mpsc::sync_channel(1);
    runtime.spawn(async move {
        // Nobody waits any more when the receiver is gone.
        let _ = sender.send(request.await);
    });
    Ok(answer)
}

fn resolve_remote(address: &str, url: &Url) -> Result<Vec<InputFile>> {
    let failed = |e: &dyn std::fmt::Display| StoreError::Input {
        address: address.into(),
        message: e.to_string(),
    };
    let (store, path) = object_store::parse_url_opts(url, credentials()).map_err(|e| failed(&e))?;
    let store: Arc<dyn ObjectStore> = Arc::from(store);
    let base = address.strip_suffix(path.as_ref()).unwrap_or_default().to_owned();
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

/// The object stores' own environment variables.
#[expect(clippy::disallowed_methods, reason = "credentials come from the environment")]
pub(crate) fn credentials() -> Vec<(String, String)> {
    std::env::vars()
        .map(|(name, value)| (name.to_lowercase(), value))
        .filter(|(name, _)| name.starts_with("aws_") || name.starts_with("google_"))
        .collect()
}

impl InputFile {
    /// Opens the file; blocking, so call it outside asynchronous tasks.
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

    /// What the content is: its BLAKE3 for a local file, the store's version tag for a remote one.
    pub fn identity(&self) -> Result<String> {
        match &self.location {
            Location::Local(path) => {
                let mut hasher = blake3::Hasher::new();
                let file = File::open(path).map_err(|e| StoreError::io(path, "open", e))?;
                hasher.update_reader(file).map_err(|e| StoreError::io(path, "read", e))?;
                Ok(hasher.finalize().to_hex().to_string())
            }
            Location::Remote { version, .. } => Ok(format!("version {version}")),
        }
    }
}

/// Bytes asked for at once from an object store.
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
