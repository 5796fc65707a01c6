//! Copying a dataset to an object store. The description is written last, and only where there is
//! none.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use store::StoreError;

use super::objects::Objects;
use crate::dataset::manifest::{ShardEntry, ShardManifest};
use crate::dataset::verify::{DESCRIPTION_BYTES_MAX, verify};
use crate::{Result, ShardError};

/// Files that are sent at the same time. With the parts of each and the pieces read for them they
/// take 128 MiB of memory.
const FILES_AT_ONCE: usize = 4;

/// The object that names the dataset that is being copied, until its description is there. Files of
/// two datasets have the same names and must not be mixed.
const CLAIM: &str = "uploading";

/// The outcome of [`upload`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// The dataset's root.
    pub root: String,
    /// Objects that were sent; 0 when the dataset was there already.
    pub objects: u64,
    /// Bytes that were sent.
    pub bytes: u64,
}

/// Copies the dataset in `folder` to `address`, such as `s3://bucket/name`. The whole dataset is
/// verified first, on `threads` threads.
///
/// # Errors
/// [`ShardError::Unreadable`] when the dataset is damaged. [`StoreError::Input`] when another dataset
/// is at the address or is being copied there, which is left unchanged; or a request fails.
pub fn upload(folder: &Path, address: &str, threads: usize) -> Result<Uploaded> {
    upload_to(folder, &Objects::at(address)?, threads)
}

/// As [`upload`].
pub(in crate::dataset) fn upload_to(
    folder: &Path,
    objects: &Objects,
    threads: usize,
) -> Result<Uploaded> {
    if let Some(finding) = verify(folder, threads).findings.first() {
        let message = format!("it was not copied, because it is damaged: {finding}");
        return Err(ShardError::Unreadable { path: folder.into(), message });
    }
    let manifest = ShardManifest::read(folder)?;
    let json = manifest.to_json()?;
    let mut uploaded = Uploaded { root: manifest.root.clone(), objects: 0, bytes: 0 };
    if is_there(objects, &json)? {
        return Ok(uploaded);
    }
    if !objects.create(CLAIM, manifest.root.as_bytes())? {
        return Err(StoreError::Input {
            address: objects.address(CLAIM),
            message:
                "another dataset is being copied to this address, or its upload was interrupted; \
                 choose another address, or remove this object when no upload is running"
                    .into(),
        }
        .into());
    }
    // Another process may have completed its copy after the first look.
    match is_there(objects, &json) {
        Ok(false) => {}
        other => {
            objects.remove(CLAIM)?;
            return other.map(|_| uploaded);
        }
    }
    let shards = manifest.shards.iter().flat_map(ShardEntry::files);
    let names: Vec<String> =
        shards.chain(manifest.files.iter().map(|file| file.path.clone())).collect();
    uploaded.bytes += send_all(folder, objects, &names)?;
    uploaded.objects += names.len() as u64;
    if !objects.create(ShardManifest::FILE, &json)? {
        return Err(taken(objects));
    }
    objects.remove(CLAIM)?;
    uploaded.bytes += json.len() as u64;
    uploaded.objects += 1;
    Ok(uploaded)
}

/// True when this description is at the address. Another one is an error.
fn is_there(objects: &Objects, json: &[u8]) -> Result<bool> {
    match objects.read(ShardManifest::FILE, DESCRIPTION_BYTES_MAX)? {
        None => Ok(false),
        Some(there) if there == json => Ok(true),
        Some(_) => Err(taken(objects)),
    }
}

fn taken(objects: &Objects) -> ShardError {
    StoreError::Input {
        address: objects.address(ShardManifest::FILE),
        message: "another dataset is there; choose another address".into(),
    }
    .into()
}

/// Sends files, several at the same time, and returns the sum of their bytes. After a failure no
/// further file is started.
fn send_all(folder: &Path, objects: &Objects, names: &[String]) -> Result<u64> {
    let next = AtomicUsize::new(0);
    let sent: Mutex<Result<u64>> = Mutex::new(Ok(0));
    let total = || sent.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || {
        while total().is_ok()
            && let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed))
        {
            let bytes = objects.send(&folder.join(name), name);
            let mut total = total();
            match (total.as_mut(), bytes) {
                (Ok(total), Ok(bytes)) => *total += bytes,
                (Ok(_), Err(error)) => *total = Err(error),
                (Err(_), _) => {}
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..FILES_AT_ONCE.min(names.len()) {
            scope.spawn(work);
        }
    });
    sent.into_inner().unwrap_or_else(PoisonError::into_inner)
}
