//! Checks URLs against lists of domains, URLs and words.

use super::datatrove::Names;
use super::entry::{NAME_LIMIT_BYTES, url_of_parts, without_www};
use super::fingerprints::Fingerprints;
use super::host::{canonical_name, split};
use super::list_kind::ListKind;
use super::reason::Reason;
use super::suffix::registered_start;
use super::words::WordRules;

/// The maximum number of leading parts of a path that are looked up. It bounds the time for a URL.
const PATH_PARTS_LIMIT: usize = 32;

/// How a URL is compared with the lists.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Dialect {
    /// By meaning. Lists and URLs are first brought into the same canonical form. A listed name
    /// blocks all hosts below it, a listed IP address blocks that host, a listed URL blocks all
    /// paths below it, and words are found in upper and lower case.
    #[default]
    Canonical,
    /// Byte for byte, as datatrove 0.10 does, for filters that must reproduce FineWeb's. Only the
    /// registered domain and the whole host are looked up. IP addresses, and hosts and words in
    /// upper case, are not found. A listed URL must equal the whole URL, including the scheme.
    Datatrove,
}

/// Lists of domains, URLs, words and subwords, built by
/// [`BlockListBuilder`](super::BlockListBuilder).
///
/// Domains and URLs are stored as hashes of nine bytes each. With 5 million of them, the
/// probability that a look-up of an unlisted name blocks it by mistake is 2 × 10^-19.
#[derive(Debug)]
pub struct BlockList {
    pub(super) dialect: Dialect,
    pub(super) domains: Fingerprints,
    pub(super) urls: Fingerprints,
    /// The hosts of the listed URLs, without `www.`. Most URLs have another host, and then `urls`
    /// needs no look-up.
    pub(super) url_hosts: Fingerprints,
    /// The length of the longest listed URL. Longer ones need no look-up.
    pub(super) url_longest_bytes: usize,
    pub(super) words: WordRules,
}

impl BlockList {
    /// The first reason to block a URL, or `None`.
    ///
    /// If the text is not a URL, only its words are checked.
    pub fn check(&self, url: &str) -> Option<Reason> {
        let listed = match self.dialect {
            Dialect::Canonical => self.check_as_meant(url),
            Dialect::Datatrove => self.check_as_datatrove(url),
        };
        listed.or_else(|| self.words.check(url))
    }

    /// Looks up the host, all domains above it, the URL and all paths above it.
    fn check_as_meant(&self, url: &str) -> Option<Reason> {
        let parts = split(url)?;
        let host = canonical_name(parts.host)?;
        self.check_host(&host).or_else(|| {
            let is_listed_host = self.url_hosts.contains(without_www(&host).as_bytes());
            is_listed_host.then(|| self.check_url(&url_of_parts(&host, parts.rest))).flatten()
        })
    }

    /// Looks up a host in canonical form and all domains above it.
    fn check_host(&self, host: &str) -> Option<Reason> {
        let is_address = host.starts_with('[')
            || host.rsplit('.').next().is_some_and(|label| label.parse::<u8>().is_ok());
        if is_address {
            return self.domains.contains(host.as_bytes()).then_some(Reason::Domain);
        }
        // A host without a registered domain, such as a public suffix, counts as a domain itself.
        let registered_start = registered_start(host).unwrap_or(0);
        let dots = host.rmatch_indices('.').map(|(dot, _)| dot + 1);
        dots.chain([0])
            .take_while(|start| host.len() - start <= NAME_LIMIT_BYTES)
            .find(|&start| self.domains.contains(&host.as_bytes()[start..]))
            .map(|start| if start < registered_start { Reason::Subdomain } else { Reason::Domain })
    }

    /// Looks up a URL in canonical form and all paths above it.
    fn check_url(&self, url: &str) -> Option<Reason> {
        let parts = url.match_indices(['/', '?']).map(|(at, _)| at);
        // The first part, the host alone, is skipped: a listed front page does not block the whole
        // site.
        parts
            .skip(1)
            .take(PATH_PARTS_LIMIT)
            .chain([url.len()])
            .take_while(|&end| end <= self.url_longest_bytes)
            .any(|end| self.urls.contains(&url.as_bytes()[..end]))
            .then_some(Reason::Url)
    }

