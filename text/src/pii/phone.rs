//! Telephone numbers: ITU-T E.164 with `+` or `00`, the North American plan, the groups of plans
//! with a trunk zero, and any other groups of digits behind a word such as `phone`.

use super::scan::{before, has_word_before, is_inside_token_after};
use super::{Kind, Span};

/// Digits of an international number (E.164 §6).
const INTERNATIONAL_DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

/// Digits of a national number with its trunk zero.
const TRUNK_DIGITS: std::ops::RangeInclusive<usize> = 9..=12;

/// Digits of a number that only a word before it makes a telephone number.
const NAMED_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Groups of digits of one number at most.
const MAX_GROUPS: usize = 7;

/// Words, or starts of words, that announce a number, in lower case.
const PHONE_WORDS: [&str; 21] = [
    "phone",
    "tel",
    "call",
    "fax",
    "mobil",
    "cell",
    "whatsapp",
    "sms",
    "téléphone",
    "handy",
    "hotline",
    "dial",
    "answering",
    "reach me",
    "reach us",
    "text me",
    "messages to",
    "тел",
    "電話",
    "电话",
    "cellphone",
];

/// Words that say behind a number what it is for, in lower case.
const PURPOSE_WORDS: [&str; 5] = ["office", "fax", "mobile", "cell", "phone"];

/// Bytes behind a number in which such a word starts.
const PURPOSE_REACH_BYTES: usize = 2;

/// Digits of an extension at most: `x123`, `ext. 123`.
const MAX_EXTENSION_DIGITS: usize = 6;

/// Bytes before a number in which such a word counts.
const WORD_REACH_BYTES: usize = 24;

/// Groups of digits as they stand in a text.
#[derive(Debug, Default)]
struct Number {
    /// The offset of its first character, with plus sign or bracket.
    start: usize,
    end: usize,
    /// Digits in each group, and how many groups there are.
    lengths: [usize; MAX_GROUPS],
    groups: usize,
    /// The digits, as far as rules look at them.
    digits: Vec<u8>,
    has_plus: bool,
    has_bracket: bool,
    separators: Vec<u8>,
}

/// The telephone number whose first digit is at an offset; it starts at `floor` at the earliest.
pub(super) fn around(text: &str, digit: usize, floor: usize) -> Option<Span> {
    let number = read(text, digit, floor)?;
    let behind = before(text, number.start);
    let is_part = behind.is_some_and(|c| c.is_alphanumeric() || "._-/=#$€£¥%@&+*".contains(c));
    let end = number.end + extension_length(&text[number.end..]);
    if is_part || is_inside_token_after(text, end) {
        return None;
    }
    // The end of a time, of an IPv6 address or of a number with a comma.
    if matches!(behind, Some(':' | ','))
        && text[..number.start - 1].ends_with(|c: char| c.is_ascii_hexdigit())
    {
        return None;
    }
    if is_another_number(&number) {
        return None;
    }
    let confidence = confidence(&number).or_else(|| {
        let is_named = NAMED_DIGITS.contains(&number.digits.len())
            && !is_date(&number)
            && (has_word_before(text, number.start, WORD_REACH_BYTES, &PHONE_WORDS)
                || has_purpose_behind(text, end));
        is_named.then_some(0.6)
    })?;
    Some(Span { start: number.start, end, kind: Kind::Phone, confidence })
}

/// Bytes of the extension that a slice starts with, 0 if none.
fn extension_length(text: &str) -> usize {
    let spaced = text.trim_start_matches(' ');
    let Some(digits) = ["x", "ext. ", "ext "].iter().find_map(|mark| spaced.strip_prefix(mark))
    else {
        return 0;
    };
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    if (1..=MAX_EXTENSION_DIGITS).contains(&count) { text.len() - digits.len() + count } else { 0 }
}

