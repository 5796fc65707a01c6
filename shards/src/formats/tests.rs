//! Formats: exact bytes, round trips, and refusals.

#![expect(clippy::disallowed_methods, reason = "these tests make other tools' files")]

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use store::StagedFolder;

use crate::dataset::{DatasetWriter, Document, Shard, ShardManifest, Split, Tokens, verify};

use super::*;

const END_OF_TEXT: u32 = 9;

/// Writes a dataset of these documents and ends each with the end-of-text token. Every fourth is held
/// out.
fn dataset(output: &Path, vocab_size: usize, shard_tokens: u64, documents: &[Vec<u32>]) {
    let staged = StagedFolder::create(output).unwrap();
    let mut writer = DatasetWriter::new(&staged, vocab_size, shard_tokens);
    for (i, tokens) in documents.iter().enumerate() {
        let tokens = [tokens.as_slice(), &[END_OF_TEXT]].concat();
        let split = if i % 4 == 3 { Split::Validation } else { Split::Train };
        let document = Document { id: "", source: "", bytes: 0, tokens: Tokens::Ids(&tokens) };
        writer.add(split, &document).unwrap();
    }
    let manifest =
        ShardManifest { end_of_text: Some(END_OF_TEXT), ..ShardManifest::new(vocab_size) };
    writer.finish(manifest).unwrap();
    staged.finish().unwrap();
}

/// The documents of each half.
fn documents(folder: &Path) -> [Vec<Vec<u32>>; 2] {
    let manifest = ShardManifest::read(folder).unwrap();
    [Split::Train, Split::Validation].map(|split| {
        let mut documents = Vec::new();
        for entry in manifest.shards_of(split) {
            let shard = Shard::open(folder, &manifest, entry).unwrap();
            let mut start = 0;
            for n in shard.document_tokens().unwrap() {
                let mut tokens = vec![0; n as usize];
                shard.read(start, &mut tokens);
                start += u64::from(n);
                documents.push(tokens);
            }
        }
        documents
    })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn what(format: Format, files: &[PathBuf], vocab_size: usize) -> Import<'_> {
    Import {
        format,
        files,
        vocab_size,
        end_of_text: Some(END_OF_TEXT),
        token_bytes: None,
        tokenizer: None,
        source: "",
        shard_tokens: SHARD_TOKENS_DEFAULT,
    }
}

/// The files of an export that are passed to an import.
fn payloads(format: Format, folder: &Path) -> Vec<PathBuf> {
    let extension = if format == datatrove::FORMAT { "ds" } else { "bin" };
    let mut files = files(folder);
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files
}

