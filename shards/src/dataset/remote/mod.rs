//! Datasets in object stores (`s3://`, `gs://`), and their local copies.
//!
//! A dataset exists once its `shards.json` does, which is written last, and only where there is none.
//! So an upload that broke off is invisible, and the next one overwrites its files.
//!
//! Readers check everything: the description by its root, the sums by the description, and each
//! block of payload and index by the sums. Local copies lie in a folder that is named by the root, so
//! that datasets never mix. A file gets its name only when all of it was checked.

use std::io::Write as _;
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use store::{FileEntry, Publish as _, SharedFolder, StoreError};

use self::ahead::{Ahead, Wanted, pieces};
use self::objects::{Attempt, Objects};
pub use self::upload::{Uploaded, upload};
use super::index::index_bytes;
use super::manifest::{ShardEntry, ShardManifest};
use super::sums::{BLOCK_BYTES, FileSums, Sums};
use super::verify::{DESCRIPTION_BYTES_MAX, SUMS_BYTES_MAX, file_size};
use crate::{Result, ShardError};

mod ahead;
pub(super) mod objects;
pub(super) mod upload;

/// A dataset in an object store. Its files are copied to a local folder on demand.
pub struct RemoteDataset {
    objects: Objects,
    manifest: ShardManifest,
    folder: SharedFolder,
}

impl RemoteDataset {
    /// Opens the dataset at `address`. Its files will be kept in a folder of `cache` that is named by
    /// the root. Only the description is fetched now.
    ///
    /// # Errors
    /// [`StoreError::Input`] when there is no complete dataset at the address, or it cannot be read.
    pub fn open(address: &str, cache: &Path) -> Result<Self> {
        Self::open_in(Objects::at(address)?, cache)
    }

    pub(super) fn open_in(objects: Objects, cache: &Path) -> Result<Self> {
        let file = ShardManifest::FILE;
        let input = |message: String| StoreError::Input { address: objects.address(file), message };
        let manifest = objects.attempt(file, || {
            // Bytes that differ from what was written may come from a broken answer.
            match objects.read(file, DESCRIPTION_BYTES_MAX) {
                Ok(Some(bytes)) => match ShardManifest::parse(&bytes) {
                    Ok(manifest) if manifest.to_json().is_ok_and(|json| json == bytes) => {
                        Ok(Some(manifest))
                    }
                    Ok(_) => Err(Attempt::Again("it is not what was written".into())),
                    Err(message) => Err(Attempt::Again(message)),
                },
                Ok(None) => Ok(None),
                Err(error) => Err(error.into()),
            }
        })?;
        let manifest = manifest
            .ok_or_else(|| input("there is no dataset, or its upload is not complete".into()))?;
        let folder = SharedFolder::new(&cache.join(&manifest.root));
        Ok(Self { objects, manifest, folder })
    }

    /// The dataset's description.
    pub fn manifest(&self) -> &ShardManifest {
        &self.manifest
    }

    /// Fetches all missing files and returns the local folder, which is a complete dataset then. Several
    /// processes may share a cache: one fetches, the others wait for it.
    ///
    /// # Errors
    /// A file cannot be fetched or is not what was written; or the folder cannot be written.
    pub fn fetch_all(&self) -> Result<&Path> {
        let ShardManifest { shards, files, .. } = &self.manifest;
        let is_here = self.folder.path().join(ShardManifest::FILE).exists();
        if is_here
            && shards.iter().all(|entry| self.missing(entry).is_empty())
            && files.iter().all(|entry| self.is_here(&entry.path, entry.bytes))
        {
            return Ok(self.folder.path());
        }
        let _lock = self.folder.lock()?;
        self.fetch_missing(shards, files)?;
        if !self.folder.path().join(ShardManifest::FILE).exists() {
            let json = self.manifest.to_json()?;
            self.folder.publish_bytes(ShardManifest::FILE, &json)?;
        }
        Ok(self.folder.path())
    }

    fn is_here(&self, name: &str, bytes: u64) -> bool {
        file_size(&self.folder.path().join(name)).is_ok_and(|size| size == bytes)
    }

    /// The files of a shard that must be fetched; empty when all are here. The sums come first and are
    /// fetched again with any other file, because the others are checked by them.
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

    /// Fetches the missing files of these shards, and of these other files. The caller holds the lock.
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

    /// Fetches these files of a shard, the sums first.
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
        let refused = |message: &str| {
            ShardError::from(StoreError::Input {
                address: self.objects.address(name),
                message: message.into(),
            })
        };
        if wanted.bytes > SUMS_BYTES_MAX {
            return Err(refused("the description names a shard that is too large"));
        }
        let altered = "it is not what was written";
        let bytes = self.piece(name, &(0..wanted.bytes), ahead, |bytes| {
            if store::digest(bytes) == entry.sums_blake3 { Ok(()) } else { Err(altered.into()) }
        })?;
        let sums = Sums::parse(&bytes).ok_or_else(|| refused("it holds no sums"))?;
        if !self.is_here(name, wanted.bytes) {
            self.folder.publish_bytes(name, &bytes)?;
        }
        Ok(sums)
    }

    /// The next piece of a file. It is requested again when the request or the check fails.
    fn piece(
        &self,
        name: &str,
        range: &Range<u64>,
        ahead: &mut Ahead<'_>,
        is_good: impl Fn(&[u8]) -> std::result::Result<(), String>,
    ) -> Result<Bytes> {
        let mut requested = ahead.next();
        self.objects.attempt(name, || {
            let piece = match requested.take() {
                Some(request) => request.finish()?,
                None => self.objects.range(name, range.clone())?,
            };
            is_good(&piece).map_err(Attempt::Again)?;
            Ok(piece)
        })
    }

    /// Fetches a file piece by piece. A piece with a damaged block is requested again.
    fn fetch_blocks(&self, wanted: &Wanted, sums: &FileSums, ahead: &mut Ahead<'_>) -> Result<()> {
        let name = wanted.name.as_str();
        if sums.bytes != wanted.bytes {
            let message =
                format!("its sums cover {} bytes instead of {}", sums.bytes, wanted.bytes);
            return Err(StoreError::Input { address: self.objects.address(name), message }.into());
        }
        let mut file = self.folder.publish(name)?;
        for range in pieces(wanted.bytes) {
            let first = (range.start / BLOCK_BYTES) as usize;
            // A piece beyond the last digest cannot occur: the sums have the file's size.
            let digests = sums.blocks.get(first..).unwrap_or(&[]);
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
        file.finish()?;
        Ok(())
    }

    /// Fetches one of the other files. They have a digest of the whole only, so all of a file is fetched
    /// again when it is damaged.
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

    /// Writes a file from its pieces. Returns false, and discards the file, when it is not what was
    /// written.
    fn write_file(
        &self,
        entry: &FileEntry,
        mut piece: impl FnMut(&Range<u64>) -> Result<Bytes>,
    ) -> Result<bool> {
        let name = entry.path.as_str();
        let mut file = self.folder.publish(name)?;
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
