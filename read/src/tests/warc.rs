//! Headers, lengths, payloads and types of WARC records.

use super::*;
use crate::SkipReason;

const TEXT: &str = "The text of a record that is sound from its first to its last word.";

/// Three records, of which the middle one is given, as a plain file and as a file of members.
fn around(middle: &[u8]) -> [Vec<u8>; 2] {
    let (first, last) = (wet_record(0, TEXT), wet_record(2, TEXT));
    [[&first[..], middle, &last[..]].concat(), [gzip(&first), gzip(middle), gzip(&last)].concat()]
}

fn wet_with(length: &str, body: &str) -> Vec<u8> {
    let header = "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Type: text/plain\r\n";
    format!("{header}{length}\r\n{body}\r\n\r\n").into_bytes()
}

#[test]
fn a_bad_record_costs_only_itself() {
    let length = TEXT.len();
    let mut cases: Vec<(Vec<u8>, FaultReason)> = Vec::new();
    for value in ["", "-5", "+67", "abc", "67x", "99999999999999999999999", "6 7"] {
        let line = format!("Content-Length: {value}\r\n");
        cases.push((wet_with(&line, TEXT), FaultReason::BadContentLength));
    }
    cases.push((wet_with("", TEXT), FaultReason::BadContentLength));
    let twice = "Content-Length: 1\r\nContent-Length: 2\r\n";
    cases.push((wet_with(twice, TEXT), FaultReason::BadContentLength));
    for value in ["0x43", "1e2", "67.0", "٦٧", "67\0", "--67", "+", "1_0"] {
        let line = format!("Content-Length: {value}\r\n");
        cases.push((wet_with(&line, TEXT), FaultReason::BadContentLength));
    }
    for over in [5, 20, 200, 300, 1 << 20, 1 << 30, 1 << 62] {
        let line = format!("Content-Length: {}\r\n", length + over);
        cases.push((wet_with(&line, TEXT), FaultReason::BadContentLength));
    }
    let long = format!("X: {}\r\nContent-Length: {length}\r\n", "x".repeat(1 << 20));
    cases.push((wet_with(&long, TEXT), FaultReason::BadHeader));
    let endless = format!("X: {}\r\n", "x".repeat(1 << 20));
    cases.push((format!("WARC/1.0\r\n{endless}").into_bytes(), FaultReason::BadHeader));
    cases.push((b"WARC/one\r\nContent-Length: 0\r\n\r\n".to_vec(), FaultReason::BadHeader));
    cases.push((b"\0\0\0\0\n".to_vec(), FaultReason::BadHeader));
    cases.push((b"no record at all\r\n\r\nnor here\r\n".to_vec(), FaultReason::BadHeader));
    cases.push((b"warc/1.0\r\nContent-Length: 0\r\n\r\n".to_vec(), FaultReason::BadHeader));
    for (middle, reason) in &cases {
        let shown = String::from_utf8_lossy(&middle[..middle.len().min(150)]);
        for file in around(middle) {
            let found = records(Format::Warc, &file);
            let ids: Vec<_> = documents(&found).iter().map(|found| found.id.as_str()).collect();
            assert_eq!(ids, ["<urn:uuid:0>", "<urn:uuid:2>"], "{shown}\n{found:?}");
            assert_eq!(reasons(&found), [*reason], "{shown}\n{found:?}");
        }
    }
}

/// Wget writes lengths that are off by one, and lengths that include the line ends after the block.
#[test]
fn a_length_that_includes_line_ends_is_accepted() {
    for over in 1..=4 {
        let line = format!("Content-Length: {}\r\n", TEXT.len() + over);
        for file in around(&wet_with(&line, TEXT)) {
            let found = records(Format::Warc, &file);
            assert_eq!(found.len(), 3, "{found:?}");
            assert!(texts(&found).iter().all(|text| text.trim_end() == TEXT), "{found:?}");
        }
    }
    let line = format!("Content-Length: {}\r\n", TEXT.len() - 1);
    for file in around(&wet_with(&line, TEXT)) {
        let found = records(Format::Warc, &file);
        assert_eq!((documents(&found).len(), reasons(&found)), (3, vec![FaultReason::BadHeader]));
    }
}

