//! Numbers with letters in fixed places.

use std::ops::Range;

use super::check::{icao_9303, is_day, is_day_of, weighted};
use super::digits::PASSPORT_WORDS;
use super::states::{cn_check, is_cn_birth};
use super::{CHECKED, Kind, NAMED, NationalId, Span, is_named};
use crate::pii::scan::{after, before, is_inside_token_after};

/// Characters of such a number at least, and with its separators at most.
const MIN_TOKEN_BYTES: usize = 8;
const MAX_TOKEN_BYTES: usize = 24;

/// How a number with letters is told.
struct Rule {
    id: NationalId,
    /// `A` for a letter, `9` for a digit, `X` for either, and any sign for itself.
    pattern: &'static str,
    /// Where hyphens may stand: the pattern with them, if any.
    hyphened: Option<&'static str>,
    check: fn(&[u8]) -> Option<f32>,
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

/// The rules; each check says how sure a number is without a word about it, or that it is none.
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

/// Hands the numbers that a token may be to `offer`.
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

/// Whether what stands before an offset is a label with a colon: `ID:`.
fn is_label_before(text: &str, offset: usize) -> bool {
    text[..offset].strip_suffix(':').is_some_and(|label| label.ends_with(char::is_alphabetic))
}

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
    // In lower case letters and digits are more often a part of a hash or of a name.
    let alone = if is_lower { confidence.min(CHECKED) } else { confidence };
    let confidence = if is_named { NAMED.max(confidence) } else { alone };
    offer(Span { start, end, kind: Kind::NationalId(rule.id), confidence });
}

pub(super) fn matches(characters: &[u8], pattern: &str) -> bool {
    characters.len() == pattern.len()
        && characters.iter().zip(pattern.bytes()).all(|(byte, class)| match class {
            b'A' => byte.is_ascii_uppercase(),
            b'9' => byte.is_ascii_digit(),
            b'X' => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            sign => *byte == sign,
        })
}

/// The digits among characters, as values; a letter is its place in the alphabet in two digits.
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

pub(super) fn number(characters: &[u8]) -> u64 {
    characters.iter().fold(0, |value, byte| value * 10 + u64::from(byte.wrapping_sub(b'0') % 10))
}

fn sure_if(is_right: bool, confidence: f32) -> Option<f32> {
    is_right.then_some(confidence)
}

/// Decreto ministeriale of 23 December 1976; the odd places have their own values.
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
    // The pattern is of nothing else, so that a slip of the pen is still somebody's number.
    sure_if(is_month && (1..=31).contains(&day), if is_checked { 0.98 } else { 0.6 })
}

fn curp(characters: &[u8]) -> Option<f32> {
    let is_date = is_day_of(number(&characters[6..8]), number(&characters[8..10]));
    sure_if(is_date && b"HMX".contains(&characters[10]), 0.9)
}

/// Surname, decade, month (50 added for women), day, year, initials.
fn driving_licence(characters: &[u8]) -> Option<f32> {
    let name = &characters[..5];
    let letters = name.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let is_name = letters > 0 && name[letters..].iter().all(|byte| *byte == b'9');
    let is_date = is_day_of(number(&characters[6..8]) % 50, number(&characters[8..10]));
    sure_if(is_name && is_date && characters[11].is_ascii_uppercase(), 0.9)
}

/// Centers for Medicare & Medicaid Services: no S, L, O, I, B, Z.
fn mbi(characters: &[u8]) -> Option<f32> {
    sure_if(characters[0] != b'0' && !characters.iter().any(|byte| b"SLOIBZ".contains(byte)), 0.85)
}

/// Area, date of birth, first letter of the name at birth, serial number, check digit.
fn social_security(characters: &[u8]) -> Option<f32> {
    let digits = as_digits(characters);
    let sum: u32 = digits[..12]
        .iter()
        .zip([2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1])
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .map(|product| product / 10 + product % 10)
        .sum();
    let is_date = is_day(&digits[4..6], &digits[2..4]);
    sure_if(is_date && sum % 10 == u32::from(digits[12]), 0.85)
}

fn gstin(characters: &[u8]) -> Option<f32> {
    sure_if(matches!(number(&characters[..2]), 1..=38) && number(&characters[..2]) != 38, 0.85)
}

