//! The text of an article from the structured data of its page.
//!
//! About one news page in seven contains it as `articleBody` (schema.org/Article) in JSON. It has
//! no paragraphs and is sometimes truncated, so it is not the result, but it helps to recognize the
//! blocks of the article.

use memchr::memmem;
use rustc_hash::FxHashSet;

use super::entities;

/// Minimum length of an article's text in JSON, in bytes; shorter ones are ignored.
const MIN_BODY_BYTES: usize = 300;

/// Maximum length of an article's text in JSON, in bytes; the rest is ignored.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Length of the word n-grams by which texts are compared.
const NGRAM_WORDS: usize = 3;

/// The hashes of all word trigrams of a text.
#[derive(Debug, Default)]
pub(super) struct Shingles(FxHashSet<u64>);

impl Shingles {
    /// The trigrams of the first `articleBody` in a script that is long enough.
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

    /// The share of a text's trigrams that are in this set; `None` for fewer than three words.
    pub(super) fn share_of(&self, text: &str) -> Option<f32> {
        let (mut found, mut all) = (0_u32, 0_u32);
        for_each_shingle(text, |hash| {
            found += u32::from(self.0.contains(&hash));
            all += 1;
        });
        (all > 0).then(|| found as f32 / all as f32)
    }
}

/// Calls a function with a hash of each trigram of lower-case words.
fn for_each_shingle(text: &str, mut call: impl FnMut(u64)) {
    /// Fowler, Noll and Vo's FNV-1a, 64 bits.
    const PRIME: u64 = 0x0100_0000_01B3;
    const BASIS: u64 = 0xCBF2_9CE4_8422_2325;
    let mut row = [0_u64; NGRAM_WORDS];
    let mut words = 0;
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let step = |hash: u64, c: char| (hash ^ u64::from(u32::from(c))).wrapping_mul(PRIME);
        row.rotate_left(1);
        row[NGRAM_WORDS - 1] = word.chars().flat_map(char::to_lowercase).fold(BASIS, step);
        words += 1;
        if words >= NGRAM_WORDS {
            call(
                row.iter()
                    .fold(0, |hash: u64, word| hash.rotate_left(21).wrapping_mul(PRIME) ^ word),
            );
        }
    }
}

/// Decodes a JSON string (RFC 8259 §7), given the text after its opening quotation mark.
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
                // Broken escapes and halves of surrogate pairs become spaces: for a comparison of
                // words, the characters beyond U+FFFF that are lost do not matter.
                let digits = characters.as_str().get(..4).unwrap_or("");
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

/// Resolves the character references of a text and replaces its tags by spaces.
fn without_tags(text: &str) -> String {
    let mut decoded = String::new();
    entities::push_decoded(&mut decoded, text);
    let mut out = String::with_capacity(decoded.len());
    // After the last `>` no tag can end. Searching there for every `<` would take quadratic time.
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