    /// Looks up the registered domain, the host and the URL exactly as written.
    fn check_as_datatrove(&self, url: &str) -> Option<Reason> {
        if let Some(names) = Names::of(url) {
            if self.domains.contains(names.registered_domain().as_bytes()) {
                return Some(Reason::Domain);
            }
            if self.domains.contains(names.fqdn().as_bytes()) {
                return Some(Reason::Subdomain);
            }
        }
        self.urls.contains(url.as_bytes()).then_some(Reason::Url)
    }

    /// The number of different entries of a kind.
    pub fn len(&self, kind: ListKind) -> usize {
        let [banned, soft, subwords] = self.words.counts();
        match kind {
            ListKind::Domains => self.domains.len(),
            ListKind::Urls => self.urls.len(),
            ListKind::BannedWords => banned,
            ListKind::SoftWords => soft,
            ListKind::Subwords => subwords,
        }
    }

    /// The size of the domains and URLs in memory, in bytes. The words, which are small in
    /// comparison, are not included.
    pub fn memory_bytes(&self) -> usize {
        [&self.domains, &self.urls, &self.url_hosts].map(Fingerprints::memory_bytes).iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{BlockListBuilder, LineCounts};
    use super::*;

    /// Builds a block list from lines and their kinds.
    fn list(dialect: Dialect, lines: &[(ListKind, &str)]) -> BlockList {
        let mut builder = BlockListBuilder::new(dialect);
        lines.iter().for_each(|(kind, line)| builder.add_line(*kind, line.as_bytes()));
        builder.build()
    }

    fn check(list: &BlockList, url: &str) -> Option<&'static str> {
        list.check(url).map(Reason::as_str)
    }

    const LINES: &[(ListKind, &str)] = &[
        (ListKind::Domains, "bad.example.com"),
        (ListKind::Domains, "worse.com"),
        (ListKind::Domains, "192.0.2.7"),
        (ListKind::Domains, "xxx"),
        (ListKind::Urls, "www.example.com/page/"),
        (ListKind::Urls, "http://example.org/a"),
        (ListKind::Urls, "example.net/"),
        (ListKind::BannedWords, "banned"),
        (ListKind::SoftWords, "soft"),
        (ListKind::SoftWords, "soggy"),
        (ListKind::Subwords, "sub word"),
    ];

    #[test]
    fn reasons_of_both_dialects() {
        let (canonical, datatrove) =
            (list(Dialect::Canonical, LINES), list(Dialect::Datatrove, LINES));
        for (url, meant, as_datatrove) in [
            ("http://worse.com/soft-soggy", Some("domain"), Some("domain")),
            ("https://a.b.worse.com:8080", Some("domain"), Some("domain")),
            ("http://me@worse.com./", Some("domain"), Some("domain")),
            ("http://bad.example.com/", Some("subdomain"), Some("subdomain")),
            ("http://www.bad.example.com/", Some("subdomain"), None),
            ("http://notbad.example.com/", None, None),
            ("HTTP://WORSE.COM/", Some("domain"), None),
            ("http://192.0.2.7/", Some("domain"), None),
            ("http://7/", None, None),
            ("http://some.xxx/", Some("domain"), None),
            ("http://xxx.example.com/", None, None),
            ("http://example.org/a", Some("url"), Some("url")),
            ("https://example.org/A/b?c", Some("url"), None),
            ("http://example.org/ab", None, None),
            ("http://example.com/page?x#y", Some("url"), None),
            ("http://example.net", Some("url"), None),
            ("http://example.net/other", None, None),
            (
                "http://a.example/some-banned-thing",
                Some("hard_blacklisted"),
                Some("hard_blacklisted"),
            ),
            ("http://a.example/Banned", Some("hard_blacklisted"), None),
            ("http://a.example/soft/soggy", Some("soft_blacklisted"), Some("soft_blacklisted")),
            ("http://a.example/soft/soft", None, None),
            (
                "http://a.example/aSub-Words",
                Some("blacklisted_subword"),
                Some("blacklisted_subword"),
            ),
            ("", None, None),
        ] {
            assert_eq!(check(&canonical, url), meant, "canonical {url:?}");
            assert_eq!(check(&datatrove, url), as_datatrove, "datatrove {url:?}");
        }
    }

