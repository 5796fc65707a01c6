//! Rules for numbers with letters in fixed places.

use std::ops::Range;

use super::check::{icao_9303, is_day, is_day_of, weighted};
use super::digits::PASSPORT_WORDS;
use super::states::{cn_check, is_cn_birth};
use super::{CHECKED, Kind, NAMED, NationalId, Span, is_named};
use crate::pii::scan::{after, before, is_inside_token_after};

/// The minimum length of such a number.
const MIN_TOKEN_BYTES: usize = 8;

/// The maximum length of such a number, including its separators.
const MAX_TOKEN_BYTES: usize = 24;

/// The rule by which a kind of number is recognised.
struct Rule {
    id: NationalId,
    /// The pattern of its characters; see [`matches`].
    pattern: &'static str,
    /// The pattern with hyphens, if it may be written with hyphens.
    hyphened: Option<&'static str>,
    /// The confidence without a word about it, or `None` if the check fails.
    check: fn(&[u8]) -> Option<f32>,
    /// Words about it, in lower case.
    words: &'static [&'static str],
}

const fn rule(
    id: NationalId,
    pattern: &'static str,
    hyphened: Option<&'static str>,
    check: fn(&[u8]) -> Option<f32>,
    words: &'static [&'static str],
) -> Rule {
    Rule { id, pattern, hyphened, check, words }
}

/// The rules.
const RULES: [Rule; 23] = {
    use NationalId as Id;
    [
        rule(Id::ItCodiceFiscale, "AAAAAA99A99A999A", None, codice_fiscale, &["codice fiscale"]),
        rule(Id::MxCurp, "AAAA999999AAAAAAX9", None, curp, &["curp"]),
        rule(Id::UkDrivingLicence, "XXXXX999999XXXAA", None, driving_licence, &["licence"]),
        rule(Id::UsMbi, "9AX9AX9AA99", Some("9AX9-AX9-AA99"), mbi, &["medicare", "mbi "]),
        rule(
            Id::DeSocialSecurity,
            "99999999A999",
            None,
            social_security,
            &["rvnr", "sozialvers", "rentenvers"],
        ),
        rule(Id::InGstin, "99AAAAA9999AXZX", None, gstin, &["gst"]),
        rule(Id::InPan, "AAAAA9999A", None, pan, &["pan ", "permanent account"]),
        rule(Id::EsNie, "X9999999A", Some("X-9999999-A"), nie, &["nie ", "extranjer"]),
        rule(Id::EsNie, "X9999999A", Some("X9999999-A"), nie, &["nie ", "extranjer"]),
        rule(Id::EsNif, "99999999A", Some("99999999-A"), nif, &["nif ", "dni "]),
        rule(Id::EsNif, "9999999A", Some("9999999-A"), nif_short, &["nif ", "dni "]),
        rule(Id::SgNric, "A9999999A", None, nric, &["nric", "fin ", "singapore"]),
        rule(
            Id::DeHealth,
            "A999999999",
            None,
            health,
            &["egk", "krankenvers", "kvnr", "versicherten"],
        ),
        rule(Id::TwId, "A999999999", None, taiwan, &["taiwan", "身分證", "身份證"]),
        rule(
            Id::DePassport,
            "AXXXXXXX9",
            None,
            german_passport,
            &["reisepass", "pass-nr", "passnummer", "ausweis"],
        ),
        rule(Id::UsDea, "AX9999999", None, dea, &["dea ", "certificate", "prescriber", "license"]),
        rule(Id::CnResident, "99999999999999999A", None, chinese, &["身份", "resident id"]),
        rule(Id::UkNino, "AA999999A", None, nino, &["nino", "national insurance"]),
        rule(Id::ClRut, "99999999A", Some("99999999-A"), rut, &["rut ", "run "]),
        rule(Id::Passport, "AXXXXXXX", None, passport, &PASSPORT_WORDS),
        rule(Id::Passport, "AXXXXXXXX", None, passport, &PASSPORT_WORDS),
        rule(Id::Passport, "99AAXXXXX", None, passport, &PASSPORT_WORDS),
        rule(Id::Passport, "AAAXXXXXX", None, passport, &PASSPORT_WORDS),
    ]
};