/// Lengths that would cost a scan of the whole buffer for each record, if members were not searched
/// one at a time.
#[test]
fn many_lengths_that_are_too_long_cost_no_more_than_their_records() {
    let member = gzip(&wet_with("Content-Length: 50000000\r\n", "x"));
    let found = records(Format::Warc, &member.repeat(100_000));
    assert_eq!(found.len(), 100_000);
    let reason = |fault: &&Fault| fault.reason == FaultReason::BadContentLength;
    assert_eq!(faults(&found).into_iter().filter(reason).count(), 99_999);
}

#[test]
fn a_length_that_is_too_short_keeps_the_record_and_reports_the_rest() {
    let line = format!("Content-Length: {}\r\n", TEXT.len() - 5);
    for file in around(&wet_with(&line, TEXT)) {
        let found = records(Format::Warc, &file);
        assert_eq!(documents(&found).len(), 3);
        assert_eq!(reasons(&found), [FaultReason::BadHeader]);
        assert_eq!(faults(&found)[0].length, 5 + 4);
    }
}

#[test]
fn odd_but_sound_headers_are_read() {
    let length = TEXT.len();
    let typed = "Content-Type: text/plain\r\n";
    let cases = [
        format!(
            "WARC/1.1\nWARC-Type: conversion\nContent-Type: text/plain\n\
             Content-Length: {length}\n\n{TEXT}\n\n"
        ),
        format!(
            "WARC/1.0\r\nwarc-type: Conversion\r\n{typed}content-length:{length}\r\n\r\n{TEXT}"
        ),
        format!(
            "WARC/1.0\r\nWARC-Type: conversion\r\n{typed}X-Folded: a\r\n b: c\r\n\td\r\n\
             Content-Length: {length}\r\n\r\n{TEXT}\r\n\r\n\r\n\r\n"
        ),
        format!(
            "WARC/0.18\r\nWARC-Type: conversion\r\n{typed}no colon\r\nContent-Length: {length}\r\n\
             Content-Length: {length}\r\n\r\n{TEXT}\r\n"
        ),
    ];
    for case in &cases {
        for file in around(case.as_bytes()) {
            let found = records(Format::Warc, &file);
            assert_eq!(texts(&found), [TEXT, TEXT, TEXT], "{case}");
            assert_eq!(found.len(), 3, "{case}: {found:?}");
        }
    }
    let mut latin = wet_record(1, TEXT);
    let at = latin.windows(7).position(|part| part == b"example").unwrap();
    latin[at] = 0xE9;
    let found = records(Format::Warc, &latin);
    assert_eq!(documents(&found)[0].url.as_deref(), Some("http://\u{FFFD}xample.com/1"));
}

