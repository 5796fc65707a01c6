//! Datasets in object stores (`s3://`, `gs://`), and their copies here.
//!
//! A dataset is there when its `shards.json` is: it is written last, and only where there is none. So
//! a copy that broke off is invisible, and one that is made again goes over what it left. Readers
//! take nothing unchecked: the description by its root, sums by the description, each block of
//! payload and index by the sums. What came stays in a folder named by the root, so that datasets
//! never mix, each file under its name only when all of it was checked.

use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::ahead::{Ahead, Wanted, pieces};
use super::check::{SUMS_BYTES_MAX, file_size};
use super::objects::{Attempt, Objects};
use super::sums::{BLOCK_BYTES, FileSums, Sums};
use super::verify::DESCRIPTION_BYTES_MAX;
use super::{ShardEntry, ShardManifest, index_bytes};
use crate::lock::Lock;
use crate::{Dir, FileEntry, LocalDir, Publication, Result, StoreError};

/// How long to wait for another process that fetches the same dataset into the same cache, after the
/// last file that it brought.
const LOCK_WAIT_MAX: Duration = Duration::from_mins(10);

/// How often to look whether it is done.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// After how many such looks to count the files that it brought.
const LOOKS_A_COUNT: u32 = 100;

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
                Err(error) => Err(error.into()),
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
        if self.missing(entry).is_empty() {
            return Ok(());
        }
        let _lock = self.lock()?;
        self.fetch_missing(std::slice::from_ref(entry), &[])
    }

    /// Fetches all that is not here yet; then the folder is a dataset like any other.
    pub fn fetch_all(&self) -> Result<&Path> {
        let ShardManifest { shards, files, .. } = &self.manifest;
        let is_here = self.folder.join(ShardManifest::FILE).exists();
        if is_here
            && shards.iter().all(|entry| self.missing(entry).is_empty())
            && files.iter().all(|entry| self.is_here(&entry.path, entry.bytes))
        {
            return Ok(&self.folder);
        }
        let _lock = self.lock()?;
        self.fetch_missing(shards, files)?;
        if !self.folder.join(ShardManifest::FILE).exists() {
            let json = self.manifest.to_json()?;
            Publication::new(self.dir.clone(), ShardManifest::FILE)?.finish_with(&json)?;
        }
        Ok(&self.folder)
    }

    /// Takes the folder's lock and removes what a killed process left in it. A process that holds the
    /// lock is waited for as long as files come.
    fn lock(&self) -> Result<Lock> {
        let io = |e| StoreError::io(&self.folder, "read", e);
        let (mut waited, mut looks, mut n_files) = (Duration::ZERO, 0, 0);
        let lock = loop {
            match Lock::take(&self.folder) {
                Err(StoreError::Locked { .. }) if waited < LOCK_WAIT_MAX => {
                    std::thread::sleep(LOCK_PAUSE);
                    (waited, looks) = (waited + LOCK_PAUSE, looks + 1);
                }
                taken => break taken?,
            }
            if looks % LOOKS_A_COUNT == 0 {
                let n_files_now = self.dir.list().map_err(io)?.len();
                if n_files_now != n_files {
                    (waited, n_files) = (Duration::ZERO, n_files_now);
                }
            }
        };
        for path in self.dir.list().map_err(io)? {
            if crate::publish::is_temporary(&path) {
                self.dir.remove(&path).map_err(io)?;
            }
        }
        Ok(lock)
    }

    fn is_here(&self, name: &str, bytes: u64) -> bool {
        file_size(&self.folder.join(name)).is_ok_and(|size| size == bytes)
    }

    /// The files of a shard that are to be fetched, none when all are here. The sums come first, since
    /// they vouch for the others, and come again with any of them.
    fn missing(&self, entry: &ShardEntry) -> Vec<Wanted> {
        let token_type = self.manifest.token_type;
        let wanted =
            |extension: &str, bytes| Wanted { name: format!("{}.{extension}", entry.name), bytes };
        let payload = entry.counts.tokens.saturating_mul(token_type.bytes());
        let index = entry.counts.documents.saturating_mul(20);
        let index = index.saturating_add(index_bytes(token_type, &[]).len() as u64);
        let sums = wanted("sums", Sums::bytes_for(payload, index));
        let mut files = vec![wanted("bin", payload), wanted("idx", index)];
        files.retain(|file| !self.is_here(&file.name, file.bytes));
        if !files.is_empty() || !self.is_here(&sums.name, sums.bytes) {
            files.insert(0, sums);
        }
        files
    }

    /// Fetches the files of these shards and these other files, those that are not here. The lock is
    /// held.
    fn fetch_missing(&self, shards: &[ShardEntry], files: &[FileEntry]) -> Result<()> {
        let shards: Vec<(&ShardEntry, Vec<Wanted>)> = shards
            .iter()
            .map(|entry| (entry, self.missing(entry)))
            .filter(|(_, wanted)| !wanted.is_empty())
            .collect();
        let files: Vec<(&FileEntry, Wanted)> = files
            .iter()
            .filter(|entry| !self.is_here(&entry.path, entry.bytes))
            .map(|entry| (entry, Wanted { name: entry.path.clone(), bytes: entry.bytes }))
            .collect();
        let of_shards = shards.iter().flat_map(|(_, wanted)| wanted);
        let wanted = of_shards.chain(files.iter().map(|(_, wanted)| wanted));
        let mut ahead = Ahead::new(&self.objects, wanted);
        for (entry, wanted) in &shards {
            self.fetch_shard(entry, wanted, &mut ahead)?;
        }
        for (entry, wanted) in &files {
            self.fetch_file(entry, wanted, &mut ahead)?;
        }
        Ok(())
    }

    /// Fetches a shard's files, the sums first.
    fn fetch_shard(
        &self,
        entry: &ShardEntry,
        wanted: &[Wanted],
        ahead: &mut Ahead<'_>,
    ) -> Result<()> {
        let mut sums = Sums::default();
        for file in wanted {
            let blocks = match file.name.rsplit_once('.') {
                Some((_, "bin")) => &sums.payload,
                Some((_, "idx")) => &sums.index,
                _ => {
                    sums = self.fetch_sums(entry, file, ahead)?;
                    continue;
                }
            };
            self.fetch_blocks(file, blocks, ahead)?;
        }
        Ok(())
    }

    fn fetch_sums(
        &self,
        entry: &ShardEntry,
        wanted: &Wanted,
        ahead: &mut Ahead<'_>,
    ) -> Result<Sums> {
        let name = wanted.name.as_str();
        let refused = |message: &str| StoreError::Input {
            address: self.objects.address(name),
            message: message.into(),
        };
        if wanted.bytes > SUMS_BYTES_MAX {
            return Err(refused("the description names a shard that is larger than shards are"));
        }
        let altered = "it is not what was written";
        let bytes = self.piece(name, &(0..wanted.bytes), ahead, |bytes| {
            if crate::digest(bytes) == entry.sums_blake3 { Ok(()) } else { Err(altered.into()) }
        })?;
        let sums = Sums::parse(&bytes).ok_or_else(|| refused("it holds no sums"))?;
        if !self.is_here(name, wanted.bytes) {
            Publication::new(self.dir.clone(), name)?.finish_with(&bytes)?;
        }
        Ok(sums)
    }

    /// The next piece of a file, asked for again while it does not come or is not found good.
    fn piece(
        &self,
        name: &str,
        range: &Range<u64>,
        ahead: &mut Ahead<'_>,
        is_good: impl Fn(&[u8]) -> std::result::Result<(), String>,
    ) -> Result<Bytes> {
        let mut begun = ahead.next();
        self.objects.attempt(name, || {
            let piece = match begun.take() {
                Some(begun) => begun.finish()?,
                None => self.objects.range(name, range.clone())?,
            };
            is_good(&piece).map_err(Attempt::Again)?;
            Ok(piece)
        })
    }

    /// Fetches a file piece by piece; a piece with a block that is not as written is asked for again.
    fn fetch_blocks(&self, wanted: &Wanted, sums: &FileSums, ahead: &mut Ahead<'_>) -> Result<()> {
        let name = wanted.name.as_str();
        if sums.bytes != wanted.bytes {
            let message = format!("its sums are of {} bytes, not of {}", sums.bytes, wanted.bytes);
            return Err(StoreError::Input { address: self.objects.address(name), message });
        }
        let mut file = Publication::new(self.dir.clone(), name)?;
        for range in pieces(wanted.bytes) {
            let first = (range.start / BLOCK_BYTES) as usize;
            let digests = sums.blocks.get(first..).unwrap_or_default();
            let piece = self.piece(name, &range, ahead, |piece| {
                let mut blocks = piece.chunks(BLOCK_BYTES as usize).zip(digests);
                match blocks.position(|(block, digest)| blake3::hash(block).as_bytes() != digest) {
                    None => Ok(()),
                    Some(i) => Err(format!(
                        "its content is not what was written, in the MiB at byte {}",
                        range.start + i as u64 * BLOCK_BYTES
                    )),
                }
            })?;
            file.write_all(&piece).map_err(|e| StoreError::io(name, "write", e))?;
        }
        file.finish().map(drop)
    }

    /// Fetches one of the other files, which are known as a whole only: all of it again when it is
    /// not what was written.
    fn fetch_file(&self, entry: &FileEntry, wanted: &Wanted, ahead: &mut Ahead<'_>) -> Result<()> {
        let name = wanted.name.as_str();
        if self.write_file(entry, |range| self.piece(name, range, ahead, |_| Ok(())))? {
            return Ok(());
        }
        self.objects.attempt(name, || {
            let again = |range: &Range<u64>| {
                self.objects.attempt(name, || self.objects.range(name, range.clone()))
            };
            let altered = || Attempt::Again("its content is not what was written".into());
            if self.write_file(entry, again)? { Ok(()) } else { Err(altered()) }
        })
    }

    /// Writes a file from its pieces; false, and nothing is here, when it is not what was written.
    fn write_file(
        &self,
        entry: &FileEntry,
        mut piece: impl FnMut(&Range<u64>) -> Result<Bytes>,
    ) -> Result<bool> {
        let name = entry.path.as_str();
        let mut file = Publication::new(self.dir.clone(), name)?;
        let mut hasher = blake3::Hasher::new();
        for range in pieces(entry.bytes) {
            let piece = piece(&range)?;
            hasher.update(&piece);
            file.write_all(&piece).map_err(|e| StoreError::io(name, "write", e))?;
        }
        let is_own = hasher.finalize().to_hex().as_str() == entry.blake3;
        if is_own {
            file.finish()?;
        }
        Ok(is_own)
    }
}
