//! MinHash deduplication as datatrove 0.10 does it, file for file and byte for byte.
//!
//! It serves comparison and migration. Unlike the rest of this crate, it chooses the document to
//! keep by the order of unions, not by quality, and it verifies nothing. It has three steps, each
//! of which writes the files that datatrove's next step reads:
//!
//! 1. `sigs/bucket_{bucket:03}/{rank:05}.minhash.sig`: for each document 8 minima and its number in
//!    the rank, sorted.
//! 2. `buckets/{bucket:05}_00.dups`: a chain over equal minima, as pairs of (rank, document).
//! 3. `remove/{rank:06}.remove`: the documents to remove; `.clusters` and `.sizes`: for every
//!    document in a cluster, the number and the size of the cluster.
//!
//! All numbers are little-endian. Everything is held in memory, about 400 bytes per document with
//! 112 minima of 32 bits, which suffices for about 10^7 documents.

use std::collections::BTreeMap;

pub use text::minhash::Precision;

/// Number of hash functions in a bucket, datatrove's default.
pub const HASHES_PER_BUCKET: usize = 8;

/// The minima of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Its number among all documents of the rank, including those without a signature.
    pub document: u32,
    /// [`HASHES_PER_BUCKET`] minima for each bucket, one bucket after another. The document is
    /// missing from buckets for which there are none.
    pub minima: Vec<u64>,
}

/// The rank of a document and its number in the rank.
pub type DocumentId = (u32, u32);

/// An entry of a `.sig` file.
type Entry = ([u64; HASHES_PER_BUCKET], u32);

/// The result of a deduplication.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// The place in its cluster of every document that is in one.
    pub members: BTreeMap<DocumentId, Membership>,
}

/// A document's place in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// The number of the cluster; clusters are numbered in the order of their first documents.
    pub cluster: u32,
    /// The number of documents in the cluster.
    pub size: u32,
    /// True for the document of the cluster that is kept.
    pub kept: bool,
}

/// Runs the three steps over `buckets` buckets of the signatures of every rank.
///
/// Calls `write` with the path and the bytes of each file, in the order of the steps, then of the
/// paths.
///
/// # Errors
/// The error of `write`.
pub fn deduplicate<E>(
    ranks: &[Vec<Signature>],
    buckets: usize,
    precision: Precision,
    mut write: impl FnMut(&str, &[u8]) -> Result<(), E>,
) -> Result<Decision, E> {
    let mut clusters = Clusters::default();
    let mut dups_of_buckets = Vec::with_capacity(buckets);
    for bucket in 0..buckets {
        let mut all = Vec::new();
        for (rank, signatures) in (0..).zip(ranks) {
            let entries = bucket_entries(signatures, bucket);
            let path = format!("sigs/bucket_{bucket:03}/{rank:05}.minhash.sig");
            write(&path, &signature_bytes(&entries, precision))?;
            all.extend(entries.into_iter().map(|(minima, document)| (minima, (rank, document))));
        }
        let pairs = equal_neighbours(all);
        // datatrove reads the pairs bucket by bucket, and the order of unions decides the survivor.
        pairs.iter().for_each(|(a, b)| clusters.union(*a, *b));
        let ids = pairs.iter().flat_map(|((r1, d1), (r2, d2))| [r1, d1, r2, d2]);
        dups_of_buckets.push(ids.flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>());
    }
    for (bucket, bytes) in dups_of_buckets.iter().enumerate() {
        write(&format!("buckets/{bucket:05}_00.dups"), bytes)?;
    }
    let decision = clusters.decide();
    for (path, bytes) in remove_files(&decision) {
        write(&path, &bytes)?;
    }
    Ok(decision)
}

/// Returns the entries of one bucket of one rank, sorted as in its file.
fn bucket_entries(signatures: &[Signature], bucket: usize) -> Vec<Entry> {
    let minima = |signature: &Signature| {
        signature.minima.as_chunks::<HASHES_PER_BUCKET>().0.get(bucket).copied()
    };
    let entry = |signature: &Signature| Some((minima(signature)?, signature.document));
    let mut entries: Vec<Entry> = signatures.iter().filter_map(entry).collect();
    entries.sort_unstable();
    entries
}

fn signature_bytes(entries: &[Entry], precision: Precision) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (minima, document) in entries {
        for minimum in minima {
            match precision {
                Precision::Bits32 => bytes.extend((*minimum as u32).to_le_bytes()),
                Precision::Bits64 => bytes.extend(minimum.to_le_bytes()),
            }
        }
        bytes.extend(document.to_le_bytes());
    }
    bytes
}

/// Sorts the entries of all ranks by minima, rank and document. Returns the neighbours with equal
/// minima.
fn equal_neighbours(
    mut entries: Vec<([u64; HASHES_PER_BUCKET], DocumentId)>,
) -> Vec<(DocumentId, DocumentId)> {
    entries.sort_unstable();
    let neighbours = entries.array_windows::<2>();
    neighbours.filter(|[a, b]| a.0 == b.0).map(|[a, b]| (a.1, b.1)).collect()
}

/// Union by size, in the order of the pairs. If two sets are equally large, the root of the first
/// document's set remains the root.
#[derive(Debug, Default)]
struct Clusters {
    parents: BTreeMap<DocumentId, DocumentId>,
    sizes: BTreeMap<DocumentId, u32>,
}

