//! Finds secrets: keys with the prefix of their issuer, keys after a word such as `api_key`, and
//! private keys in PEM armour (RFC 7468).

use std::ops::Range;

use super::scan::has_word_before;
use super::{Kind, Span};

/// Prefixes of keys and the minimum number of characters after them, from the issuers'
/// documentation.
const PREFIXES: [(&str, usize); 50] = [
    // Amazon Web Services (access key IDs).
    ("AKIA", 16),
    ("ASIA", 16),
    // Google (API keys and OAuth).
    ("AIza", 35),
    ("ya29", 20),
    ("GOCSPX-", 24),
    // GitHub and GitLab.
    ("ghp_", 36),
    ("gho_", 36),
    ("ghu_", 36),
    ("ghs_", 36),
    ("ghr_", 36),
    ("github_pat_", 50),
    ("glpat-", 20),
    ("gldt-", 20),
    ("glrt-", 20),
    // Slack.
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("xoxa-", 20),
    ("xoxr-", 20),
    ("xoxs-", 20),
    ("xapp-", 20),
    // Stripe and Square.
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("rk_live_", 16),
    ("rk_test_", 16),
    ("whsec_", 24),
    ("sq0atp-", 22),
    ("sq0csp-", 40),
    // Model providers.
    ("sk-ant-", 30),
    ("sk-proj-", 30),
    ("sk-", 40),
    ("hf_", 30),
    ("gsk_", 40),
    ("r8_", 37),
    // Package registries.
    ("npm_", 36),
    ("pypi-AgE", 50),
    ("rubygems_", 40),
    ("dckr_pat_", 24),
    ("cio", 40),
    // Hosts and services.
    ("dop_v1_", 60),
    ("doo_v1_", 60),
    ("shpat_", 32),
    ("shpss_", 32),
    ("shpca_", 32),
    ("nfp_", 36),
    ("lin_api_", 32),
    ("hvs", 60),
    ("dapi", 32),
    ("PMAK-", 50),
    ("LTAI", 17),
    ("SG", 60),
];

/// Prefixes of [`PREFIXES`] that are followed by a dot.
const DOTTED: [&str; 3] = ["ya29", "hvs", "SG"];

/// The length of a key that is recognised only by a word before it.
const NAMED_BYTES: Range<usize> = 20..256;

/// The distance in bytes within which a word of [`KEY_WORDS`] must precede a key.
const REACH_BYTES: usize = 28;

/// Words that precede keys, in lower case. A space at the end of an entry means that the word must
/// end there.
const KEY_WORDS: [&str; 22] = [
    "api_key",
    "apikey",
    "api-key",
    "api key",
    "access_key",
    "access key",
    "accesskey",
    "secret_key",
    "secret key",
    "secretkey",
    "secret_access_key",
    "client_secret",
    "auth_token",
    "authtoken",
    "access_token",
    "access token",
    "accesstoken",
    "private_token",
    "bearer ",
    "accountkey",
    "signature=",
    "api token",
];

/// The minimum entropy of a key in bits per character. Words and repetitive tokens have less.
const MIN_ENTROPY_BITS: f32 = 3.2;

/// The minimum entropy of a key with slashes, which could be a path, in bits per character.
const MIN_BASE64_ENTROPY_BITS: f32 = 4.4;

/// The maximum length of a private key. A 16,384-bit RSA key has about 13,000 bytes.
const MAX_PEM_BYTES: usize = 16 << 10;

/// The key that consists of a run of letters, digits, hyphens and underscores, or starts with it:
/// dots may join the run to others. The key must not start before `floor`.
pub(super) fn of_token(text: &str, token: Range<usize>, floor: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let token = with_parts_before(text, token, floor);
    let start = token.start;
    let word = &text[token.clone()];
    let whole = start..token.end + joined_bytes(&bytes[token.end..]);
    let key = |end: usize, confidence: f32| Span { start, end, kind: Kind::ApiKey, confidence };
    if let Some((prefix, length)) = PREFIXES.iter().find(|(prefix, _)| word.starts_with(prefix)) {
        let is_dotted = DOTTED.contains(prefix);
        let range = if is_dotted { whole.clone() } else { token.clone() };
        let rest = &text[start + prefix.len()..range.end];
        let is_key = rest.len() >= *length
            && rest.starts_with('.') == is_dotted
            && has_digit_and_letter(rest)
            && entropy(rest) >= MIN_ENTROPY_BITS;
        if is_key {
            return Some(key(range.end, 0.95));
        }
    }
    // A JSON Web Token (RFC 7519) has three parts. The first two are JSON objects, which start with
    // `{"` and a letter: `eyJ` in Base64.
    let parts: Vec<&str> =
        if word.starts_with("eyJ") { text[whole.clone()].split('.').collect() } else { vec![] };
    if let [_, body, signature, ..] = parts[..]
        && body.starts_with("eyJ")
        && signature.len() >= 16
    {
        return Some(key(whole.end, 0.9));
    }
    let end = token.end + encoded_bytes(&bytes[token.end..]);
    let start = start - encoded_before(&bytes[floor..start]);
    let key = |end: usize, confidence: f32| Span { start, end, kind: Kind::ApiKey, confidence };
    let rest = &text[start..end];
    // A token with slashes may be a path, whose words have less entropy than Base64.
    let least = if rest.contains('/') { MIN_BASE64_ENTROPY_BITS } else { MIN_ENTROPY_BITS };
    let is_named = NAMED_BYTES.contains(&rest.len())
        && has_digit_and_letter(rest)
        && entropy(rest) >= least
        && !rest.contains("--")
        && has_word_before(text, start, REACH_BYTES, &KEY_WORDS);
    is_named.then(|| key(end, 0.7))
}

