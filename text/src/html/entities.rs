//! Character references such as `&eacute;` and `&#233;` (HTML Standard §13.2.5.72).

use std::sync::LazyLock;

use entities::ENTITIES;
use memchr::memchr;
use rustc_hash::FxHashMap;

/// Length of the longest name in bytes, with its semicolon but without the ampersand.
const MAX_NAME_BYTES: usize = 32;

/// The characters for each name. Names have no ampersand; they end in a semicolon if it is
/// required.
static NAMES: LazyLock<FxHashMap<&'static [u8], &'static str>> = LazyLock::new(|| {
    ENTITIES.iter().map(|entity| (&entity.entity.as_bytes()[1..], entity.characters)).collect()
});

/// Appends a text after resolving its character references.
pub(super) fn push_decoded(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = memchr(b'&', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let length = match rest.as_bytes().first() {
            Some(b'#') => push_numbered(out, rest.as_bytes()),
            Some(byte) if byte.is_ascii_alphabetic() => push_named(out, rest.as_bytes()),
            _ => None,
        };
        match length {
            Some(length) => rest = &rest[length..],
            None => out.push('&'),
        }
    }
    out.push_str(rest);
}

/// Appends the character of a number such as `#233;`; returns the length of the reference.
fn push_numbered(out: &mut String, bytes: &[u8]) -> Option<usize> {
    let is_hexadecimal = matches!(bytes.get(1), Some(b'x' | b'X'));
    let (start, radix) = if is_hexadecimal { (2, 16) } else { (1, 10) };
    let digits = bytes[start..].iter().map_while(|byte| char::from(*byte).to_digit(radix));
    let (mut count, mut number) = (0, 0_u32);
    for digit in digits {
        number = number.saturating_mul(radix).saturating_add(digit);
        count += 1;
    }
    if count == 0 {
        return None;
    }
    // Some authors write bytes of windows-1252 as numbers (HTML Standard §13.2.5.80).
    let character = match u8::try_from(number) {
        Ok(byte @ 0x80..=0x9F) => {
            let bytes = [byte];
            let (decoded, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&bytes);
            decoded.chars().next()
        }
        Ok(0) => None,
        _ => char::from_u32(number),
    };
    out.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
    let end = start + count;
    Some(end + usize::from(bytes.get(end) == Some(&b';')))
}

/// Appends the characters of a name such as `eacute;`; returns the length of the reference.
fn push_named(out: &mut String, bytes: &[u8]) -> Option<usize> {
    let bytes = &bytes[..bytes.len().min(MAX_NAME_BYTES)];
    let length = bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    if bytes.get(length) == Some(&b';')
        && let Some(characters) = NAMES.get(&bytes[..=length])
    {
        out.push_str(characters);
        return Some(length + 1);
    }
    // Some old names need no semicolon; the longest one that matches counts.
    let (length, characters) =
        (2..=length).rev().find_map(|length| Some((length, NAMES.get(&bytes[..length])?)))?;
    out.push_str(characters);
    Some(length)
}
