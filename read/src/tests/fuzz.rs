//! Random inputs for every parser: none panics or hangs, and the invariants hold.

use fastwarc::warc::header::HeaderEncoding;
use proptest::prelude::*;

use super::*;
use crate::jsonl::json;
use crate::survey;
use crate::warc::header;
use crate::warc::headers::parse_header;
use crate::warc::http::Response;

/// Numbers from a seed (Marsaglia 2003, Xorshift RNGs).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit.max(1)
    }

    fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }
}

/// Byte strings that the parsers look for. Random bytes stand between them.
const TOKENS: &[&[u8]] = &[
    b"WARC/1.0\r\n",
    b"WARC/",
    b"Content-Length: ",
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"WARC-Type: response\r\n",
    b"WARC-Type: conversion\r\n",
    b"Content-Type: text/plain\r\n",
    b"Content-Type: application/http\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Content-Encoding: deflate\r\n",
    b"Content-Encoding: br\r\n",
    b"0\r\n\r\n",
    b"ffffffffffffffff\r\n",
    b"7\r\n",
    b"18446744073709551615",
    b"-1",
    b"12",
    b"3",
    b"{\"text\":\"",
    b"\"}",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b":",
    b",",
    b"\\",
    b"\\ud800",
    b"\\u0000",
    b"null",
    b"1e400",
    b"\xEF\xBB\xBF",
    b"\x1F\x8B\x08\x00",
    b"\x1F\x8B\x08\x04",
    b"\x28\xB5\x2F\xFD",
    b"\x5D\x2A\x4D\x18",
    b"\x50\x2A\x4D\x18\x03\x00\x00\x00",
    b"\0\0\0\0",
    b"\xFF",
    b"word ",
];

fn random_bytes(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..random.below(24) {
        if random.below(4) == 0 {
            bytes.push(random.below(256) as u8);
        } else {
            bytes.extend_from_slice(random.pick(TOKENS));
        }
    }
    bytes
}

/// Makes a few random edits: bytes are changed, removed and inserted.
fn edit(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(3) {
            0 if at < bytes.len() => bytes[at] = random.below(256) as u8,
            1 => {
                let end = (at + random.below(9)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let token = random.pick(TOKENS);
                bytes.splice(at..at, token.iter().copied());
            }
        }
    }
}

/// Reads arbitrary bytes as a file, whole and in parts.
fn read_any(format: Format, file: &[u8], part_bytes: u64) {
    let mut input = input(format);
    input.limits.max_record_bytes = 64;
    input.limits.max_line_bytes = 64;
    let whole = records_of(&input, file, &PartRange::Whole);
    let mut next = 0;
    for record in &whole {
        let ordinal = match record {
            Record::Document(document) => {
                assert!(!document.text.trim().is_empty() && !document.text.contains('\0'));
                document.ordinal
            }
            Record::Fault(fault) => fault.ordinal,
            Record::Skipped(..) => next,
        };
        assert!(ordinal >= next && (format == Format::Jsonl || ordinal == next), "{whole:?}");
        next = ordinal + 1;
    }
    if part_bytes > 0 {
        let survey = survey(&input, Box::new(Cursor::new(file.to_vec())), part_bytes).unwrap();
        let parts: Vec<Record> =
            survey.parts.iter().flat_map(|part| records_of(&input, file, part)).collect();
        assert_eq!(parts, whole);
    }
}

/// Passes arbitrary bytes to the parsers inside the readers.
fn parse_any(bytes: &[u8]) {
    let limits = Limits { max_document_bytes: 1 << 16, ..Limits::default() };
    let _ = parse_header(bytes, HeaderEncoding::Unicode);
    let response = [b"HTTP/1.1 200\r\n", bytes].concat();
    if let Ok(parsed) = Response::parse(&response, &limits) {
        let _ = (parsed.content_type(), parsed.body(&response, &limits));
    }
    if let Some(end) = header::header_end(bytes, 0) {
        assert!(header::header_end(&bytes[..end], end.saturating_sub(1)) == Some(end));
    }
    let _ = header::content_length(bytes);
    if let Some(at) = header::embedded_record(bytes) {
        assert!(header::is_version_line(&bytes[at..]));
    }
    let line = String::from_utf8_lossy(bytes);
    let mut members = 0;
    let parsed = json::members(&line, |_, _| -> Result<(), &'static str> {
        members += 1;
        Ok(())
    });
    // The members of everything that serde_json accepts as an object are found.
    if let Ok(serde_json::Value::Object(object)) = serde_json::from_str(&line) {
        assert!(parsed.is_ok() && members >= object.len(), "{line}");
    }
    if let Some(repaired) = json::repair_surrogates(&line) {
        assert_eq!(json::repair_surrogates(&repaired), None);
    }
}

