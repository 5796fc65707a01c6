//! Finds IPv4, IPv6 and hardware addresses. An address of a private network identifies nobody, so
//! by default only public IP addresses are found.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::scan::{after, before, has_word_before, is_inside_token_after, is_inside_token_before};
use super::{Kind, Span};

/// The maximum length of an IPv6 address: eight groups of four digits and seven colons, or six
/// groups and an IPv4 address.
const MAX_ADDRESS_BYTES: usize = 45;

/// Words after which four numbers with dots are not an address, but a version, a section number or
/// a telephone number.
const NUMBERING_WORDS: [&str; 12] = [
    "version",
    "release",
    "section",
    "chapter",
    "revision",
    "build",
    "firmware",
    "tel ",
    "phone ",
    "telephone",
    "telefon ",
    "fax ",
];

/// The distance in bytes within which such a word must precede the numbers.
const WORD_REACH_BYTES: usize = 16;

/// Words of which one must precede four numbers that look like a section number, to make them an
/// address.
const ADDRESS_WORDS: [&str; 8] =
    ["ip", "dns", "server", "host", "address", "ping", "gateway", "from"];

/// The length of a hardware address written in pairs: `00:00:5e:00:53:01`.
const MAC_BYTES: usize = 17;

/// The length of a hardware address written in groups of four: `0000.5e00.5301`.
const DOTTED_MAC_BYTES: usize = 14;

/// The IP address whose first digit is at an offset. It must not start before `floor`. An IPv6
/// address may have letters and colons before that digit.
pub(super) fn around(text: &str, digit: usize, floor: usize, only_public: bool) -> Option<Span> {
    ipv6_around(text, digit, floor, only_public).or_else(|| ipv4_at(text, digit, only_public))
}

/// The hardware address around the digit, colon or hyphen at an offset. It must not start before
/// `floor`.
pub(super) fn mac_around(text: &str, trigger: usize, floor: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    // This rejects nearly all hyphens and colons of a text.
    if matches!(bytes[trigger], b'-' | b':') && bytes.get(trigger + 3) != Some(&bytes[trigger]) {
        return None;
    }
    let is_pair_or_four = |start: usize| {
        matches!(bytes.get(start + 2), Some(b':' | b'-')) || bytes.get(start + 4) == Some(&b'.')
    };
    let earliest = floor.max(trigger.saturating_sub(3));
    let start = (earliest..=trigger).find(|start| {
        bytes[*start..trigger].iter().all(u8::is_ascii_hexdigit)
            && is_pair_or_four(*start)
            && !is_inside_token_before(text, ceil(text, *start))
    })?;
    let length = if bytes.get(start + 4) == Some(&b'.') { DOTTED_MAC_BYTES } else { MAC_BYTES };
    let run = bytes.get(start..start + length)?;
    let (group, separator) = if length == MAC_BYTES { (2, run[2]) } else { (4, b'.') };
    let is_address = run.iter().enumerate().all(|(place, byte)| {
        if place % (group + 1) == group { *byte == separator } else { byte.is_ascii_hexdigit() }
    });
    let end = start + length;
    let continues = match bytes.get(end..end + 2) {
        Some([b':' | b'-', next]) => next.is_ascii_hexdigit(),
        Some([b'.', next]) => next.is_ascii_alphanumeric(),
        _ => false,
    };
    let is_part = continues
        || after(text, ceil(text, end)).is_some_and(|c| c.is_alphanumeric() || c == '_')
        || matches!(before(text, start), Some(':' | '.')) && follows_hexadecimal(bytes, start);
    // All zeros mean "no address", and all ones mean every device of a network.
    let hexadecimal = || run.iter().filter(|byte| byte.is_ascii_hexdigit());
    let is_set = hexadecimal().any(|byte| *byte != b'0')
        && hexadecimal().any(|byte| !byte.eq_ignore_ascii_case(&b'f'));
    (is_address && !is_part && is_set).then_some(Span {
        start,
        end,
        kind: Kind::MacAddress,
        confidence: 0.9,
    })
}

/// The first character boundary from an offset on.
fn ceil(text: &str, offset: usize) -> usize {
    text.ceil_char_boundary(offset)
}

/// Whether the separator just before an offset follows a hexadecimal digit.
fn follows_hexadecimal(bytes: &[u8], offset: usize) -> bool {
    offset >= 2 && bytes[offset - 2].is_ascii_hexdigit()
}

