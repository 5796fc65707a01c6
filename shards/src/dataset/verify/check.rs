//! Checking one shard's three files against its entry and its sums.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::path::Path;

use super::finding::{Fault, Finding};
use super::scan::{PayloadScan, Rules};
use crate::dataset::index::{index_bytes, read_index};
use crate::dataset::manifest::{ShardEntry, ShardManifest};
use crate::dataset::sums::{BLOCK_BYTES, BlockHasher, FileSums, Sums};

/// No file of sums is longer: the largest payload and index have fewer blocks.
pub(in crate::dataset) const SUMS_BYTES_MAX: u64 = 4 << 20;

/// The outcome of checking one shard.
pub(super) struct ShardCheck {
    /// Bytes that were read.
    pub(super) bytes: u64,
    /// The identity of the content that each file should have; finds swapped files.
    pub(super) expected: Vec<([u8; 32], String)>,
    /// Each file's faults, and the identity of the content that it has.
    files: Vec<(Vec<Finding>, Option<[u8; 32]>)>,
}

impl ShardCheck {
    /// Reads the files of shard `number`. `owner` is the shard under whose name its sums lie, which is
    /// another one when files were swapped.
    pub(super) fn run(
        folder: &Path,
        manifest: &ShardManifest,
        number: usize,
        owner: Option<usize>,
    ) -> Self {
        let entry = &manifest.shards[number];
        let mut check = Self { bytes: 0, expected: Vec::new(), files: Vec::new() };
        check.check_sums(folder, entry);
        // The description vouches for the sums, under whichever name they lie. Sums that cannot be
        // read are reported by `check_sums`.
        let sums = owner.and_then(|owner| {
            let path = folder.join(format!("{}.sums", manifest.shards[owner].name));
            Sums::parse(&read_bounded(&path, SUMS_BYTES_MAX).ok()?)
        });
        for (extension, sums) in [
            ("bin", sums.as_ref().map(|sums| &sums.payload)),
            ("idx", sums.as_ref().map(|sums| &sums.index)),
        ] {
            let name = format!("{}.{extension}", entry.name);
            check.expected.extend(sums.map(|sums| (identity(sums), name)));
        }
        let lengths = check.check_index(folder, manifest, entry, sums.as_ref());
        check.check_payload(folder, manifest, entry, sums.as_ref(), lengths.as_deref());
        check
    }

    /// The faults. `contents` has the name of each shard's file by the identity of its content, so
    /// that a swapped file is reported as such.
    pub(super) fn findings(self, contents: &BTreeMap<[u8; 32], String>) -> Vec<Finding> {
        let name = |(findings, content): (Vec<Finding>, Option<[u8; 32]>)| {
            let other = content.and_then(|content| contents.get(&content));
            if let (Some(with), [first, ..]) = (other, findings.as_slice())
                && *with != first.file
            {
                let end = findings.iter().fold(0, |end, finding| end.max(finding.bytes.end));
                let fault = Fault::Swapped { with: with.clone() };
                return vec![Finding::new(&first.file, 0..end, fault)];
            }
            findings
        };
        self.files.into_iter().flat_map(name).collect()
    }

    /// Compares the sums with their digest in the description.
    fn check_sums(&mut self, folder: &Path, entry: &ShardEntry) {
        let file = format!("{}.sums", entry.name);
        // A digest in the description that is not one matches no content.
        let expected: Option<[u8; 32]> =
            blake3::Hash::from_hex(&entry.sums_blake3).ok().map(Into::into);
        self.expected.extend(expected.map(|digest| (digest, file.clone())));
        let (findings, content) = match read_bounded(&folder.join(&file), SUMS_BYTES_MAX) {
            Err(error) => (vec![unreadable(&file, 0..0, &error)], None),
            Ok(bytes) => {
                self.bytes += bytes.len() as u64;
                let digest: [u8; 32] = blake3::hash(&bytes).into();
                if Some(digest) == expected {
                    return;
                }
                let range = 0..bytes.len() as u64;
                (vec![Finding::new(&file, range, Fault::Altered)], Some(digest))
            }
        };
        self.files.push((findings, content));
    }

