//! `verify` finds every damage and reports its place.

#![expect(clippy::disallowed_methods, reason = "these tests damage files from outside")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::random::Random;
use super::scenario::fingerprint;
use crate::publish::Digest;
use crate::{Damage, FileEntry, Manifest, Opened, Run, StoreError, verify};

/// Files with sizes around that of a chunk, 64 KiB.
const SIZES: [(&str, usize); 6] = [
    ("one", 1),
    ("shards/a.bin", 1 << 16),
    ("shards/b.bin", (1 << 16) + 1),
    ("shards/c.bin", 200_000),
    ("text/small", 300),
    ("text/zero", 0),
];

fn finished_run(root: &Path) -> Manifest {
    run_with(root, &SIZES)
}

fn run_with(root: &Path, sizes: &[(&str, usize)]) -> Manifest {
    let Opened::Open(run) = Run::open(root, fingerprint("1"), false).unwrap() else {
        panic!("a new run is open")
    };
    let files = sizes.iter().enumerate().map(|(seed, (path, bytes))| {
        run.publish_bytes(path, &Random(seed as u64).bytes(*bytes)).unwrap()
    });
    run.complete("all", files.collect(), Value::Null).unwrap();
    run.finish().unwrap()
}

fn damages(root: &Path) -> Vec<Damage> {
    verify(root).unwrap().damages
}

#[test]
fn sound_run_has_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = finished_run(folder.path());
    let verdict = verify(folder.path()).unwrap();
    assert_eq!(verdict.damages, []);
    assert_eq!(verdict.files, SIZES.len());
    assert_eq!(verdict.bytes, SIZES.iter().map(|(_, bytes)| *bytes as u64).sum::<u64>());
    assert_eq!(verdict.root, manifest.root);
}

#[test]
fn five_hundred_damages_are_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    finished_run(root);
    let random = &mut Random(7);
    for case in 0..500 {
        let (path, bytes) = SIZES[random.below(SIZES.len() - 1)];
        let file = root.join(path);
        let sound = fs::read(&file).unwrap();
        let found_bytes = |found_bytes: usize| {
            let expected_bytes = bytes as u64;
            let found_bytes = found_bytes as u64;
            vec![Damage::Size { path: path.into(), expected_bytes, found_bytes }]
        };
        match random.below(5) {
            0 => {
                let kept = random.below(bytes);
                fs::write(&file, &sound[..kept]).unwrap();
                assert_eq!(damages(root), found_bytes(kept), "case {case}");
            }
            1 => {
                let longer = [sound.clone(), random.bytes(1)].concat();
                fs::write(&file, &longer).unwrap();
                assert_eq!(damages(root), found_bytes(longer.len()), "case {case}");
            }
            2 => {
                fs::remove_file(&file).unwrap();
                assert_eq!(damages(root), [Damage::Missing { path: path.into() }], "case {case}");
            }
            3 => {
                let extra = format!("{path}-{}", random.below(100));
                fs::write(root.join(&extra), b"").unwrap();
                assert_eq!(damages(root), [Damage::Extra { path: extra.clone() }], "case {case}");
                fs::remove_file(root.join(extra)).unwrap();
            }
            _ => {
                let bit = random.below(bytes * 8);
                let mut flipped = sound.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                fs::write(&file, flipped).unwrap();
                let found = damages(root);
                let [Damage::Content { path: named, ranges }] = &found[..] else {
                    panic!("case {case}: {found:?}")
                };
                assert_eq!(named, path, "case {case}");
                let [range] = &ranges[..] else { panic!("case {case}: {ranges:?}") };
                assert!(range.contains(&(bit as u64 / 8)), "case {case}: {bit} in {range:?}");
                assert!(range.end - range.start <= 1 << 16 && range.end <= bytes as u64);
            }
        }
        fs::write(&file, sound).unwrap();
    }
    assert_eq!(damages(root), []);
}

