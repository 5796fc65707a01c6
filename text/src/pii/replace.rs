//! Pseudonyms, which replace pieces of personal data. The same piece and key give the same
//! pseudonym.
//!
//! Pieces are hashed by BLAKE3 in keyed mode (O'Connor et al. 2020), so nobody without the key can
//! find out by trial which number a pseudonym replaces. Pseudonyms cannot be real data: they are in
//! domains, ranges or prefixes that are reserved for examples or have never been assigned. The
//! reserved ranges are small for IPv4 (762 addresses), hardware addresses (256) and telephone
//! numbers (1,000 in the United Kingdom, 80,000 elsewhere), so two pieces may get the same
//! pseudonym there.

use super::Kind;

/// The size of a key in bytes.
pub(super) const KEY_BYTES: usize = 32;

/// The number of telephone numbers that are reserved in each area: 555-0100 to 555-0199.
const FICTIONAL_NUMBERS: u64 = 100;

/// The pseudonym of a piece of personal data.
pub(super) fn pseudonym(kind: Kind, piece: &str, key: &[u8; KEY_BYTES]) -> String {
    let mut hasher = blake3::Hasher::new_keyed(key);
    // The kind is part of the hash, so equal digits of two kinds cannot be linked.
    hasher.update(kind.scheme().unwrap_or(kind.as_str()).as_bytes());
    hasher.update(&[0]);
    hasher.update(canonical(kind, piece).as_bytes());
    let hash = hasher.finalize();
    let words: [u64; 4] = std::array::from_fn(|word| {
        hash.as_bytes()[word * 8..][..8].iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
    });
    of_hash(kind, piece, words)
}

/// The pseudonym for a hash, given as four words.
fn of_hash(kind: Kind, piece: &str, [a, b, c, d]: [u64; 4]) -> String {
    match kind {
        // RFC 2606 reserves example.org.
        Kind::Email => format!("user-{a:016x}@example.org"),
        // RFC 3849 reserves 2001:db8::/32.
        Kind::IpAddress if piece.contains(':') => {
            let group = |place: u32| a >> (16 * place) & 0xffff;
            format!("2001:db8::{:x}:{:x}:{:x}:{:x}", group(3), group(2), group(1), group(0))
        }
        // RFC 5737 reserves these three blocks.
        Kind::IpAddress => {
            let block = ["192.0.2", "198.51.100", "203.0.113"][(a % 3) as usize];
            format!("{block}.{}", 1 + b % 254)
        }
        // RFC 7042 §2.1.2 reserves 00-00-5E-00-53-00 to 00-00-5E-00-53-FF.
        Kind::MacAddress => format!("00:00:5e:00:53:{:02x}", a & 0xff),
        // Ofcom reserves 07700 900000 to 900999 for drama.
        Kind::Phone if piece.starts_with("+44") => format!("+44 7700 900{:03}", a % 1000),
        // ATIS-0300115: 555-01XX is fictional in every area.
        Kind::Phone => {
            let country = if piece.starts_with('+') { "+1-" } else { "" };
            format!("{country}{:03}-555-01{:02}", 200 + a % 800, b % FICTIONAL_NUMBERS)
        }
        // ISO/IEC 7812-1: after a 9 follows a country code, and ISO 3166-1 does not assign 999.
        Kind::CreditCard => with_luhn(&format!("9999{:011}", a % 100_000_000_000)),
        // ISO 3166-1 does not assign XX. The check digits are correct.
        Kind::Iban => iban(&format!("{:018}", a % 1_000_000_000_000_000_000)),
        // The Social Security Administration has never assigned area 000.
        Kind::Ssn => format!("000-{:02}-{:04}", 1 + a % 99, 1 + b % 9999),
        Kind::NationalId(_) => format!("XX{a:016X}"),
        Kind::CryptoAddress => format!("crypto-{a:016x}{b:016x}"),
        Kind::UrlCredentials | Kind::Url => format!("https://example.org/{a:016x}"),
        Kind::ApiKey => format!("key-{a:016x}{b:016x}"),
        Kind::PrivateKey => format!("private-key-{a:016x}{b:016x}{c:016x}{d:016x}"),
    }
}

/// The canonical form of a piece, so that all ways to write it give the same pseudonym: without
/// case in addresses, and without separators in numbers.
fn canonical(kind: Kind, piece: &str) -> String {
    match kind {
        Kind::Email | Kind::IpAddress => piece.to_lowercase(),
        Kind::CryptoAddress
        | Kind::UrlCredentials
        | Kind::Url
        | Kind::ApiKey
        | Kind::PrivateKey => piece.to_owned(),
        _ => {
            let signs = piece.chars().filter(|c| c.is_alphanumeric() || *c == '+');
            signs.flat_map(char::to_lowercase).collect()
        }
    }
}

/// Digits followed by their check digit (ISO/IEC 7812-1).
fn with_luhn(digits: &str) -> String {
    let values: Vec<u8> = digits.bytes().chain([b'0']).map(|byte| byte - b'0').collect();
    let check = (10 - super::national::luhn_sum(&values) % 10) % 10;
    format!("{digits}{check}")
}

/// An account number of the country XX, with the check digits of ISO 7064 MOD 97-10, in which X has
/// the value 33.
fn iban(account: &str) -> String {
    let step = |remainder: u64, byte: u8| (remainder * 10 + u64::from(byte - b'0')) % 97;
    let remainder = account.bytes().chain(*b"333300").fold(0, step);
    format!("XX{:02}{account}", 98 - remainder)
}