    #[test]
    fn lists_are_read_with_tolerance() {
        let mut builder = BlockListBuilder::new(Dialect::Canonical);
        let file = b"\xef\xbb\xbf# a list\r\n\r\nworse.com\r\n0.0.0.0 a.com b.com\n\
            ! x\n\xff\nno/domain\nlast.com";
        builder.add_reader(ListKind::Domains, file.as_slice()).unwrap();
        let counts = LineCounts { entries: 4, skipped: 3, unusable: 2 };
        assert_eq!(builder.counts(ListKind::Domains), counts);
        let long = [vec![b'x'; 1 << 18], b"\nafter.com".to_vec()].concat();
        builder.add_reader(ListKind::Domains, long.as_slice()).unwrap();
        let counts = LineCounts { entries: 5, skipped: 3, unusable: 3 };
        assert_eq!(builder.counts(ListKind::Domains), counts);
        for line in ["banned", "#soggy", "é"] {
            builder.add_line(ListKind::BannedWords, line.as_bytes());
        }
        let list = builder.build();
        assert_eq!(list.len(ListKind::Domains), 5);
        for blocked in
            ["worse.com", "http://b.com/", "x.after.com", "last.com", "http://c.com/banned"]
        {
            assert!(list.check(blocked).is_some(), "{blocked}");
        }
        assert_eq!(list.check("http://c.com/soggy"), None);
    }

    proptest! {
        #[test]
        fn any_list_and_url_are_read(
            lines in prop::collection::vec(
                prop_oneof![
                    any::<Vec<u8>>(),
                    "[a-z./:é%#?\\[]{0,20}".prop_map(String::into_bytes),
                ],
                0..20,
            ),
            url in prop_oneof![any::<String>(), "(http://)?[a-z./:é%#?\\[@]{0,30}"],
        ) {
            for dialect in [Dialect::Canonical, Dialect::Datatrove] {
                let mut builder = BlockListBuilder::new(dialect);
                for kind in ListKind::ALL {
                    lines.iter().for_each(|line| builder.add_line(kind, line));
                }
                let _ = builder.build().check(&url);
            }
        }

        #[test]
        fn order_and_duplicates_of_lines_do_not_matter(
            picks in prop::collection::vec(0..LINES.len(), 0..20),
            url in "http://(www\\.|bad\\.)?(worse|example)\\.(com|xxx)/(page|banned|soft-soggy|x)",
        ) {
            let lines: Vec<(ListKind, &str)> = picks.iter().map(|&pick| LINES[pick]).collect();
            let mut sorted: Vec<usize> = picks.clone();
            sorted.sort_unstable();
            sorted.dedup();
            let sorted: Vec<_> = sorted.into_iter().map(|pick| LINES[pick]).collect();
            for dialect in [Dialect::Canonical, Dialect::Datatrove] {
                let (one, other) = (list(dialect, &lines), list(dialect, &sorted));
                prop_assert_eq!(one.check(&url), other.check(&url));
            }
        }

        /// In the canonical dialect the host or a domain above it must be listed; in datatrove's,
        /// the registered domain or the host.
        #[test]
        fn a_listed_name_blocks_what_its_rule_says(
            labels in prop::collection::vec("[a-z]{1,2}", 1..5),
            listed in 0_usize..6,
            other in "[a-z]{1,2}\\.com",
        ) {
            let host = format!("{}.com", labels.join("."));
            let dots = host.match_indices('.').map(|(dot, _)| dot + 1);
            let starts = [0].into_iter().chain(dots);
            let names: Vec<&str> = starts.map(|start| &host[start..]).collect();
            let entry = names.get(listed).copied().unwrap_or(&other);
            let lines = [(ListKind::Domains, entry)];
            let is_above = names.contains(&entry);
            let is_looked_up = entry == host || entry == names[names.len() - 2];
            let url = format!("http://{host}/");
            prop_assert_eq!(list(Dialect::Canonical, &lines).check(&url).is_some(), is_above);
            prop_assert_eq!(list(Dialect::Datatrove, &lines).check(&url).is_some(), is_looked_up);
        }
    }
}
