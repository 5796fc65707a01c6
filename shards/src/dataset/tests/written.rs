//! Shards: their exact bytes, and reading them across files.

#![expect(clippy::disallowed_methods, reason = "these tests damage files from outside")]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use store::{Fingerprint, Opened, Run, StoreError};

use crate::dataset::index::{index_bytes, read_index};
use crate::dataset::sums::BLOCK_BYTES;
use crate::dataset::{
    Counts, Dataset, Document, Shard, ShardManifest, ShardWriter, Split, TokenType, Tokens,
    ValidationRule, read_token_bytes, write_token_bytes,
};
use crate::{Result, ShardError};

const END_OF_TEXT: u32 = 0;

/// The index of two documents with 3 and 2 tokens of two bytes, written out by hand.
#[rustfmt::skip]
const INDEX_OF_TWO: [u8; 82] = [
    b'M', b'M', b'I', b'D', b'I', b'D', b'X', 0, 0,
    1, 0, 0, 0, 0, 0, 0, 0,  // version
    8,                       // uint16
    2, 0, 0, 0, 0, 0, 0, 0,  // sequences
    3, 0, 0, 0, 0, 0, 0, 0,  // documents + 1
    3, 0, 0, 0,              // lengths
    2, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0,  // byte offsets
    6, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0,  // document bounds
    1, 0, 0, 0, 0, 0, 0, 0,
    2, 0, 0, 0, 0, 0, 0, 0,
];

fn open(root: &Path) -> Run {
    match Run::open(root, Fingerprint::default(), true).unwrap() {
        Opened::Open(run) => run,
        Opened::Finished(_) => panic!("a fresh run is open"),
    }
}

/// A description without shards, with a vocabulary of this size.
pub(super) fn description(vocab_size: usize) -> ShardManifest {
    ShardManifest {
        end_of_text: Some(END_OF_TEXT),
        tokenizer_blake3: Some(blake3::hash(b"tokenizer").to_hex().to_string()),
        validation: Some(ValidationRule::new(0.005)),
        ..ShardManifest::new(vocab_size)
    }
}

/// A document with these tokens. Its source depends on its length.
fn document<'a>(id: &'a str, tokens: &'a [u32]) -> Document<'a> {
    let source = ["even", "odd"][tokens.len() % 2];
    Document { id, source, bytes: 3 * tokens.len() as u64, tokens: Tokens::Ids(tokens) }
}

/// Publishes shards with these documents, all of one half, in `tokens/`.
fn write(root: &Path, vocab_size: usize, split: Split, shards: &[Vec<Vec<u32>>]) -> Result<()> {
    let run = open(root);
    let folder = run.folder("tokens");
    let mut manifest = description(vocab_size);
    let mut files = vec![write_token_bytes(&folder, &[0, 1, 2])?];
    manifest.files.extend(files.clone());
    for (number, documents) in shards.iter().enumerate() {
        let mut writer = ShardWriter::new(&folder, split, number, vocab_size)?;
        for (i, tokens) in documents.iter().enumerate() {
            writer.add(&document(&format!("doc-{i}"), tokens))?;
        }
        let (entry, published) = writer.finish()?;
        manifest.shards.push(entry);
        files.extend(published);
    }
    files.push(manifest.publish(&folder)?.1);
    run.complete("shards", files, Value::Null)?;
    Ok(run.finish().map(drop)?)
}

#[test]
fn index_has_the_bytes_of_the_layout() {
    assert_eq!(index_bytes(TokenType::U16, &[3, 2]), INDEX_OF_TWO);
    assert_eq!(read_index(&INDEX_OF_TWO), Some(vec![3, 2]));
    let mut wide = INDEX_OF_TWO;
    (wide[17], wide[50]) = (4, 12);
    assert_eq!(index_bytes(TokenType::U32, &[3, 2]), wide);
    assert_eq!(read_index(&index_bytes(TokenType::U32, &[])), Some(Vec::new()));
}

#[test]
fn bytes_that_are_not_an_index_are_refused() {
    for cut in 0..INDEX_OF_TWO.len() {
        assert_eq!(read_index(&INDEX_OF_TWO[..cut]), None, "cut at {cut}");
    }
    assert_eq!(read_index(&[&INDEX_OF_TWO[..], &[0]].concat()), None);
    // The magic number, version, type, and counts that do not fit the size or the machine.
    for (at, byte) in [(0, b'm'), (9, 2), (17, 6), (18, 3), (25, 255)] {
        let mut bad = INDEX_OF_TWO;
        bad[at] = byte;
        assert_eq!(read_index(&bad), None, "byte {at}");
    }
}

