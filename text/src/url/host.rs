//! The host of a URL, in a canonical form that is the same for all the ways to write it.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use idna::AsciiDenyList;
use memchr::memchr;

/// The maximum length of a host as written. Domain names have at most 253 octets (RFC 1035, section
/// 2.3.4); this leaves room for a name written in percent-encoded Unicode.
const HOST_LIMIT_BYTES: usize = 2048;

/// The host of a URL in canonical form, such as `www.example.com`, or `None` if it has no host.
///
/// The host is in lower case, without user, port and trailing dots. As in the URL standard of
/// WHATWG, percent-encoding is decoded and an international name has its ASCII form (`xn--…`, UTS
/// 46). An IPv6 address keeps its brackets and is shortened according to RFC 5952. The scheme may
/// be missing (`example.com/path`).
pub fn host(url: &str) -> Option<String> {
    canonical_host(url).map(Cow::into_owned)
}

/// [`host`], borrowed from the URL if it is already in canonical form.
pub(super) fn canonical_host(url: &str) -> Option<Cow<'_, str>> {
    canonical_name(split(url)?.host)
}

/// The parts of a URL.
pub(super) struct Parts<'a> {
    /// The host as written. An IPv6 address has its brackets.
    pub(super) host: &'a str,
    /// Path, query and fragment.
    pub(super) rest: &'a str,
}

/// Splits a URL into its host and the part after the port. `mailto:x@y.example`, `about:blank`, a
/// single word and a path have no host.
pub(super) fn split(url: &str) -> Option<Parts<'_>> {
    let url = url.trim();
    let colon = memchr(b':', url.as_bytes()).unwrap_or(url.len());
    let (behind_scheme, has_scheme) = match url[colon..].strip_prefix("://") {
        Some(rest) if !url[..colon].contains(['/', '?', '#']) => (rest, true),
        _ => url.strip_prefix("//").map_or((url, false), |rest| (rest, true)),
    };
    let ends_authority = |byte: u8| matches!(byte, b'/' | b'?' | b'#' | b'\\');
    let end = behind_scheme.bytes().position(ends_authority).unwrap_or(behind_scheme.len());
    let (authority, rest) = behind_scheme.split_at(end);
    let behind_user = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = if behind_user.starts_with('[') {
        behind_user.split_at(behind_user.find(']')? + 1)
    } else {
        behind_user.split_at(behind_user.find(':').unwrap_or(behind_user.len()))
    };
    let is_port = |port: &str| port.bytes().skip(1).all(|byte| byte.is_ascii_digit());
    let has_host =
        has_scheme || (behind_user.len() == authority.len() && host.contains('.') && is_port(port));
    has_host.then_some(Parts { host, rest })
}

/// The canonical form of a host as written, or `None` if it cannot be a host.
pub(super) fn canonical_name(written: &str) -> Option<Cow<'_, str>> {
    let name = written.trim_end_matches('.');
    if name.is_empty() || name.len() > HOST_LIMIT_BYTES {
        return None;
    }
    if is_plain(name) {
        return Some(Cow::Borrowed(name));
    }
    if let Some(address) = name.strip_prefix('[') {
        let address: Ipv6Addr = address.strip_suffix(']')?.parse().ok()?;
        return Some(Cow::Owned(format!("[{address}]")));
    }
    let decoded = percent_decoded(name)?;
    let mut ascii = match idna::domain_to_ascii_cow(decoded.as_bytes(), AsciiDenyList::EMPTY) {
        Ok(ascii) => ascii.into_owned(),
        // The page was fetched from this host, even if the standard rejects its name.
        Err(_) => decoded.to_lowercase(),
    };
    ascii.truncate(ascii.trim_end_matches('.').len());
    let is_host =
        |c: char| !(c.is_ascii_control() || c.is_whitespace() || "<>\"\\^`{|}/?#@:%[]".contains(c));
    (!ascii.is_empty() && ascii.chars().all(is_host)).then_some(Cow::Owned(ascii))
}

/// Whether a name has only characters of canonical names. Nearly all names do.
pub(super) fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_'))
}

/// Decodes the percent-encoding of a text. `None` if the result is not UTF-8. A `%` without two
/// hexadecimal digits stays, and the caller rejects it.
fn percent_decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let escaped = percent_byte(rest);
        decoded.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &rest[3..] } else { behind };
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

/// The byte that `%XX` at the start of `text` encodes.
pub(super) fn percent_byte(text: &[u8]) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    match *text {
        [b'%', high, low, ..] => Some((digit(high)? * 16 + digit(low)?) as u8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hosts() {
        for (url, expected) in [
            ("https://me:pw@WWW.Example.COM.:8080/a@b?c", "www.example.com"),
            ("example.org/path", "example.org"),
            ("example.org:81/path", "example.org"),
            ("//cdn.example.org", "cdn.example.org"),
            ("http://[2001:DB8:0::1]:80/", "[2001:db8::1]"),
            ("http://Bücher.example/", "xn--bcher-kva.example"),
            ("http://b%C3%BCcher.ex%61mple/", "xn--bcher-kva.example"),
            ("http://example。org/", "example.org"),
            ("http://a_b.example\\c", "a_b.example"),
            ("http://192.0.2.7:80/x", "192.0.2.7"),
            ("http://localhost/x", "localhost"),
        ] {
            assert_eq!(host(url).as_deref(), Some(expected), "{url:?}");
        }
        for none in [
            "",
            "mailto:a@b.example",
            "mailto:b.example",
            "about:blank",
            "http://",
            "/relative/path",
            "http://[::1",
            "http://[word]/",
            "http://a%2Fb.example/",
            "http://a%.example/",
            "http://a b.example/",
        ] {
            assert_eq!(host(none), None, "{none:?}");
        }
    }

    proptest! {
        #[test]
        fn a_canonical_host_is_its_own(url in any::<String>(), name in "[a-zA-Zäß。.%0-9-]{0,20}") {
            for url in [url, format!("http://{name}/")] {
                if let Some(once) = host(&url) {
                    prop_assert_eq!(host(&format!("http://{once}/")), Some(once));
                }
            }
        }
    }
}
