//! Where a WARC record and its header start and end, and how long its block says it is.

use memchr::memmem;

/// Bytes in which the first line of a record must show itself: `WARC/1.1` and a line end.
pub(super) const VERSION_LINE_BYTES: usize = 16;

/// Bytes in which a record inside another shows itself: its version line and the name of its first
/// header.
pub(super) const RECORD_START_BYTES: usize = VERSION_LINE_BYTES + 8;

/// Number of bytes at the start of `bytes` that only end lines.
pub(super) fn line_ends(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
}

/// Whether `bytes` start with the version line of a record: `WARC/1.0`, with any version number.
pub(super) fn is_version_line(bytes: &[u8]) -> bool {
    let line = &bytes[..bytes.len().min(VERSION_LINE_BYTES)];
    let Some(version) = line.strip_prefix(b"WARC/") else { return false };
    let Some(end) = version.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return false;
    };
    let version = version[..end].trim_ascii_end();
    version.contains(&b'.') && version.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

/// Whether `bytes`, which the file ends after, are the start of a version line.
pub(super) fn is_cut_version_line(bytes: &[u8]) -> bool {
    let is_cut = b"WARC/".starts_with(bytes) || bytes.starts_with(b"WARC/");
    is_cut && !bytes.is_empty() && !bytes.contains(&b'\n')
}

/// Where in `bytes` a record starts that stands after a line end and goes on with a header line.
pub(super) fn embedded_record(bytes: &[u8]) -> Option<usize> {
    memmem::find_iter(bytes, b"\nWARC/").map(|at| at + 1).find(|&at| {
        let record = &bytes[at..];
        let second_line = memchr::memchr(b'\n', record).and_then(|end| record.get(end + 1..));
        is_version_line(record)
            && second_line.is_some_and(|line| {
                let name = &line[..line.len().min(8)].to_ascii_lowercase();
                name.starts_with(b"warc-") || name.starts_with(b"content-")
            })
    })
}

/// Length of the header that `bytes` start with: up to and with its first blank line, whether its
/// lines end with CRLF, as the standard wants, with LF or, as some tools write, with CRCRLF. The
/// first `seen` bytes hold no end.
pub(super) fn header_end(bytes: &[u8], seen: usize) -> Option<usize> {
    let from = seen.saturating_sub(3);
    memchr::memchr_iter(b'\n', &bytes[from..]).map(|at| from + at + 1).find_map(|line| match bytes
        .get(
        line..,
    )? {
        [b'\n', ..] => Some(line + 1),
        [b'\r', b'\n', ..] => Some(line + 2),
        [b'\r', b'\r', b'\n', ..] => Some(line + 3),
        _ => None,
    })
}

/// The Content-Length that a WARC header tells.
pub(super) fn content_length(header: &[u8]) -> Result<u64, &'static str> {
    let mut length = None;
    for line in header.split(|&byte| byte == b'\n') {
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        if !line[..colon].trim_ascii().eq_ignore_ascii_case(b"content-length") {
            continue;
        }
        let value = line[colon + 1..].trim_ascii();
        let digits = std::str::from_utf8(value).ok().filter(|value| !value.starts_with('+'));
        let parsed = digits.and_then(|digits| digits.parse::<u64>().ok());
        let parsed = parsed.ok_or("Content-Length is not a number of bytes")?;
        if length.replace(parsed).is_some_and(|other| other != parsed) {
            return Err("two Content-Length headers disagree");
        }
    }
    length.ok_or("no Content-Length")
}
