//! Finds telephone numbers: ITU-T E.164 numbers with `+` or `00`, numbers of the North American
//! plan, the usual groups of plans with a trunk zero, the formats of a given region, and any other
//! groups of digits next to a word such as `phone`.

use super::number::Number;
use super::plan::{Region, is_international};
use super::scan::{before, has_word_before, is_inside_token_after};
use super::{Kind, Span};

/// The number of digits of an international number, including its prefix `00`.
const PREFIXED_DIGITS: std::ops::RangeInclusive<usize> = 11..=17;

/// The number of digits of a national number, including its trunk zero.
const TRUNK_DIGITS: std::ops::RangeInclusive<usize> = 9..=12;

/// The number of digits of a number that is a telephone number only because of a word next to it.
/// Six digits are also accepted if they are in groups.
const NAMED_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Words that precede telephone numbers, in lower case. A space at the end of an entry means that
/// the word must end there.
const PHONE_WORDS: [&str; 58] = [
    "desk:",
    "home:",
    "work:",
    "office:",
    "mob:",
    "ph:",
    "phone",
    "telephone",
    "tel ",
    "tele ",
    "telefon ",
    "telefonnummer",
    "telefono ",
    "teléfono",
    "téléphone",
    "tél ",
    "tlf ",
    "puh ",
    "puhelin",
    "telepono",
    "telepon",
    "fax",
    "téléfax",
    "telefax",
    "mobile ",
    "mobil ",
    "móvil",
    "celular",
    "cellulare",
    "cell ",
    "cellphone",
    "handy ",
    "portable ",
    "gsm ",
    "hotline",
    "helpline",
    "whatsapp",
    "sms ",
    "call ",
    "calling ",
    "dial ",
    "ring ",
    "rufnummer",
    "appelez",
    "appeler",
    "llame",
    "llamar",
    "ligue ",
    "chiama",
    "answering",
    "reach me",
    "reach us",
    "text me",
    "messages to",
    "тел",
    "電話",
    "电话",
    "전화",
];

/// Words that follow a telephone number and say what it is for, in lower case.
const PURPOSE_WORDS: [&str; 5] = ["office", "fax", "mobile", "cell", "phone"];

/// Words that precede numbers of any kind, in lower case.
const NUMBER_WORDS: [&str; 6] = ["number is", "my number", "手机", "手機", "号码", "contact"];

/// The distance in bytes within which a word of [`PURPOSE_WORDS`] must start after a number.
const PURPOSE_REACH_BYTES: usize = 2;

/// The maximum number of digits of an extension: `x123`, `ext. 123`.
const MAX_EXTENSION_DIGITS: usize = 6;

/// The distance in bytes within which a word of the other lists must precede a number.
const WORD_REACH_BYTES: usize = 28;

/// The span of a number if it is a telephone number. `region` is the country of national numbers.
pub(super) fn of(text: &str, number: &Number, region: Option<Region>) -> Option<Span> {
    if number.digits().len() < 6 {
        return None;
    }
    let end = number.end + extension_length(&text[number.end..]);
    if is_part(text, number, end) || is_another_number(number) {
        return None;
    }
    let span = |confidence| Span { start: number.start, end, kind: Kind::Phone, confidence };
    let shape = confidence(number);
    let regional = region
        .filter(|region| !number.has_plus && region.has(number.digits()) && !is_date(number))
        .map(|_| 0.7);
    let best = shape.into_iter().chain(regional).fold(0.0_f32, f32::max);
    if best >= 0.5 {
        return Some(span(best));
    }
    if is_named(text, number, end) {
        return Some(span(0.6));
    }
    (best > 0.0).then(|| span(best))
}

/// Whether a number is part of a longer token, a price, or a longer sequence of groups of digits.
fn is_part(text: &str, number: &Number, end: usize) -> bool {
    let behind = before(text, number.start);
    if behind.is_some_and(|c| c.is_alphanumeric() || "._-/=#$€£¥%@&+*~^\\".contains(c))
        || is_inside_token_after(text, end)
        || text[end..].starts_with(['@', '='])
    {
        return true;
    }
    let head = &text[..number.start];
    // The value assigned to a variable in a program.
    if head.trim_end_matches(' ').ends_with('=') {
        return true;
    }
    match behind {
        // The end of a time, an IPv6 address or a number with a comma.
        Some(':' | ',') => head[..head.len() - 1].ends_with(|c: char| c.is_ascii_hexdigit()),
        // A group before the number: digits, or the capitals and digits of an account number.
        Some(' ') if !number.has_plus && !number.has_bracket => {
            let head = head.trim_end();
            let word = head.rsplit_once(char::is_whitespace).map_or(head, |(_, word)| word);
            let has = |test: fn(char) -> bool| word.contains(test);
            let is_group = word.len() <= 6 && word.bytes().all(|byte| byte.is_ascii_digit());
            let is_code = word.len() <= 6
                && has(|c| c.is_ascii_digit())
                && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
            let is_spaced = number.separators().first() == Some(&b' ');
            is_spaced && (is_group || is_code)
        }
        _ => false,
    }
}

/// Whether a word next to a number says that it is a telephone number.
fn is_named(text: &str, number: &Number, end: usize) -> bool {
    let count = number.digits().len();
    let is_short = count == 6 && number.lengths().len() >= 2;
    let is_round = number.lengths().len() == 1 && number.digits().ends_with(&[0, 0, 0, 0]);
    if !(NAMED_DIGITS.contains(&count) || is_short) || is_date(number) || is_round {
        return false;
    }
    // A mobile number of China.
    let is_mobile = count == 11 && number.digits()[0] == 1 && number.digits()[1] >= 3;
    has_purpose_behind(text, end)
        || (!is_short && has_word_before(text, number.start, WORD_REACH_BYTES, &PHONE_WORDS))
        || (is_mobile && has_word_before(text, number.start, WORD_REACH_BYTES, &NUMBER_WORDS))
}

