//! Decodes bytes of unknown encoding.
//!
//! The evidence has the same priority as in browsers (WHATWG Encoding Standard, HTML Standard
//! §13.2.3): byte order mark, declared encoding, then detection. Unlike in the standard, bytes that
//! obviously contradict a declaration overrule it; see [`decode`].

use chardetng::EncodingDetector;
use encoding_rs::{Encoding, REPLACEMENT, UTF_8};

/// A declaration must be within this number of bytes at the start of a page (HTML Standard
/// §4.2.5.4).
const DECLARATION_WINDOW_BYTES: usize = 1024;

/// Maximum number of bytes for the detector; more would take time without changing the result.
const DETECTION_WINDOW_BYTES: usize = 1 << 20;

/// A decoded text and its encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The text, without byte order mark.
    pub text: String,
    /// The name of the encoding in the WHATWG Encoding Standard, such as `UTF-8`.
    pub encoding: &'static str,
    /// Whether bytes that are invalid in the encoding were replaced by U+FFFD.
    pub repaired: bool,
}

/// Decodes bytes; `declared` is a label from the HTTP header or the page, such as `latin1`.
///
/// A byte order mark has priority. Next comes the declared encoding, with two exceptions. If a
/// single-byte encoding or UTF-16 is declared but the bytes are valid UTF-8, they are decoded as
/// UTF-8: many servers declare latin1 by default, and real latin1 text is almost never valid UTF-8
/// unless it is ASCII. If the bytes are invalid in the declared encoding, an encoding in which they
/// are valid is preferred. Without a declaration, the bytes are decoded as UTF-8 if they are valid,
/// else with the encoding guessed by chardetng, the detector of Firefox.
///
/// ```
/// let decoded = text::charset::decode(b"caf\xe9", Some("latin1"));
/// assert_eq!((decoded.text.as_str(), decoded.encoding), ("café", "windows-1252"));
/// ```
pub fn decode(bytes: &[u8], declared: Option<&str>) -> Decoded {
    if let Some((encoding, mark_length)) = Encoding::for_bom(bytes) {
        return decode_as(&bytes[mark_length..], encoding);
    }
    let declared = declared
        .and_then(|label| Encoding::for_label(label.trim().as_bytes()))
        .filter(|encoding| *encoding != REPLACEMENT);
    let multi_byte = |encoding: &&'static Encoding| {
        !encoding.is_single_byte() && encoding.is_ascii_compatible() && *encoding != UTF_8
    };
    if let Some(encoding) = declared.filter(multi_byte) {
        let decoded = decode_as(bytes, encoding);
        if !decoded.repaired {
            return decoded;
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        // Bytes without a NUL are almost never UTF-16, even if it is declared.
        let is_utf16 = declared.is_some_and(|encoding| !encoding.is_ascii_compatible());
        if !(is_utf16 && bytes.contains(&0)) {
            return Decoded { text: text.to_owned(), encoding: UTF_8.name(), repaired: false };
        }
    }
    decode_legacy(bytes, declared)
}

/// The last part of [`decode`], for bytes that were neither accepted as UTF-8 nor valid in a
/// declared multi-byte encoding.
fn decode_legacy(bytes: &[u8], declared: Option<&'static Encoding>) -> Decoded {
    let declared = declared.map(|encoding| decode_as(bytes, encoding));
    if let Some(decoded) = declared.as_ref()
        && !decoded.repaired
    {
        return decoded.clone();
    }
    let guessed = decode_as(bytes, guess(bytes));
    match declared {
        // A page with some damaged characters still has the declared encoding.
        Some(decoded) if guessed.repaired || is_mostly_intact(&decoded.text) => decoded,
        _ if is_mostly_intact(&String::from_utf8_lossy(bytes)) => decode_as(bytes, UTF_8),
        _ => guessed,
    }
}

/// Whether a decoded text contains more non-ASCII characters than replacement characters. In this
/// case the encoding is probably right, and some bytes are damaged.
fn is_mostly_intact(text: &str) -> bool {
    let (mut intact, mut replaced) = (0_usize, 0_usize);
    for character in text.chars().filter(|character| !character.is_ascii()) {
        if character == char::REPLACEMENT_CHARACTER { replaced += 1 } else { intact += 1 }
    }
    intact > replaced
}

/// Decodes without looking for a byte order mark.
fn decode_as(bytes: &[u8], encoding: &'static Encoding) -> Decoded {
    let (text, repaired) = encoding.decode_without_bom_handling(bytes);
    Decoded { text: text.into_owned(), encoding: encoding.name(), repaired }
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let window = &bytes[..bytes.len().min(DETECTION_WINDOW_BYTES)];
    let mut detector = EncodingDetector::new();
    detector.feed(window, window.len() == bytes.len());
    detector.guess(None, true)
}

