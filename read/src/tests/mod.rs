//! Tests of the readers' promises. Most inputs are generated here; real files are read from the
//! folder in the environment variable `GRISTMILL_DATA`.

mod abuse;
mod compression;
mod corpus;
mod fuzz;
mod jsonl;
mod parquet;
mod parts;
mod tables;
mod warc;

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use proptest::prelude::ProptestConfig;

use crate::{
    Compression, Document, Fault, FaultReason, Fields, Format, Input, Limits, PartRange, Record,
    TextUnit, read,
};

/// An input whose compression is detected by its first bytes.
fn input(format: Format) -> Input {
    Input {
        path: "in/file".to_owned(),
        format,
        compression: Compression::None,
        fields: Fields::default(),
        documents: TextUnit::File,
        limits: Limits::default(),
    }
}

/// Properties are tested with this many cases. Failing seeds are not written to files.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..Default::default() }
}

fn records_of(input: &Input, bytes: &[u8], range: &PartRange) -> Vec<Record> {
    let source = Box::new(Cursor::new(bytes.to_vec()));
    read(input, source, range).unwrap().map(Result::unwrap).collect()
}

fn records(format: Format, bytes: &[u8]) -> Vec<Record> {
    records_of(&input(format), bytes, &PartRange::Whole)
}

fn documents(records: &[Record]) -> Vec<&Document> {
    let mut found = Vec::new();
    for record in records {
        if let Record::Document(document) = record {
            found.push(document);
        }
    }
    found
}

fn faults(records: &[Record]) -> Vec<&Fault> {
    let mut found = Vec::new();
    for record in records {
        if let Record::Fault(fault) = record {
            found.push(fault);
        }
    }
    found
}

fn texts(records: &[Record]) -> Vec<&str> {
    documents(records).iter().map(|document| document.text.as_str()).collect()
}

fn reasons(records: &[Record]) -> Vec<FaultReason> {
    faults(records).iter().map(|fault| fault.reason).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::stream::encode_all(bytes, 3).unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A WARC record with these header lines and a Content-Length.
fn warc_record(headers: &[(&str, &str)], block: &[u8]) -> Vec<u8> {
    let mut header = "WARC/1.0\r\n".to_owned();
    for (name, value) in headers {
        write!(header, "{name}: {value}\r\n").unwrap();
    }
    write!(header, "Content-Length: {}\r\n\r\n", block.len()).unwrap();
    [header.as_bytes(), block, b"\r\n\r\n"].concat()
}

/// A WET record whose text is `text`.
fn wet_record(number: usize, text: &str) -> Vec<u8> {
    let id = format!("<urn:uuid:{number}>");
    let url = format!("http://example.com/{number}");
    let headers = [
        ("WARC-Type", "conversion"),
        ("WARC-Record-ID", id.as_str()),
        ("WARC-Target-URI", url.as_str()),
        ("WARC-Date", "2026-01-02T03:04:05Z"),
        ("Content-Type", "text/plain"),
    ];
    warc_record(&headers, text.as_bytes())
}

/// Letters that hardly compress, from a generator with a seed.
fn noise(seed: u64, count: usize) -> String {
    let mut state = seed;
    let letter = |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + ((state >> 33) % 26) as u8)
    };
    (0..count).map(letter).collect()
}