/// Calls `offer` with the national numbers that a token may be.
pub(super) fn of(text: &str, token: Range<usize>, offer: &mut impl FnMut(Span)) {
    let bytes = text.as_bytes();
    if !(MIN_TOKEN_BYTES..=MAX_TOKEN_BYTES).contains(&token.len()) {
        return;
    }
    let length = token.len();
    let has_letter = bytes[token.clone()].iter().any(u8::is_ascii_alphabetic);
    if !has_letter {
        return;
    }
    let is_part = before(text, token.start)
        .is_some_and(|c| c.is_alphanumeric() || "./#=:@+$%&\\".contains(c))
        && !is_label_before(text, token.start)
        || is_inside_token_after(text, token.end)
        || matches!(after(text, token.end), Some('@' | '=' | '\\' | '('));
    if is_part {
        return;
    }
    let mut upper = [0; MAX_TOKEN_BYTES];
    upper[..length].copy_from_slice(&bytes[token.clone()]);
    upper.make_ascii_uppercase();
    let is_lower = bytes[token.clone()].iter().any(u8::is_ascii_lowercase);
    for rule in &RULES {
        offer_if(text, (token.start, token.end), &upper[..length], is_lower, rule, offer);
    }
}

/// Whether a label with a colon, such as `ID:`, precedes an offset.
fn is_label_before(text: &str, offset: usize) -> bool {
    text[..offset].strip_suffix(':').is_some_and(|label| label.ends_with(char::is_alphabetic))
}

/// Calls `offer` with a token if it is a number of a rule. `token` has the characters in upper
/// case, and `is_lower` says whether the text has a letter in lower case.
fn offer_if(
    text: &str,
    (start, end): (usize, usize),
    token: &[u8],
    is_lower: bool,
    rule: &Rule,
    offer: &mut impl FnMut(Span),
) {
    let mut compact = [0; MAX_TOKEN_BYTES];
    let characters = if matches(token, rule.pattern) {
        token
    } else if rule.hyphened.is_some_and(|pattern| matches(token, pattern)) {
        let mut length = 0;
        for byte in token.iter().filter(|byte| **byte != b'-') {
            compact[length] = *byte;
            length += 1;
        }
        &compact[..length]
    } else {
        return;
    };
    let Some(confidence) = (rule.check)(characters) else { return };
    let is_passport = rule.id == NationalId::Passport;
    let is_named = is_named(text, start, end, rule.words)
        && (!is_passport || super::is_near_passport(text, start, end));
    if is_passport && !is_named {
        return;
    }
    // In lower case, letters and digits are more often part of a hash or a name.
    let alone = if is_lower { confidence.min(CHECKED) } else { confidence };
    let confidence = if is_named { NAMED.max(confidence) } else { alone };
    offer(Span { start, end, kind: Kind::NationalId(rule.id), confidence });
}

/// Whether characters match a pattern of the same length: `A` is a capital letter, `9` a digit, `X`
/// either of them, and any other character itself.
pub(super) fn matches(characters: &[u8], pattern: &str) -> bool {
    characters.len() == pattern.len()
        && characters.iter().zip(pattern.bytes()).all(|(byte, class)| match class {
            b'A' => byte.is_ascii_uppercase(),
            b'9' => byte.is_ascii_digit(),
            b'X' => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            sign => *byte == sign,
        })
}

/// The digits of characters, as values. A letter becomes the two digits of its position in the
/// alphabet.
fn as_digits(characters: &[u8]) -> Vec<u8> {
    let digits = characters.iter().flat_map(|byte| {
        if byte.is_ascii_digit() {
            return [None, Some(byte - b'0')];
        }
        let place = byte - b'A' + 1;
        [Some(place / 10), Some(place % 10)]
    });
    digits.flatten().collect()
}

/// The number whose decimal digits are given as characters.
pub(super) fn number(characters: &[u8]) -> u64 {
    characters.iter().fold(0, |value, byte| value * 10 + u64::from(byte.wrapping_sub(b'0') % 10))
}