/// The encoding that an HTML page declares in its first 1,024 bytes: `charset` in a `meta` tag
/// (both forms), or `encoding` in an XML declaration.
pub fn declared_in_html(bytes: &[u8]) -> Option<String> {
    let window = &bytes[..bytes.len().min(DECLARATION_WINDOW_BYTES)];
    let head = String::from_utf8_lossy(window).to_ascii_lowercase();
    if let Some(declaration) = head.trim_start().strip_prefix("<?xml")
        && let Some(label) = label_after(declaration.split('>').next()?, "encoding")
    {
        return Some(label.to_owned());
    }
    let mut rest = head.as_str();
    while let Some(tag) = rest.find('<') {
        rest = &rest[tag..];
        let end = if rest.starts_with("<!--") {
            rest.find("-->").map_or(rest.len(), |at| at + 3)
        } else {
            rest.find('>').map_or(rest.len(), |at| at + 1)
        };
        if rest.starts_with("<meta")
            && let Some(label) = label_after(&rest[..end], "charset")
        {
            return Some(label.to_owned());
        }
        rest = &rest[end..];
    }
    None
}

/// The encoding that a `Content-Type` value declares: `latin1` in `text/html; charset="latin1"`.
pub fn declared_in_content_type(content_type: &str) -> Option<&str> {
    label_after(content_type, "charset")
}

/// The value after the first `name =` in `text`, without quotes. The case of `name` is ignored.
fn label_after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let quotes_or_space = |c: char| c.is_ascii_whitespace() || c == '"' || c == '\'';
    let mut from = 0;
    while let Some(at) = find_ignoring_case(&text[from..], name) {
        from += at + name.len();
        let after = text[from..].trim_start();
        if let Some(value) = after.strip_prefix('=') {
            let value = value.trim_start_matches(quotes_or_space);
            let end =
                value.find(|c: char| quotes_or_space(c) || matches!(c, ';' | ',' | '>' | '/'));
            return Some(&value[..end.unwrap_or(value.len())]).filter(|label| !label.is_empty());
        }
    }
    None
}

fn find_ignoring_case(text: &str, name: &str) -> Option<usize> {
    text.as_bytes().windows(name.len()).position(|at| at.eq_ignore_ascii_case(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8], declared: Option<&str>, text: &str, encoding: &str, repaired: bool) {
        let expected = Decoded { text: text.to_owned(), encoding: decode_name(encoding), repaired };
        assert_eq!(decode(bytes, declared), expected);
    }

    fn decode_name(label: &str) -> &'static str {
        Encoding::for_label(label.as_bytes()).unwrap().name()
    }

    #[test]
    fn evidence_is_weighed_in_order() {
        check(b"\xef\xbb\xbfx\xc3\xa9", Some("latin1"), "xé", "utf-8", false);
        check(b"\xff\xfeh\0i\0", Some("utf-8"), "hi", "utf-16le", false);
        check(b"caf\xe9", Some("iso-8859-1"), "café", "windows-1252", false);
        check("naïve".as_bytes(), Some("iso-8859-1"), "naïve", "utf-8", false);
        check(b"\x93\xfa\x96\x7b", Some("shift_jis"), "日本", "shift_jis", false);
        check("naïve".as_bytes(), Some("no-such-label"), "naïve", "utf-8", false);
        check(b"h\0i\0", Some("utf-16le"), "hi", "utf-16le", false);
    }

    #[test]
    fn damaged_utf8_is_repaired_and_wrongly_declared_utf8_is_detected() {
        check("déjà vu\u{0}".as_bytes().get(..7).unwrap(), None, "déjà ", "utf-8", false);
        check(b"d\xc3\xa9j\xc3\xa0 v\xff", Some("utf-8"), "déjà v\u{fffd}", "utf-8", true);
        let russian = b"\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0! \xdd\xf2\xee \xf2\xe5\xea\xf1\xf2.";
        check(russian, Some("utf-8"), "Привет, мир! Это текст.", "windows-1251", false);
    }

    #[test]
    fn declarations_are_found() {
        let page = b"<!-- <meta charset=koi8-r> --><META http-equiv=x \
                     content='text/html; charset = GB2312'>";
        assert_eq!(declared_in_html(page).as_deref(), Some("gb2312"));
        assert_eq!(declared_in_html(b"<meta charset=\"utf-8\">").as_deref(), Some("utf-8"));
        let xml = b"<?xml version='1.0' encoding='ISO-8859-2'?>";
        assert_eq!(declared_in_html(xml).as_deref(), Some("iso-8859-2"));
        assert_eq!(declared_in_html(b"<p>charset=x</p>"), None);
        assert_eq!(declared_in_content_type("text/html; Charset=\"Latin1\"; a=b"), Some("Latin1"));
        assert_eq!(declared_in_content_type("text/html"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_decode(bytes in any::<Vec<u8>>(), label in "[a-z0-9-]{0,12}") {
            let declared = declared_in_html(&bytes).unwrap_or(label);
            let decoded = decode(&bytes, Some(&declared));
            if decoded.text.contains('\u{fffd}') {
                let was_there = String::from_utf8_lossy(&bytes).contains('\u{fffd}');
                prop_assert!(decoded.repaired || was_there || decoded.encoding != "UTF-8");
            }
        }
    }
}
