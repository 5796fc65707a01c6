//! Personal data in a text: where it stands, and the text with it masked or replaced.
//!
//! Every kind has a shape that can be checked: an address grammar, a check digit, a numbering plan,
//! a checksum. Names and postal addresses have none and are not looked for. One pass over the text
//! looks for digits, at signs, colons and hyphens, a block at a time; rules run only around them.
//!
//! How sure a span is says its confidence: 0.9 and more where a checksum or the grammar leaves
//! little else, 0.5 to 0.9 where the shape or a word near it decides, and less where it is one
//! reading among others. [`Options::min_confidence`] draws the line, at 0.5 by default, because a
//! mask over the ordinary numbers of a manual destroys it. Numbers and words are weighed within
//! their line; a text that is nothing but a number with the right check digit, such as a field of a
//! table, counts as that number.
//!
//! On 1,886 synthetic sentences with labelled spans, which the rules for telephone numbers were
//! tuned on, precision and recall are 1.00 for e-mail, IP and URL, card, account, telephone and
//! social security numbers, if private addresses are asked for. On prose expect a lower recall for
//! national telephone numbers: without a word such as `phone` only the commonest shapes count.
//! `examples/pii_accuracy.rs` measures this, `benches/pii.py` compares it with others' results.

mod account;
mod address;
mod crypto;
mod email;
mod kind;
mod national;
mod number;
mod phone;
mod plan;
mod replace;
mod scan;
mod secret;
mod url;

use std::borrow::Cow;
use std::ops::Range;

pub use kind::{Kind, Kinds};
pub use national::NationalId;
pub use plan::Region;
pub use replace::KEY_BYTES;

use number::Number;
use scan::Triggers;

/// Bytes of a text at most that may be one field of a table.
const MAX_FIELD_BYTES: usize = 64;

/// How sure a number is that is all of its text and passes its check.
const FIELD_CONFIDENCE: f32 = 0.55;

/// Confidence from which on a number is more than a guess, so that [`FIELD_CONFIDENCE`] holds.
const CHECKED_CONFIDENCE: f32 = 0.2;

/// Characters of a run of letters and digits from which on it may be a key or an account.
const MIN_SECRET_BYTES: usize = 14;

/// A piece of personal data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Byte offset of its first character.
    pub start: usize,
    /// Byte offset behind its last character.
    pub end: usize,
    /// What it is.
    pub kind: Kind,
    /// How sure that is, from 0 to 1.
    pub confidence: f32,
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// The kinds; by default all but [`Kind::Url`].
    pub kinds: Kinds,
    /// Whether addresses of private networks and of documentation are left alone; by default yes.
    pub public_ip_only: bool,
    /// The confidence that a span has at least, 0.5 by default.
    pub min_confidence: f32,
    /// The country whose national telephone numbers need no word about them; none by default.
    pub default_region: Option<Region>,
}

impl Options {
    /// Every kind, URLs and private addresses too: what [`Detector::spans`] can tell about a text,
    /// more than one would mask.
    pub fn everything() -> Self {
        Self { kinds: Kinds::all(), public_ip_only: false, ..Self::default() }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            kinds: Kinds::default(),
            public_ip_only: true,
            min_confidence: 0.5,
            default_region: None,
        }
    }
}

/// How much of a text is personal data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Density {
    /// Pieces in each 1,024 bytes.
    pub spans_per_kib: f32,
    /// The share of the bytes that they cover, from 0 to 1.
    pub covered: f32,
}

impl Density {
    /// The density of the spans of a text.
    pub fn of(text: &str, spans: &[Span]) -> Self {
        let bytes = text.len().max(1) as f32;
        let covered: usize = spans.iter().map(|span| span.end - span.start).sum();
        Self { spans_per_kib: spans.len() as f32 * 1024.0 / bytes, covered: covered as f32 / bytes }
    }
}

/// Finds the personal data of texts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Detector {
    options: Options,
}

impl Detector {
    /// A detector of what the options name.
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// The personal data of a text, in order, without overlap.
    pub fn spans(&self, text: &str) -> Vec<Span> {
        let mut search = Search {
            text,
            options: &self.options,
            field: field_of(text),
            floor: 0,
            token_end: 0,
            next_at: memchr::memchr(b'@', text.as_bytes()).unwrap_or(usize::MAX),
            best: None,
        };
        let spans = search.run();
        let asks_urls = self.options.kinds.contains(Kind::Url);
        if asks_urls {
            with_urls(spans, url::all(text), self.options.min_confidence)
        } else {
            spans
        }
    }