/// Italy, decreto ministeriale of 23 December 1976. Characters in odd places have special values.
fn codice_fiscale(characters: &[u8]) -> Option<f32> {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let day = number(&characters[9..11]) % 40;
    let is_month = b"ABCDEHLMPRST".contains(&characters[8]);
    let sum: u32 = characters[..15]
        .iter()
        .enumerate()
        .map(|(place, byte)| {
            let value = if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' };
            if place % 2 == 0 { ODD[usize::from(value)] } else { u32::from(value) }
        })
        .sum();
    let is_checked = sum % 26 == u32::from(characters[15] - b'A');
    // Nothing else has this pattern, so with a typing error it still is somebody's number.
    let is_date = is_month && (1..=31).contains(&day);
    is_date.then_some(if is_checked { 0.98 } else { 0.6 })
}

/// Mexico: a date of birth, and the sex.
fn curp(characters: &[u8]) -> Option<f32> {
    let is_date = is_day_of(number(&characters[6..8]), number(&characters[8..10]));
    (is_date && b"HMX".contains(&characters[10])).then_some(0.9)
}

/// United Kingdom: surname, decade, month (plus 50 for women), day, year, initials.
fn driving_licence(characters: &[u8]) -> Option<f32> {
    let name = &characters[..5];
    let letters = name.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let is_name = letters > 0 && name[letters..].iter().all(|byte| *byte == b'9');
    let is_date = is_day_of(number(&characters[6..8]) % 50, number(&characters[8..10]));
    (is_name && is_date && characters[11].is_ascii_uppercase()).then_some(0.9)
}

/// United States, Centers for Medicare & Medicaid Services: the letters S, L, O, I, B, Z are not
/// used.
fn mbi(characters: &[u8]) -> Option<f32> {
    let is_allowed = |byte: &u8| !b"SLOIBZ".contains(byte);
    (characters[0] != b'0' && characters.iter().all(is_allowed)).then_some(0.85)
}

/// Germany: area, date of birth, first letter of the name at birth, serial number, check digit.
fn social_security(characters: &[u8]) -> Option<f32> {
    let digits = as_digits(characters);
    let sum: u32 = digits[..12]
        .iter()
        .zip([2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1])
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .map(|product| product / 10 + product % 10)
        .sum();
    let is_date = is_day(&digits[4..6], &digits[2..4]);
    (is_date && sum % 10 == u32::from(digits[12])).then_some(0.85)
}

/// India: the first two digits are the code of a state.
fn gstin(characters: &[u8]) -> Option<f32> {
    matches!(number(&characters[..2]), 1..=37).then_some(0.85)
}

/// India: the fourth letter is the type of the holder.
fn pan(characters: &[u8]) -> Option<f32> {
    let is_holder = b"ABCFGHJLPT".contains(&characters[3]);
    // The numbers begin at 0001.
    (&characters[5..9] != b"0000").then_some(if is_holder { 0.55 } else { CHECKED })
}

/// Spain: the check letter of a number, by its remainder modulo 23.
fn spanish_letter(value: u64) -> u8 {
    b"TRWAGMYFPDXBNJZSQVHLCKE"[(value % 23) as usize]
}

/// Spain: eight digits and a check letter.
fn nif(characters: &[u8]) -> Option<f32> {
    (spanish_letter(number(&characters[..8])) == characters[8]).then_some(0.65)
}

/// Spain: [`nif`] written without its leading zero.
fn nif_short(characters: &[u8]) -> Option<f32> {
    (spanish_letter(number(&characters[..7])) == characters[7]).then_some(CHECKED)
}

/// Spain: the first letter, X, Y or Z, stands for the digit 0, 1 or 2.
fn nie(characters: &[u8]) -> Option<f32> {
    let first = u64::from(characters[0].checked_sub(b'X').filter(|first| *first <= 2)?);
    let value = first * 10_000_000 + number(&characters[1..8]);
    (spanish_letter(value) == characters[8]).then_some(0.7)
}