#[test]
fn damaged_manifest_is_found_at_every_byte() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    run_with(root, &[("a/one", 1), ("b", 20), ("zero", 0)]);
    let file = root.join(Manifest::FILE);
    let sound = fs::read(&file).unwrap();
    let names_it = |circumstance: &dyn std::fmt::Display| match verify(root) {
        Ok(verdict) => {
            let path = Manifest::FILE.into();
            let expected = Damage::Content { path, ranges: Vec::new() };
            assert!(verdict.damages.contains(&expected), "{circumstance}: {:?}", verdict.damages);
        }
        Err(StoreError::Unreadable { path, .. }) => assert_eq!(path, file, "{circumstance}"),
        Err(error) => panic!("{circumstance}: {error}"),
    };
    let random = &mut Random(3);
    for byte in 0..sound.len() {
        let mut damaged = sound.clone();
        damaged[byte] ^= 1 << random.below(8);
        fs::write(&file, damaged).unwrap();
        names_it(&format!("byte {byte}"));
    }
    for kept in [0, 1, sound.len() / 2, sound.len() - 2, sound.len() - 1] {
        fs::write(&file, &sound[..kept]).unwrap();
        names_it(&format!("cut to {kept}"));
    }
    fs::remove_file(&file).unwrap();
    names_it(&"removed");
}

#[test]
fn swapped_files_are_both_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    finished_run(root);
    let (a, c) = (fs::read(root.join("one")).unwrap(), fs::read(root.join("text/small")).unwrap());
    fs::write(root.join("one"), c).unwrap();
    fs::write(root.join("text/small"), a).unwrap();
    let named: Vec<_> = damages(root)
        .into_iter()
        .map(|damage| match damage {
            Damage::Size { path, .. } | Damage::Content { path, .. } => path,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(named, ["one", "text/small"]);
}

#[test]
fn manifest_that_leads_outside_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let mut manifest = finished_run(root);
    manifest.files[0].path = "../outside".into();
    let manifest = Manifest::new(manifest.fingerprint, manifest.files);
    fs::write(root.join(Manifest::FILE), serde_json::to_string_pretty(&manifest).unwrap()).unwrap();
    let error = verify(root).unwrap_err().to_string();
    assert!(error.contains("../outside"), "{error}");
}

#[test]
fn digests_do_not_depend_on_how_the_bytes_arrive() {
    let bytes = Random(1).bytes(200_000);
    let digest = |step: usize| {
        let mut digest = Digest::default();
        bytes.chunks(step).for_each(|piece| digest.update(piece));
        digest.entry("file")
    };
    let whole = digest(bytes.len());
    for step in [1, 1 << 16, (1 << 16) + 1] {
        assert_eq!(digest(step), whole, "in pieces of {step}");
    }
    assert_eq!((whole.chunk_bytes, whole.chunks.len()), (1 << 16, 4 * 16));
}

#[test]
fn chunks_grow_with_the_file() {
    let zeros = vec![0; 1 << 20];
    let digest = |mebibytes: usize| -> FileEntry {
        let mut digest = Digest::default();
        (0..mebibytes).for_each(|_| digest.update(&zeros));
        digest.update(&[1]);
        digest.entry("file")
    };
    // 1,025 chunks of 64 KiB become 513 of 128 KiB.
    let entry = digest(64);
    assert_eq!((entry.chunk_bytes, entry.chunks.len()), (1 << 17, 513 * 16));
    assert_eq!(entry.bytes, (64 << 20) + 1);
}

#[test]
fn entries_by_path_are_the_identity_of_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = finished_run(folder.path());
    let mut roots = BTreeMap::new();
    roots.insert(manifest.root.clone(), "sound");
    let mut reversed = manifest.files.clone();
    reversed.reverse();
    assert_eq!(Manifest::new(manifest.fingerprint.clone(), reversed), manifest);
    let changes: [fn(&mut FileEntry); 5] = [
        |f| f.path.push('x'),
        |f| f.bytes += 1,
        |f| f.blake3.push('0'),
        |f| f.chunk_bytes += 1,
        |f| f.chunks.push('0'),
    ];
    for change in changes {
        let mut files = manifest.files.clone();
        change(&mut files[2]);
        let root = Manifest::new(manifest.fingerprint.clone(), files).root;
        assert_eq!(roots.insert(root, "changed"), None);
    }
    let other = Manifest::new(fingerprint("2"), manifest.files).root;
    assert_eq!(roots.insert(other, "other fingerprint"), None);
}