#[test]
fn payload_is_little_endian_and_headerless() {
    let folder = tempfile::tempdir().unwrap();
    let documents = vec![vec![vec![258, 1, 0], vec![65_535, 0]]];
    write(folder.path(), 1 << 16, Split::Train, &documents).unwrap();
    let tokens = folder.path().join("tokens");
    let payload = fs::read(tokens.join("train-00000.bin")).unwrap();
    assert_eq!(payload, [2, 1, 1, 0, 0, 0, 255, 255, 0, 0]);
    assert_eq!(fs::read(tokens.join("train-00000.idx")).unwrap(), INDEX_OF_TWO);

    write(folder.path(), (1 << 16) + 1, Split::Validation, &[vec![vec![65_536, 0]]]).unwrap();
    let payload = fs::read(tokens.join("validation-00000.bin")).unwrap();
    assert_eq!(payload, [0, 0, 1, 0, 0, 0, 0, 0]);
    assert!(!tokens.join("train-00000.bin").exists());
    let empty = Dataset::open(&tokens, Split::Train, true).unwrap();
    assert_eq!((empty.n_tokens(), empty.read(0, &mut [7])), (0, 0));
}

#[test]
fn token_outside_the_vocabulary_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let documents = vec![vec![vec![9], vec![9, 10]]];
    let error = write(folder.path(), 10, Split::Train, &documents).unwrap_err();
    assert!(matches!(
        error,
        ShardError::TokenRange { document, token: 10, vocab_size: 10 } if document == "doc-1"
    ));
}

/// Offsets and counts must fit into an i32, which other readers use.
#[test]
fn payload_is_below_two_gibibytes() {
    use crate::dataset::shard_writer::fits;
    for (token_type, most) in [(TokenType::U16, (1 << 30) - 1), (TokenType::U32, (1 << 29) - 1)] {
        assert!(fits(token_type, 0, most) && fits(token_type, most - 1, 1));
        assert!(!fits(token_type, most, 1) && !fits(token_type, 1, u64::MAX));
    }
}

#[test]
fn sources_are_counted_by_half() {
    let folder = tempfile::tempdir().unwrap();
    let documents = vec![vec![vec![1, 0], vec![7, 8, 0], vec![2, 0]], vec![vec![0]]];
    write(folder.path(), 10, Split::Validation, &documents).unwrap();
    let tokens = folder.path().join("tokens");
    let manifest = ShardManifest::read(&tokens).unwrap();
    let counts = |documents, tokens| Counts { documents, tokens, bytes: 3 * tokens };
    let totals: Vec<_> =
        manifest.sources.iter().map(|s| (s.name.as_str(), s.train, s.validation)).collect();
    assert_eq!(totals, [("even", counts(0, 0), counts(2, 4)), ("odd", counts(0, 0), counts(2, 4))]);
    assert_eq!(read_token_bytes(&tokens, &manifest).unwrap(), Some(vec![0, 1, 2]));
}

/// A change of any field gives another root.
#[test]
fn root_depends_on_every_fact() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 10, Split::Train, &[vec![vec![1, 0]], vec![vec![2, 0]]]).unwrap();
    let manifest = ShardManifest::read(&folder.path().join("tokens")).unwrap();
    assert_eq!(manifest.clone().seal(), manifest);
    let change = |alter: fn(&mut ShardManifest)| {
        let mut altered = manifest.clone();
        alter(&mut altered);
        altered.seal().root
    };
    let mut roots = vec![
        manifest.root.clone(),
        change(|m| m.token_type = TokenType::U32),
        change(|m| m.vocab_size += 1),
        change(|m| m.begin_of_text = Some(0)),
        change(|m| m.end_of_text = None),
        change(|m| m.tokenizer_blake3 = None),
        change(|m| m.validation = Some(ValidationRule::new(0.006))),
        change(|m| m.files[0].bytes += 1),
        change(|m| m.shards.swap(0, 1)),
        change(|m| m.shards.truncate(1)),
        change(|m| m.shards[1].split = Split::Validation),
        change(|m| m.shards[1].counts.bytes += 1),
        change(|m| m.shards[1].sums_blake3 = m.shards[0].sums_blake3.clone()),
        change(|m| m.shards[1].sources[0].name = "other".into()),
    ];
    let n = roots.len();
    roots.sort();
    roots.dedup();
    assert_eq!(roots.len(), n);
}

#[test]
fn rule_holds_out_the_given_fraction() {
    for fraction in [0.0, 0.005, 0.1, 1.0 / 3.0, 1.0] {
        let rule = ValidationRule::new(fraction);
        for hash in (0..u64::MAX - (1 << 57)).step_by(1 << 57).chain([u64::MAX]) {
            let place = (hash >> 11) as f64 / (1u64 << 53) as f64;
            assert_eq!(rule.holds_out(hash), place < fraction, "{hash} at {fraction}");
        }
        assert!((rule.fraction() - fraction).abs() < 1e-12);
    }
}

