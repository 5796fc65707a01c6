//! IPv4 and IPv6 addresses that are public: an address of a private network identifies nobody.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::scan::{before, has_word_before, is_inside_token_after, is_inside_token_before};
use super::{Kind, Span};

/// Characters of an IPv6 address at most: eight groups of four and seven colons, or six groups and
/// an IPv4 address.
const MAX_ADDRESS_BYTES: usize = 45;

/// Words that make four numbers with dots a version or the number of a section.
const NUMBERING_WORDS: [&str; 7] =
    ["version", "release", "section", "chapter", "revision", "build", "firmware"];

/// Bytes before an address in which such a word counts.
const WORD_REACH_BYTES: usize = 16;

/// Words without which four numbers that look like those of a section are no address.
const ADDRESS_WORDS: [&str; 8] =
    ["ip", "dns", "server", "host", "address", "ping", "gateway", "from"];

/// The address of which the digit at an offset is the first; it starts at `floor` at the earliest.
pub(super) fn around(text: &str, digit: usize, floor: usize) -> Option<Span> {
    ipv6_around(text, digit, floor).or_else(|| ipv4_at(text, digit))
}

fn ipv4_at(text: &str, start: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    if bytes.get(start + 1..start + 4).is_none_or(|head| !head.contains(&b'.')) {
        return None;
    }
    let length =
        text[start..].bytes().take(16).take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    let run = text[start..start + length].trim_end_matches('.');
    let address: Ipv4Addr = run.parse().ok()?;
    let end = start + run.len();
    let is_part = is_inside_token_before(text, start)
        || before(text, start) == Some('.')
        || (is_inside_token_after(text, end) && !matches!(bytes.get(end), Some(b':' | b'/')));
    if is_part || !is_public_v4(address) {
        return None;
    }
    let says_version = has_word_before(text, start, WORD_REACH_BYTES, &NUMBERING_WORDS);
    let is_short = is_like_a_section(address);
    let says_address = || has_word_before(text, start, WORD_REACH_BYTES, &ADDRESS_WORDS);
    if says_version || (is_short && !says_address()) {
        return None;
    }
    Some(Span { start, end, kind: Kind::IpAddress, confidence: if is_short { 0.6 } else { 0.9 } })
}

/// Whether an address could as well number a section of a manual: `6.34.2.1`.
fn is_like_a_section(address: Ipv4Addr) -> bool {
    let octets = address.octets();
    octets.iter().all(|octet| *octet < 100)
        && octets.iter().filter(|octet| **octet < 10).count() >= 2
}

/// The maximal run of hexadecimal digits, colons and dots around a digit, if it is an address.
fn ipv6_around(text: &str, digit: usize, floor: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let is_address = |byte: &&u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let reach = &bytes[floor.max(digit.saturating_sub(MAX_ADDRESS_BYTES))..digit];
    let start = digit - reach.iter().rev().take_while(is_address).count();
    let behind = bytes[digit..].iter().take(MAX_ADDRESS_BYTES).take_while(is_address).count();
    let run = text[start..digit + behind].trim_end_matches(['.', ':']);
    if run.len() < 8 || run.bytes().filter(|byte| *byte == b':').count() < 2 {
        return None;
    }
    let address: Ipv6Addr = run.parse().ok()?;
    let end = start + run.len();
    // `a::b` of a program is an address by its grammar; those in use start with 2000::/3.
    let is_in_use = address.segments()[0] >> 13 == 1 || !run.contains("::");
    let is_part = is_inside_token_before(text, start) || is_inside_token_after(text, end);
    let is_part = is_part && !matches!(bytes.get(end), Some(b'/' | b'%'));
    (end > digit && !is_part && is_in_use && is_public_v6(address)).then_some(Span {
        start,
        end,
        kind: Kind::IpAddress,
        confidence: 0.95,
    })
}

/// IANA IPv4 Special-Purpose Address Registry (RFC 6890), without 192.0.0.0/24's exceptions.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_shared = a == 100 && b & 0xc0 == 64;
    let is_benchmark = a == 198 && b & 0xfe == 18;
    let is_protocol = a == 192 && b == 0 && c == 0;
    !(a == 0
        || a >= 224
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || is_shared
        || is_benchmark
        || is_protocol)
}

/// IANA IPv6 Special-Purpose Address Registry (RFC 6890).
fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = address.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    let [first, second, ..] = address.segments();
    !(address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        || (first == 0x2001 && (second == 0x0db8 || second < 0x0200))
        || (first == 0x3fff && second < 0x1000))
}
