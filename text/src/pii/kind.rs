//! Kinds of personal data, and sets of kinds.

use super::national_id::NationalId;

/// A kind of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// An IPv4 or IPv6 address, including a prefix length.
    IpAddress,
    /// The 48-bit hardware address of a network card (EUI-48).
    MacAddress,
    /// A telephone number, including an extension.
    Phone,
    /// The number of a payment card.
    CreditCard,
    /// An international bank account number.
    Iban,
    /// A United States social security number.
    Ssn,
    /// A number that a state assigns to a person.
    NationalId(NationalId),
    /// The address of an account of a cryptocurrency.
    CryptoAddress,
    /// A URL with a password in front of its host.
    UrlCredentials,
    /// Any URL or domain name. Not found by default, because most of them identify nobody.
    Url,
    /// A key or token that gives a program access.
    ApiKey,
    /// A private key in PEM armour.
    PrivateKey,
}

impl Kind {
    /// The kinds other than national numbers, in the order of their bits; see [`Self::bit`].
    const GENERAL: [Self; 12] = [
        Self::Email,
        Self::IpAddress,
        Self::MacAddress,
        Self::Phone,
        Self::CreditCard,
        Self::Iban,
        Self::Ssn,
        Self::CryptoAddress,
        Self::UrlCredentials,
        Self::Url,
        Self::ApiKey,
        Self::PrivateKey,
    ];

    /// All kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::GENERAL.into_iter().chain(NationalId::ALL.into_iter().map(Self::NationalId))
    }

    /// The name of the kind in results: one of `email`, `ip`, `mac`, `phone`, `card`, `iban`,
    /// `ssn`, `national_id`, `crypto`, `url_credentials`, `url`, `api_key` or `private_key`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::IpAddress => "ip",
            Self::MacAddress => "mac",
            Self::Phone => "phone",
            Self::CreditCard => "card",
            Self::Iban => "iban",
            Self::Ssn => "ssn",
            Self::NationalId(_) => "national_id",
            Self::CryptoAddress => "crypto",
            Self::UrlCredentials => "url_credentials",
            Self::Url => "url",
            Self::ApiKey => "api_key",
            Self::PrivateKey => "private_key",
        }
    }

    /// The kind of number of a `national_id`, such as `uk_nhs`, and otherwise `None`.
    pub fn scheme(self) -> Option<&'static str> {
        match self {
            Self::NationalId(id) => Some(id.as_str()),
            _ => None,
        }
    }

    /// The kinds with a name: all kinds for which it is [`Kind::as_str`] or [`Kind::scheme`]. Empty
    /// if there are none.
    pub fn named(name: &str) -> Vec<Self> {
        Self::all().filter(|kind| kind.as_str() == name || kind.scheme() == Some(name)).collect()
    }

    /// The text with which [`mask`](super::mask()) replaces personal data of the kind.
    pub fn mask(self) -> &'static str {
        match self {
            Self::Email => "<EMAIL>",
            Self::IpAddress => "<IP>",
            Self::MacAddress => "<MAC>",
            Self::Phone => "<PHONE>",
            Self::CreditCard => "<CARD>",
            Self::Iban => "<IBAN>",
            Self::Ssn => "<SSN>",
            Self::NationalId(_) => "<NATIONAL_ID>",
            Self::CryptoAddress => "<CRYPTO>",
            Self::UrlCredentials | Self::Url => "<URL>",
            Self::ApiKey => "<API_KEY>",
            Self::PrivateKey => "<PRIVATE_KEY>",
        }
    }

    /// The bit of the kind in [`Kinds`].
    fn bit(self) -> u128 {
        let index = match self {
            Self::Email => 0,
            Self::IpAddress => 1,
            Self::MacAddress => 2,
            Self::Phone => 3,
            Self::CreditCard => 4,
            Self::Iban => 5,
            Self::Ssn => 6,
            Self::CryptoAddress => 7,
            Self::UrlCredentials => 8,
            Self::Url => 9,
            Self::ApiKey => 10,
            Self::PrivateKey => 11,
            Self::NationalId(id) => Self::GENERAL.len() + id as usize,
        };
        1 << index
    }
}

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u128);

impl Kinds {
    /// No kind.
    pub const NONE: Self = Self(0);

    /// Every kind.
    pub fn all() -> Self {
        Kind::all().collect()
    }

    /// Whether the set contains a kind.
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & kind.bit() != 0
    }

    /// The set with a kind added.
    #[must_use]
    pub fn with(self, kind: Kind) -> Self {
        Self(self.0 | kind.bit())
    }

    /// The set with a kind removed.
    pub(super) fn without(self, kind: Kind) -> Self {
        Self(self.0 & !kind.bit())
    }
}

impl Default for Kinds {
    /// Everything that identifies a person or gives access: every kind except [`Kind::Url`].
    fn default() -> Self {
        Self::all().without(Kind::Url)
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::NONE, Self::with)
    }
}
