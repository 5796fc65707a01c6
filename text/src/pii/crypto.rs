//! Finds addresses of cryptocurrencies whose checksum can be verified.

use sha2::{Digest, Sha256};
use sha3::Keccak256;

use super::{Kind, Span};

/// The characters of Base58, which omits those that look alike: 0, O, I and l.
const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// The characters of Bech32 (BIP 173).
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// The size of a Base58Check address in bytes: version, hash of the key and checksum.
const ADDRESS_BYTES: usize = 25;

/// The span of a run of letters and digits that starts at `start`, if it is an address.
pub(super) fn of_token(token: &str, start: usize) -> Option<Span> {
    let bytes = token.as_bytes();
    let confidence = match bytes {
        [b'0', b'x', address @ ..] if address.len() == 40 => ethereum(address)?,
        [b'1' | b'3' | b'L' | b'M' | b'D' | b'T', ..] if (25..=35).contains(&bytes.len()) => {
            base58_check(bytes)?
        }
        _ => bech32(bytes)?,
    };
    Some(Span { start, end: start + token.len(), kind: Kind::CryptoAddress, confidence })
}

/// The confidence of an address of Bitcoin or a related currency. Its last four bytes must be the
/// first bytes of the hash of the hash of the others.
fn base58_check(token: &[u8]) -> Option<f32> {
    let mut bytes = [0_u8; ADDRESS_BYTES];
    for character in token {
        let mut carry = BASE58.iter().position(|other| other == character)?;
        for byte in bytes.iter_mut().rev() {
            carry += usize::from(*byte) * 58;
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return None;
        }
    }
    let (body, checksum) = bytes.split_at(ADDRESS_BYTES - 4);
    let hash = Sha256::digest(Sha256::digest(body));
    (hash[..4] == *checksum).then_some(0.99)
}

/// The confidence of a segregated witness address: BIP 173 (bech32) or BIP 350 (bech32m).
fn bech32(token: &[u8]) -> Option<f32> {
    let lower = token.to_ascii_lowercase();
    if lower != token && token.iter().any(u8::is_ascii_lowercase) {
        return None;
    }
    let prefix =
        ["bc1", "ltc1", "tb1"].iter().find(|prefix| lower.starts_with(prefix.as_bytes()))?;
    if !(14..=90).contains(&lower.len()) {
        return None;
    }
    let human = &lower[..prefix.len() - 1];
    let mut values: Vec<u8> = human.iter().map(|byte| byte >> 5).collect();
    values.push(0);
    values.extend(human.iter().map(|byte| byte & 31));
    for character in &lower[prefix.len()..] {
        values.push(BECH32.iter().position(|other| other == character)? as u8);
    }
    let polymod = values.iter().fold(1_u32, |sum, value| {
        let top = sum >> 25;
        let generators = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
        let sum = ((sum & 0x01ff_ffff) << 5) ^ u32::from(*value);
        (0..5).filter(|bit| top >> bit & 1 == 1).fold(sum, |sum, bit| sum ^ generators[bit])
    });
    matches!(polymod, 1 | 0x2bc8_30a3).then_some(0.99)
}

/// The confidence of an Ethereum address: forty hexadecimal digits. In mixed case, the case of the
/// letters is a checksum (EIP-55).
fn ethereum(address: &[u8]) -> Option<f32> {
    if !address.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let has = |test: fn(&u8) -> bool| address.iter().any(test);
    let lower = address.to_ascii_lowercase();
    if !(has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase)) {
        // Constants in programs have few different digits; addresses, which are hashes, have many.
        let kinds = (b'0'..=b'f').filter(|byte| lower.contains(byte)).count();
        return (kinds >= 10).then_some(0.6);
    }
    let hash = Keccak256::digest(&lower);
    let is_checked = address.iter().enumerate().all(|(place, byte)| {
        let nibble = hash[place / 2] >> (if place % 2 == 0 { 4 } else { 0 }) & 15;
        !byte.is_ascii_alphabetic() || byte.is_ascii_uppercase() == (nibble >= 8)
    });
    is_checked.then_some(0.99)
}