fn response(headers: &str, body: &[u8]) -> Vec<u8> {
    let block = [b"HTTP/1.1 ", headers.as_bytes(), b"\r\n\r\n", body].concat();
    let headers = [
        ("WARC-Type", "response"),
        ("WARC-Target-URI", "<http://example.com/>"),
        ("Content-Type", "application/http; msgtype=response"),
    ];
    warc_record(&headers, &block)
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let chunk =
        |part: &[u8]| [format!("{:x};a=b\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
    body.chunks(10).flat_map(chunk).chain(*b"0\r\n\r\n").collect()
}

#[test]
fn bodies_are_decoded_as_far_as_they_are_encoded() {
    let body = "plain text é".as_bytes();
    let zlib = |bytes: &[u8]| {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let bare = |bytes: &[u8]| zlib(bytes)[2..].to_vec();
    let plain = "200 OK\r\nContent-Type: text/plain; charset=utf-8";
    let cases: [(&str, Vec<u8>); 12] = [
        ("X: y", body.to_vec()),
        ("Transfer-Encoding: chunked", chunked(body)),
        ("Transfer-Encoding: chunked", body.to_vec()),
        ("Content-Encoding: gzip", gzip(body)),
        ("Content-Encoding: gzip", body.to_vec()),
        ("content-encoding: x-gzip, identity", gzip(body)),
        ("Content-Encoding: deflate", zlib(body)),
        ("Content-Encoding: deflate", bare(body)),
        ("Content-Encoding: zstd", zstd(body)),
        ("Content-Encoding: br", body.to_vec()),
        ("Content-Encoding: gzip, gzip", gzip(&gzip(body))),
        ("Transfer-Encoding: chunked\r\nContent-Encoding: gzip", chunked(&gzip(body))),
    ];
    for (encoding, packed) in cases {
        let found = records(Format::Warc, &response(&format!("{plain}\r\n{encoding}"), &packed));
        assert_eq!(texts(&found), ["plain text é"], "{encoding}: {found:?}");
        assert_eq!(documents(&found)[0].url.as_deref(), Some("http://example.com/"));
        assert_eq!(documents(&found)[0].id, "in/file/0");
    }
    let cut = &gzip(body)[..20];
    let found =
        records(Format::Warc, &response(&format!("{plain}\r\nContent-Encoding: gzip"), cut));
    assert_eq!(reasons(&found), [FaultReason::Truncated]);
    let bomb = gzip(&vec![b' '; 32 << 20]);
    let found =
        records(Format::Warc, &response(&format!("{plain}\r\nContent-Encoding: gzip"), &bomb));
    assert_eq!(reasons(&found), [FaultReason::TooLarge]);
    let bomb = bare(&vec![b' '; 32 << 20]);
    let deflate = format!("{plain}\r\nContent-Encoding: deflate");
    let found = records(Format::Warc, &response(&deflate, &bomb));
    assert_eq!(reasons(&found), [FaultReason::TooLarge]);
    let found = records(Format::Warc, &response(&deflate, body));
    assert_eq!(texts(&found), ["plain text é"]);
}

#[test]
fn bodies_that_contradict_their_headers_are_kept_or_reported() {
    let plain = "200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n";
    let found = |header: &str, body: &[u8]| {
        records(Format::Warc, &response(&format!("{plain}{header}"), body))
    };
    // The Content-Length of the HTTP header is ignored in favour of the record's.
    for length in ["0", "3", "99999", "-1", "x"] {
        let found = found(&format!("Content-Length: {length}"), b"all of it");
        assert_eq!(texts(&found), ["all of it"], "{length}");
    }
    let chunks: [(&[u8], &str); 7] = [
        (b"4\r\nbody\r\n0\r\nTrailer: x\r\n\r\n", "body"),
        (b"004;name=\"value\"\r\nbody\r\n0\r\n\r\n", "body"),
        (b"4\nbody\n0\n\n", "body"),
        (b"4\r\nbody\r\n8\r\n, cut", "body, cut"),
        (b"4\r\nbody\r\nffffffffffffffff\r\n, cut", "body, cut"),
        (b"4\r\nbody\r\n10000000000000000\r\nlost", "body"),
        (b"-4\r\nbody", "-4\r\nbody"),
    ];
    for (body, text) in chunks {
        assert_eq!(texts(&found("Transfer-Encoding: chunked", body)), [text]);
    }
    let mut broken = gzip("text ".repeat(99).as_bytes());
    broken[15] ^= 0xFF;
    for (encoding, body, reason) in [
        ("gzip", &broken[..], FaultReason::Decompression),
        ("gzip", &gzip(b"text")[..8], FaultReason::Truncated),
        ("br", b"\xFF\xFE\xFD\xFC", FaultReason::Decompression),
        ("rot13", b"\xFF\xFE", FaultReason::Decompression),
    ] {
        let found = found(&format!("Content-Encoding: {encoding}"), body);
        assert_eq!(reasons(&found), [reason], "{encoding}: {found:?}");
    }
    // "text ", compressed by the reference brotli at its lowest quality.
    let brotli = b"\x0b\x02\x80text \x03";
    assert_eq!(texts(&found("Content-Encoding: br", brotli)), ["text "]);
    let blocks: [&[u8]; 4] =
        [b"", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 abc\r\n\r\nx", b"GET / HTTP/1.1"];
    let headers = [("WARC-Type", "response"), ("Content-Type", "application/http")];
    for block in blocks {
        let found = records(Format::Warc, &warc_record(&headers, block));
        assert_eq!(reasons(&found), [FaultReason::BadHeader], "{block:?}");
    }
}

#[test]
fn records_that_are_not_documents_are_counted_by_kind() {
    let page = "<html><body><p>some page</p></body></html>".as_bytes();
    let cases: [(Vec<u8>, SkipReason); 8] = [
        (response("301 Moved\r\nContent-Type: text/html", page), SkipReason::HttpStatus),
        (response("404 Not Found\r\nContent-Type: text/html", page), SkipReason::HttpStatus),
        (response("200 OK\r\nContent-Type: image/png", b"png"), SkipReason::MediaType),
        (response("200 OK", b"who knows"), SkipReason::MediaType),
        (warc_record(&[("WARC-Type", "warcinfo")], b"a: b"), SkipReason::WarcInfo),
        (warc_record(&[("WARC-Type", "request")], b"GET /"), SkipReason::Request),
        (warc_record(&[("WARC-Type", "revisit")], b""), SkipReason::Revisit),
        (warc_record(&[], b"x"), SkipReason::OtherRecord),
    ];
    for (record, reason) in &cases {
        let length = record.len() as u64 - 4;
        assert_eq!(records(Format::Warc, record), [Record::Skipped(*reason, length)], "{reason}");
    }
}

#[test]
fn pages_are_extracted_in_their_own_encoding() {
    let text = "La phrase est assez longue pour que l'on y trouve un été à garder. ".repeat(20);
    let page = format!(
        "<html><head><title>Été</title></head><body><article><p>{text}</p></article></body></html>"
    );
    let latin: Vec<u8> = page.chars().map(|letter| letter as u8).collect();
    for (content_type, body) in [
        ("text/html; charset=ISO-8859-1", latin.clone()),
        ("text/html", latin),
        ("application/xhtml+xml; charset=utf-8", page.clone().into_bytes()),
    ] {
        let found = records(
            Format::Warc,
            &response(&format!("200 OK\r\nContent-Type: {content_type}"), &body),
        );
        assert!(texts(&found)[0].contains("un été à garder"), "{content_type}: {found:?}");
        assert_eq!(documents(&found)[0].extra.as_deref(), Some(r#"{"title":"Été"}"#));
    }
    let blank = response("200 OK\r\nContent-Type: text/html", b"<html><body></body></html>");
    assert_eq!(reasons(&records(Format::Warc, &blank)), [FaultReason::NoContent]);
}

#[test]
fn a_record_over_the_limit_is_skipped() {
    let mut input = input(Format::Warc);
    input.limits.max_record_bytes = 1000;
    for middle in [wet_record(1, &"x".repeat(500_000)), {
        // Its length extends over the records after it, which start their own members.
        let body = "x".repeat(300_000);
        wet_with("Content-Length: 300500\r\n", &body)
    }] {
        let is_overrun = middle.windows(6).any(|part| part == b"300500");
        let [plain, packed] = around(&middle);
        let files = if is_overrun { vec![packed] } else { vec![plain, packed] };
        for file in files {
            let found = records_of(&input, &file, &PartRange::Whole);
            let ids: Vec<_> = documents(&found).iter().map(|found| found.id.as_str()).collect();
            assert_eq!(ids, ["<urn:uuid:0>", "<urn:uuid:2>"], "{found:?}");
            let reason =
                if is_overrun { FaultReason::BadContentLength } else { FaultReason::TooLarge };
            assert_eq!(reasons(&found), [reason]);
        }
    }
}

#[test]
fn arc_files_are_reported_as_unsupported() {
    let file = b"filedesc://a.arc 127.0.0.1 20140301000000 text/plain 76\n1 0 A\nURL\n\n";
    let found = records(Format::Warc, &gzip(file));
    assert_eq!((reasons(&found), found.len()), (vec![FaultReason::UnsupportedType], 1));
    assert_eq!(faults(&found)[0].length, file.len() as u64);
}