/// The first part of the key to which a token belongs. The token contains the first digit of the
/// key, but dots may join it to parts before it. They are found for known prefixes only.
fn with_parts_before(text: &str, token: Range<usize>, floor: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let earliest = floor.max(token.start.saturating_sub(NAMED_BYTES.end));
    let head = &bytes[earliest..token.start];
    let count =
        |test: fn(&u8) -> bool, head: &[u8]| head.iter().rev().take_while(|b| test(b)).count();
    match head {
        [.., b'.'] => {
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
            let start = token.start - count(is_part, head);
            let is_known = ["SG.", "hvs.", "ya29.", "eyJ"]
                .iter()
                .any(|prefix| bytes[start..].starts_with(prefix.as_bytes()));
            if !is_known {
                return token;
            }
            // The first part ends at the first dot; there is at least the one before the token.
            let is_dot = |byte: &u8| *byte == b'.';
            bytes[start..].iter().position(is_dot).map_or(token, |dot| start..start + dot)
        }
        _ => token,
    }
}

/// The number of Base64 characters at the end of a slice, without leading slashes.
fn encoded_before(bytes: &[u8]) -> usize {
    let is_base64 = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let count = bytes.iter().rev().take(NAMED_BYTES.end).take_while(is_base64).count();
    let leading = bytes[bytes.len() - count..].iter().take_while(|byte| **byte == b'/').count();
    count - leading
}

/// The number of bytes at the start of a slice that dots join to the token before it.
fn joined_bytes(bytes: &[u8]) -> usize {
    let is_token = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let length = bytes.iter().take_while(is_token).count();
    bytes[..length].iter().rposition(|byte| *byte != b'.').map_or(0, |last| last + 1)
}

/// The number of Base64 characters at the start of a slice.
fn encoded_bytes(bytes: &[u8]) -> usize {
    let is_base64 = |byte: &&u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
    };
    bytes.iter().take(NAMED_BYTES.end).take_while(is_base64).count()
}

fn has_digit_and_letter(token: &str) -> bool {
    token.contains(|c: char| c.is_ascii_digit())
        && token.contains(|c: char| c.is_ascii_alphabetic())
}

/// The Shannon entropy of a token's bytes, in bits per byte.
fn entropy(token: &str) -> f32 {
    let mut counts = [0_u16; 256];
    for byte in token.bytes().take(NAMED_BYTES.end) {
        counts[usize::from(byte)] += 1;
    }
    let all = token.len().min(NAMED_BYTES.end) as f32;
    let bits = |count: &u16| {
        let share = f32::from(*count) / all;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(bits).sum()
}

/// The PEM block with a private key that starts at an offset.
pub(super) fn private_key_at(text: &str, start: usize) -> Option<Span> {
    let rest = text[start..].strip_prefix("-----BEGIN ")?;
    let line = &rest[..text_end(rest, 64)];
    let label = &line[..line.find("-----")?];
    let is_private = label.ends_with("PRIVATE KEY") || label.ends_with("PRIVATE KEY BLOCK");
    let body = &text[start..start + text_end(&text[start..], MAX_PEM_BYTES)];
    let footer = format!("-----END {label}-----");
    let end = body.find(&footer)? + footer.len();
    let has_body = body[..end].bytes().filter(u8::is_ascii_alphanumeric).count() > 128;
    (is_private && has_body).then_some(Span {
        start,
        end: start + end,
        kind: Kind::PrivateKey,
        confidence: 0.99,
    })
}

/// The largest character boundary that is at most `bytes`.
fn text_end(text: &str, bytes: usize) -> usize {
    text.floor_char_boundary(bytes.min(text.len()))
}
