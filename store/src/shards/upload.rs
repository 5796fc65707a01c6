//! Copying a dataset to an object store: the description last, and only where there is none.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::objects::Objects;
use super::verify::DESCRIPTION_BYTES_MAX;
use super::{ShardManifest, verify};
use crate::{Result, StoreError};

/// Files sent at once; with the parts of each and the pieces read for them, 128 MiB of memory.
const FILES_AT_ONCE: usize = 4;

/// Names the dataset that is being copied to an address, until its description is there: two datasets
/// have files of the same names, which may not become mixed.
const CLAIM: &str = "uploading";

/// What [`upload`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// The dataset's root.
    pub root: String,
    /// Objects that were sent; none when the dataset was there already.
    pub objects: u64,
    /// Bytes that were sent.
    pub bytes: u64,
}

/// Copies the dataset in `folder` to `address`, as `s3://bucket/name`.
///
/// All of it is verified first, on `threads` threads, and a damaged one is refused
/// ([`StoreError::Unreadable`]). Another dataset at the address, or on its way there, is left as it is
/// ([`StoreError::Input`]).
pub fn upload(folder: &Path, address: &str, threads: usize) -> Result<Uploaded> {
    upload_to(folder, &Objects::at(address)?, threads)
}

pub(crate) fn upload_to(folder: &Path, objects: &Objects, threads: usize) -> Result<Uploaded> {
    if let Some(finding) = verify(folder, threads).findings.first() {
        let message = format!("it is not copied, since it is not sound: {finding}");
        return Err(StoreError::Unreadable { path: folder.into(), message });
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
                "another dataset is being copied to this address, or its copying broke off; choose \
                      another address, or remove this object when nobody copies"
                    .into(),
        });
    }
    // Another copy may have come to its end after the first look.
    match is_there(objects, &json) {
        Ok(false) => {}
        other => {
            objects.remove(CLAIM)?;
            return other.map(|_| uploaded);
        }
    }
    let extensions = ["bin", "idx", "sums"];
    let shards = manifest.shards.iter();
    let shards = shards.flat_map(|s| extensions.map(|extension| format!("{}.{extension}", s.name)));
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

/// Whether this description is at the address; another one is an error.
fn is_there(objects: &Objects, json: &[u8]) -> Result<bool> {
    match objects.read(ShardManifest::FILE, DESCRIPTION_BYTES_MAX)? {
        None => Ok(false),
        Some(there) if there == json => Ok(true),
        Some(_) => Err(taken(objects)),
    }
}

fn taken(objects: &Objects) -> StoreError {
    StoreError::Input {
        address: objects.address(ShardManifest::FILE),
        message: "another dataset is there; choose another address".into(),
    }
}

/// Sends files, several at once, and returns their bytes. After a failure no further file is begun.
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
