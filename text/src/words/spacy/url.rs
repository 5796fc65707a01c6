//! Recognises URLs, host names and e-mail addresses as spaCy's `URL_MATCH` does.

use crate::words::classes::{Classes, DIGIT, LOWER, WORD};

/// The maximum length of a label of a host name in characters.
const MAX_LABEL: usize = 64;

/// The maximum length of a top-level domain in characters.
const MAX_TOP_LEVEL: usize = 63;

/// Whether a whole text has the form `[scheme://][user@]host[:port][/path]`. The text must not
/// contain white space.
pub(super) fn is_url(text: &str) -> bool {
    if starts_with_host(text) {
        return true;
    }
    let behind_scheme = scheme(text);
    if behind_scheme.is_some_and(starts_with_host) {
        return true;
    }
    // Any non-empty text may precede the sign, including a scheme and other at signs.
    let mut signs = text.char_indices().filter(|(at, c)| *c == '@' && *at > 0);
    signs.any(|(at, _)| starts_with_host(&text[at + 1..]))
}

/// The text after `scheme://`, if it starts with that.
fn scheme(text: &str) -> Option<&str> {
    let classes = Classes::get();
    let is_inside = |c: char| matches!(c, '+' | '-' | '.') || classes.is(c, WORD);
    let rest = text.trim_start_matches(is_inside);
    let name = &text[..text.len() - rest.len()];
    rest.strip_prefix("://").filter(|_| name.chars().nth(1).is_some())
}

/// Whether a text is a host, optionally followed by a port and a path.
fn starts_with_host(text: &str) -> bool {
    is_address(text) || is_name(text)
}

/// Whether a text is a host name of at least two labels, optionally followed by a port and a path.
fn is_name(text: &str) -> bool {
    let classes = Classes::get();
    let mut rest = text;
    let mut labels = 0;
    loop {
        if labels > 0 {
            let behind = rest.trim_start_matches(|c| classes.is(c, LOWER));
            let letters = rest[..rest.len() - behind.len()].chars().take(MAX_TOP_LEVEL + 1).count();
            if (2..=MAX_TOP_LEVEL).contains(&letters) && is_rest_of_url(behind) {
                return true;
            }
        }
        let behind = rest.trim_start_matches(is_inside_label);
        let label = &rest[..rest.len() - behind.len()];
        let Some(next) = behind.strip_prefix('.').filter(|_| is_label(label)) else { return false };
        rest = next;
        labels += 1;
    }
}

/// Whether a run of label characters is a label: it is not too long and has no `_` or `-` at its
/// ends.
fn is_label(label: &str) -> bool {
    let is_edge = |c: Option<char>| c.is_some_and(|c| !matches!(c, '_' | '-'));
    is_edge(label.chars().next())
        && is_edge(label.chars().next_back())
        && label.chars().take(MAX_LABEL + 1).count() <= MAX_LABEL
}

/// Whether a character may occur in a label.
fn is_inside_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '\u{a1}'..='\u{ffff}')
}

/// Whether a text is empty, or a port, a path, a query or a fragment, or a port followed by one of
/// these.
fn is_rest_of_url(text: &str) -> bool {
    let rest = match text.strip_prefix(':') {
        Some(port) => {
            let rest = port.trim_start_matches(is_digit);
            let digits = port[..port.len() - rest.len()].chars().take(6).count();
            if !(2..=5).contains(&digits) {
                return false;
            }
            rest
        }
        None => text,
    };
    rest.is_empty() || rest.starts_with(['/', '?', '#'])
}

/// Whether a character is a digit of any script.
fn is_digit(c: char) -> bool {
    Classes::get().is(c, DIGIT)
}

/// Whether a text is a public IPv4 address, optionally followed by a port and a path.
fn is_address(text: &str) -> bool {
    let mut rest = text;
    let mut parts = [""; 4];
    for (at, part) in parts.iter_mut().enumerate() {
        if at > 0 {
            let Some(behind) = rest.strip_prefix('.') else { return false };
            rest = behind;
        }
        let behind = rest.trim_start_matches(is_digit);
        *part = &rest[..rest.len() - behind.len()];
        rest = behind;
    }
    let [first, second, third, fourth] = parts.map(octet);
    let is_private = matches!(parts[0], "10" | "127")
        || matches!((parts[0], parts[1]), ("169", "254") | ("192", "168"))
        || parts[0] == "172" && is_private_second(parts[1]);
    // The first and the last number must not start with a zero; `octet` checks those of three
    // digits.
    let is_started = |part: &str| matches!(part.as_bytes().first(), Some(b'1'..=b'9'));
    let in_range = |octet: Option<u16>, last: u16| octet.is_some_and(|octet| octet <= last);
    !is_private
        && is_started(parts[0])
        && in_range(first, 223)
        && in_range(second, 255)
        && in_range(third, 255)
        && is_started(parts[3])
        && in_range(fourth, 254)
        && is_rest_of_url(rest)
}

/// Whether a number is 16 to 31, the second number of the private addresses that start with 172.
fn is_private_second(part: &str) -> bool {
    let mut digits = part.chars();
    match (digits.next(), digits.next(), digits.next()) {
        (Some('1'), Some('6'..='9'), None) | (Some('3'), Some('0' | '1'), None) => true,
        (Some('2'), Some(second), None) => is_digit(second),
        _ => false,
    }
}

/// The value of one to three digits; three digits must start with 1 or 2. SpaCy's expression
/// accepts digits of other scripts only where any digit is allowed, so their value does not matter:
/// they count as zero.
fn octet(part: &str) -> Option<u16> {
    let mut value = 0;
    let mut count = 0;
    for digit in part.chars() {
        count += 1;
        if count > 3 {
            return None;
        }
        value = value * 10 + digit.to_digit(10).unwrap_or(0) as u16;
    }
    (count > 0 && (count < 3 || value >= 100)).then_some(value)
}
