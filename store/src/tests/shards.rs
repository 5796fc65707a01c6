//! Shards: the exact bytes, and reading them back across files.

#![expect(clippy::disallowed_methods, reason = "these tests damage files from outside")]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use super::scenario::fingerprint;
use crate::shards::{
    Dataset, ShardManifest, ShardWriter, Split, TokenType, index_bytes, read_index,
};
use crate::{Opened, Result, Run, StoreError};

const END_OF_TEXT: u32 = 0;

/// The index of two documents of 3 and 2 tokens of two bytes, written out by the layout.
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
    match Run::open(root, fingerprint("1"), true).unwrap() {
        Opened::Open(run) => run,
        Opened::Finished(_) => panic!("a fresh run is open"),
    }
}

/// Publishes shards of documents, all of one half, in `tokens/`.
fn write(root: &Path, vocab_size: usize, split: Split, shards: &[Vec<Vec<u32>>]) -> Result<()> {
    let run = open(root);
    let mut manifest = ShardManifest {
        schema: ShardManifest::SCHEMA.into(),
        token_type: TokenType::for_vocabulary(vocab_size),
        vocab_size,
        end_of_text: END_OF_TEXT,
        tokenizer_blake3: blake3::hash(b"tokenizer").to_hex().to_string(),
        shards: Vec::new(),
    };
    let mut files = Vec::new();
    for (number, documents) in shards.iter().enumerate() {
        let mut writer = ShardWriter::new(&run, "tokens", split, number, vocab_size)?;
        documents.iter().try_for_each(|tokens| writer.add(tokens))?;
        let (entry, published) = writer.finish()?;
        manifest.shards.push(entry);
        files.extend(published);
    }
    let json = serde_json::to_vec(&manifest).unwrap();
    files.push(run.publish_bytes("tokens/shards.json", &json)?);
    run.complete("shards", files, Value::Null)?;
    run.finish().map(drop)
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
fn what_is_no_index_is_refused() {
    for cut in 0..INDEX_OF_TWO.len() {
        assert_eq!(read_index(&INDEX_OF_TWO[..cut]), None, "cut at {cut}");
    }
    assert_eq!(read_index(&[&INDEX_OF_TWO[..], &[0]].concat()), None);
    // Magic, version, type, and a count that does not fit the size or the machine.
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
    let error = write(folder.path(), 10, Split::Train, &[vec![vec![9, 10]]]).unwrap_err();
    assert!(matches!(error, StoreError::TokenRange { token: 10, vocab_size: 10 }));
}

#[test]
fn damaged_shards_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 100, Split::Train, &[vec![vec![1, 0]], vec![vec![5, 6, 7, 0]]]).unwrap();
    let tokens = folder.path().join("tokens");
    let open = |verify| Dataset::open(&tokens, Split::Train, verify);
    let is_refused = |verify, words: &str| match open(verify).err() {
        Some(StoreError::Unreadable { path, message }) => {
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
    assert!(matches!(open(false), Err(StoreError::Io { .. })));
}

#[test]
fn damaged_description_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 100, Split::Train, &[vec![vec![1, 0]]]).unwrap();
    let tokens = folder.path().join("tokens");
    let file = tokens.join(ShardManifest::FILE);
    let text = fs::read_to_string(&file).unwrap();
    for (from, to) in [
        ("gristmill/shards/1", "gristmill/shards/2"),
        ("\"train-00000\"", "\"../../train-00000\""),
        ("\"tokens\":2", "\"tokens\":18446744073709551615"),
        ("\"vocab_size\":100", "\"vocab_size\":-1"),
    ] {
        assert!(text.contains(from), "{text}");
        fs::write(&file, text.replace(from, to)).unwrap();
        let error = Dataset::open(&tokens, Split::Train, true).err();
        assert!(matches!(error, Some(StoreError::Unreadable { .. })), "{to}: {error:?}");
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