/// Singapore: the first letter selects an offset and the list of check letters.
fn nric(characters: &[u8]) -> Option<f32> {
    let sum = weighted(&as_digits(&characters[1..8]), &[2, 7, 6, 5, 4, 3, 2]);
    let (offset, letters) = match characters[0] {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"XWUTRQPNJLK"),
        _ => return None,
    };
    let is_checked = letters[((sum + offset) % 11) as usize] == characters[8];
    Some(if is_checked { 0.75 } else { CHECKED })
}

/// Germany: the Luhn-like check of the health insurance number, with weights 1 and 2.
fn health(characters: &[u8]) -> Option<f32> {
    let digits = as_digits(characters);
    let digits = &digits[digits.len() - 11..];
    let sum: u32 = digits[..10]
        .iter()
        .zip([1, 2].iter().cycle())
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .map(|product| product / 10 + product % 10)
        .sum();
    (sum % 10 == u32::from(digits[10])).then_some(CHECKED)
}

/// Taiwan: the letter is a county, and the first digit is the sex.
fn taiwan(characters: &[u8]) -> Option<f32> {
    // The values of the letters follow the order in which the counties were numbered.
    let order = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let letter = 10 + order.iter().position(|byte| *byte == characters[0])? as u32;
    let rest = as_digits(&characters[1..]);
    let sum = letter / 10 + letter % 10 * 9 + weighted(&rest, &[8, 7, 6, 5, 4, 3, 2, 1, 1]);
    (matches!(rest[0], 1 | 2 | 8 | 9) && sum.is_multiple_of(10)).then_some(CHECKED)
}

/// Germany: characters that cannot be mistaken for others, and a check digit.
fn german_passport(characters: &[u8]) -> Option<f32> {
    let is_allowed = |byte: &u8| byte.is_ascii_digit() || b"CFGHJKLMNPRTVWXYZ".contains(byte);
    let is_checked = icao_9303(&characters[..8]) == u32::from(characters[8] - b'0');
    (characters.iter().all(is_allowed) && is_checked).then_some(CHECKED)
}

/// United States: the type of the prescriber, the initial of the name (or a 9), and a check digit.
fn dea(characters: &[u8]) -> Option<f32> {
    let digits = as_digits(&characters[2..]);
    let sum = weighted(&digits, &[1, 2, 1, 2, 1, 2]);
    let is_kind = b"ABCDEFGHJKLMPRSTUX".contains(&characters[0]);
    let is_name = characters[1].is_ascii_uppercase() || characters[1] == b'9';
    (is_kind && is_name && sum % 10 == u32::from(digits[6])).then_some(CHECKED)
}

/// China: a resident identity number whose check character is X.
fn chinese(characters: &[u8]) -> Option<f32> {
    let digits = as_digits(&characters[..17]);
    (characters[17] == b'X' && is_cn_birth(&digits) && cn_check(&digits) == 10).then_some(0.95)
}

/// United Kingdom: a prefix that is in use, and a suffix from A to D.
fn nino(characters: &[u8]) -> Option<f32> {
    (is_nino_prefix(&characters[..2]) && b"ABCD".contains(&characters[8])).then_some(0.4)
}

/// Whether two letters are a prefix of National Insurance numbers (HM Revenue & Customs, National
/// Insurance Manual NIM39110).
pub(super) fn is_nino_prefix(prefix: &[u8]) -> bool {
    !b"DFIQUV".contains(&prefix[0])
        && !b"DFIOQUV".contains(&prefix[1])
        && ![&b"BG"[..], b"GB", b"NK", b"KN", b"TN", b"NT", b"ZZ"].contains(&prefix)
}

/// Chile: a number whose check character is K.
fn rut(characters: &[u8]) -> Option<f32> {
    let sum: u64 = as_digits(&characters[..8])
        .iter()
        .rev()
        .zip((2..=7).cycle())
        .map(|(digit, weight)| u64::from(*digit) * weight)
        .sum();
    (characters[8] == b'K' && sum % 11 == 1).then_some(0.5)
}

/// Any state: at least five digits, so words do not match.
fn passport(characters: &[u8]) -> Option<f32> {
    let digits = characters.iter().filter(|byte| byte.is_ascii_digit()).count();
    (digits >= 5).then_some(CHECKED)
}