#[test]
fn formats_have_the_bytes_of_their_layouts() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("dataset");
    dataset(&from, 1000, 100, &[vec![258, 1], vec![], vec![7]]);
    let payload = [2, 1, 1, 0, 9, 0, 9, 0, 7, 0, 9, 0];
    let read = |format: Format, file: &str| {
        let to = folder.path().join(format.name());
        if !to.exists() {
            let summary = export(&from, format, &to, None).unwrap();
            assert_eq!((summary.documents, summary.tokens), (3, 6), "{format}");
        }
        fs::read(to.join(file)).unwrap()
    };
    assert_eq!(read(nanogpt::FORMAT, "train.bin"), payload);
    assert_eq!(
        read(nanogpt::FORMAT, "meta.pkl"),
        b"\x80\x02}(X\x0a\0\0\0vocab_sizeJ\xe8\x03\0\0X\x05\0\0\0dtypeX\x06\0\0\0uint16u."
    );
    assert_eq!(read(megatron::FORMAT, "train-00000.bin"), payload);
    assert_eq!(read(datatrove::FORMAT, "train-00000.ds"), payload);
    let ends: Vec<u8> = [3u64, 4, 6].iter().flat_map(|n| n.to_le_bytes()).collect();
    assert_eq!(read(datatrove::FORMAT, "train-00000.ds.index"), ends);
    assert_eq!(read(datatrove::FORMAT, "train-00000.ds.metadata"), b"blake3:unknown|2\n6\n6.00 T");
    assert_eq!(read(olmo::FORMAT, "train-00000.npy"), payload);
    let gzip = read(olmo::FORMAT, "train-00000.csv.gz");
    let mut rows = String::new();
    flate2::read::GzDecoder::new(gzip.as_slice()).read_to_string(&mut rows).unwrap();
    assert!(rows.starts_with("0,3,train-00000/0,train-00000,0\r\n3,4,train-00000/1,"), "{rows}");

    let llmc = read(llmc::FORMAT, "gristmill_train_000000.bin");
    assert_eq!(llmc[..12], [0x88, 0xd8, 0x34, 1, 1, 0, 0, 0, 6, 0, 0, 0]);
    assert!(llmc[12..1024].iter().all(|byte| *byte == 0));
    assert_eq!(llmc[1024..], [9, 0, 2, 1, 1, 0, 9, 0, 9, 0, 7, 0]);

    let mds = read(mds::FORMAT, "train/shard.00000.mds");
    let config = mds.len() - 20 - (4 + 2 + 6) - (4 + 2 + 2) - (4 + 2 + 4);
    assert_eq!(mds[..4], 3u32.to_le_bytes());
    assert_eq!(mds[4..8], (20 + config as u32).to_le_bytes());
    assert_eq!(mds[20 + config..][..12], [8, 0, 0, 0, 4, 3, 2, 1, 1, 0, 9, 0]);
    let lit = read(litdata::FORMAT, "train/chunk-0-0.bin");
    assert_eq!(lit[..20], [3, 0, 0, 0, 20, 0, 0, 0, 26, 0, 0, 0, 28, 0, 0, 0, 32, 0, 0, 0]);
    assert_eq!(lit[20..], payload);
}

#[test]
fn equal_payloads_are_links() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("dataset");
    dataset(&from, 1000, 4, &vec![vec![1, 2]; 8]);
    let shards = ShardManifest::read(&from).unwrap().shards.len() as u64;
    assert_eq!(shards, 8);
    for (format, links) in [
        (nanogpt::FORMAT, 0),
        (megatron::FORMAT, 2 * shards),
        (datatrove::FORMAT, shards),
        (olmo::FORMAT, shards),
    ] {
        let to = folder.path().join(format.name());
        let summary = export(&from, format, &to, None).unwrap();
        assert_eq!(summary.links, links, "{format}");
        assert_eq!(summary.files, files(&to).len() as u64);
    }
}

#[test]
fn names_come_from_the_caller_and_must_be_enough() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("dataset");
    dataset(&from, 1000, 100, &[vec![1], vec![2]]);
    for n in [1, 2, 3] {
        let name = |i| DocumentName { id: format!("a,\"{i}\""), source: "s".into(), location: i };
        let to = folder.path().join("olmo");
        let exported = export(&from, olmo::FORMAT, &to, Some(&mut (0..n).map(name)));
        if n != 2 {
            assert!(matches!(exported, Err(FormatError::Names { documents: 2, .. })), "{n}");
            assert!(!to.exists());
            continue;
        }
        let gzip = fs::File::open(to.join("train-00000.csv.gz")).unwrap();
        let mut rows = String::new();
        flate2::read::GzDecoder::new(gzip).read_to_string(&mut rows).unwrap();
        assert_eq!(rows, "0,2,\"a,\"\"0\"\"\",s,0\r\n2,4,\"a,\"\"1\"\"\",s,1\r\n");
        fs::remove_dir_all(to).unwrap();
    }
}

