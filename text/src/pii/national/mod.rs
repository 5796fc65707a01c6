//! Finds numbers that states assign to people, and distinguishes them from other numbers.
//!
//! A check digit alone accepts one number in ten, and manuals are full of numbers. So a number is
//! reported by itself only if its shape is specific enough: letters in fixed places, the separators
//! that its state prints, or a date of birth. Other numbers need a nearby word such as `passport`
//! or `tax id`, or must be the whole text, as in a field of a table.

mod check;
mod digits;
mod letters;
mod signed;
mod states;

pub(super) use check::luhn_sum;

use std::ops::Range;

use super::number::Number;
use super::scan::{
    before, has_word_before, has_word_behind, is_inside_token_after, is_inside_token_before,
};
use super::{Kind, NationalId, Span};

/// The distance in bytes within which a word about a number may precede it.
const REACH_BEFORE_BYTES: usize = 48;

/// The distance in bytes within which a word about a number may follow it.
const REACH_BEHIND_BYTES: usize = 32;

/// Words, in lower case, that occur next to numbers of any state. A space at the end of an entry
/// means that the word must end there.
const COMMON_WORDS: [&str; 20] = [
    "national id",
    "identity ",
    "identification",
    "tax id",
    "taxpayer",
    "id number",
    "id no",
    "id card",
    "social security",
    "social insurance",
    "insurance number",
    "personal number",
    "personal code",
    "personal id",
    "identificación",
    "identidad",
    "identidade",
    "identité",
    "ausweis",
    "身份证",
];

/// The confidence of a number next to a word about it.
const NAMED: f32 = 0.9;

/// The confidence of a number that passes its check, but has no specific shape and no word next to
/// it.
const CHECKED: f32 = 0.2;

/// The confidence of such a number if it also contains a date of birth.
const DATED: f32 = 0.24;

/// Calls `offer` with the numbers that contain letters and are in the token around a digit.
pub(super) fn of_token(
    text: &str,
    digit: usize,
    token: Range<usize>,
    floor: usize,
    mut offer: impl FnMut(Span),
) {
    signed::of(text, digit, floor, &mut offer);
    letters::of(text, token, &mut offer);
}

/// Calls `offer` with the national numbers that groups of digits, or their first group, may be.
pub(super) fn of_number(text: &str, number: &Number, mut offer: impl FnMut(Span)) {
    if number.has_plus || number.has_bracket {
        return;
    }
    digits::of(text, number, &mut offer);
    if number.lengths().len() > 1 && number.lengths()[0] >= 8 {
        digits::of(text, &number.first_group(), &mut offer);
    }
}

/// The span of a number if it is a United States social security number: area, group and serial
/// number, none of which is zero.
pub(super) fn ssn(text: &str, number: &Number) -> Option<Span> {
    let digits = number.digits();
    if digits.len() != 9 || number.has_bracket || number.has_plus || is_part(text, number) {
        return None;
    }
    let value =
        |digits: &[u8]| digits.iter().fold(0, |value, digit| value * 10 + u32::from(*digit));
    let (area, group, serial) = (value(&digits[..3]), value(&digits[3..5]), value(&digits[5..]));
    // Areas from 900 on belong to taxpayer numbers, and 666 has never been assigned.
    if area == 0 || area == 666 || area >= 900 || group == 0 || serial == 0 {
        return None;
    }
    let named = || is_named(text, number.start, number.end, &["ssn", "social security"]);
    let confidence = if number.has_shape("3-2-4") {
        if named() { 0.95 } else { 0.8 }
    } else if number.has_shape("3.2.4") {
        if named() { 0.95 } else { 0.55 }
    } else if number.has_shape("3 2 4") {
        // This may also be a house number before a street name that starts with digits.
        if named() { 0.95 } else { 0.4 }
    } else if ["9", "3-6", "5-4"].iter().any(|shape| number.has_shape(shape)) {
        if named() { 0.85 } else { 0.05 }
    } else {
        return None;
    };
    Some(Span { start: number.start, end: number.end, kind: Kind::Ssn, confidence })
}

/// Whether a number is part of a longer token or of a longer sequence of groups of digits.
fn is_part(text: &str, number: &Number) -> bool {
    let separator = number.separators().first().map(|byte| char::from(*byte));
    let behind = before(text, number.start);
    is_inside_token_before(text, number.start)
        || is_inside_token_after(text, number.end)
        || matches!(behind, Some('.' | '/' | ',' | '+' | '$' | '€' | '£' | '%' | '&' | '*' | '@'))
        || (separator.is_some()
            && separator == behind
            && text[..number.start - 1].ends_with(|c: char| c.is_ascii_digit()))
}

/// Whether one of the words, or one of [`COMMON_WORDS`], is near a number.
fn is_named(text: &str, start: usize, end: usize, words: &[&str]) -> bool {
    [words, &COMMON_WORDS].iter().any(|list| {
        has_word_before(text, start, REACH_BEFORE_BYTES, list)
            || has_word_behind(text, end, REACH_BEHIND_BYTES, list)
    })
}

/// Whether a word for passport is near a number.
fn is_near_passport(text: &str, start: usize, end: usize) -> bool {
    let words = &digits::PASSPORT_WORDS;
    has_word_before(text, start, REACH_BEFORE_BYTES, words)
        || has_word_behind(text, end, REACH_BEHIND_BYTES, words)
}