/// Only the blocks that hold the tokens are checked.
#[test]
fn damage_is_reported_with_its_block() {
    let folder = tempfile::tempdir().unwrap();
    let block_tokens = BLOCK_BYTES as usize / 2;
    let long: Vec<u32> = (0..5 * block_tokens as u32 / 2).map(|i| i % 10).collect();
    write(folder.path(), 10, Split::Train, &[vec![long]]).unwrap();
    let tokens = folder.path().join("tokens");
    let file = tokens.join("train-00000.bin");
    let mut bytes = fs::read(&file).unwrap();
    bytes[BLOCK_BYTES as usize + 5] ^= 1;
    fs::write(&file, bytes).unwrap();
    let manifest = ShardManifest::read(&tokens).unwrap();
    let shard = Shard::open(&tokens, &manifest, &manifest.shards[0]).unwrap();
    let block = block_tokens as u64;
    for sound in [0..block, 0..0, 2 * block..u64::MAX] {
        shard.check(sound).unwrap();
    }
    for damaged in [0..block + 1, block..block + 1, 2 * block - 1..2 * block] {
        let error = shard.check(damaged).unwrap_err().to_string();
        assert!(error.contains("in bytes 1048576 to 2097152"), "{error}");
    }
    assert_eq!(shard.document_tokens().unwrap(), [5 * block_tokens as u32 / 2]);
}

#[test]
fn damaged_shards_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 100, Split::Train, &[vec![vec![1, 0]], vec![vec![5, 6, 7, 0]]]).unwrap();
    let tokens = folder.path().join("tokens");
    let open = |verify| Dataset::open(&tokens, Split::Train, verify);
    let is_refused = |verify, words: &str| match open(verify).err() {
        Some(ShardError::Unreadable { path, message }) => {
            assert!(path.ends_with("train-00001.bin") && message.contains(words), "{message}");
        }
        other => panic!("{other:?}"),
    };
    let file = tokens.join("train-00001.bin");
    let sound = fs::read(&file).unwrap();
    for bit in 0..sound.len() * 8 {
        let mut flipped = sound.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, flipped).unwrap();
        is_refused(true, "content");
        assert!(open(false).is_ok());
    }
    for wrong in [&sound[..7], &sound[..0], &[&sound[..], &[0]].concat()] {
        fs::write(&file, wrong).unwrap();
        is_refused(false, "8 were written");
    }
    fs::remove_file(&file).unwrap();
    assert!(matches!(open(false), Err(ShardError::Store(StoreError::Io { .. }))));
}

#[test]
fn damaged_description_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 100, Split::Train, &[vec![vec![1, 0]]]).unwrap();
    let tokens = folder.path().join("tokens");
    let file = tokens.join(ShardManifest::FILE);
    let text = fs::read_to_string(&file).unwrap();
    for (from, to) in [
        ("gristmill/shards/2", "gristmill/shards/3"),
        ("\"train-00000\"", "\"../../train-00000\""),
        ("\"tokens\": 2", "\"tokens\": 3"),
        ("\"vocab_size\": 100", "\"vocab_size\": -1"),
        ("\"vocab_size\"", "\"vocab_sizes\""),
    ] {
        assert!(text.contains(from), "{text}");
        fs::write(&file, text.replace(from, to)).unwrap();
        let error = Dataset::open(&tokens, Split::Train, true).err();
        assert!(matches!(error, Some(ShardError::Unreadable { .. })), "{to}: {error:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn dataset_reads_across_shards_as_one_array(
        shards in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(0..60_000u32, 0..9), 0..4),
            0..5,
        ),
        wide: bool,
        spans in prop::collection::vec((0..120u64, 0..60usize), 20),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let vocab_size = if wide { 100_000 } else { 60_000 };
        write(folder.path(), vocab_size, Split::Train, &shards).unwrap();
        let dataset = Dataset::open(&folder.path().join("tokens"), Split::Train, true).unwrap();
        let expected: Vec<u32> = shards.iter().flatten().flatten().copied().collect();
        prop_assert_eq!(dataset.n_tokens(), expected.len() as u64);
        prop_assert_eq!(dataset.manifest().tokens(Split::Train), expected.len() as u64);
        prop_assert_eq!(dataset.manifest().tokens(Split::Validation), 0);
        let documents: usize = shards.iter().map(Vec::len).sum();
        prop_assert_eq!(dataset.manifest().documents(Split::Train), documents as u64);
        for (start, n) in spans {
            let mut out = vec![u32::MAX; n];
            let filled = dataset.read(start, &mut out);
            let from = expected.len().min(start as usize);
            let to = expected.len().min(from + n);
            prop_assert_eq!(&out[..filled], &expected[from..to]);
            prop_assert!(out[filled..].iter().all(|token| *token == u32::MAX));
        }
        for (number, documents) in shards.iter().enumerate() {
            let file = folder.path().join(format!("tokens/train-{number:05}.idx"));
            let lengths: Vec<u32> = documents.iter().map(|tokens| tokens.len() as u32).collect();
            prop_assert_eq!(read_index(&std::fs::read(file).unwrap()), Some(lengths));
        }
    }
}
