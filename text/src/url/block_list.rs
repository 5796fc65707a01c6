//! Whether lists of domains, addresses and words condemn a URL, and by which of them.

use super::builder::ListKind;
use super::datatrove::Names;
use super::entry::{NAME_LIMIT_BYTES, url_of_parts, without_www};
use super::fingerprints::Fingerprints;
use super::host::{canonical_name, split};
use super::suffix::registered_start;
use super::words::WordRules;

/// Leading parts of a path that are looked up at most: an address as deep as this is long already.
const PATH_PARTS_LIMIT: usize = 32;

/// Why a URL is blocked, in the order in which the rules are asked and under the names that
/// datatrove's `URLFilter` gives them.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Reason {
    /// Its registered domain is listed.
    Domain,
    /// Its host is listed.
    Subdomain,
    /// It is listed itself.
    Url,
    /// One of its words is banned.
    HardBlacklisted,
    /// It has as many soft words as it takes.
    SoftBlacklisted,
    /// Its letters and digits, strung together, hold a banned subword.
    BlacklistedSubword,
}

impl Reason {
    /// The name that datatrove writes: `hard_blacklisted`.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Domain => "domain",
            Reason::Subdomain => "subdomain",
            Reason::Url => "url",
            Reason::HardBlacklisted => "hard_blacklisted",
            Reason::SoftBlacklisted => "soft_blacklisted",
            Reason::BlacklistedSubword => "blacklisted_subword",
        }
    }
}

/// How a URL is compared with the lists.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Dialect {
    /// As names and addresses are meant. Lists and URLs are brought into one form first. A listed
    /// name blocks all hosts below it, a listed address blocks that host, a listed URL blocks all
    /// paths below it, and words are found in any case.
    #[default]
    Canonical,
    /// As datatrove 0.10 compares, byte for byte, for a filter that repeats FineWeb's. Of names
    /// only the registered domain and the whole host are looked up; addresses of hosts, hosts in
    /// upper case and words in upper case are not found, and a listed URL must be the whole
    /// address, scheme and all.
    Datatrove,
}

/// Lists of domains, URLs, words and subwords, ready to be asked. Made by
/// [`BlockListBuilder`](super::BlockListBuilder).
///
/// Domains and URLs are kept as hashes, nine bytes each: with 5 million of them, a name that is
/// in no list is blocked by mistake with a probability of 2 × 10^-19 a look-up.
#[derive(Debug)]
pub struct BlockList {
    pub(super) dialect: Dialect,
    pub(super) domains: Fingerprints,
    pub(super) urls: Fingerprints,
    /// The hosts of the URLs listed, without `www.`: few URLs have one, the others are not asked.
    pub(super) url_hosts: Fingerprints,
    /// Length of the longest URL listed: no longer one needs a look-up.
    pub(super) url_longest_bytes: usize,
    pub(super) words: WordRules,
}

impl BlockList {
    /// The first reason to block a URL, or `None`.
    ///
    /// A text that is no URL has no host, but words.
    pub fn check(&self, url: &str) -> Option<Reason> {
        let listed = match self.dialect {
            Dialect::Canonical => self.check_as_meant(url),
            Dialect::Datatrove => self.check_as_datatrove(url),
        };
        listed.or_else(|| self.words.check(url))
    }

    /// Looks up the host, all names above it, the URL and all paths above it.
    fn check_as_meant(&self, url: &str) -> Option<Reason> {
        let parts = split(url)?;
        let host = canonical_name(parts.host)?;
        self.check_host(&host).or_else(|| {
            let is_asked = self.url_hosts.contains(without_www(&host).as_bytes());
            is_asked.then(|| self.check_url(&url_of_parts(&host, parts.rest))).flatten()
        })
    }

