//! Finds URLs (RFC 3986): those with a password before the host and, on request, all URLs.

use super::email::MAX_DOMAIN_BYTES;
use super::{Kind, Span};

/// The distance in bytes within which the scheme of a URL must precede the at sign.
const MAX_USERINFO_BYTES: usize = 256;

/// The maximum length of a URL.
const MAX_URL_BYTES: usize = 2048;

/// Placeholders for passwords in manuals.
const PLACEHOLDERS: [&str; 10] =
    ["password", "passwd", "pass", "pwd", "pw", "secret", "x", "xxx", "token", "yourpassword"];

/// Generic top-level domains. Two words joined by a dot are a domain name only if the second word
/// is one of these. Some states also use them as second-level domains.
const TOP_LEVELS: [&str; 9] = ["com", "org", "net", "edu", "gov", "mil", "int", "info", "biz"];

/// The role of an at sign in a URL.
pub(super) enum Userinfo {
    /// The at sign is not part of a URL.
    None,
    /// The at sign ends the user name of a URL without a password.
    Name,
    /// The at sign ends the password of a URL.
    Password(Span),
}

/// The role of the at sign at an offset. The URL must not start before `floor`.
pub(super) fn userinfo_before(text: &str, at: usize, floor: usize) -> Userinfo {
    let from = text.ceil_char_boundary(floor.max(at.saturating_sub(MAX_USERINFO_BYTES)));
    let head = &text[from..at];
    let head = head.rsplit_once(is_delimiter).map_or(head, |(_, head)| head);
    let Some((scheme, userinfo)) = head.split_once("://") else { return Userinfo::None };
    if userinfo.contains(['/', '?', '#']) {
        return Userinfo::None;
    }
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let scheme = &scheme[scheme.trim_end_matches(letters).len()..];
    let start = at - userinfo.len() - "://".len() - scheme.len();
    let end = url_end(text, at);
    let password = userinfo.split_once(':').map_or("", |(_, password)| password);
    let is_host = text[at + 1..end].starts_with(|c: char| c.is_alphanumeric() || c == '[');
    let is_placeholder = password.starts_with(['$', '{', '%', '*', '.'])
        || PLACEHOLDERS.iter().any(|word| password.eq_ignore_ascii_case(word));
    if password.is_empty() || scheme.is_empty() || !is_host {
        return Userinfo::Name;
    }
    let confidence = if is_placeholder { 0.3 } else { 0.9 };
    Userinfo::Password(Span { start, end, kind: Kind::UrlCredentials, confidence })
}

/// All URLs and domain names of a text, in order.
pub(super) fn all(text: &str) -> Vec<Span> {
    let bytes = text.as_bytes();
    let mut spans = Vec::new();
    let mut floor = 0;
    for mark in memchr::memchr2_iter(b':', b'.', bytes) {
        if mark < floor {
            continue;
        }
        let found = if bytes[mark] == b':' {
            with_scheme(text, mark, floor)
        } else {
            domain(text, mark, floor)
        };
        if let Some(span) = found {
            floor = span.end;
            spans.push(span);
        }
    }
    spans
}

/// The URL whose scheme ends at the colon at an offset. It must not start before `floor`.
fn with_scheme(text: &str, colon: usize, floor: usize) -> Option<Span> {
    let rest = text[colon..].strip_prefix("://")?;
    let head = &text[floor..colon];
    let scheme = head.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let start = floor + scheme.len();
    let end = url_end(text, colon + "://".len());
    let is_host = rest.starts_with(|c: char| c.is_alphanumeric() || c == '[');
    let is_scheme = text[start..].starts_with(|c: char| c.is_ascii_alphabetic());
    (is_host && is_scheme && end > colon + 3).then_some(Span {
        start,
        end,
        kind: Kind::Url,
        confidence: 0.95,
    })
}

/// The domain name whose first dot is at an offset, including a port, path or query after it. It
/// must not start before `floor`.
fn domain(text: &str, dot: usize, floor: usize) -> Option<Span> {
    let is_label = |c: char| c.is_alphanumeric() || c == '-';
    let head = &text[floor..dot];
    let start = floor + head.trim_end_matches(is_label).len();
    let tail = &text[dot..text.floor_char_boundary((dot + MAX_DOMAIN_BYTES).min(text.len()))];
    let length = tail.find(|c| !is_label(c) && c != '.').unwrap_or(tail.len());
    let host = text[start..dot + length].trim_end_matches(['.', '-']);
    let labels: Vec<&str> = host.split('.').collect();
    let [.., second, last] = labels[..] else { return None };
    let is_generic = |label: &str| TOP_LEVELS.iter().any(|top| label.eq_ignore_ascii_case(top));
    let is_state = last.len() == 2 && last.chars().all(|c| c.is_ascii_alphabetic());
    let is_second = is_generic(second) || ["co", "ac", "or", "ne", "go"].contains(&second);
    let is_domain = labels.iter().all(|label| !label.is_empty())
        && (is_generic(last)
            || (is_state && labels.len() >= 3 && is_second)
            || (labels.len() >= 3 && labels[0].eq_ignore_ascii_case("www") && last.len() >= 2));
    let is_part = text[..start].ends_with(['@', '/', '.', '_', '\\', '$'])
        || text[start + host.len()..].starts_with(['@', '(', '_']);
    let mut end = start + host.len();
    if text[end..].starts_with(['/', ':', '?']) {
        end = url_end(text, end).max(end);
    }
    (is_domain && !is_part && start < dot).then_some(Span {
        start,
        end,
        kind: Kind::Url,
        confidence: 0.7,
    })
}

/// The offset of the end of a URL that continues at an offset. The punctuation of the sentence
/// around it is excluded.
fn url_end(text: &str, from: usize) -> usize {
    let latest = text.floor_char_boundary((from + MAX_URL_BYTES).min(text.len()));
    let rest = &text[from..latest];
    let rest = &rest[..rest.find(is_delimiter).unwrap_or(rest.len())];
    let is_closing = |c: char| ".,;:!?)]}*_~".contains(c);
    let trimmed = rest.trim_end_matches(is_closing);
    // A closing bracket is part of the URL if the URL contains the opening one.
    let open = |bracket: char, closing: char| {
        trimmed.contains(bracket)
            && rest[trimmed.len()..].starts_with(closing)
            && !trimmed.contains(closing)
    };
    from + trimmed.len() + usize::from(open('(', ')') || open('[', ']'))
}

/// Whether a character ends a URL in prose.
fn is_delimiter(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '<' | '>' | '"' | '\'' | '`' | '|' | '\\' | '^' | '“' | '”' | '«' | '»')
}
