//! Pseudonyms: what stands for a piece of personal data, the same for the same piece and key.
//!
//! The hash is BLAKE3 in keyed mode (O'Connor et al. 2020): without the key nobody can tell whether
//! a pseudonym is that of a number he tries. A pseudonym lies where no real one can: in a domain,
//! range or prefix that is reserved for examples or has never been given out. Reserved ranges are
//! small for IPv4 (762), hardware addresses (256) and telephone numbers (1,000 in the United
//! Kingdom, 80,000 else), so that there two pieces may get the same pseudonym.

use super::Kind;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// Number in the reserved block of a telephone area: 555-0100 to 555-0199.
const FICTIONAL_NUMBERS: u64 = 100;

/// The pseudonym of a piece of a kind.
pub(super) fn pseudonym(kind: Kind, piece: &str, key: &[u8; KEY_BYTES]) -> String {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(kind.scheme().unwrap_or(kind.as_str()).as_bytes());
    hasher.update(&[0]);
    hasher.update(canonical(kind, piece).as_bytes());
    let hash = hasher.finalize();
    let words: [u64; 4] = std::array::from_fn(|word| {
        hash.as_bytes()[word * 8..][..8].iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
    });
    of_hash(kind, piece, words)
}

fn of_hash(kind: Kind, piece: &str, [a, b, c, d]: [u64; 4]) -> String {
    match kind {
        // RFC 2606: example.org.
        Kind::Email => format!("user-{a:016x}@example.org"),
        // RFC 3849.
        Kind::IpAddress if piece.contains(':') => {
            let group = |place: u32| a >> (16 * place) & 0xffff;
            format!("2001:db8::{:x}:{:x}:{:x}:{:x}", group(3), group(2), group(1), group(0))
        }
        // RFC 5737.
        Kind::IpAddress => {
            let block = ["192.0.2", "198.51.100", "203.0.113"][(a % 3) as usize];
            format!("{block}.{}", 1 + b % 254)
        }
        // RFC 7042 §2.1.2.
        Kind::MacAddress => format!("00:00:5e:00:53:{:02x}", a & 0xff),
        // Ofcom, telephone numbers for drama.
        Kind::Phone if piece.starts_with("+44") => format!("+44 7700 900{:03}", a % 1000),
        // ATIS-0300115: 555-01XX is fictional in every area.
        Kind::Phone => {
            let country = if piece.starts_with('+') { "+1-" } else { "" };
            format!("{country}{:03}-555-01{:02}", 200 + a % 800, b % FICTIONAL_NUMBERS)
        }
        // ISO/IEC 7812-1: 9 and the code of a country; ISO 3166-1 gives 999 to nobody.
        Kind::CreditCard => with_luhn(&format!("9999{:011}", a % 100_000_000_000)),
        // ISO 3166-1 reserves XX; the check digits are right.
        Kind::Iban => iban(&format!("{:018}", a % 1_000_000_000_000_000_000)),
        // The Social Security Administration never gave area 000.
        Kind::Ssn => format!("000-{:02}-{:04}", 1 + a % 99, 1 + b % 9999),
        Kind::NationalId(_) => format!("XX{a:016X}"),
        Kind::CryptoAddress => format!("crypto-{a:016x}{b:016x}"),
        Kind::UrlCredentials | Kind::Url => format!("https://example.org/{a:016x}"),
        Kind::ApiKey => format!("key-{a:016x}{b:016x}"),
        Kind::PrivateKey => format!("private-key-{a:016x}{b:016x}{c:016x}{d:016x}"),
    }
}

/// A piece without what does not tell it from others: the case of an address, the separators of a
/// number.
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

/// Digits with the check digit of ISO/IEC 7812-1 behind them.
fn with_luhn(digits: &str) -> String {
    let values: Vec<u8> = digits.bytes().chain([b'0']).map(|byte| byte - b'0').collect();
    let check = (10 - super::national::luhn_sum(&values) % 10) % 10;
    format!("{digits}{check}")
}

/// An account number of no country, with the check digits of ISO 7064 MOD 97-10. X counts 33.
fn iban(account: &str) -> String {
    let step = |remainder: u64, byte: u8| (remainder * 10 + u64::from(byte - b'0')) % 97;
    let remainder = account.bytes().chain(*b"333300").fold(0, step);
    format!("XX{:02}{account}", 98 - remainder)
}