/// The fourth letter says what the holder is.
fn pan(characters: &[u8]) -> Option<f32> {
    let is_holder = b"ABCFGHJLPT".contains(&characters[3]);
    // The numbers begin at 0001.
    sure_if(&characters[5..9] != b"0000", if is_holder { 0.55 } else { CHECKED })
}

/// The letters of the remainders modulo 23.
fn spanish_letter(value: u64) -> u8 {
    b"TRWAGMYFPDXBNJZSQVHLCKE"[(value % 23) as usize]
}

fn nif(characters: &[u8]) -> Option<f32> {
    sure_if(spanish_letter(number(&characters[..8])) == characters[8], 0.65)
}

fn nif_short(characters: &[u8]) -> Option<f32> {
    sure_if(spanish_letter(number(&characters[..7])) == characters[7], CHECKED)
}

fn nie(characters: &[u8]) -> Option<f32> {
    let first = u64::from(characters[0].checked_sub(b'X').filter(|first| *first <= 2)?);
    sure_if(spanish_letter(first * 10_000_000 + number(&characters[1..8])) == characters[8], 0.7)
}

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

fn health(characters: &[u8]) -> Option<f32> {
    let digits = as_digits(characters);
    let digits = &digits[digits.len() - 11..];
    let sum: u32 = digits[..10]
        .iter()
        .zip([1, 2].iter().cycle())
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .map(|product| product / 10 + product % 10)
        .sum();
    sure_if(sum % 10 == u32::from(digits[10]), CHECKED)
}

fn taiwan(characters: &[u8]) -> Option<f32> {
    // The values of the letters follow the order in which the counties were numbered.
    let order = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let letter = 10 + order.iter().position(|byte| *byte == characters[0])? as u32;
    let rest = as_digits(&characters[1..]);
    let sum = letter / 10 + letter % 10 * 9 + weighted(&rest, &[8, 7, 6, 5, 4, 3, 2, 1, 1]);
    sure_if(matches!(rest[0], 1 | 2 | 8 | 9) && sum.is_multiple_of(10), CHECKED)
}

/// Characters that cannot be mistaken for others, and a check digit.
fn german_passport(characters: &[u8]) -> Option<f32> {
    let is_allowed = |byte: &u8| byte.is_ascii_digit() || b"CFGHJKLMNPRTVWXYZ".contains(byte);
    let is_checked = icao_9303(&characters[..8]) == u32::from(characters[8] - b'0');
    sure_if(characters.iter().all(is_allowed) && is_checked, CHECKED)
}

fn dea(characters: &[u8]) -> Option<f32> {
    let digits = as_digits(&characters[2..]);
    let sum = weighted(&digits, &[1, 2, 1, 2, 1, 2]);
    let is_kind = b"ABCDEFGHJKLMPRSTUX".contains(&characters[0]);
    let is_name = characters[1].is_ascii_uppercase() || characters[1] == b'9';
    sure_if(is_kind && is_name && sum % 10 == u32::from(digits[6]), CHECKED)
}

fn chinese(characters: &[u8]) -> Option<f32> {
    let digits = as_digits(&characters[..17]);
    sure_if(characters[17] == b'X' && is_cn_birth(&digits) && cn_check(&digits) == 10, 0.95)
}

fn nino(characters: &[u8]) -> Option<f32> {
    sure_if(is_nino_prefix(&characters[..2]) && b"ABCD".contains(&characters[8]), 0.4)
}

/// HM Revenue & Customs, National Insurance Manual NIM39110.
pub(super) fn is_nino_prefix(prefix: &[u8]) -> bool {
    !b"DFIQUV".contains(&prefix[0])
        && !b"DFIOQUV".contains(&prefix[1])
        && ![&b"BG"[..], b"GB", b"NK", b"KN", b"TN", b"NT", b"ZZ"].contains(&prefix)
}

fn rut(characters: &[u8]) -> Option<f32> {
    let sum: u64 = as_digits(&characters[..8])
        .iter()
        .rev()
        .zip((2..=7).cycle())
        .map(|(digit, weight)| u64::from(*digit) * weight)
        .sum();
    sure_if(characters[8] == b'K' && sum % 11 == 1, 0.5)
}

/// Five digits at least, which no word has.
fn passport(characters: &[u8]) -> Option<f32> {
    let digits = characters.iter().filter(|byte| byte.is_ascii_digit()).count();
    sure_if(digits >= 5, CHECKED)
}
