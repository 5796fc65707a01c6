//! Recognising ARC files, the format before WARC, which are not supported.

/// Shortest date of an ARC record: 14 digits.
const DATE_BYTES: usize = 14;

/// Whether a file whose first bytes are `first` is an ARC file. Its records start with a line of a
/// URL, an IP address, a date, a media type and a length, separated by spaces.
pub(crate) fn is_arc(first: &[u8]) -> bool {
    let line_end = memchr::memchr(b'\n', first).unwrap_or(first.len());
    let mut fields = first[..line_end].trim_ascii_end().split(|&byte| byte == b' ');
    let (Some(url), Some(_), Some(date)) = (fields.next(), fields.next(), fields.next()) else {
        return false;
    };
    let has_scheme = memchr::memmem::find(url, b"://").is_some();
    has_scheme && date.len() >= DATE_BYTES && date.iter().all(u8::is_ascii_digit)
}