/// A damaged dataset is not exported, and a failed export leaves nothing behind.
#[test]
fn failed_exports_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("dataset");
    dataset(&from, 70_000, 100, &[vec![1, 2, 3]]);
    let to = folder.path().join("out");
    let refused = export(&from, nanogpt::FORMAT, &to, None).unwrap_err();
    assert!(matches!(refused, FormatError::Unsupported { .. }), "{refused}");
    let payload = from.join("train-00000.bin");
    let mut bytes = fs::read(&payload).unwrap();
    bytes[3] ^= 1;
    fs::write(&payload, bytes).unwrap();
    for format in Format::ALL.iter().copied().skip(1) {
        let error = export(&from, format, &to, None).unwrap_err().to_string();
        assert!(error.contains("train-00000.bin") && error.contains("bytes 0 to 16"), "{error}");
    }
    assert_eq!(files(folder.path()), std::slice::from_ref(&from));
    let there = export(&from, mds::FORMAT, &from, None).unwrap_err().to_string();
    assert!(there.contains("exists already"), "{there}");
    let address = export(&from, mds::FORMAT, Path::new("s3://bucket/name"), None).unwrap_err();
    assert!(address.to_string().contains("is an address"), "{address}");
}

/// The format, the file of the export, the byte's position and new value, and a part of the message.
const DAMAGED: [(Format, &str, usize, u8, &str); 15] = [
    (llmc::FORMAT, "gristmill_train_000000.bin", 0, 7, "byte 0: "),
    (llmc::FORMAT, "gristmill_train_000000.bin", 4, 7, "byte 4: version 7"),
    (llmc::FORMAT, "gristmill_train_000000.bin", 8, 5, "byte 8: the header has 5 tokens"),
    (llmc::FORMAT, "gristmill_train_000000.bin", 11, 255, "byte 8: -"),
    (llmc::FORMAT, "gristmill_train_000000.bin", 1027, 200, "token 1 (byte 1026)"),
    (nanogpt::FORMAT, "train.bin", 1, 200, "token 0 (byte 0)"),
    (megatron::FORMAT, "train-00000.idx", 3, 0, "byte 0: "),
    (megatron::FORMAT, "train-00000.idx", 9, 2, "byte 9: version 2"),
    (megatron::FORMAT, "train-00000.idx", 17, 7, "byte 17: type code 7"),
    (megatron::FORMAT, "train-00000.idx", 18, 3, "byte 18: "),
    (megatron::FORMAT, "train-00000.idx", 37, 255, "byte 34: -"),
    (megatron::FORMAT, "train-00000.idx", 50, 1, "byte 50: sequence 1"),
    (datatrove::FORMAT, "train-00000.ds.index", 8, 1, "byte 8: a document ends at 1"),
    (megatron::FORMAT, "train-00000.idx", 66, 9, "byte 66: a document has the sequences 0 to 9"),
    (datatrove::FORMAT, "train-00000.ds.metadata", 15, b'3', "byte 0: "),
];

#[test]
fn damaged_files_are_refused_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("dataset");
    dataset(&from, 1000, 100, &[vec![1, 2, 3], vec![4]]);
    for (case, (format, name, at, byte, words)) in DAMAGED.into_iter().enumerate() {
        let exported = folder.path().join(format!("{case}"));
        export(&from, format, &exported, None).unwrap();
        let file = exported.join(name);
        let mut bytes = fs::read(&file).unwrap();
        bytes[at] = byte;
        // The file may be a link; writing through it would damage the dataset.
        fs::remove_file(&file).unwrap();
        fs::write(&file, bytes).unwrap();
        let to = folder.path().join("imported");
        let payloads = payloads(format, &exported);
        let error = import(&what(format, &payloads, 1000), &to).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(name), "case {case}: {error}");
        assert!(!to.exists());
    }
}

