//! The members of one JSON object, as slices of its line.
//!
//! serde_json decodes and validates the slices. Slicing first preserves the other fields of a
//! document byte for byte, whatever the size of their numbers, and decodes only what is needed.

use memchr::{memchr, memchr2};

/// Deepest nesting of arrays and objects. It is serde_json's own limit, so that serde_json can
/// parse whatever passes here.
const MAX_DEPTH: usize = 127;

/// Calls `visit` with the raw key, without its quotes, and the raw value of each member of the
/// object in `line`.
///
/// Values are delimited, not validated.
///
/// # Errors
///
/// A description of what is wrong with the object, or the error of `visit`.
pub(crate) fn members<'a, E: From<&'static str>>(
    line: &'a str,
    mut visit: impl FnMut(&'a str, &'a str) -> Result<(), E>,
) -> Result<(), E> {
    let bytes = line.as_bytes();
    let mut at = skip_space(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return Err("not a JSON object".into());
    }
    at = skip_space(bytes, at + 1);
    if bytes.get(at) == Some(&b'}') {
        return only_space_after(bytes, at + 1).map_err(Into::into);
    }
    loop {
        if bytes.get(at) != Some(&b'"') {
            return Err("a key is missing".into());
        }
        let key_end = string_end(bytes, at)?;
        let key = &line[at + 1..key_end - 1];
        at = skip_space(bytes, key_end);
        if bytes.get(at) != Some(&b':') {
            return Err("a colon is missing".into());
        }
        at = skip_space(bytes, at + 1);
        let value_end = value_end(bytes, at)?;
        visit(key, &line[at..value_end])?;
        at = skip_space(bytes, value_end);
        match bytes.get(at) {
            Some(b',') => at = skip_space(bytes, at + 1),
            Some(b'}') => return only_space_after(bytes, at + 1).map_err(Into::into),
            _ => return Err("the object does not end".into()),
        }
    }
}

fn skip_space(bytes: &[u8], at: usize) -> usize {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    at + bytes[at..].iter().take_while(|byte| is_space(byte)).count()
}

fn only_space_after(bytes: &[u8], at: usize) -> Result<(), &'static str> {
    if skip_space(bytes, at) == bytes.len() { Ok(()) } else { Err("text after the object") }
}

/// Offset behind the string whose opening quote is at `at`.
fn string_end(bytes: &[u8], at: usize) -> Result<usize, &'static str> {
    let mut at = at + 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes[at] == b'"' {
            return Ok(at + 1);
        }
        at += 2;
    }
    Err("a string does not end")
}

/// Offset behind the value that starts at `at`.
pub(crate) fn value_end(bytes: &[u8], at: usize) -> Result<usize, &'static str> {
    match bytes.get(at) {
        Some(b'"') => string_end(bytes, at),
        Some(b'{' | b'[') => container_end(bytes, at),
        Some(_) => {
            let rest = &bytes[at..];
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b' ' | b'\t' | b'\r' | b'\n');
            Ok(at + rest.iter().position(ends).unwrap_or(rest.len()))
        }
        None => Err("the object does not end"),
    }
}

fn container_end(bytes: &[u8], mut at: usize) -> Result<usize, &'static str> {
    let mut depth = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at)?;
                continue;
            }
            b'{' | b'[' if depth == MAX_DEPTH => return Err("nested too deeply"),
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 1 => return Ok(at + 1),
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    Err("an array or object does not end")
}

/// `line` with each escape of a lone surrogate (such as `\ud800`) replaced by that of U+FFFD, or
/// `None` if it has none. Lone surrogates have no meaning (RFC 8259, 8.2) and serde_json rejects
/// them, but Python and JavaScript write them.
pub(crate) fn repair_surrogates(line: &str) -> Option<String> {
    let bytes = line.as_bytes();
    let mut repaired: Option<String> = None;
    let (mut at, mut copied) = (0, 0);
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr(b'\\', rest)) {
        at += found;
        let escape_bytes = match escaped_unit(bytes, at) {
            None => 2,
            // A pair of surrogates is one character.
            Some(0xD800..0xDC00) if matches!(escaped_unit(bytes, at + 6), Some(0xDC00..0xE000)) => {
                12
            }
            Some(0xD800..0xE000) => {
                let repaired = repaired.get_or_insert_default();
                repaired.push_str(&line[copied..at]);
                repaired.push_str("\\ufffd");
                copied = at + 6;
                6
            }
            Some(_) => 6,
        };
        at += escape_bytes;
    }
    let mut repaired = repaired?;
    repaired.push_str(&line[copied..]);
    Some(repaired)
}

/// The UTF-16 unit of the escape `\uXXXX` at `at`, if there is one.
fn escaped_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let escape: &[u8; 6] = bytes.get(at..)?.first_chunk()?;
    if !escape.starts_with(b"\\u") || !escape[2..].iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(&escape[2..]).ok()?, 16).ok()
}
