//! What a piece of personal data is, and sets of such kinds.

use super::national::NationalId;

/// What a piece of personal data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// An IPv4 or IPv6 address, with its prefix length or zone if it has one.
    IpAddress,
    /// The 48-bit hardware address of a network card (EUI-48).
    MacAddress,
    /// A telephone number, with its extension.
    Phone,
    /// The number of a payment card.
    CreditCard,
    /// An international bank account number.
    Iban,
    /// A United States social security number.
    Ssn,
    /// A number that a state gives to a person.
    NationalId(NationalId),
    /// The address of an account of a cryptocurrency.
    CryptoAddress,
    /// A URL with a password in front of its host.
    UrlCredentials,
    /// Any URL or domain name. Only found if asked for: most of them identify nobody.
    Url,
    /// A key or token that lets a program in.
    ApiKey,
    /// A private key in PEM armour.
    PrivateKey,
}

impl Kind {
    /// The kinds that are no national number.
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

    /// The name of the kind in results: `email`, `ip`, `mac`, `phone`, `card`, `iban`, `ssn`,
    /// `national_id`, `crypto`, `url_credentials`, `url`, `api_key` or `private_key`.
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

    /// Which number of which state a `national_id` is, such as `uk_nhs`.
    pub fn scheme(self) -> Option<&'static str> {
        match self {
            Self::NationalId(id) => Some(id.as_str()),
            _ => None,
        }
    }

    /// The kinds of a name: that of [`Kind::as_str`], or of [`Kind::scheme`] for one national
    /// number; empty if there is none.
    pub fn named(name: &str) -> Vec<Self> {
        Self::all().filter(|kind| kind.as_str() == name || kind.scheme() == Some(name)).collect()
    }

    /// What [`mask`](super::mask()) puts in place of a piece of the kind.
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

    fn bit(self) -> u128 {
        let index = match self {
            Self::NationalId(id) => Self::GENERAL.len() + id as usize,
            _ => Self::GENERAL.iter().position(|kind| *kind == self).unwrap_or_default(),
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

    /// Whether a kind is among them.
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & kind.bit() != 0
    }

    /// The set with a kind.
    #[must_use]
    pub fn with(self, kind: Kind) -> Self {
        Self(self.0 | kind.bit())
    }

    /// The set without a kind.
    #[must_use]
    pub fn without(self, kind: Kind) -> Self {
        Self(self.0 & !kind.bit())
    }
}

impl Default for Kinds {
    /// All that identifies somebody or lets somebody in: every kind but [`Kind::Url`].
    fn default() -> Self {
        Self::all().without(Kind::Url)
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::NONE, Self::with)
    }
}
