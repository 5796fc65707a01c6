//! The syntax of WARC headers: version lines, the end of a header, and Content-Length.

use memchr::memmem;

/// Bytes that suffice to recognise the first line of a record: `WARC/1.1` and a line end.
pub(crate) const VERSION_LINE_BYTES: usize = 16;

/// Bytes that suffice to recognise a record inside another: its version line and the name of its
/// first header.
pub(crate) const RECORD_START_BYTES: usize = VERSION_LINE_BYTES + 8;

/// Number of line end characters at the start of `bytes`.
pub(crate) fn line_ends(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
}

/// Whether `bytes` start with the version line of a record: `WARC/1.0`, with any version number.
pub(crate) fn is_version_line(bytes: &[u8]) -> bool {
    let line = &bytes[..bytes.len().min(VERSION_LINE_BYTES)];
    let Some(version) = line.strip_prefix(b"WARC/") else { return false };
    let Some(end) = version.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return false;
    };
    let version = version[..end].trim_ascii_end();
    version.contains(&b'.') && version.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

/// Whether `bytes`, the last of a file, are the start of a version line.
pub(crate) fn is_cut_version_line(bytes: &[u8]) -> bool {
    let is_cut = b"WARC/".starts_with(bytes) || bytes.starts_with(b"WARC/");
    is_cut && !bytes.is_empty() && !bytes.contains(&b'\n')
}

/// Where in `bytes` a record starts: a version line at the start of a line, followed by a header
/// line of WARC.
pub(crate) fn embedded_record(bytes: &[u8]) -> Option<usize> {
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

/// Length of the header at the start of `bytes`, including the blank line that ends it. Lines may
/// end with CRLF, as the standard requires, or with LF or CRCRLF, as some tools write. The first
/// `seen` bytes are known not to contain the end.
pub(crate) fn header_end(bytes: &[u8], seen: usize) -> Option<usize> {
    // The end may straddle `seen`.
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

/// The Content-Length of a WARC header.
///
/// # Errors
///
/// If it is missing, not a number, or given twice with different values.
pub(crate) fn content_length(header: &[u8]) -> Result<u64, &'static str> {
    let mut length = None;
    for line in header.split(|&byte| byte == b'\n') {
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        if !line[..colon].trim_ascii().eq_ignore_ascii_case(b"content-length") {
            continue;
        }
        let value = line[colon + 1..].trim_ascii();
        // `parse` would accept a plus sign.
        let digits = std::str::from_utf8(value).ok().filter(|value| !value.starts_with('+'));
        let parsed = digits.and_then(|digits| digits.parse::<u64>().ok());
        let parsed = parsed.ok_or("Content-Length is not a number of bytes")?;
        if length.replace(parsed).is_some_and(|other| other != parsed) {
            return Err("two Content-Length headers disagree");
        }
    }
    length.ok_or("no Content-Length")
}
