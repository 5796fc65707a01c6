//! Personal data in a text: where it stands, and the text with it masked.
//!
//! Every kind has a shape that can be checked: an address grammar, a check digit, a numbering plan.
//! Names and postal addresses have none and are not looked for. A text is scanned for digits and
//! at signs, and rules run only around them.
//!
//! On 1,886 synthetic sentences with labelled spans, which the rules for telephone numbers were
//! tuned on, precision is 1.00 for every kind, and recall 1.00 for e-mail addresses and accounts,
//! 0.995 for cards, 0.987 for telephone numbers and 0.95 for IP addresses, where the one that is
//! missed is private (`examples/pii_accuracy.rs`). On prose expect a lower recall for national
//! telephone numbers: without a word such as `phone` only the commonest shapes count.

mod account;
mod address;
mod email;
mod phone;
mod scan;

use std::borrow::Cow;

use scan::next_trigger;

/// What a piece of personal data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A public IPv4 or IPv6 address.
    IpAddress,
    /// A telephone number.
    Phone,
    /// The number of a payment card.
    CreditCard,
    /// An international bank account number.
    Iban,
}

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

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::Email, Self::IpAddress, Self::Phone, Self::CreditCard, Self::Iban];

    /// The name of the kind in results: `email`, `ip`, `phone`, `card` or `iban`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::IpAddress => "ip",
            Self::Phone => "phone",
            Self::CreditCard => "card",
            Self::Iban => "iban",
        }
    }

    /// What [`mask`] puts in place of a piece of the kind.
    pub fn mask(self) -> &'static str {
        match self {
            Self::Email => "<EMAIL>",
            Self::IpAddress => "<IP>",
            Self::Phone => "<PHONE>",
            Self::CreditCard => "<CARD>",
            Self::Iban => "<IBAN>",
        }
    }
}

/// The personal data of a text, in order, without overlap.
pub fn spans(text: &str) -> Vec<Span> {
    let bytes = text.as_bytes();
    let mut spans: Vec<Span> = Vec::new();
    let mut position = 0;
    let mut floor = 0;
    while let Some(trigger) = next_trigger(bytes, position) {
        let found = if bytes[trigger] == b'@' {
            email::around(text, trigger, floor)
        } else {
            // The kinds with a checksum first: what passes one is seldom anything else.
            account::iban_at(text, trigger, floor)
                .or_else(|| address::around(text, trigger, floor))
                .or_else(|| email::before_its_sign(text, trigger, floor))
                .or_else(|| account::card_at(text, trigger))
                .or_else(|| phone::around(text, trigger, floor))
        };
        if let Some(span) = found {
            position = span.end;
            floor = span.end;
            spans.push(span);
        } else {
            position = scan::run_end(bytes, trigger);
        }
    }
    spans
}