/// Whether the purpose of a number stands right behind it: `-Fax`, ` office`.
fn has_purpose_behind(text: &str, end: usize) -> bool {
    let behind = text[end..].trim_start_matches([' ', '-', '(']);
    let is_near = text.len() - end - behind.len() <= PURPOSE_REACH_BYTES;
    let starts_with = |word: &&str| {
        behind.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    is_near && PURPOSE_WORDS.iter().any(starts_with)
}

/// Reads groups of digits with single separators between them.
fn read(text: &str, digit: usize, floor: usize) -> Option<Number> {
    let bytes = text.as_bytes();
    let mut number = Number { start: digit, end: digit, ..Number::default() };
    if number.start > floor && bytes[number.start - 1] == b'(' {
        number.start -= 1;
        number.has_bracket = true;
    }
    if number.start > floor && bytes[number.start - 1] == b'+' {
        number.start -= 1;
        number.has_plus = true;
    }
    let mut position = digit;
    let mut is_open = number.has_bracket;
    while number.groups < MAX_GROUPS {
        let length = bytes[position..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        number.digits.extend(&bytes[position..position + length.min(20)]);
        number.lengths[number.groups] = length;
        number.groups += 1;
        position += length;
        number.end = position;
        let separator = separator_length(&bytes[position..], &mut is_open);
        let next = position + separator;
        let is_next = separator > 0 && bytes.get(next).is_some_and(u8::is_ascii_digit);
        if !is_next || number.digits.len() > *INTERNATIONAL_DIGITS.end() {
            break;
        }
        number.has_bracket |= bytes[position..next].contains(&b'(');
        number.separators.push(bytes[position]);
        position = next;
    }
    // An opening bracket that does not close belongs to the sentence.
    if is_open && bytes[number.start] == b'(' {
        number.start += 1;
        number.has_bracket = false;
    }
    (!is_open || !number.has_bracket).then_some(number)
}

/// Bytes of the separator at the start of a slice: one of space, dot, dash and slash, or a bracket
/// with a space or dash around it; 0 if there is none.
fn separator_length(bytes: &[u8], is_open: &mut bool) -> usize {
    let mut length = 0;
    let is_separator = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'-' | b'.' | b'/'));
    if *is_open {
        if bytes.first() != Some(&b')') {
            return 0;
        }
        *is_open = false;
        length = 1;
        return length + usize::from(is_separator(bytes.get(length)));
    }
    length += usize::from(is_separator(bytes.first()));
    if bytes.get(length) == Some(&b'(') && bytes.get(length + 1).is_some_and(u8::is_ascii_digit) {
        *is_open = true;
        length += 1;
    }
    length
}

/// How sure the shape alone makes a number a telephone number.
fn confidence(number: &Number) -> Option<f32> {
    let digits = &number.digits;
    let lengths = &number.lengths[..number.groups];
    if number.has_plus {
        let is_international = INTERNATIONAL_DIGITS.contains(&digits.len()) && digits[0] != b'0';
        return is_international.then_some(0.95);
    }
    if lengths.len() < 2 || lengths[1..].contains(&1) {
        return None;
    }
    let is_uniform = number.separators.windows(2).all(|pair| pair[0] == pair[1]);
    let is_slash_free = number.separators.iter().skip(1).all(|separator| *separator != b'/');
    // North American Numbering Plan: area and exchange start with 2 to 9.
    let american = match lengths {
        [3, 3, 4] => Some(&digits[..]),
        [1, 3, 3, 4] if digits[0] == b'1' => Some(&digits[1..]),
        _ => None,
    };
    if american.is_some_and(|digits| digits[0] >= b'2' && digits[3] >= b'2') {
        return (is_slash_free && (is_uniform || number.has_bracket)).then_some(0.9);
    }
    if digits[0] != b'0' || !is_slash_free {
        return None;
    }
    let has_long_group = lengths.iter().all(|length| *length >= 2) || number.has_bracket;
    if digits[1] == b'0' {
        let is_international = digits.get(2).is_some_and(|digit| *digit != b'0')
            && (11..=17).contains(&digits.len())
            && lengths.len() >= 3;
        return (is_international && has_long_group).then_some(0.7);
    }
    let is_national = TRUNK_DIGITS.contains(&digits.len())
        && has_long_group
        && lengths[0] <= 6
        && !is_date(number);
    is_national.then_some(0.75)
}

/// Whether a number without plus sign has the shape of something else: an American social security
/// number, a ZIP+4 code, a decimal fraction, binary digits, or a dump of bytes.
fn is_another_number(number: &Number) -> bool {
    let lengths = &number.lengths[..number.groups];
    let is_decimal = lengths.len() == 2 && lengths[0] < 3 && number.separators == [b'.'];
    let is_binary = number.digits.iter().all(|digit| matches!(digit, b'0' | b'1'));
    // A dump of bytes: no plan has six groups of two.
    let is_dump = lengths.len() > 5 && lengths.iter().all(|length| *length == 2);
    let is_other_code = matches!(lengths, [3, 2, 4] | [5, 4]);
    !number.has_plus && (is_other_code || is_decimal || is_binary || is_dump)
}

/// Whether the groups are a date, as year, month and day in either order.
fn is_date(number: &Number) -> bool {
    match number.lengths[..number.groups] {
        [4, 1 | 2, 1 | 2, ..] => matches!(number.digits[0], b'1' | b'2'),
        [1 | 2, 1 | 2, 4, ..] => true,
        _ => false,
    }
}
