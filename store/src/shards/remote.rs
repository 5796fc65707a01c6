//! Datasets in object stores (`s3://`, `gs://`), and their copies here.
//!
//! A dataset is there when its `shards.json` is: it is written last, and only where there is none. So
//! a copy that broke off is invisible, and one that is made again goes over what it left. Readers
//! take nothing unchecked: the description by its root, sums by the description, each block of
//! payload and index by the sums. What came stays in a folder named by the root, so that datasets
//! never mix, each file under its name only when all of it was checked.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::check::{SUMS_BYTES_MAX, file_size};
use super::objects::{Attempt, Objects, PIECE_BYTES};
use super::sums::{BLOCK_BYTES, FileSums, Sums};
use super::verify::DESCRIPTION_BYTES_MAX;
use super::{ShardEntry, ShardManifest, verify};
use crate::lock::Lock;
use crate::{Dir, FileEntry, LocalDir, Publication, Result, StoreError};

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
/// ([`StoreError::Unreadable`]). Another dataset at the address is left as it is
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
    if let Some(there) = objects.read(ShardManifest::FILE, DESCRIPTION_BYTES_MAX)? {
        if there == json {
            return Ok(uploaded);
        }
        return Err(StoreError::Input {
            address: objects.address(ShardManifest::FILE),
            message: "another dataset is there; choose another address".into(),
        });
    }
    let extensions = ["bin", "idx", "sums"];
    let shards = manifest.shards.iter();
    let shards = shards.flat_map(|s| extensions.map(|extension| format!("{}.{extension}", s.name)));
    for name in shards.chain(manifest.files.iter().map(|file| file.path.clone())) {
        uploaded.bytes += objects.send(&folder.join(&name), &name)?;
        uploaded.objects += 1;
    }
    objects.create(ShardManifest::FILE, &json)?;
    uploaded.bytes += json.len() as u64;
    uploaded.objects += 1;
    Ok(uploaded)
}

/// How long to wait for another process that fetches the same dataset into the same cache.
const LOCK_WAIT_MAX: Duration = Duration::from_mins(10);

/// How often to look whether it is done.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// A dataset in an object store, copied here as it is needed.
pub struct RemoteDataset {
    objects: Objects,
    manifest: ShardManifest,
    folder: PathBuf,
    dir: Arc<dyn Dir>,
}

impl RemoteDataset {
    /// Opens the dataset at `address`; its files will be kept in a folder of `cache` that has the
    /// root's name. Only the description is fetched now.
    pub fn open(address: &str, cache: &Path) -> Result<Self> {
        Self::open_in(Objects::at(address)?, cache)
    }

    pub(crate) fn open_in(objects: Objects, cache: &Path) -> Result<Self> {
        let file = ShardManifest::FILE;
        let input = |message: String| StoreError::Input { address: objects.address(file), message };
        let manifest = objects.attempt(file, || {
            // Other bytes than were written may be those of a broken answer.
            match objects.read(file, DESCRIPTION_BYTES_MAX) {
                Ok(Some(bytes)) => match ShardManifest::parse(&bytes) {
                    Ok(manifest) if manifest.to_json().is_ok_and(|json| json == bytes) => {
                        Ok(Some(manifest))
                    }
                    Ok(_) => Err(Attempt::Again("it is not as it was written".into())),
                    Err(message) => Err(Attempt::Again(message)),
                },
                Ok(None) => Ok(None),
                Err(error) => Err(Attempt::Never(error.to_string())),
            }
        })?;
        let manifest = manifest
            .ok_or_else(|| input("there is no dataset, or its copy is not complete".into()))?;
        let folder = cache.join(&manifest.root);
        let dir: Arc<dyn Dir> = Arc::new(LocalDir::new(&folder));
        Ok(Self { objects, manifest, folder, dir })
    }

    /// The dataset's description.
    pub fn manifest(&self) -> &ShardManifest {
        &self.manifest
    }