/// The text with each piece of personal data replaced by the mask of its kind; borrowed if there
/// is none.
///
/// Nothing is found in masked text, so that masking it again changes nothing.
pub fn mask(text: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(text);
    // A mask is shorter or longer than what it hides, which may bring a number into the reach of
    // the word `phone`; hence again until nothing is left. This ends because each round removes
    // digits or at signs, and a mask has neither.
    loop {
        let spans = spans(&masked);
        if spans.is_empty() {
            return masked;
        }
        let mut out = String::with_capacity(masked.len());
        let mut end = 0;
        for span in spans {
            out.push_str(&masked[end..span.start]);
            out.push_str(span.kind.mask());
            end = span.end;
        }
        out.push_str(&masked[end..]);
        masked = Cow::Owned(out);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, masked: &str) {
        assert_eq!(mask(text), masked);
    }

    #[test]
    fn emails() {
        check("Write to <Jane.O'Hara+x@mail.example.co.uk>.", "Write to <<EMAIL>>.");
        check("a@xn--d1acufc.xn--p1ai, b_c@d-e.org", "<EMAIL>, <EMAIL>");
        check("2fast4u@example.com 12@example.com", "<EMAIL> <EMAIL>");
        check("müller@bücher.example", "<EMAIL>");
        for clean in ["icon@2x.png", "@name", "a @ b.c", "lodash@4.17.21", "x@y", "me@.com", "git@"]
        {
            check(clean, clean);
        }
    }

    #[test]
    fn addresses() {
        check("from 8.8.4.4, 93.184.216.34:80 and (1.0.0.127)", "from <IP>, <IP>:80 and (<IP>)");
        check("2606:4700:4700::1111 http://[2a00:1450:4001:830::200e]/", "<IP> http://[<IP>]/");
        for clean in [
            "192.168.0.1 10.1.2.3 127.0.0.1 0.0.0.0 255.255.255.255 224.0.0.1 203.0.113.9",
            "version 93.184.216.34",
            "v93.184.216.34",
            "93.184.216.345",
            "1.93.184.216.34",
            "12:34:56",
            "std::string",
            "add::2",
            "fe80::1",
            "2001:db8::1",
            "::1",
            "section 1.2.3.4",
            "6.34.2.1. Title",
        ] {
            check(clean, clean);
        }
    }

    #[test]
    fn cards_and_accounts() {
        check(
            "4012888888881881, 4012-8888-8888-1881 or 3782 822463 10005",
            "<CARD>, <CARD> or <CARD>",
        );
        check("GB29 NWBK 6016 1331 9268 19 X, DE89370400440532013000", "<IBAN> X, <IBAN>");
        for clean in [
            "4012888888881882",
            "0004012888888881881",
            "a4012888888881881",
            "/4012888888881881",
            "GB29 NWBK 6016 1331 9268 18",
            "XGB29NWBK60161331926819",
            "9780306406157",
        ] {
            check(clean, clean);
        }
    }

    #[test]
    fn phones() {
        for phone in [
            "+41 (0)44 668 18 00",
            "+14155552671",
            "(415) 555-2671",
            "415-555-2671",
            "1-415-555-2671",
            "415.555.2671",
            "01.84.17.61.18",
            "0490 75 40 81",
            "020 7946 0958",
            "0041 44 668 18 00",
        ] {
            check(&format!("a {phone}."), "a <PHONE>.");
        }
        check("call 9472 7916 or 3660170548", "call <PHONE> or <PHONE>");
        check("Tel.: 72 128 827", "Tel.: <PHONE>");
        check("(978)645-9740x111, +1-448-414-3381 ext. 60", "<PHONE>, <PHONE>");
        check("22 498317 office, 61 51 81 88-Fax", "<PHONE> office, <PHONE>-Fax");
        for clean in [
            "078-05-1120",
            "9472 7916",
            "2024-01-02 10:20:30",
            "1.2.3.4567890",
            "ISBN 0-306-40615-2",
            "01.02.2003",
            "0.123456 0.789012",
            "pages 120-134",
            "$415 555 2671",
            "id=415-555-2671",
            "978-3-16-148410-0",
            "100 200 300 400",
            "0000 0001 0002 0003",
            "call 2024-01-02",
        ] {
            check(clean, clean);
        }
    }

    #[test]
    fn spans_are_byte_offsets() {
        let found = spans("é jane@example.com");
        assert_eq!((found[0].start, found[0].end, found[0].kind), (3, 19, Kind::Email));
        assert!(matches!(mask("nothing here"), Cow::Borrowed("nothing here")));
    }

    proptest! {
        #[test]
        fn spans_are_sorted_apart_and_on_boundaries(
            any in any::<String>(),
            likely in "([0-9]{60,70}|tel |phone: |[+]|[0-9]{1,5}|[ .@:/()-]|[a-fé]|GB29|4012|<IP>|\n){0,40}",
        ) {
            for text in [any, likely] {
                let mut end = 0;
                for span in spans(&text) {
                    prop_assert!(span.start >= end && span.end > span.start, "{span:?}");
                    prop_assert!(text.get(span.start..span.end).is_some(), "{span:?} of {text:?}");
                    prop_assert!((0.0..=1.0).contains(&span.confidence));
                    end = span.end;
                }
                let masked = mask(&text).into_owned();
                prop_assert_eq!(spans(&masked), vec![], "{} gave {}", text, masked);
                prop_assert_eq!(mask(&masked), masked.as_str());
            }
        }
    }
}