    /// The text with each piece of personal data replaced by the mask of its kind; borrowed if
    /// there is none.
    ///
    /// Nothing is found in masked text, so that masking it again changes nothing.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut masked = Cow::Borrowed(text);
        // A mask is shorter or longer than what it hides, which may bring a number into the reach
        // of the word `phone`; hence again until nothing is left. This ends because each round
        // removes digits, at signs, colons, hyphens or full stops, and a mask has none of them.
        loop {
            let spans = self.spans(&masked);
            if spans.is_empty() {
                return masked;
            }
            masked = Cow::Owned(rewrite(&masked, &spans, |span| Cow::Borrowed(span.kind.mask())));
        }
    }

    /// The text with each piece replaced by a pseudonym of its kind, which is the same for the same
    /// piece and key and belongs to nobody; borrowed if there is none.
    pub fn replace<'a>(&self, text: &'a str, key: &[u8; KEY_BYTES]) -> Cow<'a, str> {
        let spans = self.spans(text);
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        let pseudonym =
            |span: &Span| replace::pseudonym(span.kind, &text[span.start..span.end], key);
        Cow::Owned(rewrite(text, &spans, |span| Cow::Owned(pseudonym(span))))
    }
}

/// [`Detector::spans`] with the default options.
pub fn spans(text: &str) -> Vec<Span> {
    Detector::default().spans(text)
}

/// [`Detector::mask`] with the default options.
pub fn mask(text: &str) -> Cow<'_, str> {
    Detector::default().mask(text)
}

/// [`Detector::replace`] with the default options.
pub fn replace<'a>(text: &'a str, key: &[u8; KEY_BYTES]) -> Cow<'a, str> {
    Detector::default().replace(text, key)
}

fn rewrite<'a>(text: &str, spans: &[Span], piece: impl Fn(&Span) -> Cow<'a, str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for span in spans {
        out.push_str(&text[end..span.start]);
        out.push_str(&piece(span));
        end = span.end;
    }
    out.push_str(&text[end..]);
    out
}

/// What a text is without white space around it, if that may be one field of a table.
fn field_of(text: &str) -> Option<Range<usize>> {
    let start = text.len() - text.trim_start().len();
    let field = text.trim();
    (field.len() <= MAX_FIELD_BYTES).then_some(start..start + field.len())
}

/// The spans and, between them, the URLs.
fn with_urls(mut spans: Vec<Span>, urls: Vec<Span>, min_confidence: f32) -> Vec<Span> {
    let found = spans.len();
    for url in urls.into_iter().filter(|url| url.confidence >= min_confidence) {
        let place = spans[..found].partition_point(|span| span.end <= url.start);
        if spans[..found].get(place).is_none_or(|span| span.start >= url.end) {
            spans.push(url);
        }
    }
    spans.sort_unstable_by_key(|span| span.start);
    spans
}

/// The pass over one text.
struct Search<'a> {
    text: &'a str,
    options: &'a Options,
    field: Option<Range<usize>>,
    /// The end of the last span: the next starts there at the earliest.
    floor: usize,
    /// The end of the run of letters and digits whose rules have run.
    token_end: usize,
    /// The offset of the next at sign, `usize::MAX` if there is none.
    next_at: usize,
    /// The surest span at the present place.
    best: Option<Span>,
}

