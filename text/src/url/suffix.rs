//! The registered domain of a host, according to the public suffix list.
//!
//! The list (publicsuffix.org, compiled into the crate `psl`) has a section of registries, such as
//! `co.uk`, and a section of companies under whose names others run sites, such as `blogspot.com`.
//! Only the first section is used, as in tldextract and therefore in FineWeb's filter: the
//! registered domain of `someone.blogspot.com` is `blogspot.com`.

use psl::{List, Psl, Type};

use super::host::canonical_host;

/// The registered domain of a URL: `example.co.uk` for `http://www.example.co.uk/`. `None` if the
/// URL has no host, or if the host is an IP address, a public suffix, or a name without a suffix of
/// the list (`localhost`).
pub fn registered_domain(url: &str) -> Option<String> {
    let host = canonical_host(url)?;
    registered_start(&host).map(|start| host[start..].to_owned())
}

/// The byte offset of the registered domain in a host. The host must be in lower case.
pub(super) fn registered_start(host: &str) -> Option<usize> {
    let suffix_start = suffix_start(host)?;
    let before = host[..suffix_start].strip_suffix('.')?;
    let start = before.rfind('.').map_or(0, |dot| dot + 1);
    (start < before.len()).then_some(start)
}

/// The byte offset of a host's longest registry suffix.
fn suffix_start(host: &str) -> Option<usize> {
    let mut name = host;
    loop {
        let found = List.find(name.as_bytes().rsplit(|&byte| byte == b'.'));
        let start = name.len().checked_sub(found.len)?;
        match found.typ? {
            Type::Icann => return Some(host.len() - found.len),
            // A company's suffix ends with a shorter suffix of a registry.
            Type::Private => name = name[start..].split_once('.')?.1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn registered_domains() {
        for (url, expected) in [
            ("http://www.Example.co.uk:80/a", Some("example.co.uk")),
            ("http://someone.blogspot.com/", Some("blogspot.com")),
            ("http://a.b.s3.amazonaws.com/", Some("amazonaws.com")),
            ("http://shop.例え.テスト/", None),
            ("http://a.b.рф/", Some("b.xn--p1ai")),
            ("http://a.city.kawasaki.jp/", Some("city.kawasaki.jp")),
            ("http://a.b.c.kawasaki.jp/", Some("b.c.kawasaki.jp")),
            ("http://co.uk/", None),
            ("http://a..com/", None),
            ("http://192.0.2.7/", None),
            ("http://[::1]/", None),
            ("http://localhost/", None),
            ("word", None),
        ] {
            assert_eq!(registered_domain(url).as_deref(), expected, "{url:?}");
        }
    }

    proptest! {
        #[test]
        fn the_registered_domain_ends_the_host(
            url in any::<String>(),
            name in "([a-z.]{0,4}(blogspot|co|kawasaki|s3\\.amazonaws)?\\.)?(com|uk|jp|zz)",
        ) {
            for url in [url, name] {
                if let Some(domain) = registered_domain(&url) {
                    prop_assert!(super::super::host(&url).unwrap().ends_with(&domain));
                    prop_assert_eq!(registered_domain(&domain), Some(domain));
                }
            }
        }
    }
}