    /// Checks the index; returns the documents' lengths when it is sound.
    fn check_index(
        &mut self,
        folder: &Path,
        manifest: &ShardManifest,
        entry: &ShardEntry,
        sums: Option<&Sums>,
    ) -> Option<Vec<u32>> {
        let file = format!("{}.idx", entry.name);
        let n_bytes = index_bytes(manifest.token_type, &[]).len() as u64;
        let n_bytes = entry.counts.documents.saturating_mul(20).saturating_add(n_bytes);
        let expected = sums.map_or(n_bytes, |sums| sums.index.bytes);
        let mut bytes = Vec::new();
        let mut hasher = BlockHasher::default();
        let compared = compare(&folder.join(&file), &file, expected, |block| {
            hasher.update(block);
            bytes.extend_from_slice(block);
        });
        self.bytes += bytes.len() as u64;
        let found = hasher.finish();
        let mut findings = compared;
        findings.extend(altered(&file, sums.map(|sums| &sums.index), &found));
        let mut lengths = None;
        if findings.is_empty() {
            match index_rules(manifest, entry, &bytes) {
                Ok(sound) => lengths = Some(sound),
                Err((range, message)) => {
                    findings.push(Finding::new(&file, range, Fault::Broken { message }));
                }
            }
        }
        self.push(folder, &file, expected, findings, &found);
        lengths
    }

    /// Checks the payload, and its tokens when the documents' lengths are known.
    fn check_payload(
        &mut self,
        folder: &Path,
        manifest: &ShardManifest,
        entry: &ShardEntry,
        sums: Option<&Sums>,
        lengths: Option<&[u32]>,
    ) {
        let file = format!("{}.bin", entry.name);
        let expected = entry.counts.tokens.saturating_mul(manifest.token_type.bytes());
        let mut scan = PayloadScan::new(Rules::of(manifest), lengths.unwrap_or(&[]));
        let mut hasher = BlockHasher::default();
        // Without sums, the description's digest of the whole payload remains.
        let mut whole = sums.is_none().then(blake3::Hasher::new);
        let mut findings = compare(&folder.join(&file), &file, expected, |block| {
            hasher.update(block);
            whole.as_mut().map(|whole| whole.update(block));
            scan.add(block);
        });
        let found = hasher.finish();
        self.bytes += found.bytes;
        findings.extend(altered(&file, sums.map(|sums| &sums.payload), &found));
        if let Some(whole) = whole
            && whole.finalize().to_hex().as_str() != entry.blake3
        {
            findings.push(Finding::new(&file, 0..found.bytes, Fault::Altered));
        }
        if findings.is_empty() {
            findings.extend(
                scan.finish()
                    .map(|(range, message)| Finding::new(&file, range, Fault::Broken { message })),
            );
        }
        self.push(folder, &file, expected, findings, &found);
    }

    /// Records a file's faults and the identity of its content. Of a file that is too long only the
    /// expected bytes were read, so it is read again.
    fn push(
        &mut self,
        folder: &Path,
        file: &str,
        expected: u64,
        findings: Vec<Finding>,
        found: &FileSums,
    ) {
        let path = folder.join(file);
        let is_longer = file_size(&path).is_ok_and(|size| size > expected);
        let content = if is_longer {
            let mut hasher = BlockHasher::default();
            // A file that cannot be read has a finding already, and its content matches no other.
            let _ = read_blocks(&path, u64::MAX, |block| hasher.update(block));
            identity(&hasher.finish())
        } else {
            identity(found)
        };
        self.files.push((findings, Some(content)));
    }
}