/// The length in bytes of the extension at the start of a slice, or 0 if there is none.
fn extension_length(text: &str) -> usize {
    let spaced = text.trim_start_matches(' ');
    let Some(digits) = ["x", "ext. ", "ext "].iter().find_map(|mark| spaced.strip_prefix(mark))
    else {
        return 0;
    };
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    if (1..=MAX_EXTENSION_DIGITS).contains(&count) { text.len() - digits.len() + count } else { 0 }
}

/// Whether a word right after a number says what it is for: `-Fax`, ` office`.
fn has_purpose_behind(text: &str, end: usize) -> bool {
    let behind = text[end..].trim_start_matches([' ', '-', '(']);
    let is_near = text.len() - end - behind.len() <= PURPOSE_REACH_BYTES;
    let starts_with = |word: &&str| {
        behind.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    is_near && PURPOSE_WORDS.iter().any(starts_with)
}

/// The confidence that a number is a telephone number, by its shape alone. `None` if its shape is
/// not that of a telephone number.
fn confidence(number: &Number) -> Option<f32> {
    let digits = number.digits();
    let lengths = number.lengths();
    if number.has_plus {
        return is_international(digits).then_some(0.95);
    }
    // A number without groups is reported only if it is the whole text.
    if lengths.len() < 2 {
        return (digits[0] == 0 && digits[1] != 0 && (10..=11).contains(&digits.len()))
            .then_some(0.22);
    }
    // The extension of a switchboard: `040 41178-0`.
    let has_extension = digits[0] == 0
        && lengths.len() > 2
        && number.separators().last() == Some(&b'-')
        && (lengths.ends_with(&[1]) || lengths[lengths.len() - 2] >= 5);
    let lengths = if has_extension { &lengths[..lengths.len() - 1] } else { lengths };
    if lengths[1..].contains(&1) {
        return None;
    }
    let has_slash_later = number.separators().iter().skip(1).any(|separator| *separator == b'/');
    // North American Numbering Plan: the area code and the exchange code start with 2 to 9.
    let american = match lengths {
        [3, 3, 4] => Some(digits),
        [1, 3, 3, 4] if digits[0] == 1 => Some(&digits[1..]),
        _ => None,
    };
    if american.is_some_and(|digits| digits[0] >= 2 && digits[3] >= 2) {
        let is_written =
            number.has_bracket || number.is_uniform_from(0) || number.separators().ends_with(b"-");
        return (!has_slash_later && is_written).then_some(if number.separators() == b"  " {
            0.45
        } else {
            0.9
        });
    }
    if has_slash_later {
        return None;
    }
    if digits[0] != 0 {
        return bracketed(number);
    }
    let has_long_groups = lengths.iter().all(|length| *length >= 2) || number.has_bracket;
    if digits[1] == 0 {
        let is_prefixed = PREFIXED_DIGITS.contains(&digits.len())
            && lengths.len() >= 3
            && is_international(&digits[2..]);
        return (is_prefixed && has_long_groups).then_some(0.7);
    }
    let is_uniform = number.has_bracket
        || has_extension
        || number.is_uniform_from(0)
        || (number.is_uniform_from(1)
            && matches!(number.separators()[0], b'-' | b'/')
            && lengths.len() > 3);
    // Two groups are an area code and a long group. Two short groups are more often an identifier.
    let is_grouped = has_extension || lengths.len() > 2 || lengths[1] >= 6;
    let is_national = TRUNK_DIGITS.contains(&digits.len())
        && has_long_groups
        && is_grouped
        && is_uniform
        && lengths[0] <= 6
        && !is_date(number);
    is_national.then_some(0.75)
}

/// The confidence of an area code in brackets followed by groups: `(11) 98456-5666`.
fn bracketed(number: &Number) -> Option<f32> {
    let lengths = number.lengths();
    let is_first = number.has_bracket && number.separators().first() == Some(&b')');
    let rest: u8 = lengths[1..].iter().sum();
    let is_number = is_first
        && (2..=3).contains(&lengths[0])
        && lengths.len() >= 3
        && (7..=9).contains(&rest)
        && lengths[1..].iter().all(|length| *length >= 2);
    is_number.then_some(0.7)
}

/// Whether a number without a plus sign has the shape of something else: an American social
/// security number, a ZIP+4 code, a decimal fraction, a binary number, or a dump of bytes.
fn is_another_number(number: &Number) -> bool {
    let lengths = number.lengths();
    let separators = number.separators();
    let is_decimal = (lengths.len() == 2 && lengths[0] < 3 && separators == b".")
        || (separators.first() == Some(&b'.') && separators.contains(&b' '));
    let is_binary = number.digits().iter().all(|digit| *digit < 2);
    // No numbering plan has six groups of two digits.
    let is_dump = lengths.len() > 5 && lengths.iter().all(|length| *length == 2);
    let is_other_code = matches!(lengths, [3, 2, 4] | [5, 4]);
    !number.has_plus && (is_other_code || is_decimal || is_binary || is_dump)
}

/// Whether the groups are a date: year, month and day, or day, month and year.
fn is_date(number: &Number) -> bool {
    match *number.lengths() {
        [4, 1 | 2, 1 | 2, ..] => matches!(number.digits()[0], 1 | 2),
        [1 | 2, 1 | 2, 4, ..] => true,
        _ => false,
    }
}
