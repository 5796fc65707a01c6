//! Inputs designed to cost time or memory, and bad text in every format.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// A file that is generated while it is read: a start, one byte many times, and an end. It records
/// the peak memory of the process while it is read.
struct Made {
    start: Vec<u8>,
    byte: u8,
    count: u64,
    end: Vec<u8>,
    position: u64,
    resident_bytes_max: Arc<AtomicU64>,
}

impl Made {
    fn length(&self) -> u64 {
        self.start.len() as u64 + self.count + self.end.len() as u64
    }
}

impl Read for Made {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.resident_bytes_max.fetch_max(resident_bytes(), Ordering::Relaxed);
        let fill_at = self.start.len() as u64;
        let end_at = fill_at + self.count;
        let count = if self.position < fill_at {
            (&self.start[self.position as usize..]).read(buffer)?
        } else if self.position < end_at {
            let count = buffer.len().min((end_at - self.position) as usize);
            buffer[..count].fill(self.byte);
            count
        } else {
            let done = (self.position - end_at).min(self.end.len() as u64);
            (&self.end[done as usize..]).read(buffer)?
        };
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Made {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = match to {
            SeekFrom::Start(position) => position,
            SeekFrom::End(back) => self.length().saturating_add_signed(back),
            SeekFrom::Current(step) => self.position.saturating_add_signed(step),
        };
        Ok(self.position)
    }
}

/// Memory of this process in bytes, or 0 if the system does not report it.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    pages
        .and_then(|pages| pages.split(' ').nth(1)?.parse().ok())
        .map_or(0, |pages: u64| pages << 12)
}

/// Reads a file of `start`, `count` times `byte` and `end`, and checks that memory grows no more
/// than the limits and concurrent tests explain.
fn read_made(
    format: Format,
    start: &[u8],
    (byte, count): (u8, u64),
    end: &[u8],
) -> (u64, Vec<Record>) {
    let resident_bytes_max = Arc::new(AtomicU64::new(0));
    let (start, end) = (start.to_vec(), end.to_vec());
    let max = Arc::clone(&resident_bytes_max);
    let made = Made { start, byte, count, end, position: 0, resident_bytes_max: max };
    let (length, before) = (made.length(), resident_bytes());
    let found = read(&input(format), Box::new(made), &PartRange::Whole).unwrap();
    let found: Vec<Record> = found.map(Result::unwrap).collect();
    let growth = resident_bytes_max.load(Ordering::Relaxed).saturating_sub(before);
    assert!(growth < 200 << 20, "grew by {growth} bytes");
    (length, found)
}

#[test]
fn a_line_or_record_of_any_length_is_skipped_in_bounded_memory() {
    let last = wet_record(9, "the last record");
    let line = b"{\"text\":\"the last record\"}\n";
    let header = |count: u64| {
        format!("WARC/1.0\r\nWARC-Type: response\r\nContent-Length: {count}\r\n\r\n").into_bytes()
    };
    let (gib, many) = (1u64 << 30, 1u64 << 28);
    let record_end = [b"\r\n\r\n", &last[..]].concat();
    let line_end = [b"\"}\n", &line[..]].concat();
    let cases = [
        (Format::Jsonl, b"{\"text\":\"".to_vec(), b'x', gib, &line_end[..], FaultReason::TooLarge),
        (Format::Jsonl, Vec::new(), b'[', many, &line_end, FaultReason::TooLarge),
        (Format::Warc, header(gib), b'x', gib, &record_end, FaultReason::TooLarge),
        (Format::Warc, b"WARC/1.0\r\nA: ".to_vec(), 0, many, &record_end, FaultReason::BadHeader),
        (Format::Warc, b"no record".to_vec(), b'W', many, &record_end, FaultReason::BadHeader),
        (Format::Warc, header(1 << 60), b'x', many, &record_end, FaultReason::BadContentLength),
    ];
    for (format, start, byte, count, end, reason) in cases {
        let (_, found) = read_made(format, &start, (byte, count), end);
        assert_eq!((reasons(&found), texts(&found)), (vec![reason], vec!["the last record"]));
        let fault = faults(&found)[0];
        assert_eq!((fault.ordinal, fault.offset), (0, 0));
        let lost = start.len() as u64 + count;
        assert!((lost..lost + 8).contains(&fault.length), "{fault:?}");
        assert_eq!(documents(&found)[0].ordinal, 1);
    }
    let (length, found) = read_made(Format::Text, b"a", (b' ', many), b"b");
    assert_eq!(reasons(&found), [FaultReason::TooLarge]);
    assert_eq!(faults(&found)[0].length, length);
}

/// A gzip member of `gib` GiB of zeros, without its checksum.
fn zeros_gzip(gib: usize) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(9));
    let zeros = vec![0; 16 << 20];
    encoder.write_all(&zeros).unwrap();
    encoder.flush().unwrap();
    let first = encoder.get_ref().len();
    encoder.write_all(&zeros).unwrap();
    encoder.flush().unwrap();
    // The second and every later 16 MiB follow a window of zeros, so their compressed bytes repeat.
    let mut packed = encoder.get_ref().clone();
    let again = packed[first..].to_vec();
    for _ in 2..gib * 64 {
        packed.extend_from_slice(&again);
    }
    packed
}