impl Clusters {
    fn root(&mut self, mut document: DocumentId) -> DocumentId {
        loop {
            let parent = *self.parents.entry(document).or_insert(document);
            if parent == document {
                return document;
            }
            let grandparent = *self.parents.entry(parent).or_insert(parent);
            self.parents.insert(document, grandparent);
            document = grandparent;
        }
    }

    fn size(&self, root: DocumentId) -> u32 {
        // Only roots of two or more documents have an entry.
        self.sizes.get(&root).copied().unwrap_or(1)
    }

    fn union(&mut self, a: DocumentId, b: DocumentId) {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return;
        }
        let size = self.size(a) + self.size(b);
        let (root, child) = if self.size(a) < self.size(b) { (b, a) } else { (a, b) };
        self.parents.insert(child, root);
        self.sizes.insert(root, size);
        self.sizes.remove(&child);
    }

    fn decide(mut self) -> Decision {
        let mut numbers = BTreeMap::new();
        let mut members = BTreeMap::new();
        let documents: Vec<DocumentId> = self.parents.keys().copied().collect();
        for document in documents {
            let root = self.root(document);
            let next = numbers.len() as u32;
            let cluster = *numbers.entry(root).or_insert(next);
            let membership = Membership { cluster, size: self.size(root), kept: root == document };
            members.insert(document, membership);
        }
        Decision { members }
    }
}

/// Returns the files of the last step. A file without entries is not written.
fn remove_files(decision: &Decision) -> BTreeMap<String, Vec<u8>> {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for ((rank, document), membership) in &decision.members {
        let mut add = |extension: &str, number: Option<u32>| {
            let bytes = files.entry(format!("remove/{rank:06}.{extension}")).or_default();
            bytes.extend(document.to_le_bytes());
            bytes.extend(number.into_iter().flat_map(u32::to_le_bytes));
        };
        if !membership.kept {
            add("remove", None);
        }
        add("clusters", Some(membership.cluster));
        add("sizes", Some(membership.size));
    }
    files
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    /// Number of buckets, datatrove's default.
    const BUCKETS: usize = 14;

    /// The folder of the files that datatrove 0.10 wrote for three ranks, with four settings.
    fn golden() -> Option<PathBuf> {
        #[expect(clippy::disallowed_methods, reason = "where the golden files are")]
        let root = std::env::var("GRISTMILL_DATA").ok()?;
        Some(Path::new(&root).join("golden/minhash_e2e"))
    }

    fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for part in ["sigs", "buckets", "remove"] {
            let mut folders = vec![folder.join(part)];
            while let Some(inner) = folders.pop() {
                for entry in std::fs::read_dir(inner).unwrap() {
                    let path = entry.unwrap().path();
                    if path.is_dir() {
                        folders.push(path);
                    } else {
                        let name = path.strip_prefix(folder).unwrap().to_string_lossy();
                        files.insert(name.into_owned(), std::fs::read(&path).unwrap());
                    }
                }
            }
        }
        files
    }

    /// Restores the signatures from the files of the first step.
    fn signatures(files: &BTreeMap<String, Vec<u8>>, width: usize) -> Vec<Vec<Signature>> {
        let mut ranks = vec![BTreeMap::<u32, Vec<u64>>::new(); 3];
        for (name, bytes) in files.iter().filter(|(name, _)| name.starts_with("sigs/")) {
            let rank: usize = name[name.len() - 17..name.len() - 12].parse().unwrap();
            for record in bytes.chunks(width * HASHES_PER_BUCKET + 4) {
                let (minima, document) = record.split_at(width * HASHES_PER_BUCKET);
                let document = u32::from_le_bytes(document.try_into().unwrap());
                ranks[rank].entry(document).or_default().extend(minima.chunks(width).map(
                    |minimum| minimum.iter().rev().fold(0, |n, byte| (n << 8) | u64::from(*byte)),
                ));
            }
        }
        let signature = |(document, minima)| Signature { document, minima };
        ranks.into_iter().map(|rank| rank.into_iter().map(signature).collect()).collect()
    }

    #[test]
    fn every_file_is_datatroves() {
        let Some(golden) = golden() else {
            println!("skipped: GRISTMILL_DATA is not set");
            return;
        };
        let settings = [
            ("xxhash64", Precision::Bits64, 8),
            ("xxhash32", Precision::Bits32, 4),
            ("sha164", Precision::Bits64, 8),
            ("sha132", Precision::Bits32, 4),
        ];
        for (setting, precision, width) in settings {
            let expected = files_below(&golden.join(setting));
            let ranks = signatures(&expected, width);
            let mut written = BTreeMap::new();
            let write = |path: &str, bytes: &[u8]| {
                written.insert(path.to_owned(), bytes.to_vec());
                Ok::<(), std::convert::Infallible>(())
            };
            let decision = deduplicate(&ranks, BUCKETS, precision, write).unwrap();
            assert_eq!(written, expected, "{setting}");
            assert!(decision.members.values().any(|member| !member.kept));
        }
    }

    #[test]
    fn the_first_of_equally_large_sets_remains_the_root() {
        let mut clusters = Clusters::default();
        clusters.union((0, 3), (0, 1));
        clusters.union((0, 2), (0, 4));
        clusters.union((0, 4), (0, 1));
        clusters.union((0, 0), (0, 1));
        let decision = clusters.decide();
        let kept: Vec<_> =
            decision.members.iter().filter(|(_, m)| m.kept).map(|(d, _)| *d).collect();
        assert_eq!(kept, [(0, 2)]);
        assert!(decision.members.values().all(|m| m.size == 5 && m.cluster == 0));
    }
}