    /// Looks up a host in canonical form and all names above it.
    fn check_host(&self, host: &str) -> Option<Reason> {
        let is_address = host.starts_with('[')
            || host.rsplit('.').next().is_some_and(|label| label.parse::<u8>().is_ok());
        if is_address {
            return self.domains.contains(host.as_bytes()).then_some(Reason::Domain);
        }
        // Where no domain can be registered, the host itself is as good as one.
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
        // The first part is the host alone: a listed front page does not block the whole site.
        parts
            .skip(1)
            .take(PATH_PARTS_LIMIT)
            .chain([url.len()])
            .take_while(|&end| end <= self.url_longest_bytes)
            .any(|end| self.urls.contains(&url.as_bytes()[..end]))
            .then_some(Reason::Url)
    }

    /// Looks up the registered domain, the host and the URL as they are written.
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

    /// Number of different entries of a kind.
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

    /// Size of the domains and URLs in memory; the words are small beside them.
    pub fn memory_bytes(&self) -> usize {
        [&self.domains, &self.urls, &self.url_hosts].map(Fingerprints::memory_bytes).iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{BlockListBuilder, LineCounts};
    use super::*;

    /// A list of lines, each with its kind.
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
        let mut builder = BlockListBuilder::new(Dialect::Canonical).soft_words_minimum(1);
        let file = b"\xef\xbb\xbf# a list\r\n\r\nworse.com\r\n0.0.0.0 a.com b.com\n\
            ! x\n\xff\nno/domain\nlast.com";
        builder.add_bytes(ListKind::Domains, file);
        let counts = LineCounts { entries: 4, skipped: 3, unusable: 2 };
        assert_eq!(builder.counts(ListKind::Domains), counts);
        let long = [vec![b'x'; 1 << 18], b"\nafter.com".to_vec()].concat();
        builder.add_reader(ListKind::Domains, long.as_slice()).unwrap();
        let counts = LineCounts { entries: 5, skipped: 3, unusable: 3 };
        assert_eq!(builder.counts(ListKind::Domains), counts);
        builder.add_lines(ListKind::SoftWords, [b"soft".as_slice(), b"#soggy", "é".as_bytes()]);
        let list = builder.build();
        assert_eq!(list.len(ListKind::Domains), 5);
        for blocked in
            ["worse.com", "http://b.com/", "x.after.com", "last.com", "http://c.com/soft"]
        {
            assert!(list.check(blocked).is_some(), "{blocked}");
        }
        assert_eq!(list.check("http://c.com/soggy"), None);
    }

    #[test]
    fn kinds_of_files() {
        for (path, kind) in [
            ("fineweb/domains", Some(ListKind::Domains)),
            ("adult/urls.gz", Some(ListKind::Urls)),
            ("hosts.txt", Some(ListKind::Domains)),
            ("a/banned_words.txt", Some(ListKind::BannedWords)),
            ("a/soft_banned_words.txt", Some(ListKind::SoftWords)),
            ("a/banned_subwords.txt", Some(ListKind::Subwords)),
            ("adult/usage", None),
            ("adult/very_restrictive_expression", None),
            ("domains/README.md", None),
            ("urls.py", None),
            ("", None),
        ] {
            assert_eq!(ListKind::of_path(path), kind, "{path:?}");
        }
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
                    builder.add_lines(kind, lines.iter().map(Vec::as_slice));
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

        /// What is meant: the host or a name above it is listed. Datatrove: the registered domain
        /// or the host.
        #[test]
        fn a_listed_name_blocks_what_its_rule_says(
            labels in prop::collection::vec("[a-z]{1,2}", 1..5),
            listed in 0_usize..6,
            other in "[a-z]{1,2}\\.com",
        ) {
            let host = format!("{}.com", labels.join("."));
            let dots = host.match_indices('.').map(|(dot, _)| dot + 1);
            let names: Vec<&str> = [0].into_iter().chain(dots).map(|start| &host[start..]).collect();
            let entry = names.get(listed).copied().unwrap_or(&other);
            let lines = [(ListKind::Domains, entry)];
            let is_above = names.contains(&entry);
            let is_asked = entry == host || entry == names[names.len() - 2];
            let url = format!("http://{host}/");
            prop_assert_eq!(list(Dialect::Canonical, &lines).check(&url).is_some(), is_above);
            prop_assert_eq!(list(Dialect::Datatrove, &lines).check(&url).is_some(), is_asked);
        }
    }
}