#[test]
fn ten_gibibytes_of_zeros_are_stopped_by_their_ratio() {
    let bomb = zeros_gzip(10);
    assert!(bomb.len() < 12 << 20);
    for format in [Format::Jsonl, Format::Warc, Format::Text] {
        let found = records(format, &bomb);
        assert_eq!(reasons(&found), [FaultReason::TooLarge]);
        assert_eq!(found.len(), 1);
        assert!(faults(&found)[0].detail.starts_with("unpacks to more than 500 times its size"));
    }
    // The records of a sound member before the bomb are delivered.
    let file = [gzip(&wet_record(0, "sound")), bomb].concat();
    let found = records(Format::Warc, &file);
    assert_eq!((texts(&found), reasons(&found)), (vec!["sound"], vec![FaultReason::TooLarge]));
}

#[test]
fn a_bomb_inside_a_response_costs_that_record() {
    let packed_twice = gzip(&gzip(&vec![b' '; 64 << 20]));
    let block = [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip, gzip\r\n\r\n",
        &packed_twice[..],
    ]
    .concat();
    let headers = [("WARC-Type", "response"), ("Content-Type", "application/http")];
    let file = [warc_record(&headers, &block), wet_record(1, "sound")].concat();
    for file in [gzip(&file), file] {
        let found = records(Format::Warc, &file);
        assert_eq!((texts(&found), reasons(&found)), (vec!["sound"], vec![FaultReason::TooLarge]));
    }
}

/// A Zstandard frame header (RFC 8878, 3.1.1.1) and one raw block of three bytes.
fn zstd_frame(header: &[u8]) -> Vec<u8> {
    [&[0x28, 0xB5, 0x2F, 0xFD][..], header, &[0x19, 0, 0], b"{}\n"].concat()
}

#[test]
fn a_zstd_window_over_the_limit_is_a_fault() {
    let sound = zstd_frame(&[0x00, 17 << 3]);
    assert_eq!(reasons(&records(Format::Jsonl, &sound)), [FaultReason::MissingText]);
    // Windows of 2^28 and 2^31 bytes, and a single segment of 2^40.
    for header in [vec![0x00, 18 << 3], vec![0x00, 21 << 3], vec![0xE0, 0, 0, 0, 0, 0, 1, 0, 0]] {
        let file = [zstd_frame(&header), zstd(b"{\"text\":\"sound\"}\n")].concat();
        let found = records(Format::Jsonl, &file);
        assert_eq!(reasons(&found), [FaultReason::Decompression], "{header:?}");
        assert_eq!(texts(&found), ["sound"]);
    }
}

/// Bad texts, the text of the document that each becomes, and whether that counts as repaired.
fn bad_texts() -> Vec<(Vec<u8>, Option<String>, bool)> {
    let accents = format!("e{}", "\u{301}".repeat(10_000));
    let kept = ["\u{FEFF}bom", "a\u{FFFE}b", "\u{202E}right\u{202C}", "a\rb", &accents];
    let kept = kept.iter().map(|&text| (text.into(), Some(text.to_owned()), false));
    let repaired: [(&[u8], &str); 5] = [
        (b"a\xFFb", "a\u{FFFD}b"),
        (b"cut \xE2\x82", "cut \u{FFFD}"),
        (b"slash \xC0\xAF.", "slash \u{FFFD}\u{FFFD}."),
        (b"half \xED\xA0\x80.", "half \u{FFFD}\u{FFFD}\u{FFFD}."),
        (b"nul \0.", "nul \u{FFFD}."),
    ];
    let repaired = repaired.map(|(bytes, text)| (bytes.to_vec(), Some(text.to_owned()), true));
    let blank = ["", "   ", "\u{3000}\u{A0}\r\n"].map(|text| (text.into(), None, false));
    kept.chain(repaired).chain(blank).collect()
}

#[test]
fn bad_text_is_repaired_or_reported_in_every_format() {
    for (bytes, text, repaired) in bad_texts() {
        let headers = [("WARC-Type", "conversion"), ("Content-Type", "text/plain; charset=utf-8")];
        let mut files = vec![(Format::Warc, warc_record(&headers, &bytes))];
        // JSON requires control characters to be escaped.
        let is_plain = !bytes.iter().any(|&byte| matches!(byte, 0 | b'\r' | b'\n'));
        if is_plain {
            let line = [b"{\"text\":\"", &bytes[..], b"\"}\n"].concat();
            files.push((Format::Jsonl, line));
        }
        for (format, file) in files {
            let found = records(format, &file);
            assert_eq!(found.len(), 1, "{format:?} {bytes:?}");
            match (&found[0], &text) {
                (Record::Document(document), Some(text)) => {
                    // A page that is not valid in its declared UTF-8 may be decoded as another
                    // encoding.
                    if format == Format::Jsonl || !repaired || bytes.contains(&0) {
                        let bom = if format == Format::Warc { '\u{FEFF}' } else { '\0' };
                        assert_eq!(document.text, text.trim_start_matches(bom), "{format:?}");
                        assert_eq!(document.repaired, repaired, "{format:?} {bytes:?}");
                    }
                }
                (Record::Fault(fault), None) => assert_eq!(fault.reason, FaultReason::Empty),
                (record, text) => panic!("{format:?} {bytes:?}: {record:?}, not {text:?}"),
            }
        }
    }
}