/// Reads a file block by block, at most the bytes that it should have. Returns findings when its size
/// differs or it cannot be read.
fn compare(path: &Path, file: &str, expected: u64, mut take: impl FnMut(&[u8])) -> Vec<Finding> {
    let size = match file_size(path) {
        Ok(size) => size,
        Err(error) => return vec![unreadable(file, 0..expected, &error)],
    };
    let mut findings = Vec::new();
    if size < expected {
        findings.push(Finding::new(file, size..expected, Fault::Truncated));
    } else if size > expected {
        findings.push(Finding::new(file, expected..size, Fault::Extended));
    }
    if let Err(error) = read_blocks(path, expected, &mut take) {
        findings.push(unreadable(file, 0..expected, &error));
    }
    findings
}

/// Reads a file block by block, at most `limit_bytes`.
fn read_blocks(path: &Path, limit_bytes: u64, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut reader = File::open(path)?.take(limit_bytes);
    let mut block = vec![0; BLOCK_BYTES as usize];
    loop {
        match read_full(&mut reader, &mut block)? {
            0 => return Ok(()),
            n => take(&block[..n]),
        }
    }
}

/// Fills the buffer, or as much of it as the file has; returns the number of bytes.
fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The blocks that differ from the sums; neighbouring ones are joined. A block that is cut by the end
/// of the file is covered by the finding about its size.
fn altered(file: &str, sums: Option<&FileSums>, found: &FileSums) -> Vec<Finding> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    let Some(sums) = sums else { return Vec::new() };
    for (i, (now, before)) in found.blocks.iter().zip(&sums.blocks).enumerate() {
        let start = i as u64 * BLOCK_BYTES;
        let end = (start + BLOCK_BYTES).min(sums.bytes);
        if now == before || end > found.bytes {
            continue;
        }
        match ranges.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => ranges.push(start..end),
        }
    }
    ranges.into_iter().map(|range| Finding::new(file, range, Fault::Altered)).collect()
}

/// A digest that differs between different contents.
fn identity(sums: &FileSums) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&sums.bytes.to_le_bytes());
    sums.blocks.iter().for_each(|block| _ = hasher.update(block));
    hasher.finalize().into()
}

/// The documents' lengths in an index; an error when it contradicts itself or the description.
fn index_rules(
    manifest: &ShardManifest,
    entry: &ShardEntry,
    bytes: &[u8],
) -> Result<Vec<u32>, (Range<u64>, String)> {
    let all = 0..bytes.len() as u64;
    let lengths = read_index(bytes)
        .ok_or_else(|| (all.clone(), "it is not an index of Megatron-LM, version 1".to_owned()))?;
    if let Some(at) = first_difference(bytes, &index_bytes(manifest.token_type, &lengths)) {
        return Err((at..all.end, "type, offsets or documents disagree with the lengths".into()));
    }
    let tokens: u64 = lengths.iter().map(|n| u64::from(*n)).sum();
    if (lengths.len() as u64, tokens) == (entry.counts.documents, entry.counts.tokens) {
        return Ok(lengths);
    }
    let message = format!(
        "{} documents of {tokens} tokens, the description has {} of {}",
        lengths.len(),
        entry.counts.documents,
        entry.counts.tokens
    );
    Err((all, message))
}

/// The finding for a file that cannot be read.
fn unreadable(file: &str, range: Range<u64>, error: &io::Error) -> Finding {
    let fault = match error.kind() {
        ErrorKind::NotFound => Fault::Missing,
        _ => Fault::Unreadable { message: error.to_string() },
    };
    Finding::new(file, range, fault)
}

/// The size of a file.
pub(in crate::dataset) fn file_size(path: &Path) -> io::Result<u64> {
    path.metadata().map(|metadata| metadata.len())
}

/// Reads a file; of one that is longer than `limit_bytes`, its beginning.
pub(super) fn read_bounded(path: &Path, limit_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The first byte at which two byte strings differ.
pub(super) fn first_difference(found: &[u8], expected: &[u8]) -> Option<u64> {
    let differ = found.iter().zip(expected).position(|(a, b)| a != b);
    let ends = (found.len() != expected.len()).then(|| found.len().min(expected.len()));
    differ.or(ends).map(|at| at as u64)
}
