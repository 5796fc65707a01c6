//! The reasons for which a block list blocks a URL.

/// Why a URL is blocked. The variants are in the order in which the rules are applied, and have the
/// names that datatrove's `URLFilter` gives them.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Reason {
    /// Its registered domain is listed.
    Domain,
    /// Its host is listed.
    Subdomain,
    /// The URL itself is listed.
    Url,
    /// It contains a banned word.
    HardBlacklisted,
    /// It contains at least the minimum number of soft words.
    SoftBlacklisted,
    /// Its letters and digits, joined together, contain a banned subword.
    BlacklistedSubword,
}

impl Reason {
    /// The name that datatrove writes, such as `hard_blacklisted`.
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
