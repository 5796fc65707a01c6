//! The text of an article as the page's own structured data gives it.
//!
//! About one news page in seven carries it as `articleBody` (schema.org/Article) in JSON, without
//! paragraphs and at times cut short: good to tell the article's blocks by, not to be used itself.

use memchr::memmem;
use rustc_hash::FxHashSet;

use super::entities;

/// Bytes of an article's text in JSON that are worth comparing with.
const MIN_BODY_BYTES: usize = 300;

/// Bytes of an article's text in JSON that are read.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Words in a row by which texts are compared.
const WORDS_IN_A_ROW: usize = 3;

/// The runs of three words of a text.
#[derive(Debug, Default)]
pub(super) struct Shingles(FxHashSet<u64>);

impl Shingles {
    /// The runs of words of the first long `articleBody` in a script.
    pub(super) fn of_article_body(script: &str) -> Option<Self> {
        let key = b"\"articleBody\"";
        memmem::find_iter(script.as_bytes(), key).find_map(|at| {
            let value = script[at + key.len()..].trim_start().strip_prefix(':')?.trim_start();
            let text = json_string(value.strip_prefix('"')?);
            (text.len() >= MIN_BODY_BYTES).then(|| Self::of_text(&without_tags(&text)))
        })
    }

    pub(super) fn of_text(text: &str) -> Self {
        let mut shingles = Self::default();
        for_each_shingle(text, |hash| {
            shingles.0.insert(hash);
        });
        shingles
    }

    /// The share of a text's runs of words that are among these; `None` for fewer than three words.
    pub(super) fn share_of(&self, text: &str) -> Option<f32> {
        let (mut found, mut all) = (0_u32, 0_u32);
        for_each_shingle(text, |hash| {
            found += u32::from(self.0.contains(&hash));
            all += 1;
        });
        (all > 0).then(|| found as f32 / all as f32)
    }
}

/// Calls a function with a hash of each run of three words, in lower case.
fn for_each_shingle(text: &str, mut call: impl FnMut(u64)) {
    /// Fowler, Noll and Vo's FNV-1a, 64 bits.
    const PRIME: u64 = 0x0100_0000_01B3;
    const BASIS: u64 = 0xCBF2_9CE4_8422_2325;
    let mut row = [0_u64; WORDS_IN_A_ROW];
    let mut words = 0;
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let step = |hash: u64, c: char| (hash ^ u64::from(u32::from(c))).wrapping_mul(PRIME);
        row.rotate_left(1);
        row[WORDS_IN_A_ROW - 1] = word.chars().flat_map(char::to_lowercase).fold(BASIS, step);
        words += 1;
        if words >= WORDS_IN_A_ROW {
            call(
                row.iter()
                    .fold(0, |hash: u64, word| hash.rotate_left(21).wrapping_mul(PRIME) ^ word),
            );
        }
    }
}

/// The text of a JSON string (RFC 8259 §7) from behind its opening quotation mark.
fn json_string(json: &str) -> String {
    let mut text = String::new();
    let mut characters = json.chars();
    while let Some(character) = characters.next() {
        if character == '"' || text.len() > MAX_BODY_BYTES {
            break;
        }
        if character != '\\' {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some('u') => {
                let digits = characters.as_str().get(..4).unwrap_or_default();
                let code = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
                text.push(code.unwrap_or(' '));
                characters = characters.as_str()[digits.len()..].chars();
            }
            Some(sign @ ('"' | '\\' | '/')) => text.push(sign),
            Some(_) => text.push(' '),
            None => break,
        }
    }
    text
}

/// A text whose tags have become spaces, its character references resolved.
fn without_tags(text: &str) -> String {
    let mut decoded = String::new();
    entities::push_decoded(&mut decoded, text);
    let mut out = String::with_capacity(decoded.len());
    // Behind the last end of a tag there is none to look for.
    let last = decoded.rfind('>').unwrap_or(0);
    let mut at = 0;
    while let Some(start) = decoded[at..].find('<').map(|start| at + start) {
        out.push_str(&decoded[at..start]);
        out.push(' ');
        at = start + 1;
        let is_tag = decoded[at..].starts_with(|c: char| c == '/' || c.is_ascii_alphabetic());
        if is_tag
            && start < last
            && let Some(length) = decoded[at..].find('>')
        {
            at += length + 1;
        }
    }
    out.push_str(&decoded[at..]);
    out
}
