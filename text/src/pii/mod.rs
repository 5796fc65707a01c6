//! Finds personal data in a text, and masks or replaces it.
//!
//! Every kind of data has a form that can be checked: an address grammar, a check digit, a
//! numbering plan or a checksum. Names and postal addresses have no such form and are not detected.
//! One pass over the text finds digits, at signs, colons and hyphens; the rules run only around
//! them.
//!
//! Every span has a confidence. It is at least 0.9 if a checksum or the grammar leaves hardly any
//! other interpretation, 0.5 to 0.9 if the shape or a nearby word is decisive, and lower if other
//! interpretations are likely. Spans below [`Options::min_confidence`], 0.5 by default, are not
//! reported, because masking the ordinary numbers of a manual would destroy it. Only words on the
//! same line as a number influence its confidence. If a text is only a number with
//! a correct check digit, such as a field of a table, it is reported as that number.
//!
//! On 1,886 synthetic sentences with labelled spans, precision and recall are 1.00 for e-mail
//! addresses, IP addresses and URLs, and for card, account, telephone and social security numbers,
//! if private addresses are included. The rules for telephone numbers were tuned on these
//! sentences. In prose, expect a lower recall for national telephone numbers: without a word such
//! as `phone`, only the most common shapes are found. `examples/pii_accuracy.rs` measures this, and
//! `benches/pii.py` compares it with other tools.
//!
//! ```
//! use text::pii::{Kind, mask, spans};
//!
//! assert_eq!(mask("Write to jane@corp.net"), "Write to <EMAIL>");
//! let found = spans("Write to jane@corp.net");
//! assert_eq!((found[0].start, found[0].end, found[0].kind), (9, 22, Kind::Email));
//! ```

mod account;
mod address;
mod crypto;
mod email;
mod kind;
mod national;
mod national_id;
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
pub use national_id::NationalId;
pub use plan::Region;

use number::Number;
use replace::KEY_BYTES;
use scan::Triggers;

/// The maximum length of a text that may be a field of a table.
const MAX_FIELD_BYTES: usize = 64;

/// The confidence of a number that is the whole text and passes its check.
const FIELD_CONFIDENCE: f32 = 0.55;

/// The minimum confidence at which [`FIELD_CONFIDENCE`] applies: that of a number that passes its
/// check. Less is a guess.
const CHECKED_CONFIDENCE: f32 = 0.2;

/// The minimum length of a run of letters and digits that may be a key or a cryptocurrency address.
const MIN_SECRET_BYTES: usize = 14;

/// A piece of personal data in a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// The byte offset of its start.
    pub start: usize,
    /// The byte offset of its end (exclusive).
    pub end: usize,
    /// The kind of data.
    pub kind: Kind,
    /// The confidence that it is of this kind, from 0 to 1.
    pub confidence: f32,
}

/// What a [`Detector`] reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// The kinds of data; by default all except [`Kind::Url`].
    pub kinds: Kinds,
    /// Whether IP addresses of private networks and of documentation are ignored; by default
    /// `true`.
    pub public_ip_only: bool,
    /// The minimum confidence of a span; 0.5 by default.
    pub min_confidence: f32,
    /// The country whose national telephone numbers are found without a word such as `phone`; none
    /// by default.
    pub default_region: Option<Region>,
}

impl Options {
    /// Every kind, including URLs and private IP addresses. This finds more than one would want to
    /// mask.
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

/// Finds personal data in texts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Detector {
    options: Options,
}

impl Detector {
    /// A detector with the given options.
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// The personal data of a text, in order. Spans do not overlap.
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
        if self.options.kinds.contains(Kind::Url) {
            with_urls(spans, url::all(text), self.options.min_confidence)
        } else {
            spans
        }
    }

    /// The text with each piece of personal data replaced by [`Kind::mask`]. Borrowed if there is
    /// no personal data.
    ///
    /// Nothing is found in the masked text, so masking it again changes nothing.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut masked = Cow::Borrowed(text);
        // A mask may be shorter than the data it replaces. That may bring another number close
        // enough to a word such as `phone`, so masking is repeated until nothing is found. This
        // ends because each round removes digits, at signs, colons, hyphens or full stops, and
        // masks have none.
        loop {
            let spans = self.spans(&masked);
            if spans.is_empty() {
                return masked;
            }
            masked = Cow::Owned(rewrite(&masked, &spans, |span| Cow::Borrowed(span.kind.mask())));
        }
    }

    /// The text with each piece of personal data replaced by a pseudonym of its kind. The pseudonym
    /// depends only on the piece and the key (32 bytes), and belongs to nobody. Borrowed if there
    /// is no personal data.
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

/// A text with each span replaced by a new piece.
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

/// The range of a text without white space around it, if it is short enough to be a field of a
/// table.
fn field_of(text: &str) -> Option<Range<usize>> {
    let start = text.len() - text.trim_start().len();
    let field = text.trim();
    (field.len() <= MAX_FIELD_BYTES).then_some(start..start + field.len())
}

/// Adds the URLs that do not overlap other spans.
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

/// The state of the pass over a text.
struct Search<'a> {
    text: &'a str,
    options: &'a Options,
    /// See [`field_of`].
    field: Option<Range<usize>>,
    /// The end of the last span, which is the earliest start of the next one.
    floor: usize,
    /// The end of the last run of letters and digits for which [`Search::token_at`] has run.
    token_end: usize,
    /// The offset of the next at sign, or `usize::MAX` if there is none.
    next_at: usize,
    /// The best span at the current position; see [`Search::offer`].
    best: Option<Span>,
}

impl Search<'_> {
    /// Finds all spans except URLs.
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

    /// Runs the rules for an at sign.
    fn at_sign(&mut self, at: usize) {
        match url::userinfo_before(self.text, at, self.floor) {
            url::Userinfo::None => self.offer(email::around(self.text, at, self.floor)),
            url::Userinfo::Name => {}
            url::Userinfo::Password(span) => self.offer(Some(span)),
        }
    }

    /// Runs the rules for a hyphen.
    fn at_hyphen(&mut self, hyphen: usize) {
        if self.text.as_bytes().get(hyphen + 1) == Some(&b'-') {
            self.offer(secret::private_key_at(self.text, hyphen));
        } else {
            self.offer(address::mac_around(self.text, hyphen, self.floor));
        }
    }

    /// Runs the rules for the first digit of a run.
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
        // Fewer than six digits that no other group of digits can follow, such as a year.
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

    /// The offset of the first at sign from a position on, or `usize::MAX` if there is none.
    fn at_sign_from(&mut self, position: usize) -> usize {
        if self.next_at < position {
            let found = memchr::memchr(b'@', &self.text.as_bytes()[position..]);
            self.next_at = found.map_or(usize::MAX, |offset| position + offset);
        }
        self.next_at
    }

    /// Runs the rules for the run of letters and digits that contains a digit as its first one.
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

    /// Keeps a span if it is of a requested kind and better than the others at this position: more
    /// confident, or equally confident and longer. Of equal spans the first one stays.
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
