//! Whether lists of domains, addresses and words condemn a URL, and by which of them.

use super::builder::ListKind;
use super::datatrove::Names;
use super::entry::{self, NAME_LIMIT_BYTES};
use super::fingerprints::Fingerprints;
use super::host::canonical_host;
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
            Dialect::Canonical => self.check_host(url).or_else(|| self.check_url(url)),
            Dialect::Datatrove => self.check_as_datatrove(url),
        };
        listed.or_else(|| self.words.check(url))
    }

    /// Looks up the host and all names above it.
    fn check_host(&self, url: &str) -> Option<Reason> {
        if self.domains.len() == 0 {
            return None;
        }
        let host = canonical_host(url)?;
        let is_address = host.starts_with('[')
            || host.rsplit('.').next().is_some_and(|label| label.parse::<u8>().is_ok());
        if is_address {
            return self.domains.contains(host.as_bytes()).then_some(Reason::Domain);
        }
        // Where no domain can be registered, the host itself is as good as one.
        let registered_start = registered_start(&host).unwrap_or(0);
        let dots = host.rmatch_indices('.').map(|(dot, _)| dot + 1);
        dots.chain([0])
            .take_while(|start| host.len() - start <= NAME_LIMIT_BYTES)
            .find(|&start| self.domains.contains(&host.as_bytes()[start..]))
            .map(|start| if start < registered_start { Reason::Subdomain } else { Reason::Domain })
    }

    /// Looks up the URL and all paths above it.
    fn check_url(&self, url: &str) -> Option<Reason> {
        if self.urls.len() == 0 {
            return None;
        }
        let url = entry::url(url)?;
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
        self.domains.memory_bytes() + self.urls.memory_bytes()
    }
}
