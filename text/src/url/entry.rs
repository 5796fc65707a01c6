//! Parses lines of block lists, tolerantly, into the forms that are looked up.

use std::net::IpAddr;

use super::host::{canonical_name, is_plain, percent_byte, split};
use super::suffix::registered_start;

/// The maximum length of a domain name as text (RFC 1035, section 2.3.4).
pub(super) const NAME_LIMIT_BYTES: usize = 253;

/// Calls `add` with each domain of a line, in canonical form, and returns their number.
///
/// A line is a name, a URL without a path, or a line of a hosts file: an address and its names.
/// Leading `www.`, `*.` and `.`, the user, the port, a trailing slash, and a comment after white
/// space and `#` are removed. The result is zero if the line has no domain or cannot be parsed.
pub(super) fn domains(line: &str, mut add: impl FnMut(&str)) -> usize {
    // Nearly all lines of the long lists are already in canonical form.
    if is_plain(line) && !line.starts_with("www.") && !line.ends_with('.') && is_name(line) {
        add(line);
        return 1;
    }
    let uncommented = [" #", "\t#"]
        .iter()
        .fold(line, |line, mark| line.split_once(mark).map_or(line, |(before, _)| before));
    let mut fields = uncommented.split_ascii_whitespace();
    let Some(first) = fields.next() else { return 0 };
    let mut add_field = |field: &str| {
        let name = domain(field);
        name.iter().for_each(|name| add(name));
        usize::from(name.is_some())
    };
    match fields.next() {
        None => add_field(first),
        Some(second) if first.parse::<IpAddr>().is_ok() => {
            std::iter::once(second).chain(fields).map(add_field).sum()
        }
        Some(_) => 0,
    }
}

/// The canonical form of a domain in a list, or `None` if the field is not a domain.
fn domain(field: &str) -> Option<std::borrow::Cow<'_, str>> {
    let field = field.strip_prefix("*.").unwrap_or(field);
    let field = field.strip_prefix('.').unwrap_or(field);
    // A single label, such as a top-level domain, is a valid name in a list although it is not a
    // URL.
    let written = match split(field) {
        Some(parts) if matches!(parts.rest, "" | "/") => parts.host,
        None if !field.contains(['/', ':', '@']) => field,
        _ => return None,
    };
    let written = written.strip_prefix("*.").unwrap_or(written);
    let mut name = canonical_name(written)?;
    let bare = without_www(&name).len();
    if bare < name.len() {
        name = name[name.len() - bare..].to_owned().into();
    }
    is_name(&name).then_some(name)
}

/// Whether a host in canonical form can be a domain name.
fn is_name(host: &str) -> bool {
    (1..=NAME_LIMIT_BYTES).contains(&host.len()) && !host.starts_with('.') && !host.contains("..")
}

/// A host without a leading `www.`. It is kept if it is part of the registered domain (`www.com`).
pub(super) fn without_www(host: &str) -> &str {
    match host.strip_prefix("www.") {
        Some(bare) if registered_start(bare).is_some() => bare,
        _ => host,
    }
}

/// The canonical form of a URL: `example.org/a?b` for `HTTPS://www.example.org:80/A?b#c`. `None` if
/// it has no host.
///
/// The scheme, user, port, `www.`, fragment and trailing slashes are removed. All letters are in
/// lower case. Characters are percent-encoded only if necessary (RFC 3986, section 6.2.2.2).
pub(super) fn url(written: &str) -> Option<String> {
    let parts = split(written)?;
    Some(url_of_parts(&canonical_name(parts.host)?, parts.rest))
}

/// [`url`] for a host in canonical form, and a path, query and fragment as written.
pub(super) fn url_of_parts(host: &str, rest: &str) -> String {
    let host = without_www(host);
    let mut url = String::with_capacity(host.len() + rest.len());
    url.push_str(host);
    let mut rest = rest.split_once('#').map_or(rest, |(before, _)| before).as_bytes();
    if rest.first() == Some(&b'?') {
        url.push('/');
    }
    while let Some((&byte, behind)) = rest.split_first() {
        let escaped = percent_byte(rest);
        let byte = escaped.unwrap_or(byte);
        let is_reserved = !(byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        if byte.is_ascii() && !(escaped.is_some() && is_reserved) {
            url.push(byte.to_ascii_lowercase() as char);
        } else {
            let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
            url.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
        rest = if escaped.is_some() { &rest[3..] } else { behind };
    }
    url.truncate(url.trim_end_matches('/').len());
    url
}

/// The form in which a word of a list is compared: its ASCII letters and digits, in lower case.
pub(super) fn word(line: &str) -> String {
    line.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all_domains(line: &str) -> Vec<String> {
        let mut found = Vec::new();
        let count = domains(line, |name| found.push(name.to_owned()));
        assert_eq!(count, found.len());
        found
    }

    #[test]
    fn lines_that_name_domains() {
        for line in [
            "example.org",
            "  Example.ORG.  ",
            "www.example.org",
            "*.example.org",
            ".example.org",
            "https://www.example.org/",
            "http://me:pw@example.org:8080",
            "0.0.0.0 example.org",
            "127.0.0.1\texample.org # why",
            "::1 example.org",
            "example.org #why",
        ] {
            assert_eq!(all_domains(line), ["example.org"], "{line:?}");
        }
        assert_eq!(all_domains("0.0.0.0 a.example b.example"), ["a.example", "b.example"]);
        assert_eq!(all_domains("Bücher.example"), ["xn--bcher-kva.example"]);
        assert_eq!(all_domains("192.0.2.7"), ["192.0.2.7"]);
        assert_eq!(all_domains("xxx"), ["xxx"]);
        assert_eq!(all_domains("www.com"), ["www.com"]);
        assert_eq!(all_domains("www.co.uk"), ["www.co.uk"]);
        for none in ["", "a b", "example.org/path", "||example.org^", "a..b", "http://", "*."] {
            assert_eq!(all_domains(none), [""; 0], "{none:?}");
        }
    }

    #[test]
    fn urls() {
        for (written, canonical) in [
            ("HTTPS://me@www.Example.org:80/A/b/?C#d", "example.org/a/b/?c"),
            ("example.org/a/", "example.org/a"),
            ("http://example.org", "example.org"),
            ("http://example.org/#top", "example.org"),
            ("http://example.org?q", "example.org/?q"),
            ("http://example.org/%7Eme/%2fx/é%zz", "example.org/~me/%2fx/%c3%a9%zz"),
        ] {
            assert_eq!(url(written).as_deref(), Some(canonical), "{written:?}");
        }
    }

    proptest! {
        #[test]
        fn canonical_forms_do_not_change(
            line in any::<String>(),
            path in "[a-zA-Z/%?#0-9é.~]{0,20}",
        ) {
            for name in all_domains(&line) {
                prop_assert_eq!(all_domains(&name), [name]);
            }
            for written in [line, format!("http://www.example.org/{path}")] {
                if let Some(once) = url(&written) {
                    prop_assert_eq!(url(&format!("http://{once}")), Some(once));
                }
            }
        }
    }
}