/// The length in bytes of a prefix length, such as `/24`, at the start of a slice; 0 if there is
/// none. `bits` is the largest allowed value.
fn prefix_length(bytes: &[u8], bits: u32) -> usize {
    let [b'/', rest @ ..] = bytes else { return 0 };
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let value =
        rest[..count.min(4)].iter().fold(0, |value, byte| value * 10 + u32::from(byte - b'0'));
    let continues =
        rest.get(count).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'/');
    if (1..=3).contains(&count) && value <= bits && !continues { count + 1 } else { 0 }
}

/// The IPv4 address that starts at an offset.
fn ipv4_at(text: &str, start: usize, only_public: bool) -> Option<Span> {
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
        || (is_inside_token_after(text, end)
            && !matches!(bytes.get(end), Some(b':' | b'/' | b'%')));
    if is_part || (only_public && !is_public_v4(address)) {
        return None;
    }
    let says_version = has_word_before(text, start, WORD_REACH_BYTES, &NUMBERING_WORDS);
    let prefix = prefix_length(&bytes[end..], 32);
    let is_short = is_like_a_section(address)
        && is_public_v4(address)
        && !is_network(address, &text[end..end + prefix]);
    let says_address = || has_word_before(text, start, WORD_REACH_BYTES, &ADDRESS_WORDS);
    if says_version || (is_short && !says_address()) {
        return None;
    }
    Some(Span {
        start,
        end: end + prefix,
        kind: Kind::IpAddress,
        confidence: if is_short { 0.6 } else { 0.9 },
    })
}

/// Whether an address could also be the number of a section in a manual: `6.34.2.1`.
fn is_like_a_section(address: Ipv4Addr) -> bool {
    let octets = address.octets();
    octets.iter().all(|octet| *octet < 100)
        && octets.iter().filter(|octet| **octet < 10).count() >= 2
}

/// Whether an address and its prefix length, such as `/24`, denote a network: all bits after the
/// prefix are zero. This is not so for a paragraph of a section, such as `6.7.5.3/9`.
fn is_network(address: Ipv4Addr, prefix: &str) -> bool {
    // Without a prefix length, `prefix` is empty.
    let bits = prefix.strip_prefix('/').and_then(|bits| bits.parse().ok());
    // No bits are left after a prefix of 32.
    bits.is_some_and(|bits: u32| address.to_bits().checked_shl(bits).unwrap_or(0) == 0)
}

/// The IPv6 address that is the maximal run of hexadecimal digits, colons and dots around a digit.
fn ipv6_around(text: &str, digit: usize, floor: usize, only_public: bool) -> Option<Span> {
    let bytes = text.as_bytes();
    let is_address = |byte: &&u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let hexadecimal =
        |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    // The digit must be in a group of at most four digits that has a colon at one end.
    let next = digit + hexadecimal(&bytes[digit..(digit + 5).min(bytes.len())]);
    let head = &bytes[floor.max(digit.saturating_sub(5))..digit];
    let colon = head.iter().rev().find(|byte| !byte.is_ascii_hexdigit());
    if bytes.get(next) != Some(&b':') && colon != Some(&b':') {
        return None;
    }
    let reach = &bytes[floor.max(digit.saturating_sub(MAX_ADDRESS_BYTES))..digit];
    let start = digit - reach.iter().rev().take_while(is_address).count();
    let behind = bytes[digit..].iter().take(MAX_ADDRESS_BYTES).take_while(is_address).count();
    let run = text[start..digit + behind].trim_end_matches('.');
    let run = if run.ends_with("::") { run } else { run.trim_end_matches(':') };
    if run.len() < 7 || run.bytes().filter(|byte| *byte == b':').count() < 2 {
        return None;
    }
    let address: Ipv6Addr = run.parse().ok()?;
    let end = start + run.len();
    // By its grammar, `a::b` in a program is an address. Addresses in use are in 2000::/3, are
    // written in full, are local, or contain an IPv4 address.
    let is_local = address.is_unicast_link_local() || address.is_unique_local();
    let is_in_use = address.segments()[0] >> 13 == 1
        || (!run.contains("::") && run.split(':').any(|group| group.len() > 2))
        || (!only_public && (is_local || run.contains('.')));
    let is_part = is_inside_token_before(text, start) || is_inside_token_after(text, end);
    let is_part = is_part && !matches!(bytes.get(end), Some(b'/' | b'%'));
    let is_wanted = !only_public || is_public_v6(address);
    (end > digit && !is_part && is_in_use && is_wanted).then_some(Span {
        start,
        end: end + prefix_length(&bytes[end..], 128),
        kind: Kind::IpAddress,
        confidence: 0.95,
    })
}

/// Whether an address is public, by the IANA IPv4 Special-Purpose Address Registry (RFC 6890). The
/// exceptions within 192.0.0.0/24 are ignored.
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

/// Whether an address is public, by the IANA IPv6 Special-Purpose Address Registry (RFC 6890).
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