impl Search<'_> {
    fn run(&mut self) -> Vec<Span> {
        let bytes = self.text.as_bytes();
        let mut spans = Vec::new();
        let mut position = 0;
        let mut triggers = Triggers::new(bytes);
        while let Some(trigger) = triggers.next_from(position) {
            match bytes[trigger] {
                b'@' => self.at_sign(trigger),
                b':' => self.offer(address::mac_around(self.text, trigger, self.floor)),
                b'-' => self.at_hyphen(trigger),
                _ => self.at_digit(trigger),
            }
            if let Some(span) = self.best.take() {
                position = span.end;
                self.floor = span.end;
                spans.push(span);
            } else {
                position = scan::run_end(bytes, trigger);
            }
        }
        spans
    }

    fn at_sign(&mut self, at: usize) {
        match url::userinfo_before(self.text, at, self.floor) {
            url::Userinfo::None => self.offer(email::around(self.text, at, self.floor)),
            url::Userinfo::Name => {}
            url::Userinfo::Password(span) => self.offer(Some(span)),
        }
    }

    fn at_hyphen(&mut self, hyphen: usize) {
        if self.text.as_bytes().get(hyphen + 1) == Some(&b'-') {
            self.offer(secret::private_key_at(self.text, hyphen));
        } else {
            self.offer(address::mac_around(self.text, hyphen, self.floor));
        }
    }

    fn at_digit(&mut self, digit: usize) {
        let (text, floor) = (self.text, self.floor);
        let bytes = text.as_bytes();
        if digit >= self.token_end {
            self.token_at(digit);
        }
        self.offer(account::iban_at(text, digit, floor));
        let near = &bytes[digit + 1..(digit + 5).min(bytes.len())];
        if near.iter().any(|byte| matches!(byte, b':' | b'-' | b'.')) {
            self.offer(address::mac_around(text, digit, floor));
        }
        self.offer(address::around(text, digit, floor, self.options.public_ip_only));
        if self.at_sign_from(digit) <= digit + email::MAX_LOCAL_BYTES
            && let Some(at) = email::sign_behind(text, digit)
        {
            self.at_sign(at);
        }
        let end = digit + scan::digits_at(bytes, digit);
        let before = digit.checked_sub(1).map(|before| bytes[before]);
        let is_alone = end - digit < 6
            && !matches!(before, Some(b'(' | b'+'))
            && matches!(bytes.get(end..end + 2), Some([a, b]) if *a < 0x80
                && !matches!(b, b'0'..=b'9' | b'(' | b'/'));
        if is_alone {
            return;
        }
        let Some(number) = Number::read(text, digit, floor) else { return };
        let count = number.digits().len();
        if count < 6 {
            return;
        }
        if count >= 12 {
            self.offer(account::card_at(text, digit));
        }
        self.offer(national::ssn(text, &number));
        national::of_number(text, &number, |span| self.offer(Some(span)));
        self.offer(phone::of(text, &number, self.options.default_region));
    }

    /// The offset of the first at sign behind a position.
    fn at_sign_from(&mut self, position: usize) -> usize {
        if self.next_at < position {
            let found = memchr::memchr(b'@', &self.text.as_bytes()[position..]);
            self.next_at = found.map_or(usize::MAX, |offset| position + offset);
        }
        self.next_at
    }

    /// Runs the rules for the run of letters and digits in which a digit is the first.
    fn token_at(&mut self, digit: usize) {
        let text = self.text;
        let token = scan::token_around(text.as_bytes(), digit, self.floor);
        self.token_end = token.end;
        if token.len() >= MIN_SECRET_BYTES {
            let is_part = scan::before(text, token.start).is_some_and(char::is_alphanumeric);
            if !is_part {
                self.offer(crypto::of_token(&text[token.clone()], token.start));
                self.offer(secret::of_token(text, token.clone(), self.floor));
            }
        }
        national::of_token(text, digit, token, self.floor, |span| self.offer(Some(span)));
    }

    /// Keeps a span if it is asked for and surer than the others at this place; of two as sure the
    /// longer, or the first.
    fn offer(&mut self, span: Option<Span>) {
        let Some(mut span) = span.filter(|span| self.options.kinds.contains(span.kind)) else {
            return;
        };
        let is_number = matches!(span.kind, Kind::NationalId(_) | Kind::Phone | Kind::Ssn);
        let is_field = is_number && self.field == Some(span.start..span.end);
        if is_field && (CHECKED_CONFIDENCE..FIELD_CONFIDENCE).contains(&span.confidence) {
            span.confidence = FIELD_CONFIDENCE + span.confidence / 100.0;
        }
        let rank = |span: &Span| (span.confidence, span.end - span.start);
        let is_better = self.best.is_none_or(|best| rank(&span) > rank(&best));
        if span.confidence >= self.options.min_confidence && is_better && span.start >= self.floor {
            self.best = Some(span);
        }
    }
}

#[cfg(test)]
mod tests;
