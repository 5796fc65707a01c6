//! Damaged datasets: each fault is found and reported with its file and range.

#![expect(clippy::disallowed_methods, reason = "these tests damage files from outside")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use store::{Dir, LocalDir, Publication, Publish};

use super::random::Random;
use super::written::description;
use crate::dataset::sums::BLOCK_BYTES;
use crate::dataset::{
    DatasetWriter, Document, Fault, Finding, ShardManifest, Split, Tokens, check_place,
    move_dataset, verify, write_token_bytes,
};

const VOCAB_SIZE: usize = 1000;

struct Folder(Arc<dyn Dir>);

impl Publish for Folder {
    fn publish(&self, path: &str) -> store::Result<Publication> {
        Publication::new(self.0.clone(), path)
    }
}

/// Writes documents of these lengths as a dataset of about seven shards, the last of which is held out.
pub(super) fn write(root: &Path, lengths: &[usize], end_of_text: bool) -> ShardManifest {
    let folder = Folder(Arc::new(LocalDir::ephemeral(root)));
    let mut writer = DatasetWriter::new(&folder, VOCAB_SIZE, 1500);
    let random = &mut Random(7);
    for (i, n) in lengths.iter().enumerate() {
        let mut tokens: Vec<u32> = (0..*n).map(|_| 1 + random.below(999) as u32).collect();
        if end_of_text {
            *tokens.last_mut().unwrap() = 0;
        }
        let split = if i % 9 == 8 { Split::Validation } else { Split::Train };
        let document =
            Document { id: &i.to_string(), source: "web", bytes: 4, tokens: Tokens::Ids(&tokens) };
        writer.add(split, &document).unwrap();
    }
    let mut manifest = description(VOCAB_SIZE);
    manifest.files.push(write_token_bytes(&folder, &[5; VOCAB_SIZE]).unwrap());
    writer.finish(manifest).unwrap().0
}

pub(super) fn lengths() -> Vec<usize> {
    let random = &mut Random(11);
    let mut lengths: Vec<usize> = (0..100).map(|_| 1 + random.below(150)).collect();
    // One is longer than a shard and has its own shard, with more than one block.
    lengths[40] = 3 * BLOCK_BYTES as usize / 4;
    lengths
}

fn findings(root: &Path) -> Vec<Finding> {
    let found = verify(root, 1).findings;
    assert_eq!(verify(root, 3).findings, found);
    found
}

/// Asserts that the file is reported with a range that holds the byte, and that no other file is.
fn names(found: &[Finding], file: &str, byte: usize, case: &str) {
    assert!(!found.is_empty() && found.iter().all(|f| f.file == file), "{case}: {found:?}");
    // Damage in the files that hold the digests cannot be located.
    let is_whole = file.contains(".sums") || file == ShardManifest::FILE;
    let holds = found.iter().any(|f| f.bytes.contains(&(byte as u64)));
    assert!(is_whole || holds, "{case}: byte {byte} of {file}: {found:?}");
    assert!(found.iter().all(|f| f.to_string().starts_with(file)), "{case}");
}

#[test]
fn five_hundred_damages_are_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let manifest = write(root, &lengths(), true);
    assert!(manifest.shards.len() > 5, "{}", manifest.shards.len());
    let sound = verify(root, 2);
    assert_eq!(sound.findings, []);
    assert_eq!((sound.root, sound.n_shards), (manifest.root.clone(), manifest.shards.len()));
    let files = LocalDir::new(root).list().unwrap();
    let bytes: u64 = files.iter().map(|f| root.join(f).metadata().unwrap().len()).sum();
    assert_eq!(sound.bytes, bytes);

    let random = &mut Random(3);
    for case in 0..500 {
        let name = files[random.below(files.len())].as_str();
        let path = root.join(name);
        let content = fs::read(&path).unwrap();
        let n = content.len();
        let what = format!("case {case}");
        match case % 5 {
            0 | 1 => {
                let mut damaged = content.clone();
                let bit = random.below(n * 8);
                damaged[bit / 8] ^= 1 << (bit % 8);
                fs::write(&path, damaged).unwrap();
                names(&findings(root), name, bit / 8, &what);
            }
            2 => {
                let kept = random.below(n);
                fs::write(&path, &content[..kept]).unwrap();
                names(&findings(root), name, kept, &what);
            }
            3 => {
                fs::remove_file(&path).unwrap();
                let found = findings(root);
                names(&found, name, 0, &what);
                assert_eq!(found[0].fault, Fault::Missing, "{what}");
            }
            _ => {
                let mut damaged = content.clone();
                let extra = 1 + random.below(40);
                damaged.extend(random.bytes(extra));
                fs::write(&path, damaged).unwrap();
                names(&findings(root), name, n, &what);
            }
        }
        fs::write(&path, content).unwrap();
    }
    assert_eq!(findings(root), []);
}

/// Also where it only repeats values that are computed from others.
#[test]
fn every_changed_bit_of_the_description_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, &[5, 6], true);
    let path = root.join(ShardManifest::FILE);
    let content = fs::read(&path).unwrap();
    for bit in 0..content.len() * 8 {
        let mut damaged = content.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, damaged).unwrap();
        names(&findings(root), ShardManifest::FILE, bit / 8, &format!("bit {bit}"));
    }
}

