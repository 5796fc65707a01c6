//! The host and registered domain of a URL as datatrove 0.10 finds them, by tldextract 5.
//!
//! Unlike [`host`](super::host()), this does not change the case of the host or encode
//! international names. A URL without a registered domain has no host, so IP addresses and public
//! suffixes are never looked up.

use std::borrow::Cow;

use super::suffix::registered_start;

/// The ideographic dots that tldextract treats as dots.
const IDEOGRAPHIC_DOTS: [char; 3] = ['\u{3002}', '\u{ff0e}', '\u{ff61}'];

/// The registered domain and the whole host of a URL, as written.
pub(super) struct Names<'a> {
    host: Cow<'a, str>,
    registered_start: usize,
}

impl<'a> Names<'a> {
    /// Finds the names in a URL. `None` if it has no registered domain.
    pub(super) fn of(url: &'a str) -> Option<Self> {
        let written = written_host(url);
        let host = if written.is_ascii() {
            Cow::Borrowed(written)
        } else {
            Cow::Owned(written.replace(IDEOGRAPHIC_DOTS, "."))
        };
        let registered_start =
            if host.bytes().any(|byte| !byte.is_ascii() || byte.is_ascii_uppercase()) {
                // The offset is that of the lower case, so it must have the same length.
                let lower = host.to_lowercase();
                registered_start(&lower).filter(|_| lower.len() == host.len())?
            } else {
                registered_start(&host)?
            };
        host.is_char_boundary(registered_start).then_some(Names { host, registered_start })
    }

    /// The registered domain.
    pub(super) fn registered_domain(&self) -> &str {
        &self.host[self.registered_start..]
    }

    /// The whole host, without an empty first label.
    pub(super) fn fqdn(&self) -> &str {
        if self.registered_start == 1 { &self.host[1..] } else { &self.host }
    }
}

/// The host as written, without user, port and trailing dots.
fn written_host(url: &str) -> &str {
    let behind_scheme = match url.find("//") {
        Some(0) => &url[2..],
        Some(at) if is_scheme(&url[..at]) => &url[at + 2..],
        _ => url,
    };
    let authority = before(behind_scheme, ['/', '?', '#']);
    let behind_user = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match behind_user.find(']') {
        Some(end) if behind_user.starts_with('[') => &behind_user[..=end],
        _ => {
            let host = before(behind_user, [':']).trim();
            host.trim_end_matches(|c| c == '.' || IDEOGRAPHIC_DOTS.contains(&c))
        }
    }
}

/// The text before the first of some characters, or all of it.
fn before<const N: usize>(text: &str, characters: [char; N]) -> &str {
    text.split_once(characters).map_or(text, |(before, _)| before)
}

/// Whether a text is a scheme followed by a colon.
fn is_scheme(text: &str) -> bool {
    let is_scheme_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    text.strip_suffix(':')
        .is_some_and(|scheme| !scheme.is_empty() && scheme.bytes().all(is_scheme_byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names() {
        for (url, expected) in [
            ("http://me:pw@WWW.Example.co.uk.:80/a", Some(("Example.co.uk", "WWW.Example.co.uk"))),
            ("http://.example.org/", Some(("example.org", "example.org"))),
            ("http://例え。example.org/", Some(("example.org", "例え.example.org"))),
            ("example.org?q", Some(("example.org", "example.org"))),
            ("a b://example.org", None),
            ("http://192.0.2.7/", None),
            ("http://[::1]/", None),
            ("http://co.uk/", None),
        ] {
            let names = Names::of(url);
            let names = names.as_ref().map(|names| (names.registered_domain(), names.fqdn()));
            assert_eq!(names, expected, "{url:?}");
        }
    }

    proptest! {
        #[test]
        fn any_url_is_read(url in any::<String>()) {
            if let Some(names) = Names::of(&url) {
                prop_assert!(names.fqdn().ends_with(names.registered_domain()));
            }
        }
    }
}