#[test]
fn files_cut_anywhere_are_refused_or_end_earlier() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("dataset");
    dataset(&from, 1000, 100, &[vec![1, 2, 3], vec![4], vec![]]);
    for format in [llmc::FORMAT, megatron::FORMAT, datatrove::FORMAT] {
        let exported = folder.path().join(format.name());
        export(&from, format, &exported, None).unwrap();
        let payloads = payloads(format, &exported);
        for file in
            files(&exported).iter().filter(|file| !file.ends_with("train-00000.ds.metadata"))
        {
            let whole = fs::read(file).unwrap();
            for kept in (0..whole.len()).rev().filter(|kept| *kept > 1010 || *kept < 200) {
                fs::remove_file(file).unwrap();
                fs::write(file, &whole[..kept]).unwrap();
                let to = folder.path().join("imported");
                let refused = import(&what(format, &payloads, 1000), &to);
                assert!(refused.is_err(), "{} cut to {kept}", file.display());
            }
            fs::write(file, &whole).unwrap();
        }
    }
}

/// Without an end-of-text token, a file of a format without an index is one document.
#[test]
fn stream_without_end_of_text_is_one_document_per_file() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = ["a.bin", "b_val.bin", "c.bin"]
        .iter()
        .map(|name| {
            let file = folder.path().join(name);
            fs::write(&file, [1, 0, 9, 0, 2, 0]).unwrap();
            file
        })
        .collect();
    let to = folder.path().join("plain");
    let plain = Import { end_of_text: None, ..what(nanogpt::FORMAT, &files, 10) };
    let imported = import(&plain, &to).unwrap();
    assert_eq!(imported.tokens_added, 0);
    assert_eq!(documents(&to), [vec![vec![1, 9, 2]; 2], vec![vec![1, 9, 2]]]);
    assert_eq!(verify(&to, 1).findings, []);

    let to = folder.path().join("ended");
    let table: Vec<u16> = vec![1, 10, 100, 0, 0, 0, 0, 0, 0, 0];
    let ended = Import {
        token_bytes: Some(&table),
        tokenizer: Some("{}"),
        source: "old",
        ..what(nanogpt::FORMAT, &files, 10)
    };
    let imported = import(&ended, &to).unwrap();
    assert_eq!(imported.tokens_added, 3);
    assert_eq!(documents(&to)[1], [vec![1, 9], vec![2, 9]]);
    let source = &imported.manifest.sources[0];
    assert_eq!((source.name.as_str(), source.train.bytes), ("old", 220));
    assert_eq!(fs::read(to.join(ShardManifest::TOKENIZER)).unwrap(), b"{}");
    assert_eq!(imported.manifest.tokenizer_blake3, Some(store::digest(b"{}")));
    assert_eq!(verify(&to, 1).findings, []);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 5,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Exporting a dataset and importing it again gives the same documents, in any format that can be
    /// imported.
    #[test]
    fn export_and_import_give_the_documents_back(
        lengths in prop::collection::vec(0..400usize, 0..40),
        wide: bool,
        shard_tokens in 500..5000u64,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let vocab_size = if wide { 100_000 } else { 60_000 };
        let texts: Vec<Vec<u32>> = lengths
            .iter()
            .enumerate()
            .map(|(i, n)| (0..*n as u32).map(|j| 10 + (j * 7919 + i as u32) % 59_000).collect())
            .collect();
        let from = folder.path().join("dataset");
        dataset(&from, vocab_size, shard_tokens, &texts);
        prop_assert_eq!(verify(&from, 2).findings, []);
        for format in Format::ALL.iter().copied() {
            let exported = folder.path().join(format.name());
            if wide && format == nanogpt::FORMAT {
                continue;
            }
            export(&from, format, &exported, None).unwrap();
            let payloads = payloads(format, &exported);
            if payloads.is_empty() {
                continue;
            }
            let to = folder.path().join("imported");
            let imported = import(&what(format, &payloads, vocab_size), &to);
            if !format.can_import() {
                prop_assert!(imported.is_err());
                continue;
            }
            prop_assert_eq!(imported.unwrap().tokens_added, 0);
            prop_assert_eq!(documents(&to), documents(&from), "{}", format);
            fs::remove_dir_all(to).unwrap();
        }
    }
}