/// Whichever files were moved and removed before the interruption.
#[test]
fn an_interrupted_move_is_completed_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    for broken in 0..12 {
        // A dataset of many shards leaves; some files of the arriving one are there already.
        write(&to, &lengths(), true);
        write(&from, &[5, 6], true);
        let listed: Vec<String> =
            [&to, &from].into_iter().flat_map(|root| LocalDir::new(root).list().unwrap()).collect();
        fs::write(to.join(".moving"), listed.join("\n")).unwrap();
        for name in [ShardManifest::FILE, "docs.parquet"]
            .into_iter()
            .chain(listed.iter().map(String::as_str).take(broken))
        {
            let _ = fs::remove_file(to.join(name));
        }
        check_place(&to).unwrap();
        move_dataset(&from, &to).unwrap();
        assert_eq!(findings(&to), [], "{broken}");
        assert!(!to.join(".moving").exists());
        fs::remove_dir_all(&to).unwrap();
    }
}

/// Any two shards, all files or one kind of file: each file is reported as the other.
#[test]
fn swapped_shards_are_reported_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let manifest = write(root, &lengths(), true);
    let random = &mut Random(5);
    for case in 0..60 {
        let a = random.below(manifest.shards.len());
        let b = (a + 1 + random.below(manifest.shards.len() - 1)) % manifest.shards.len();
        let (a, b) = (&manifest.shards[a].name, &manifest.shards[b].name);
        let extensions: &[&str] =
            [&["bin", "idx", "sums"][..], &["bin"], &["idx"], &["sums"]][case % 4];
        let swap = || {
            for extension in extensions {
                let [from, to] = [a, b].map(|name| root.join(format!("{name}.{extension}")));
                fs::rename(&from, root.join("aside")).unwrap();
                fs::rename(&to, &from).unwrap();
                fs::rename(root.join("aside"), &to).unwrap();
            }
        };
        swap();
        let found = findings(root);
        for extension in extensions {
            for (file, with) in [(a, b), (b, a)] {
                let (file, with) = (format!("{file}.{extension}"), format!("{with}.{extension}"));
                let fault = Fault::Swapped { with };
                let is_named = found.iter().any(|f| f.file == file && f.fault == fault);
                assert!(is_named, "case {case}: {file}: {found:?}");
            }
        }
        assert_eq!(found.len(), 2 * extensions.len(), "case {case}: {found:?}");
        swap();
    }
    assert_eq!(findings(root), []);
}

#[test]
fn foreign_files_are_named_and_plans_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, &[3, 4], true);
    fs::write(root.join("best-fit-2048.plan"), [1]).unwrap();
    assert_eq!(findings(root), []);
    fs::create_dir(root.join("more")).unwrap();
    fs::write(root.join("more/train-00009.bin"), [1, 2]).unwrap();
    fs::write(root.join(".tmp-train-00001.bin"), []).unwrap();
    let found = findings(root);
    let foreign = |file: &str, n| Finding { file: file.into(), bytes: 0..n, fault: Fault::Foreign };
    assert_eq!(found, [foreign(".tmp-train-00001.bin", 0), foreign("more/train-00009.bin", 2)]);
}

/// The bytes are what was written, but what was written breaks the rules.
#[test]
fn rules_that_the_tokens_break_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, &[3, 4, 2], false);
    let found = findings(root);
    let [finding] = &found[..] else { panic!("{found:?}") };
    assert_eq!((finding.file.as_str(), finding.bytes.clone()), ("train-00000.bin", 4..6));
    assert!(finding.to_string().contains("document 0 ends with token"), "{finding}");

    let other = tempfile::tempdir().unwrap();
    let manifest = write(other.path(), &[3, 4, 2], true);
    let rewrite = |alter: &dyn Fn(&mut ShardManifest)| {
        let mut altered = manifest.clone();
        alter(&mut altered);
        let json = altered.seal().to_json().unwrap();
        fs::write(other.path().join(ShardManifest::FILE), json).unwrap();
        findings(other.path()).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let text = rewrite(&|m| m.vocab_size = 2);
    assert!(text.contains("train-00000.bin: bytes 0 to 2: token"), "{text}");
    let text = rewrite(&|m| m.begin_of_text = Some(5));
    assert!(text.contains("train-00000.bin: bytes 0 to 2: document 0 begins with"), "{text}");
    let text = rewrite(&|m| m.shards[0].counts.documents = 4);
    assert!(text.contains("train-00000.idx: bytes") && text.contains("3 documents"), "{text}");
    assert_eq!(rewrite(&|_| {}), "");
}

/// The time is only printed (`--nocapture`), since it depends on the machine's load.
#[test]
fn description_of_ten_thousand_shards_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut manifest = write(folder.path(), &[3, 4, 2], true);
    let entry = manifest.shards[0].clone();
    manifest.shards = (0..10_000)
        .map(|i| {
            let name = format!("train-{i:05}");
            crate::dataset::ShardEntry { name, ..entry.clone() }
        })
        .collect();
    let manifest = manifest.seal();
    fs::write(folder.path().join(ShardManifest::FILE), manifest.to_json().unwrap()).unwrap();
    let start = std::time::Instant::now();
    let read = ShardManifest::read(folder.path()).unwrap();
    println!("10,000 shards read in {:?}", start.elapsed());
    assert_eq!(read, manifest);
}