/// One random input for one of the parsers.
fn one(random: &mut Random) {
    let mut bytes = random_bytes(random);
    match random.below(20) {
        0 => read_any(Format::Jsonl, &bytes, random.below(40) as u64),
        1 => read_any(Format::Warc, &bytes, random.below(40) as u64),
        2 => {
            let pack = random.pick::<dyn Fn(&[u8]) -> Vec<u8>>(&[&gzip, &zstd]);
            let mut file = [pack(&bytes), pack(&random_bytes(random))].concat();
            edit(random, &mut file);
            let format = [Format::Jsonl, Format::Warc, Format::Text][random.below(3)];
            read_any(format, &file, random.below(40) as u64);
        }
        3 => {
            let records = (0..3).map(|number| wet_record(number, "a text of some words"));
            let mut file: Vec<u8> = records.flatten().collect();
            edit(random, &mut file);
            read_any(Format::Warc, &file, random.below(40) as u64);
        }
        4 => {
            bytes.extend_from_slice(b"PAR1");
            edit(random, &mut bytes);
            read_any(Format::Parquet, &bytes, 1);
        }
        5 => {
            let format = [Format::Csv, Format::Tsv, Format::Arrow][random.below(3)];
            read_any(format, &bytes, 1);
        }
        6 => {
            let mut file = b"[{\"text\":\"a\"},{\"text\":\"b\",\"n\":[1]}]".to_vec();
            edit(random, &mut file);
            read_any(Format::Jsonl, &file, 1);
        }
        7 => {
            let [mut file, mut stream] = super::tables::arrow_files();
            edit(random, &mut file);
            edit(random, &mut stream);
            read_any(Format::Arrow, &file, 1);
            read_any(Format::Arrow, &stream, 1);
        }
        8 => {
            let pack = random.pick::<dyn Fn(&[u8]) -> Vec<u8>>(&[&bzip2, &xz]);
            let mut file = [pack(&bytes), pack(&random_bytes(random))].concat();
            edit(random, &mut file);
            read_any(Format::Jsonl, &file, random.below(40) as u64);
        }
        _ => parse_any(&bytes),
    }
}

/// The number of random inputs. The environment variable `GRISTMILL_FUZZ_INPUTS` sets another for a
/// long run; each number of inputs begins with the inputs of a smaller one.
#[expect(clippy::disallowed_methods, reason = "a test has no recipe")]
fn inputs() -> u64 {
    match std::env::var("GRISTMILL_FUZZ_INPUTS") {
        Ok(inputs) => inputs.parse().expect("GRISTMILL_FUZZ_INPUTS is a number"),
        Err(_) => 20_000,
    }
}

#[test]
fn random_inputs_are_read_or_refused() {
    for number in 0..inputs() {
        // Each input has its own seed, which a failure reports.
        let seed = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let tried = std::panic::catch_unwind(|| one(&mut Random(seed)));
        assert!(tried.is_ok(), "input of seed {seed}");
    }
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(cases(200))]

    /// Every object that serde_json writes is read back: its text, and the rest as `extra`.
    #[test]
    fn json_objects_are_read_back(
        text in any::<String>(),
        others in prop::collection::btree_map("[a-z\"\\\\é]{1,6}x", json_value(), 0..6),
    ) {
        let mut object: serde_json::Map<_, _> = others.clone().into_iter().collect();
        object.insert("text".into(), text.clone().into());
        let line = serde_json::Value::Object(object).to_string();
        let found = records(Format::Jsonl, line.as_bytes());
        if text.trim().is_empty() {
            prop_assert_eq!(reasons(&found), [FaultReason::Empty]);
        } else {
            let document = documents(&found)[0];
            prop_assert_eq!(&document.text, &text.replace('\0', "\u{FFFD}"));
            let extra = document.extra.as_deref().unwrap_or("{}");
            // Both are parsed from text, because serde_json rounds some numbers when parsing.
            let others = serde_json::Value::Object(others.into_iter().collect()).to_string();
            let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            prop_assert_eq!(value(extra), value(&others));
        }
    }

    /// Records with a correct length are read back, whatever their bytes look like.
    #[test]
    fn warc_records_are_read_back(
        seeds in prop::collection::vec(any::<u64>(), 1..8),
        packed in any::<bool>(),
    ) {
        let body = |&seed: &u64| {
            let bytes = random_bytes(&mut Random(seed | 1));
            format!("x{}", String::from_utf8_lossy(&bytes))
        };
        let bodies: Vec<String> = seeds.iter().map(body).collect();
        let headers = [("WARC-Type", "resource"), ("Content-Type", "text/plain; charset=utf-8")];
        let record = |body: &String| {
            let record = warc_record(&headers, body.as_bytes());
            if packed { gzip(&record) } else { record }
        };
        let file: Vec<u8> = bodies.iter().flat_map(record).collect();
        let found = records(Format::Warc, &file);
        let expected: Vec<String> =
            bodies.iter().map(|body| body.replace('\0', "\u{FFFD}")).collect();
        prop_assert_eq!(texts(&found), expected);
    }

    /// A chunked body is decoded; a truncated one gives the bytes that it has.
    #[test]
    fn chunked_bodies_are_decoded(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..8),
        extension in "(;[a-z]{0,8}(=[a-z0-9\" ]{0,8})?)?",
        cut in prop::option::of(any::<usize>()),
    ) {
        let mut body = Vec::new();
        for chunk in &chunks {
            body.extend(format!("{:X}{extension}\r\n", chunk.len()).bytes());
            body.extend(chunk);
            body.extend(b"\r\n");
        }
        body.extend(b"0\r\nTrailer: x\r\n\r\n");
        let header = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let limits = Limits::default();
        let unpack = |body: &[u8]| {
            let block = [&header[..], body].concat();
            Response::parse(&block, &limits).unwrap().body(&block, &limits).unwrap().into_owned()
        };
        prop_assert_eq!(unpack(&body), chunks.concat());
        if let Some(cut) = cut && !chunks.is_empty() {
            let first = body.iter().position(|&byte| byte == b'\n').unwrap() + 2;
            let cut = first + cut % (body.len() - first);
            prop_assert!(chunks.concat().starts_with(&unpack(&body[..cut])));
        }
    }
}
