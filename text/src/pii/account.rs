//! Finds numbers of payment cards (ISO/IEC 7812) and bank accounts (ISO 13616).

use super::national::luhn_sum;
use super::scan::{after, before, has_word_before, is_inside_token_after, is_inside_token_before};
use super::{Kind, Span};

/// The minimum number of digits of a card number.
const MIN_CARD_DIGITS: usize = 12;

/// The maximum number of digits of a card number.
const MAX_CARD_DIGITS: usize = 19;

/// Words, in lower case. After one of them, a number with a correct check digit is a card number
/// even if it does not start like those of a card network. A space at the end of an entry means
/// that the word must end there.
const CARD_WORDS: [&str; 14] = [
    "card",
    "credit",
    "debit",
    "visa ",
    "mastercard",
    "amex",
    "karte",
    "kreditkarte",
    "carte ",
    "tarjeta",
    "cartão",
    "карт",
    "カード",
    "卡",
];

/// The distance in bytes within which such a word must precede the number.
const REACH_BYTES: usize = 32;

/// The number of characters of an IBAN by country (SWIFT IBAN Registry), sorted by country.
const IBAN_LENGTHS: [(&[u8; 2], usize); 89] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// The card number whose first digit is at an offset: one run of digits, groups of four, or groups
/// of four, six and five. The groups must all be separated by a single space, or all by a hyphen.
pub(super) fn card_at(text: &str, start: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let is_part = is_inside_token_before(text, start)
        || matches!(before(text, start), Some('.' | '/' | '+' | ',' | '&'));
    if is_part {
        return None;
    }
    let mut digits = [0; MAX_CARD_DIGITS];
    let mut count = 0;
    let mut groups = [0_u8; 5];
    let mut group = 0;
    let mut separator = None;
    let mut end = start;
    while let Some(&byte) = bytes.get(end) {
        if byte.is_ascii_digit() {
            *digits.get_mut(count)? = byte - b'0';
            count += 1;
            groups[group] += 1;
        } else if matches!(byte, b' ' | b'-')
            && separator.is_none_or(|first| first == byte)
            && bytes.get(end + 1).is_some_and(u8::is_ascii_digit)
            && group + 1 < groups.len()
            && groups[group] >= 4
            && count < MAX_CARD_DIGITS
            // The first group is already a card number; what follows is another number.
            && groups[0] < MIN_CARD_DIGITS as u8
        {
            separator = Some(byte);
            group += 1;
        } else {
            break;
        }
        end += 1;
    }
    let is_grouped =
        matches!(groups[..=group], [_] | [4, 4, 4, 4 | 1] | [4, 4, 4, 4, 3] | [4, 6, 5 | 4]);
    let digits = &digits[..count];
    let is_named = || has_word_before(text, start, REACH_BYTES, &CARD_WORDS);
    let is_card = is_grouped
        && count >= MIN_CARD_DIGITS
        && passes_luhn(digits)
        && (is_issued(digits) || is_named());
    (is_card && !is_inside_token_after(text, end)).then_some(Span {
        start,
        end,
        kind: Kind::CreditCard,
        confidence: if group == 0 { 0.8 } else { 0.95 },
    })
}

/// Whether a number has a prefix and a length that a card network issues.
fn is_issued(digits: &[u8]) -> bool {
    let prefix = digits[..4].iter().fold(0, |value, digit| value * 10 + u32::from(*digit));
    match digits.len() {
        // Maestro issues 12 to 19 digits.
        12 => matches!(prefix, 5000..=5099 | 5600..=5899 | 6300..=6399 | 6700..=6799),
        // Old Visa cards.
        13 => matches!(prefix, 4000..=4999),
        // Diners Club.
        14 => matches!(prefix, 3000..=3059 | 3095 | 3600..=3699 | 3800..=3999),
        // American Express and old JCB cards.
        15 => matches!(prefix, 3400..=3499 | 3700..=3799 | 1800 | 2131),
        // Visa, Mastercard, JCB, Maestro, UnionPay, Discover.
        16 => matches!(prefix, 2221..=2720 | 3528..=3589 | 4000..=4999 | 5000..=5899 | 6000..=6999),
        _ => matches!(prefix, 4000..=4999 | 5000..=5099 | 5600..=5899 | 6000..=6999),
    }
}

/// Checks the check digit of ISO/IEC 7812-1. Numbers that repeat a single digit do not pass.
fn passes_luhn(digits: &[u8]) -> bool {
    luhn_sum(digits).is_multiple_of(10) && digits.iter().any(|digit| *digit != digits[0])
}

/// The account number whose check digits start at an offset, after its country code. It must not
/// start before `floor`.
pub(super) fn iban_at(text: &str, check_digits: usize, floor: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let start = check_digits.checked_sub(2).filter(|start| *start >= floor)?;
    let country = &bytes[start..check_digits];
    if !country.iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    let index = IBAN_LENGTHS.binary_search_by(|(code, _)| code.as_slice().cmp(country)).ok()?;
    if !bytes.get(check_digits + 1).is_some_and(u8::is_ascii_digit)
        || is_inside_token_before(text, start)
    {
        return None;
    }
    let mut characters = [0; 34];
    let characters = &mut characters[..IBAN_LENGTHS[index].1];
    let mut end = start;
    for (place, character) in characters.iter_mut().enumerate() {
        if place > 0 && place % 4 == 0 && bytes.get(end) == Some(&b' ') {
            end += 1;
        }
        *character =
            *bytes.get(end).filter(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())?;
        end += 1;
    }
    let is_part = after(text, end).is_some_and(char::is_alphanumeric);
    (!is_part && passes_mod_97(characters)).then_some(Span {
        start,
        end,
        kind: Kind::Iban,
        confidence: 0.99,
    })
}

/// Checks ISO 7064 MOD 97-10: with its first four characters moved to the end, and letters replaced
/// by 10 to 35, the number modulo 97 must be 1.
fn passes_mod_97(characters: &[u8]) -> bool {
    let (head, tail) = characters.split_at(4);
    let remainder = tail.iter().chain(head).fold(0_u32, |remainder, byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        _ => (remainder * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    remainder == 1
}