    /// The folder here; [`super::Shard::open`] reads the shards that were fetched from it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Fetches a shard's files, those that are not here yet. Several processes may call this with
    /// one cache: one fetches, the others wait for it.
    pub fn fetch(&self, entry: &ShardEntry) -> Result<()> {
        let [bin, idx, sums] = ["bin", "idx", "sums"].map(|e| format!("{}.{e}", entry.name));
        if [&bin, &idx, &sums].iter().all(|name| self.folder.join(name).exists()) {
            return Ok(());
        }
        let _lock = self.lock()?;
        let bytes =
            self.objects.attempt(&sums, || match self.objects.read(&sums, SUMS_BYTES_MAX) {
                Ok(Some(bytes)) if crate::digest(&bytes) == entry.sums_blake3 => Ok(bytes),
                Ok(Some(_)) => Err(Attempt::Again("it is not what was written".into())),
                Ok(None) => Err(Attempt::Never("it is missing".into())),
                Err(error) => Err(Attempt::Never(error.to_string())),
            })?;
        let parsed = Sums::parse(&bytes).ok_or_else(|| StoreError::Input {
            address: self.objects.address(&sums),
            message: "it holds no sums".into(),
        })?;
        self.fetch_blocks(&bin, &parsed.payload)?;
        self.fetch_blocks(&idx, &parsed.index)?;
        if !self.folder.join(&sums).exists() {
            Publication::new(self.dir.clone(), &sums)?.finish_with(&bytes)?;
        }
        Ok(())
    }

    /// Fetches all that is not here yet; then the folder is a dataset like any other.
    pub fn fetch_all(&self) -> Result<&Path> {
        for entry in &self.manifest.shards {
            self.fetch(entry)?;
        }
        let _lock = self.lock()?;
        for file in &self.manifest.files {
            self.fetch_file(file)?;
        }
        let json = self.manifest.to_json()?;
        if !self.folder.join(ShardManifest::FILE).exists() {
            Publication::new(self.dir.clone(), ShardManifest::FILE)?.finish_with(&json)?;
        }
        Ok(&self.folder)
    }

    /// Takes the folder's lock and removes what a killed process left in it.
    fn lock(&self) -> Result<Lock> {
        let mut waited = Duration::ZERO;
        let lock = loop {
            match Lock::take(&self.folder) {
                Err(StoreError::Locked { .. }) if waited < LOCK_WAIT_MAX => {
                    std::thread::sleep(LOCK_PAUSE);
                    waited += LOCK_PAUSE;
                }
                taken => break taken?,
            }
        };
        let io = |e| StoreError::io(&self.folder, "clear", e);
        for path in self.dir.list().map_err(io)? {
            if crate::publish::is_temporary(&path) {
                self.dir.remove(&path).map_err(io)?;
            }
        }
        Ok(lock)
    }

    /// Fetches a file piece by piece; a piece with a block that is not as written is asked for again.
    fn fetch_blocks(&self, name: &str, sums: &FileSums) -> Result<()> {
        if file_size(&self.folder.join(name)).is_ok_and(|size| size == sums.bytes) {
            return Ok(());
        }
        let mut file = Publication::new(self.dir.clone(), name)?;
        for start in (0..sums.bytes).step_by(PIECE_BYTES as usize) {
            let range = start..(start + PIECE_BYTES).min(sums.bytes);
            let piece = self.objects.attempt(name, || {
                let piece = self.objects.range(name, range.clone())?;
                let digests = &sums.blocks[(start / BLOCK_BYTES) as usize..];
                let blocks = piece.chunks(BLOCK_BYTES as usize);
                match blocks.zip(digests).position(|(b, d)| blake3::hash(b).as_bytes() != d) {
                    None => Ok(piece),
                    Some(i) => Err(Attempt::Again(format!(
                        "its content is not what was written, in the MiB at byte {}",
                        start + i as u64 * BLOCK_BYTES
                    ))),
                }
            })?;
            file.write_all(&piece).map_err(|e| StoreError::io(name, "write", e))?;
        }
        file.finish().map(drop)
    }

    /// Fetches one of the other files, which are known as a whole only.
    fn fetch_file(&self, entry: &FileEntry) -> Result<()> {
        let name = entry.path.as_str();
        let path = self.folder.join(name);
        if file_size(&path).is_ok_and(|size| size == entry.bytes) {
            return Ok(());
        }
        self.objects.attempt(name, || {
            let never = |error: StoreError| Attempt::Never(error.to_string());
            let mut file = Publication::new(self.dir.clone(), name).map_err(never)?;
            let mut hasher = blake3::Hasher::new();
            for start in (0..entry.bytes).step_by(PIECE_BYTES as usize) {
                let end = (start + PIECE_BYTES).min(entry.bytes);
                let piece = self.objects.range(name, start..end)?;
                hasher.update(&piece);
                file.write_all(&piece).map_err(|e| Attempt::Never(e.to_string()))?;
            }
            if hasher.finalize().to_hex().as_str() != entry.blake3 {
                return Err(Attempt::Again("its content is not what was written".into()));
            }
            file.finish().map(drop).map_err(never)
        })
    }
}
