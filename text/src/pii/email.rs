//! Finds e-mail addresses: RFC 5321 §4.1.2 without quoted local parts and address literals, but
//! with the non-ASCII letters of RFC 6531.

use super::scan::run_end;
use super::{Kind, Span};

/// The maximum length of a local part (RFC 5321 §4.5.3.1).
pub(super) const MAX_LOCAL_BYTES: usize = 64;

/// The maximum length of a domain as text (RFC 1035 §2.3.4).
pub(super) const MAX_DOMAIN_BYTES: usize = 253;

/// Last labels that are not top-level domains, but the extensions of files, as in `icon@2x.png`, or
/// of systemd units, as in `user@1000.service`.
const FILE_ENDINGS: [&str; 20] = [
    "css", "device", "gif", "htm", "html", "jpeg", "jpg", "js", "json", "mount", "path", "pdf",
    "png", "scope", "service", "slice", "socket", "svg", "timer", "webp",
];

/// Domains in the names of algorithms of the Secure Shell protocol (RFC 4251 §6), as in
/// `chacha20-poly1305@openssh.com`.
const PROTOCOL_DOMAINS: [&str; 2] = ["openssh.com", "libssh.org"];

/// The address around the at sign at an offset. It must not start before `floor`.
pub(super) fn around(text: &str, at: usize, floor: usize) -> Option<Span> {
    let earliest = text.ceil_char_boundary(floor.max(at.saturating_sub(MAX_LOCAL_BYTES)));
    let local = &text[earliest..at];
    let is_local = |c: char| c.is_alphanumeric() || "._%+-'".contains(c);
    let local = &local[local.trim_end_matches(is_local).len()..];
    let local = local.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '_');
    let is_whole = local.chars().next_back().is_some_and(|c| c != '.');
    let latest = text.floor_char_boundary((at + 1 + MAX_DOMAIN_BYTES).min(text.len()));
    let domain = domain_at_start(&text[at + 1..latest])?;
    let is_algorithm = PROTOCOL_DOMAINS.contains(&domain) && local.contains(['-', '_']);
    (is_whole && !is_algorithm && !local.contains("..")).then_some(Span {
        start: at - local.len(),
        end: at + 1 + domain.len(),
        kind: Kind::Email,
        confidence: 0.95,
    })
}

/// The offset of the at sign after the local part that contains a digit.
pub(super) fn sign_behind(text: &str, digit: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_local = |c: char| c.is_alphanumeric() || "._%+-'".contains(c);
    let latest = text.floor_char_boundary((digit + MAX_LOCAL_BYTES + 1).min(text.len()));
    let local = text.get(run_end(bytes, digit)..latest)?;
    let at = latest - local.trim_start_matches(is_local).len();
    (bytes.get(at) == Some(&b'@')).then_some(at)
}

/// The domain name at the start of a text: at least two labels, the last of which has only letters.
fn domain_at_start(text: &str) -> Option<&str> {
    let is_domain = |c: char| c.is_alphanumeric() || c == '-' || c == '.';
    let run = &text[..text.find(|c| !is_domain(c)).unwrap_or(text.len())];
    // A full stop that ends the sentence, or a dash, is not part of the domain.
    let domain = run.trim_end_matches(['.', '-']);
    let (name, last) = domain.rsplit_once('.')?;
    let is_label =
        |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    let is_top_level = last.chars().count() >= 2
        && (last.chars().all(char::is_alphabetic) || last.starts_with("xn--"))
        && !FILE_ENDINGS.iter().any(|ending| last.eq_ignore_ascii_case(ending));
    (is_top_level && name.split('.').all(is_label)).then_some(domain)
}
